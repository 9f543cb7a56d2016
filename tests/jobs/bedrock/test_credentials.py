"""Endpoint and credentials from configuration files and variables, without a network."""

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials, ReadOnlyCredentials
from yarl import URL

from jobs.bedrock import credentials as credentials_module
from jobs.bedrock.credentials import Bearer, SigV4, resolve
from jobs.errors import ConfigurationError, CredentialsError

URL_ = URL("https://bedrock-runtime.us-east-1.amazonaws.com/model/m/converse")


async def authorization(profile: str | None = None, **settings: Any) -> str:
    access = await resolve(profile, **settings)
    return (await access.authorizer.headers(URL_, b"{}"))["Authorization"]


@pytest.mark.usefixtures("keys")
async def test_keys_and_region_from_the_environment() -> None:
    access = await resolve()
    assert (access.region, access.endpoint) == ("us-east-1", "https://bedrock-runtime.us-east-1.amazonaws.com")
    assert access.tls is not None
    assert access.proxy is None
    headers = await access.authorizer.headers(URL_, b"{}")
    assert "Credential=AKIDEXAMPLE/" in headers["Authorization"]
    assert "/us-east-1/bedrock/aws4_request" in headers["Authorization"]
    assert headers["X-Amz-Security-Token"] == "tok/en=="


async def test_keys_region_and_ca_bundle_from_a_profile(configure: Callable[[str], None], tmp_path: Path) -> None:
    configure(
        "[profile work]\nregion = eu-central-1\naws_access_key_id = AKIDWORK\naws_secret_access_key = x\n"
        f"ca_bundle = {tmp_path}/none.pem\n"
    )
    with pytest.raises(ConfigurationError, match=r"none\.pem"):
        await resolve("work")
    access = await resolve("work", endpoint_url="http://localhost:9000")
    assert (access.region, access.endpoint, access.tls) == ("eu-central-1", "http://localhost:9000", None)
    assert "Credential=AKIDWORK/" in (await access.authorizer.headers(URL_, b""))["Authorization"]


@pytest.mark.usefixtures("keys")
async def test_the_region_argument_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await resolve(region="eu-west-3")).region == "eu-west-3"
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_REGION", "ca-central-1")
    assert (await resolve()).region == "ca-central-1"


@pytest.mark.usefixtures("keys")
async def test_the_endpoint_is_resolved_as_in_boto3(
    configure: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure("[default]\nendpoint_url = https://from-file.test\n")
    assert (await resolve()).endpoint == "https://from-file.test"
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://from-variable.test")
    assert (await resolve()).endpoint == "https://from-variable.test"
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "https://from-service.test/")
    assert (await resolve()).endpoint == "https://from-service.test"
    assert (await resolve(endpoint_url="https://given.test")).endpoint == "https://given.test"
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    assert (await resolve(region="cn-north-1")).endpoint == "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    assert (await resolve()).endpoint == "https://bedrock-runtime-fips.us-east-1.amazonaws.com"


@pytest.mark.usefixtures("keys")
async def test_a_plain_http_endpoint_from_the_environment_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://example.com")
    with pytest.raises(ConfigurationError, match="unencrypted"):
        await resolve()


@pytest.mark.usefixtures("keys")
async def test_a_bedrock_api_key_takes_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "key-1")
    assert await authorization() == "Bearer key-1"


async def test_each_bedrock_api_key_has_its_own_account_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    marks = []
    for key in ("key-1", "key-2"):
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", key)
        marks.append((await resolve(region="us-east-1")).account)
        assert key not in marks[-1]
    assert marks[0] != marks[1]


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("name", ["AWS_BEARER_TOKEN_BEDROCK", "AWS_SESSION_TOKEN"])
async def test_a_secret_with_a_line_break_is_rejected_and_not_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "canary\nX-Other: header")
    with pytest.raises(CredentialsError, match="cannot be sent") as caught:
        await resolve()
    assert "canary" not in f"{caught.value} {caught.value.hint}"


async def test_missing_credentials_get_a_hint_about_emulate() -> None:
    with pytest.raises(CredentialsError, match="no AWS credentials were found") as caught:
        await resolve(region="us-east-1")
    assert "--emulate needs none" in caught.value.hint


async def test_a_missing_region_gets_a_hint() -> None:
    with pytest.raises(ConfigurationError, match="no AWS region") as caught:
        await resolve()
    assert "--region" in caught.value.hint


async def test_an_unknown_profile_is_named() -> None:
    with pytest.raises(ConfigurationError, match="wrok"):
        await resolve("wrok", region="us-east-1")


@pytest.mark.usefixtures("keys")
async def test_an_invalid_region_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match="us_east 1"):
        await resolve(region="us_east 1")


async def test_an_invalid_configuration_file_is_named(configure: Callable[[str], None]) -> None:
    configure("region = nowhere\n")
    with pytest.raises(ConfigurationError, match="config"):
        await resolve(region="us-east-1")


async def test_an_sso_session_without_login_gets_a_hint(configure: Callable[[str], None]) -> None:
    configure(
        "[profile sso]\nregion = us-east-1\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = r\n"
        "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.test/start\n"
    )
    with pytest.raises(CredentialsError) as caught:
        await resolve("sso")
    assert "aws sso login --profile sso" in caught.value.hint


async def test_a_failing_credential_process_is_reported(configure: Callable[[str], None]) -> None:
    configure("[profile p]\nregion = us-east-1\ncredential_process = /bin/false\n")
    with pytest.raises(CredentialsError, match="custom-process") as caught:
        await resolve("p")
    assert "--profile p" in caught.value.hint


async def test_keys_from_a_credential_process(configure: Callable[[str], None], tmp_path: Path) -> None:
    script = tmp_path / "keys.py"
    script.write_text("""print('{"Version":1,"AccessKeyId":"AKIDPROCESS","SecretAccessKey":"x"}')""")
    configure(f"[profile p]\nregion = us-east-1\ncredential_process = {sys.executable} {script}\n")
    assert "Credential=AKIDPROCESS/" in await authorization("p")


class Source:
    """Credentials with a changeable token, which record the threads that load them."""

    def __init__(self) -> None:
        self.token = "t0"
        self.loads = 0
        self.threads: set[threading.Thread] = set()

    def load(self) -> "Source":
        self.loads += 1
        return self

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        self.threads.add(threading.current_thread())
        return ReadOnlyCredentials("AKID", "secret", self.token)


async def token_of(signer: SigV4) -> str:
    return (await signer.headers(URL_, b""))["X-Amz-Security-Token"]


async def test_keys_are_cached_for_a_minute_and_loaded_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    signer, always_refreshing = SigV4(source.load, "us-east-1"), SigV4(source.load, "us-east-1")
    assert await token_of(signer) == "t0"
    monkeypatch.setattr(credentials_module, "REFRESH_INTERVAL", 0.0)
    assert await token_of(always_refreshing) == "t0"
    source.token = "t1"
    assert await token_of(signer) == "t0"
    assert await token_of(always_refreshing) == "t1"
    assert source.loads == 2  # botocore's credentials renew themselves; only their keys are read again
    assert threading.current_thread() not in source.threads


async def test_concurrent_calls_load_the_keys_once() -> None:
    source = Source()
    signer = SigV4(source.load, "us-east-1")
    assert await asyncio.gather(*(token_of(signer) for _ in range(50))) == ["t0"] * 50
    assert source.loads == 1


async def test_expired_keys_are_renewed_once_for_all_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    signer = SigV4(source.load, "us-east-1")
    expired = await signer.headers(URL_, b"")
    source.token = "t1"
    assert await asyncio.gather(*(signer.renew(expired) for _ in range(20))) == [True] * 20
    assert source.loads == 2
    assert await token_of(signer) == "t1"
    expired = await signer.headers(URL_, b"")
    source.token = "t2"
    assert await signer.renew(expired) is False  # keys live at least 15 minutes, so expiry is not the cause
    monkeypatch.setattr(credentials_module, "MIN_SESSION_SECONDS", 0.0)
    assert await signer.renew(expired) is True


async def test_renew_is_false_if_there_are_no_newer_keys() -> None:
    signer = SigV4(Source().load, "us-east-1")
    assert await signer.renew(await signer.headers(URL_, b"")) is False


async def test_renew_is_false_if_the_keys_are_gone() -> None:
    loads: list[Credentials | None] = [None, Credentials("AKID", "secret", "t0")]
    signer = SigV4(loads.pop, "us-east-1")
    assert await signer.renew(await signer.headers(URL_, b"")) is False
    with pytest.raises(CredentialsError):
        await SigV4(lambda: None, "us-east-1").headers(URL_, b"")


async def test_an_api_key_is_not_renewed() -> None:
    bearer = Bearer("key")
    assert await bearer.renew(await bearer.headers(URL_, b"")) is False
