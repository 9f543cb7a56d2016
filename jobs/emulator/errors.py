"""Bedrock's errors, as data, and their form on the wire."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aiohttp import web

TYPE_HEADER = "x-amzn-errortype"
_TYPE_SUFFIX = ":http://internal.amazon.com/coral/com.amazon.bedrock/"


@dataclass(frozen=True, slots=True)
class WireError:
    """One error: its status, its type (empty: refused by the front, without a type) and its message."""

    status: int
    code: str
    message: str
    dispatched: bool = False
    """Whether the model may have run, so that the call is billed."""


ERRORS = {
    "requests": WireError(429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "tokens": WireError(429, "ThrottlingException", "Too many tokens, please wait before trying again."),
    "tokens-per-day": WireError(
        429, "ThrottlingException", "Too many tokens per day, please wait before trying again."
    ),
    "not-ready": WireError(429, "ModelNotReadyException", "The model is not ready for inference. Wait and try again."),
    "overloaded": WireError(529, "overloaded_error", "Overloaded"),
    "unavailable": WireError(503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    "connections": WireError(
        503, "ServiceUnavailableException", "Too many connections, please wait before trying again."
    ),
    "internal": WireError(
        500,
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try your request again.",
        dispatched=True,
    ),
    "timeout": WireError(
        408, "ModelTimeoutException", "Model has timed out in processing the request. Try your request again.", True
    ),
    "model-error": WireError(424, "ModelErrorException", "The model failed while it processed the request.", True),
    "quota-exceeded": WireError(400, "ServiceQuotaExceededException", "Your request exceeds a quota of your account."),
    "invalid": WireError(400, "ValidationException", "The provided request is not valid"),
    "no-on-demand": WireError(
        400,
        "ValidationException",
        "Invocation of model ID {model} with on-demand throughput isn't supported. Retry your request with the ID or "
        "ARN of an inference profile that contains this model.",
    ),
    "denied": WireError(
        403, "AccessDeniedException", "You don't have access to the model with the specified model ID."
    ),
    "expired": WireError(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "untyped": WireError(403, "", "User is not authorized to perform: bedrock:InvokeModel"),
    "not-found": WireError(404, "ResourceNotFoundException", "Could not resolve the foundation model from {model}."),
}
"""By the name of the fault that provokes it. The first three are also what a used-up quota answers."""

NO_TOKEN = WireError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
BAD_TOKEN = WireError(403, "", "Authentication failed: Please make sure your API Key is valid.")
UNKNOWN_KEY = WireError(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
INCOMPLETE_SIGNATURE = WireError(403, "IncompleteSignatureException", "The Authorization header is not a signature.")
WRONG_SIGNATURE = WireError(
    403,
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)
SIGNATURE_EXPIRED = WireError(403, "InvalidSignatureException", "Signature expired or not yet current.")
UNKNOWN_OPERATION = WireError(404, "UnknownOperationException", "The operation is not known.")


def invalid(message: str) -> WireError:
    """A ValidationException with its message."""
    return WireError(400, "ValidationException", message)


def too_many_tokens(limit: int) -> WireError:
    """The refusal of a maxTokens above the model's."""
    return invalid(
        f"The maximum tokens you requested exceeds the model limit of {limit}. Try again with a maximum tokens value "
        f"that is lower than {limit}."
    )


def respond(error: WireError, request_id: str, model: str = "", retry_after: str | None = None) -> "web.Response":
    """The error as a response; `{model}` in its message is replaced."""
    from aiohttp import web  # late: a simulation needs the errors alone

    message = error.message.replace("{model}", model)
    headers = {"x-amzn-requestid": request_id}
    if error.code:
        headers[TYPE_HEADER] = error.code + _TYPE_SUFFIX
    if retry_after is not None:
        headers["Retry-After"] = retry_after
    body = json.dumps({"message" if error.code else "Message": message}).encode()
    return web.Response(body=body, status=error.status, headers=headers, content_type="application/json")
