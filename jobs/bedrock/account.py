"""QuotaScope quota calls are counted against, without asking AWS (pure)."""

import base64
import hashlib
import re

_KEY_ID = re.compile(r"A[A-Z]{3}[A-Z2-7]{16}")
"""An access key id as AWS has made them since 2019: four letters for its kind, then 80 bits in base 32."""
_ACCOUNT_BITS, _LOWER = 0x7FFF_FFFF_FF80, 7
"""Where its first 48 bits hold the account's number. AWS does not document it (`aws sts get-access-key-info` asks);
read off by several people independently, and if it were wrong, it would still be the same for the same account."""


def account_mark(key_id: str, account_id: str | None = None) -> str:
    """The same for all credentials of an account, and nothing that tells which account it is.

    Roles and single sign-on have a new key id every few hours, so the key alone would not be recognised the next day:
    the account's number is what counts, as the credentials tell it or their key id holds it. An older key id stands
    for itself.
    """
    return hashlib.sha256((account_id or _account_in(key_id) or key_id).encode()).hexdigest()[:16]


def _account_in(key_id: str) -> str:
    if not _KEY_ID.fullmatch(key_id):
        return ""
    bits = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    return f"{(bits & _ACCOUNT_BITS) >> _LOWER:012}"
