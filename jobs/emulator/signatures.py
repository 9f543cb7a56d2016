"""Checks who calls: SigV4 as botocore computes it, or a bearer token."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.compat import HTTPHeaders
from botocore.credentials import Credentials

from jobs.emulator import errors
from jobs.emulator.errors import WireError
from jobs.emulator.settings import EmulatorSettings

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/aws4_request"
    r",\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)
_SKEW = timedelta(minutes=5)
"""How far the clocks may differ, as at AWS."""


class _Verifier(SigV4Auth):  # type: ignore[misc]
    """Signs exactly the headers that the other side says it signed."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPHeaders:
        headers = HTTPHeaders()
        for name, value in request.headers.items():
            headers[name.lower()] = value
        return headers


def refusal(
    settings: EmulatorSettings, method: str, raw_path: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> WireError | None:
    """Why the caller is not let in; None if it is. `raw_path` as received, still percent-encoded."""
    if not settings.access_key and not settings.bearer_token:
        return None
    authorization = headers.get("Authorization", "")
    if not authorization:
        return errors.NO_TOKEN
    if authorization.startswith("Bearer "):
        given = authorization.removeprefix("Bearer ").strip().encode()
        right = settings.bearer_token and hmac.compare_digest(given, settings.bearer_token.encode())
        return None if right else errors.BAD_TOKEN
    signed = _AUTHORIZATION.fullmatch(authorization)
    if signed is None:
        return errors.INCOMPLETE_SIGNATURE
    if signed["key"] != settings.access_key:
        return errors.UNKNOWN_KEY
    return _check(settings, signed, AWSRequest(method, f"http://localhost{raw_path}", data=body), headers, now)


def _check(
    settings: EmulatorSettings, signed: re.Match[str], request: AWSRequest, headers: Mapping[str, str], now: datetime
) -> WireError | None:
    try:
        timestamp = headers["X-Amz-Date"]
        time = datetime.strptime(timestamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        for name in signed["headers"].split(";"):
            request.headers[name] = headers[name]
    except (KeyError, ValueError):
        return errors.INCOMPLETE_SIGNATURE
    if abs(now - time) > _SKEW or not timestamp.startswith(signed["day"]):
        return errors.SIGNATURE_EXPIRED
    told = headers.get("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")
    if told not in {"UNSIGNED-PAYLOAD", hashlib.sha256(request.data).hexdigest()}:
        return errors.WRONG_SIGNATURE
    request.context["timestamp"] = timestamp
    verifier = _Verifier(Credentials(settings.access_key, settings.secret_key), signed["service"], signed["region"])
    expected = verifier.signature(verifier.string_to_sign(request, verifier.canonical_request(request)), request)
    right = hmac.compare_digest(expected, signed["signature"]) and "host" in signed["headers"].split(";")
    return None if right and signed["service"] == "bedrock" else errors.WRONG_SIGNATURE
