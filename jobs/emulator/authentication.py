"""Authenticates calls: SigV4, computed by botocore, or a bearer token."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from jobs.emulator import service_errors
from jobs.emulator.service_errors import ServiceError
from jobs.emulator.settings import EmulatorSettings

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/(?P<service>[^/,\s]+)"
    r"/aws4_request"
    r",\s*SignedHeaders=(?P<headers>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]{64})"
)


class _Verifier(SigV4Auth):  # type: ignore[misc]
    """Signs exactly the headers that the client signed."""

    def headers_to_sign(self, request: AWSRequest) -> Any:
        return request.headers


def authentication_error(
    settings: EmulatorSettings, method: str, raw_path: str, headers: Mapping[str, str], body: bytes, now: datetime
) -> ServiceError | None:
    """Return why a call must be rejected; None if it may pass. `raw_path` is still percent-encoded."""
    authorization = headers.get("Authorization", "")
    if not authorization:
        return service_errors.MISSING_TOKEN
    if authorization.startswith("Bearer "):
        token = authorization.removeprefix("Bearer ").strip().encode()
        valid = settings.bearer_token and hmac.compare_digest(token, settings.bearer_token.encode())
        return None if valid else service_errors.INVALID_TOKEN
    signed = _AUTHORIZATION.fullmatch(authorization)
    if signed is None:
        return service_errors.INCOMPLETE_SIGNATURE
    if signed["key"] != settings.access_key:
        return service_errors.UNKNOWN_ACCESS_KEY
    return _signature_error(
        settings, signed, AWSRequest(method, f"http://localhost{raw_path}", data=body), headers, now
    )


def _signature_error(
    settings: EmulatorSettings, signed: re.Match[str], request: AWSRequest, headers: Mapping[str, str], now: datetime
) -> ServiceError | None:
    try:
        timestamp = headers["X-Amz-Date"]
        time = datetime.strptime(timestamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC)
        for name in signed["headers"].split(";"):
            request.headers[name] = headers[name]
    except (KeyError, ValueError):
        return service_errors.INCOMPLETE_SIGNATURE
    if abs(now - time) > timedelta(minutes=5) or not timestamp.startswith(signed["day"]):
        return service_errors.SIGNATURE_EXPIRED
    checksum = headers.get("X-Amz-Content-SHA256", "UNSIGNED-PAYLOAD")
    if checksum not in {"UNSIGNED-PAYLOAD", hashlib.sha256(request.data).hexdigest()}:
        return service_errors.INVALID_SIGNATURE
    request.context["timestamp"] = timestamp
    verifier = _Verifier(Credentials(settings.access_key, settings.secret_key), signed["service"], signed["region"])
    expected = verifier.signature(verifier.string_to_sign(request, verifier.canonical_request(request)), request)
    valid = (
        hmac.compare_digest(expected, signed["signature"])
        and "host" in signed["headers"].split(";")
        and signed["service"] == "bedrock"
    )
    return None if valid else service_errors.INVALID_SIGNATURE
