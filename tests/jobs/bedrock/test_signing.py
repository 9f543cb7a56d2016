"""URL and signature equal those of a default boto3 client."""

import datetime
import json
from collections.abc import Callable
from typing import Any

import boto3
import botocore.auth
import pytest
from botocore.awsrequest import AWSResponse
from botocore.credentials import ReadOnlyCredentials

from jobs.bedrock.endpoint import check_endpoint, converse_url
from jobs.bedrock.signing import Signer

MODELS = [
    "anthropic.claude-3-haiku-20240307-v1:0",
    "us.anthropic.claude-opus-4-8",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4e5f6",
]
ENDPOINTS = ["https://bedrock-runtime.us-east-1.amazonaws.com", "https://LOCALHOST:8443/proxy/", "http://[::1]:9000"]
AT = datetime.datetime(2026, 11, 24, 23, 59, 58)  # noqa: DTZ001 (as botocore has it)


class Raw:
    """The part of urllib3's response that botocore reads."""

    def stream(self) -> Any:
        return iter([b"{}"])


def sent_by_boto3(endpoint: str, model: str, token: str | None) -> Any:
    """The request that a default client is about to send."""
    caught = []

    def catch(request: Any, **_: object) -> AWSResponse:
        caught.append(request)
        return AWSResponse(request.url, 200, {}, Raw())

    client = boto3.session.Session().client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token=token,
    )
    client.meta.events.register("before-send.bedrock-runtime.Converse", catch)
    client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": "Grüße"}]}])
    return caught[0]


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime.datetime], None]:
    def freeze(at: datetime.datetime) -> None:
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: at)

    freeze(AT)
    return freeze


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("token", ["tok/en==", None])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("model", MODELS)
def test_url_and_signature_equal_those_of_boto3(endpoint: str, model: str, token: str | None) -> None:
    theirs = sent_by_boto3(endpoint.rstrip("/"), model, token)
    url = converse_url(check_endpoint(endpoint), model)
    ours = Signer(ReadOnlyCredentials("AKIDEXAMPLE", "secret", token), "us-east-1").headers(url, theirs.body)
    assert str(url) == theirs.url.replace("LOCALHOST", "localhost")
    for name in ("Authorization", "X-Amz-Date", "Content-Type"):
        assert ours[name] == theirs.headers[name].decode()
    assert ours.get("X-Amz-Security-Token") == token


def test_the_signing_key_changes_at_midnight(frozen: Callable[[datetime.datetime], None]) -> None:
    keys = ReadOnlyCredentials("AKIDEXAMPLE", "secret", None)
    url, body = converse_url("https://bedrock-runtime.us-east-1.amazonaws.com", MODELS[0]), json.dumps({}).encode()
    signer = Signer(keys, "us-east-1")
    before = signer.headers(url, body)["Authorization"]
    frozen(AT + datetime.timedelta(seconds=3))
    after = signer.headers(url, body)["Authorization"]
    assert "/20261124/" in before
    assert "/20261125/" in after
    assert after == Signer(keys, "us-east-1").headers(url, body)["Authorization"]
