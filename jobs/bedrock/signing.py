"""Signature Version 4 by botocore's signer, without what it does again for each call. Imports botocore: import late."""

from typing import Any

from botocore.auth import SigV4Auth
from yarl import URL

SERVICE = "bedrock"
"""The name that Bedrock Runtime signs under (botocore's service model: signingName)."""


class Signer(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Signs calls with one set of keys (botocore's frozen credentials); make it once for them."""

    def __init__(self, keys: Any, region: str) -> None:
        super().__init__(keys, SERVICE, region)
        self._day_key = "", b""

    def headers(self, url: URL, body: bytes) -> dict[str, str]:
        """Headers that authorize a POST of `body` (JSON) to exactly `url`."""
        request = _Unsigned(url, body)
        self.add_auth(request)
        return request.headers

    def headers_to_sign(self, request: "_Unsigned") -> "_Lowered":
        """All there are: _Unsigned has none that botocore would leave out, and names the host itself."""
        return _Lowered((name.lower(), value) for name, value in request.headers.items())

    def signature(self, string_to_sign: str, request: "_Unsigned") -> str:
        """As botocore's, with the key that is the same for a day (UTC) kept for it."""
        day = request.context["timestamp"][:8]
        if self._day_key[0] != day:
            key = f"AWS4{self.credentials.secret_key}".encode()
            for part in (day, self._region_name, SERVICE, "aws4_request"):
                key = self._sign(key, part)
            self._day_key = day, key
        return str(self._sign(self._day_key[1], string_to_sign, hex=True))


class _Unsigned:
    """As much of botocore's AWSRequest as its signer reads, without what that prepares for sending."""

    __slots__ = ("body", "context", "headers", "url")
    method = "POST"
    params = ()

    def __init__(self, url: URL, body: bytes) -> None:
        self.url = str(url)
        self.body = body
        self.headers = {"Content-Type": "application/json", "Host": url.host_port_subcomponent or ""}
        self.context: dict[str, str] = {}


class _Lowered(dict[str, str]):
    """Headers by lower-case name, with the one method of a mail message that the signer calls."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]]
