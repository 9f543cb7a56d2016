"""Classification against botocore's service model and real error responses of Bedrock and proxies."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.bedrock.classification import BY_CODE, ISOLATED, MESSAGE_LIMIT, classify, credentials_expired
from jobs.requests.reply import DAILY_QUOTA, Reply
from ratelimit.breaker import Judgement
from ratelimit.outcome import Outcome

SUFFIX = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


def judgement(outcome: Outcome, code: str) -> Judgement:
    return Reply(outcome, 0.0, code=code, isolated=code in ISOLATED).judgement


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    """The errors of Converse in botocore's service model, by name."""
    import botocore.session

    model = botocore.session.Session().get_service_model("bedrock-runtime")
    return {shape.name: shape for shape in model.operation_model("Converse").error_shapes}


def test_every_error_of_converse_is_in_the_table(shapes: dict[str, Any]) -> None:
    assert shapes.keys() <= BY_CODE.keys()


def test_code_and_status_give_the_same_outcome_except_for_model_not_ready(shapes: dict[str, Any]) -> None:
    for name, shape in shapes.items():
        status = shape.metadata["error"]["httpStatusCode"]
        named, bare = classify(status, {"x-amzn-errortype": name + SUFFIX}, b""), classify(status, {}, b"")
        assert (named.code, bare.code) == (name, str(status))
        if name == "ModelNotReadyException":
            assert (named.outcome, bare.outcome) == (Outcome.TRANSIENT, Outcome.THROTTLED)
        else:
            assert named.outcome is bare.outcome


def test_throttles_are_the_same_as_botocores(shapes: dict[str, Any]) -> None:
    from botocore.retries.standard import ThrottledRetryableChecker

    for name, shape in shapes.items():
        trait = (shape.metadata.get("retryable") or {}).get("throttling", False)
        known = name in ThrottledRetryableChecker._THROTTLED_ERROR_CODES
        assert (BY_CODE[name] is Outcome.THROTTLED) == (trait or known)


@pytest.mark.parametrize(
    ("status", "code", "message", "outcome"),
    [
        (429, "ThrottlingException", "Too many requests, please wait before trying again.", Outcome.THROTTLED),
        (429, "ThrottlingException", "Too many tokens, please wait before trying again.", Outcome.THROTTLED),
        (400, "ThrottlingException", "Rate exceeded", Outcome.THROTTLED),
        (503, "ServiceUnavailableException", "Too many connections, please wait.", Outcome.TRANSIENT),
        (529, "overloaded_error", "Overloaded", Outcome.TRANSIENT),
        (400, "ServiceQuotaExceededException", "x", Outcome.INVALID),
        (403, "UnrecognizedClientException", "The security token included in the request is invalid.", Outcome.FATAL),
        (400, "UnrecognizedClientException", "The security token included in the request is invalid.", Outcome.FATAL),
        (403, "SomethingNewException", "x", Outcome.FATAL),
        (418, "SomethingNewException", "x", Outcome.INVALID),
        (501, "SomethingNewException", "x", Outcome.UNKNOWN),
    ],
)  # fmt: skip
def test_bedrock_errors(status: int, code: str, message: str, outcome: Outcome) -> None:
    result = classify(status, {"x-amzn-errortype": code + SUFFIX}, b'{"message":"%b"}' % message.encode())
    assert (result.outcome, result.code, result.message) == (outcome, code, message)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(301, Outcome.FATAL), (307, Outcome.FATAL), (401, Outcome.FATAL), (407, Outcome.FATAL), (408, Outcome.UNKNOWN),
     (413, Outcome.INVALID), (424, Outcome.UNKNOWN), (429, Outcome.THROTTLED), (500, Outcome.UNKNOWN),
     (502, Outcome.UNKNOWN), (503, Outcome.TRANSIENT), (504, Outcome.UNKNOWN), (529, Outcome.TRANSIENT)],
)  # fmt: skip
def test_an_html_error_page_is_classified_by_its_status(status: int, outcome: Outcome) -> None:
    page = b"<html>\r\n<head><title>Sorry</title></head>\r\n<body><center>nginx</center></body></html>"
    result = classify(status, {"retry-after": "12"}, page)
    assert (result.outcome, result.code, result.retry_after) == (outcome, str(status), 12.0)
    if status >= 400:
        assert result.message == f"HTTP {status}: Sorry nginx"


def test_an_exhausted_quota_per_day_is_fatal() -> None:
    body = b'{"message":"Too many tokens per day, please wait before trying again."}'
    result = classify(429, {"x-amzn-errortype": "ThrottlingException"}, body)
    assert (result.outcome, result.code) == (Outcome.FATAL, DAILY_QUOTA)
    assert "per day" in result.message


FAILURES = {
    "InternalServerException",
    "ServiceUnavailableException",
    "ModelTimeoutException",
    "ModelNotReadyException",
}
"""The errors of Converse that mean an outage."""


def test_which_errors_of_converse_count_as_breaker_failures(shapes: dict[str, Any]) -> None:
    for name, shape in shapes.items():
        status = shape.metadata["error"]["httpStatusCode"]
        result = classify(status, {"x-amzn-errortype": name + SUFFIX}, b"")
        expected = Judgement.FAILURE if name in FAILURES else Judgement.NEUTRAL
        assert judgement(result.outcome, result.code) is expected, name


def test_throttles_are_neutral_to_the_breaker(shapes: dict[str, Any]) -> None:
    for name, shape in shapes.items():
        if (shape.metadata.get("retryable") or {}).get("throttling"):
            assert judgement(BY_CODE[name], name) is Judgement.NEUTRAL


@pytest.mark.parametrize(
    ("status", "expected"),
    [(408, Judgement.FAILURE), (424, Judgement.NEUTRAL), (429, Judgement.NEUTRAL), (400, Judgement.NEUTRAL),
     (403, Judgement.NEUTRAL), (404, Judgement.NEUTRAL), (500, Judgement.FAILURE), (502, Judgement.FAILURE),
     (503, Judgement.FAILURE), (504, Judgement.FAILURE), (529, Judgement.FAILURE)],
)  # fmt: skip
def test_which_html_error_pages_count_as_breaker_failures(status: int, expected: Judgement) -> None:
    result = classify(status, {}, b"<html></html>")
    assert judgement(result.outcome, result.code) is expected


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        (Outcome.OK, "", Judgement.SUCCESS),
        (Outcome.INCOMPLETE, "", Judgement.SUCCESS),
        (Outcome.TRANSIENT, "ConnectError", Judgement.FAILURE),
        (Outcome.TRANSIENT, "ConnectTimeout", Judgement.FAILURE),
        (Outcome.UNKNOWN, "ConnectionLost", Judgement.FAILURE),
        (Outcome.UNKNOWN, "Timeout", Judgement.FAILURE),
        (Outcome.UNKNOWN, "NotAnAnswer", Judgement.FAILURE),
        (Outcome.UNKNOWN, "ResponseTooLarge", Judgement.NEUTRAL),
        (Outcome.TRANSIENT, "ExpiredTokenException", Judgement.NEUTRAL),
        (Outcome.TRANSIENT, "UnrecognizedClientException", Judgement.NEUTRAL),
        (Outcome.CANCELLED, "", Judgement.NEUTRAL),
        (Outcome.FATAL, DAILY_QUOTA, Judgement.NEUTRAL),
    ],
)
def test_which_other_codes_count_as_breaker_failures(outcome: Outcome, code: str, expected: Judgement) -> None:
    assert judgement(outcome, code) is expected


@pytest.mark.parametrize(
    ("status", "body", "quota"),
    [
        (429, b'{"message":"Too many requests, please wait before trying again."}', "requests"),
        (429, b'{"message":"Too many tokens, please wait before trying again."}', "tokens"),
        (429, b'{"message":"Rate exceeded"}', ""),
        (429, b'{"message":"API rate limit exceeded"}', ""),
        (429, b"<html><head><title>429 Too Many Requests</title></head></html>", "requests"),
        (429, b"", ""),
        (503, b'{"message":"Too many requests"}', ""),
    ],
)
def test_the_quota_named_by_a_throttle(status: int, body: bytes, quota: str) -> None:
    assert classify(status, {}, body).quota == quota


def test_a_model_that_needs_an_inference_profile_gets_a_hint() -> None:
    body = b"""{"message":"Invocation of model ID anthropic.claude-x with on-demand throughput isn't supported."}"""
    result = classify(400, {"x-amzn-errortype": "ValidationException"}, body)
    assert result.outcome is Outcome.FATAL
    assert "list-inference-profiles" in result.message


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (429, "ThrottlingException", Outcome.THROTTLED),
        (400, "ThrottlingException", Outcome.THROTTLED),
        (503, "ServiceUnavailableException", Outcome.TRANSIENT),
        (503, "", Outcome.TRANSIENT),
    ],
)
def test_on_demand_throughput_in_a_temporary_error_is_not_fatal(status: int, code: str, outcome: Outcome) -> None:
    result = classify(status, {"x-amzn-errortype": code}, b'{"message":"No on-demand throughput left, please wait."}')
    assert (result.outcome, result.message) == (outcome, "No on-demand throughput left, please wait.")


def test_a_redirect_names_its_target() -> None:
    assert "http://elsewhere/, which is not followed" in classify(307, {"location": "http://elsewhere/"}, b"").message


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}', "AccessDeniedException", "no"),
        (b'{"code":403,"message":"no"}', "403", "no"),
        (b'{"code":"ExpiredToken"}', "ExpiredToken", 'HTTP 403: {"code":"ExpiredToken"}'),
        (b'{"Message":"Missing Authentication Token"}', "403", "Missing Authentication Token"),
        (b'{"__type":null,"message":["a"]}', "403", 'HTTP 403: {"__type":null,"message":["a"]}'),
        (b"[]", "403", "HTTP 403: []"),
        (b"\xff\xfe", "403", "HTTP 403: \ufffd\ufffd"),
        (b"", "403", "HTTP 403: empty response"),
    ],
)
def test_code_and_message_from_the_body(body: bytes, code: str, message: str) -> None:
    result = classify(403, {}, body)
    assert (result.outcome, result.code, result.message) == (Outcome.FATAL, code, message)


@pytest.mark.parametrize(
    ("code", "message", "expired"),
    [
        ("ExpiredTokenException", "The security token included in the request is expired", True),
        ("ExpiredToken", "", True),
        ("UnrecognizedClientException", "The security token included in the request is expired", True),
        ("UnrecognizedClientException", "The security token included in the request is invalid.", False),
        ("AccessDeniedException", "You don't have access to the model", False),
        ("InvalidSignatureException", "Signature expired: 2026 is now earlier than 2027", False),
    ],
)
def test_expired_credentials_are_distinguished_from_invalid_ones(code: str, message: str, expired: bool) -> None:
    result = classify(403, {"x-amzn-errortype": code}, b'{"message":"%b"}' % message.encode())
    assert (result.outcome, credentials_expired(result)) == (Outcome.FATAL, expired)


def test_a_signature_error_from_a_wrong_clock_gets_a_hint() -> None:
    result = classify(403, {"x-amzn-errortype": "InvalidSignatureException"}, b'{"message":"Signature expired: x"}')
    assert "clock" in result.message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), (" 0 ", 0.0), ("1.5", 1.5), ("-3", None), ("nan", None), ("inf", None), ("1e400", None),
     ("soon", None), ("", None), ("Tue, 24 Nov 2026 12:00:30 GMT", 30.0), ("Tue, 24 Nov 2026 11:00:00 GMT", None),
     ("99999999999", 99999999999.0)],
)  # fmt: skip
def test_retry_after(value: str, seconds: float | None) -> None:
    """A date counts from the response's own date, so that a wrong local clock does not matter."""
    result = classify(429, {"retry-after": value, "date": "Tue, 24 Nov 2026 12:00:00 GMT"}, b"")
    assert result.retry_after == seconds


def test_a_retry_after_date_is_ignored_without_a_date_header() -> None:
    assert classify(429, {"retry-after": "Tue, 24 Nov 2026 12:00:30 GMT"}, b"").retry_after is None


@given(
    st.integers(100, 999).filter(lambda status: status != 200),
    st.dictionaries(st.sampled_from(["x-amzn-errortype", "retry-after", "date", "location"]), st.text()),
    st.binary() | st.sampled_from([b"[" * 100_000, b'{"message":1e999}', b'{"__type":""}']),
)
def test_any_response_is_classified(status: int, headers: dict[str, str], body: bytes) -> None:
    result = classify(status, headers, body)
    assert result.outcome not in {Outcome.OK, Outcome.INCOMPLETE, Outcome.CANCELLED}
    assert result.code
    assert len(result.message) < MESSAGE_LIMIT + 200
    assert result.retry_after is None or (math.isfinite(result.retry_after) and result.retry_after >= 0)
