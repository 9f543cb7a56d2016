"""Bedrock's error responses: status, type and message."""

from dataclasses import dataclass

TYPE_HEADER = "x-amzn-errortype"


@dataclass(frozen=True, slots=True)
class ServiceError:
    status: int
    code: str
    """The error type; empty for errors from before Bedrock's dispatcher, which have none."""
    message: str
    """`{model}` stands for the model id."""
    model_ran: bool = False
    """Whether the error follows a run of the model, which AWS bills."""


ERRORS = {
    "requests": ServiceError(429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "tokens": ServiceError(429, "ThrottlingException", "Too many tokens, please wait before trying again."),
    "tokens-per-day": ServiceError(
        429, "ThrottlingException", "Too many tokens per day, please wait before trying again."
    ),
    "not-ready": ServiceError(
        429, "ModelNotReadyException", "The model is not ready for inference. Wait and try again."
    ),
    "overloaded": ServiceError(529, "overloaded_error", "Overloaded"),
    "unavailable": ServiceError(503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    "connections": ServiceError(
        503, "ServiceUnavailableException", "Too many connections, please wait before trying again."
    ),
    "internal": ServiceError(
        500,
        "InternalServerException",
        "The system encountered an unexpected error during processing. Try your request again.",
        model_ran=True,
    ),
    "timeout": ServiceError(
        408, "ModelTimeoutException", "Model has timed out in processing the request. Try your request again.", True
    ),
    "model-error": ServiceError(424, "ModelErrorException", "The model failed while processing the request.", True),
    "quota-exceeded": ServiceError(
        400, "ServiceQuotaExceededException", "Your request exceeds a quota of your account."
    ),
    "invalid": ServiceError(400, "ValidationException", "The provided request is not valid"),
    "no-on-demand": ServiceError(
        400,
        "ValidationException",
        "Invocation of model ID {model} with on-demand throughput isn't supported. Retry your request with the ID or "
        "ARN of an inference profile that contains this model.",
    ),
    "denied": ServiceError(
        403, "AccessDeniedException", "You don't have access to the model with the specified model ID."
    ),
    "expired": ServiceError(403, "ExpiredTokenException", "The security token included in the request is expired"),
    "untyped": ServiceError(403, "", "User is not authorized to perform: bedrock:InvokeModel"),
    "not-found": ServiceError(404, "ResourceNotFoundException", "Could not resolve the foundation model from {model}."),
}
"""By fault kind. The first three are also the errors of an exhausted quota."""

MISSING_TOKEN = ServiceError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
INVALID_TOKEN = ServiceError(403, "", "Authentication failed: Please make sure your API Key is valid.")
UNKNOWN_ACCESS_KEY = ServiceError(
    403, "UnrecognizedClientException", "The security token included in the request is invalid."
)
INCOMPLETE_SIGNATURE = ServiceError(
    403, "IncompleteSignatureException", "The Authorization header is not an AWS4-HMAC-SHA256 signature."
)
INVALID_SIGNATURE = ServiceError(
    403,
    "InvalidSignatureException",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)
SIGNATURE_EXPIRED = ServiceError(403, "InvalidSignatureException", "Signature expired or not yet current.")
UNKNOWN_OPERATION = ServiceError(404, "UnknownOperationException", "Unknown operation.")
