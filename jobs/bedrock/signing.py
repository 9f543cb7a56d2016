"""Signed headers and the exact URL of a call (pure, but for the time that a signature carries)."""

from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from botocore.auth import SigV4Auth

SERVICE = "bedrock"
"""The name that Bedrock Runtime signs under (botocore's service model: signingName)."""

JSON_TYPE = "application/json"


class Keys(NamedTuple):
    """One set of AWS credentials as it stands at a moment."""

    access_key: str
    secret_key: str
    token: str | None = None


class _Unsigned:
    """As much of botocore's AWSRequest as its signer reads, without what that prepares for sending."""

    __slots__ = ("body", "context", "headers", "url")
    method = "POST"
    params: dict[str, str] = {}  # noqa: RUF012 (read only, and always empty)

    def __init__(self, url: str, body: bytes) -> None:
        self.url = url
        self.body = body
        self.headers: dict[str, str] = {"Content-Type": JSON_TYPE}
        self.context: dict[str, Any] = {}


def converse_url(endpoint: str, model: str) -> str:
    """Where Converse of `model` is called, percent-encoded as botocore does it: it must go out exactly so.

    A colon becomes %3A and the slash of an ARN %2F; the signature covers this path encoded once more.
    """
    return f"{endpoint}/model/{quote(model, safe='-._~')}/converse"


def sigv4(keys: Keys, region: str) -> "SigV4Auth":
    """A signer for these keys; make it once, not for each call."""
    from botocore.auth import SigV4Auth

    return SigV4Auth(keys, SERVICE, region)


def sign(signer: "SigV4Auth", url: str, body: bytes) -> dict[str, str]:
    """Headers that authorize a POST of `body` to `url`, its content type included."""
    request = _Unsigned(url, body)
    signer.add_auth(request)
    return request.headers
