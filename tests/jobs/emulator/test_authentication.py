"""Signatures and bearer tokens are checked as AWS does."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from emulator_fixtures import ARN, MODEL, ask
from loopback_tls import make_authority
from multidict import CIMultiDict

from jobs.emulator.authentication import authentication_error
from jobs.emulator.settings import EmulatorSettings

PAIR = {"access_key": "AKIDEXAMPLE", "secret_key": "secret"}
SETTINGS = EmulatorSettings(**PAIR)
PATH = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fx/converse"


@pytest.mark.parametrize("model", [MODEL, ARN])
def test_a_valid_signature_passes(emulate, model):
    client = emulate(**PAIR).client()
    assert client.converse(modelId=model, **ask("Hello."))["stopReason"] == "end_turn"
    assert list(client.converse_stream(modelId=model, **ask("Hello."))["stream"])


def test_a_session_token_is_part_of_the_signature(emulate):
    assert emulate(**PAIR).client(aws_session_token="token").converse(modelId=MODEL, **ask("Hello."))


@pytest.mark.parametrize(
    ("credentials", "code"),
    [({"secret": "wrong"}, "InvalidSignatureException"), ({"key": "AKIDOTHER"}, "UnrecognizedClientException")],
)
def test_wrong_credentials_return_403_and_are_not_charged(emulate, credentials, code):
    running = emulate(**PAIR)
    with pytest.raises(ClientError) as raised:
        running.client(**credentials).converse(modelId=MODEL, **ask("Hello."))
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert [(entry.status, entry.charged) for entry in running.entries] == [(403, False)]


def test_a_call_without_credentials_returns_403(emulate):
    status, body = emulate(**PAIR).http("POST", f"/model/{MODEL}/converse", ask("Hello."))
    assert (status, json.loads(body)) == (403, {"message": "Missing Authentication Token"})


def test_without_configured_credentials_every_call_passes(emulate):
    assert emulate().http("POST", f"/model/{MODEL}/converse", ask("Hello."))[0] == 200


def test_bearer_tokens_over_tls(emulate, monkeypatch, tmp_path):
    """boto3 sends a bearer token over TLS only."""
    trusted, _ = make_authority(tmp_path)
    running = emulate(bearer_token="right", certificate=str(tmp_path / "server.pem"))
    assert running.url.startswith("https://")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "right")
    assert running.client(verify=str(trusted)).converse(modelId=MODEL, **ask("Hello."))
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "wrong")
    with pytest.raises(ClientError, match="API Key") as raised:
        running.client(verify=str(trusted)).converse(modelId=MODEL, **ask("Hello."))
    assert raised.value.response["Error"]["Code"] == "403"


def signed(body: bytes = b"{}", secret: str = "secret", service: str = "bedrock") -> dict[str, str]:
    request = AWSRequest("POST", f"http://localhost:1{PATH}", data=body, headers={"Host": "localhost:1"})
    SigV4Auth(Credentials("AKIDEXAMPLE", secret), service, "us-east-1").add_auth(request)
    return dict(request.headers)


def code(headers: dict[str, str], path: str = PATH, body: bytes = b"{}", later: float = 0, **settings: str) -> str:
    now = datetime.now(UTC) + timedelta(seconds=later)
    error = authentication_error(EmulatorSettings(**(settings or PAIR)), "POST", path, CIMultiDict(headers), body, now)
    return error.code or error.message if error else ""


def test_any_change_after_signing_invalidates_the_signature():
    headers = signed()
    assert code(headers) == ""
    assert code(headers, body=b"{ }") == "InvalidSignatureException"
    assert code(headers, path=PATH.replace("Fx", "Fy")) == "InvalidSignatureException"
    assert code(headers, path=PATH + "?a=b") == "InvalidSignatureException"
    assert code(headers | {"Host": "other"}) == "InvalidSignatureException"
    assert code(signed(service="s3")) == "InvalidSignatureException"


def test_a_signed_checksum_must_match_the_body():
    """The signature covers the X-Amz-Content-SHA256 header, so that must match the body."""
    request = AWSRequest("POST", f"http://localhost:1{PATH}", data=b"{}", headers={"Host": "localhost:1"})
    request.headers["X-Amz-Content-SHA256"] = hashlib.sha256(b"{}").hexdigest()
    SigV4Auth(Credentials("AKIDEXAMPLE", "secret"), "bedrock", "us-east-1").add_auth(request)
    assert code(dict(request.headers)) == ""
    assert code(dict(request.headers), body=b"{ }") == "InvalidSignatureException"


def test_a_signature_is_valid_for_five_minutes():
    headers = signed()
    assert code(headers, later=290) == ""
    assert code(headers, later=310) == "InvalidSignatureException"
    assert code(headers, later=-310) == "InvalidSignatureException"


@pytest.mark.parametrize("authorization", ["Basic abc", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a/b/c"])
def test_a_malformed_authorization_header_is_an_incomplete_signature(authorization):
    assert code({"Authorization": authorization}) == "IncompleteSignatureException"


def test_a_signature_without_its_headers_is_incomplete():
    headers = signed()
    del headers["X-Amz-Date"]
    assert code(headers) == "IncompleteSignatureException"


def test_a_signature_fails_if_only_a_bearer_token_is_configured():
    assert code(signed(), bearer_token="right") == "UnrecognizedClientException"
    assert code({"Authorization": "Bearer "}, **PAIR).startswith("Authentication failed")
