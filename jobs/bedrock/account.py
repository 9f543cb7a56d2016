"""Which account a call counts against, from its credentials alone (pure)."""

import base64
import hashlib
import re
from urllib.parse import unquote

_ACCESS_KEY = re.compile(r"A[A-Z]{3}[A-Z2-7]{16}")
"""An access key id: four letters for its kind, then 80 bits in base 32."""
_ACCOUNT_BITS, _ACCOUNT_SHIFT = 0x7FFF_FFFF_FF80, 7
"""Position of the account id in the first 48 bits. AWS does not document it (`aws sts get-access-key-info` asks AWS);
several people found it independently. If it were wrong, it would still be the same for the same account."""
_LONG_TERM_PREFIX, _LONG_TERM = "ABSK", re.compile(r"[^:]*-at-(\d{12}):")
"""A long-term API key of Bedrock is this prefix and, in base 64, its IAM user, account id and secret."""
_SHORT_TERM_PREFIX, _SHORT_TERM = "bedrock-api-key-", re.compile(r"[?&]X-Amz-Credential=([^/&]+)/")
"""A short-term API key is this prefix and, in base 64, a presigned URL (aws-bedrock-token-generator)."""


def account_mark(access_key: str, account_id: str | None = None) -> str:
    """A hash that is the same for all credentials of an account.

    Roles and single sign-on get a new access key every few hours, so the key cannot identify them the next day. The
    account id comes from the credentials or else from the access key. An access key from before 2019 does not contain
    it and gets a mark of its own.
    """
    return _hash(account_id or _account_of_access_key(access_key) or access_key)


def api_key_mark(api_key: str) -> str:
    """The same for an API key of Bedrock; a key of unknown format gets its own mark."""
    if api_key.startswith(_LONG_TERM_PREFIX) and (match := _LONG_TERM.match(_decode(api_key, _LONG_TERM_PREFIX))):
        return _hash(match[1])
    url = _decode(api_key, _SHORT_TERM_PREFIX) if api_key.startswith(_SHORT_TERM_PREFIX) else ""
    if match := _SHORT_TERM.search(unquote(url)):
        return account_mark(match[1])
    return _hash(api_key)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _decode(api_key: str, prefix: str) -> str:
    try:
        return base64.b64decode(api_key.removeprefix(prefix) + "==").decode("utf-8", "replace")
    except ValueError:
        return ""


def _account_of_access_key(access_key: str) -> str:
    if not _ACCESS_KEY.fullmatch(access_key):
        return ""
    bits = int.from_bytes(base64.b32decode(access_key[4:])[:6], "big")
    return f"{(bits & _ACCOUNT_BITS) >> _ACCOUNT_SHIFT:012}"
