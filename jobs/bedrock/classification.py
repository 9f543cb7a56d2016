"""Classifies every response whose status is not 200 (pure).

The table follows botocore's service model of bedrock-runtime (a test compares them) and the developer guide's list of
errors, November 2026. The error code takes precedence; without one, as in a proxy's HTML page, the status decides.
"""

import email.utils
import json
import math
import re
from collections.abc import Mapping

from jobs.requests.reply import DAILY_QUOTA, Reply
from ratelimit.outcome import Outcome

MESSAGE_LIMIT = 500
"""Characters of the service's message that are kept."""

BY_CODE = {
    "ThrottlingException": Outcome.THROTTLED,
    "ModelNotReadyException": Outcome.TRANSIENT,
    "ServiceUnavailableException": Outcome.TRANSIENT,
    "overloaded_error": Outcome.TRANSIENT,
    "InternalServerException": Outcome.UNKNOWN,
    "ModelTimeoutException": Outcome.UNKNOWN,
    "ModelErrorException": Outcome.UNKNOWN,
    "ModelStreamErrorException": Outcome.UNKNOWN,
    "ValidationException": Outcome.INVALID,
    "ServiceQuotaExceededException": Outcome.INVALID,
    "ConflictException": Outcome.INVALID,
    "AccessDeniedException": Outcome.FATAL,
    "ResourceNotFoundException": Outcome.FATAL,
    # Errors of authentication, which comes first; some have status 400.
    "ExpiredTokenException": Outcome.FATAL,
    "ExpiredToken": Outcome.FATAL,
    "IncompleteSignatureException": Outcome.FATAL,
    "InvalidClientTokenId": Outcome.FATAL,
    "InvalidSignatureException": Outcome.FATAL,
    "MissingAuthenticationTokenException": Outcome.FATAL,
    "OptInRequired": Outcome.FATAL,
    "UnrecognizedClientException": Outcome.FATAL,
}

BY_STATUS = {
    401: Outcome.FATAL,
    403: Outcome.FATAL,
    404: Outcome.FATAL,
    407: Outcome.FATAL,
    408: Outcome.UNKNOWN,
    424: Outcome.UNKNOWN,
    429: Outcome.THROTTLED,
    503: Outcome.TRANSIENT,
    529: Outcome.TRANSIENT,
}

ISOLATED = frozenset(
    {
        "ModelErrorException",
        "ModelStreamErrorException",
        "424",
        "ResponseTooLarge",
        "ExpiredToken",
        "ExpiredTokenException",
        "UnrecognizedClientException",
    }
)
"""Codes of failures that say nothing about the service: the model failed on one input, or credentials expired."""

_CLOCK_ERRORS = re.compile("signature expired|signature not yet current", re.IGNORECASE)


def classify(status: int, headers: Mapping[str, str], body: bytes, latency: float = 0.0) -> Reply:
    """The reply to a response whose status is not 200. `headers` ignores case, or has names in lower case."""
    request_id = headers.get("x-amzn-requestid", "")
    fields = _fields(body)
    code = _code(headers, fields) or str(status)
    message = _message(status, headers, fields, body)
    outcome = BY_CODE.get(code) or BY_STATUS.get(status) or _by_status_class(status)
    if status == 400 and outcome is Outcome.INVALID and "on-demand throughput" in message:
        outcome = Outcome.FATAL  # no call with this id can succeed
        message += (
            " (hint: use the id or ARN of an inference profile; `aws bedrock list-inference-profiles` lists them)"
        )
    if outcome is Outcome.THROTTLED and "per day" in message.lower():
        return Reply(Outcome.FATAL, latency, code=DAILY_QUOTA, message=message, request_id=request_id)
    if _CLOCK_ERRORS.search(message):
        message += " (hint: this machine's clock is wrong: set it, and run again)"
    return Reply(
        outcome,
        latency,
        code=code,
        message=message,
        retry_after=_retry_after(headers),
        request_id=request_id,
        quota=_quota(message) if outcome is Outcome.THROTTLED else "",
        isolated=code in ISOLATED,
    )


def credentials_expired(reply: Reply) -> bool:
    """Whether the same call may succeed with renewed credentials."""
    return reply.code in {"ExpiredTokenException", "ExpiredToken"} or (
        reply.outcome is Outcome.FATAL and "security token included in the request is expired" in reply.message
    )


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After; a date counts from the response's own Date header, because our clock may be wrong."""
    value = headers.get("retry-after", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = email.utils.parsedate_to_datetime(value)
            seconds = (until - email.utils.parsedate_to_datetime(headers.get("date", ""))).total_seconds()
        except (TypeError, ValueError, OverflowError):
            return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _quota(message: str) -> str:
    match = re.search(r"too many (requests|tokens)", message, re.IGNORECASE)
    return match[1].lower() if match else ""


def _by_status_class(status: int) -> Outcome:
    if status < 300 or status >= 500:
        return Outcome.UNKNOWN  # it may be a paid answer; behind a gateway's 502 or 504 the model may have run
    # A redirect is not followed, and every call would get the same.
    return Outcome.INVALID if status >= 400 else Outcome.FATAL


def _fields(body: bytes) -> Mapping[str, object]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _code(headers: Mapping[str, str], fields: Mapping[str, object]) -> str:
    """The bare error name, from `Name:http://...` (header) or `namespace#Name` (body)."""
    for value in (headers.get("x-amzn-errortype"), fields.get("__type"), fields.get("code"), fields.get("Code")):
        if isinstance(value, str | int) and (name := str(value).partition(":")[0].rpartition("#")[2].strip()):
            return name[:80]
    return ""


def _message(status: int, headers: Mapping[str, str], fields: Mapping[str, object], body: bytes) -> str:
    if 300 <= status < 400:
        target = headers.get("location", "another URL")
        return f"redirected to {target[:MESSAGE_LIMIT]}, which is not followed: check the endpoint"
    if status < 300:
        return f"HTTP {status}, which is no answer"  # without the body, which may be an answer
    for name in ("message", "Message"):
        if isinstance(text := fields.get(name), str) and text.strip():
            return text.strip()[:MESSAGE_LIMIT]
    page = re.sub(rb"<[^<>]*>", b" ", body[:4096]).decode("utf-8", "replace")
    return f"HTTP {status}: {' '.join(page.split())[:MESSAGE_LIMIT] or 'empty response'}"
