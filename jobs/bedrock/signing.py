"""Signature Version 4 by botocore's signer, minus its repeated work. Imports botocore, so import it late."""

from typing import Any

from botocore.auth import SigV4Auth
from yarl import URL

SERVICE = "bedrock"
"""Signing name of Bedrock Runtime (botocore's service model: signingName)."""


class Signer(SigV4Auth):  # type: ignore[misc]  # botocore has no types
    """Signs calls with one set of keys (botocore's frozen credentials)."""

    def __init__(self, keys: Any, region: str) -> None:
        super().__init__(keys, SERVICE, region)
        self._day_key = "", b""

    def headers(self, url: URL, body: bytes) -> dict[str, str]:
        """The authorization headers of a POST of `body` (JSON) to `url`."""
        request = _Request(url, body)
        self.add_auth(request)
        return request.headers

    def headers_to_sign(self, request: "_Request") -> "_LowerCaseHeaders":
        """All headers: _Request has none that botocore would skip, and already includes Host."""
        return _LowerCaseHeaders((name.lower(), value) for name, value in request.headers.items())

    def signature(self, string_to_sign: str, request: "_Request") -> str:
        """As in botocore, but caches the signing key, which is the same for a UTC day."""
        day = request.context["timestamp"][:8]
        if self._day_key[0] != day:
            key = f"AWS4{self.credentials.secret_key}".encode()
            for part in (day, self._region_name, SERVICE, "aws4_request"):
                key = self._sign(key, part)
            self._day_key = day, key
        return str(self._sign(self._day_key[1], string_to_sign, hex=True))


class _Request:
    """The part of botocore's AWSRequest that its signer reads."""

    __slots__ = ("body", "context", "headers", "url")
    method = "POST"
    params = ()

    def __init__(self, url: URL, body: bytes) -> None:
        self.url = str(url)
        self.body = body
        self.headers = {"Content-Type": "application/json", "Host": url.host_port_subcomponent or ""}
        self.context: dict[str, str] = {}


class _LowerCaseHeaders(dict[str, str]):
    """Headers by lower-case name, with the one method of http.client.HTTPMessage that the signer calls."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]]
