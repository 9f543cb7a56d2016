"""Endpoint and credentials, resolved by botocore as for any AWS tool, off the event loop."""

import asyncio
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from yarl import URL

from jobs.bedrock.account import account_mark, api_key_mark
from jobs.bedrock.endpoint import Proxy, check_endpoint, proxy_for, tls_context
from jobs.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from jobs.bedrock.signing import Signer

API_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
"""An API key of Bedrock; it takes precedence over all other credentials (botocore: get_token_from_environment)."""

REFRESH_INTERVAL = 60.0
"""Seconds between two requests for the current keys; botocore renews keys 10 to 15 minutes before they expire."""

MIN_SESSION_SECONDS = 900.0
"""Shortest life of temporary keys (STS: DurationSeconds). If newer keys also fail sooner, expiry is not the cause."""

_TOKEN_HEADER = "X-Amz-Security-Token"  # noqa: S105 (a header's name)


class Bearer:
    """An API key of Bedrock, sent as a bearer token."""

    def __init__(self, key: str) -> None:
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.account = api_key_mark(key)

    async def headers(self, url: URL, body: bytes) -> Mapping[str, str]:
        return self._headers

    async def renew(self, expired: Mapping[str, str]) -> bool:
        return False


class SigV4:
    """Signs with a botocore session's keys, which are loaded in a thread, once for all concurrent calls."""

    def __init__(self, load: Callable[[], Any], region: str, profile: str = "") -> None:
        """`load` returns botocore credentials or None, and may block. `profile` appears in messages."""
        self._load = load
        self._region = region
        self._profile = profile
        self._credentials: Any = None
        self._signer: Signer
        self._next_refresh = self._renewed_at = -float("inf")
        self._lock = asyncio.Lock()

    async def headers(self, url: URL, body: bytes) -> Mapping[str, str]:
        """The authorization headers of a POST of `body` (JSON) to `url`, from keys valid for some minutes more.

        Raises:
            CredentialsError: the keys expired and cannot be renewed.
        """
        clock = asyncio.get_running_loop().time
        if clock() >= self._next_refresh:
            async with self._lock:
                if clock() >= self._next_refresh:
                    await self._refresh()
        return self._signer.headers(url, body)

    async def renew(self, expired: Mapping[str, str]) -> bool:
        """Whether there are newer keys than those of these headers, which the service rejected as expired.

        Reloads the credentials, once for all calls that were rejected with the same keys.
        """
        async with self._lock:
            if self._is_newer_than(expired):
                return True
            now = asyncio.get_running_loop().time()
            if now < self._renewed_at + MIN_SESSION_SECONDS:
                return False
            self._renewed_at, self._credentials = now, None
            try:
                await self._refresh()
            except CredentialsError:
                return False
            return self._is_newer_than(expired)

    @property
    def account(self) -> str:
        """Available once `headers` was called."""
        keys = self._signer.credentials
        return account_mark(keys.access_key, keys.account_id)

    def _is_newer_than(self, expired: Mapping[str, str]) -> bool:
        return bool(self._signer.credentials.token != expired.get(_TOKEN_HEADER))

    async def _refresh(self) -> None:
        self._signer = await asyncio.to_thread(self._load_signer)
        self._next_refresh = asyncio.get_running_loop().time() + REFRESH_INTERVAL

    def _load_signer(self) -> "Signer":
        from botocore.exceptions import BotoCoreError, ClientError

        from jobs.bedrock.signing import Signer

        try:
            self._credentials = self._credentials or self._load()
            if self._credentials is not None:
                keys = self._credentials.get_frozen_credentials()
                _check_printable("the AWS access key or session token", keys.access_key + (keys.token or ""))
                return Signer(keys, self._region)
        except (BotoCoreError, ClientError) as error:
            raise CredentialsError(f"AWS credentials: {error}", _hint(error, self._profile)) from error
        raise CredentialsError(
            "no AWS credentials were found",
            f"pass --profile, run `aws configure` or `aws sso login`, or set {API_KEY_VARIABLE}; --emulate needs none",
        )


Authorizer = Bearer | SigV4


@dataclass(frozen=True, slots=True)
class Access:
    endpoint: str
    region: str
    authorizer: Authorizer
    tls: ssl.SSLContext | None
    proxy: Proxy | None
    account: str = ""
    """The account's mark (see jobs.bedrock.account)."""


async def resolve(profile: str | None = None, region: str | None = None, endpoint_url: str | None = None) -> Access:
    """Resolve region, endpoint and credentials; arguments take precedence over the environment and the profile.

    Credentials are loaded at once, so that missing ones are reported before the run starts.

    Raises:
        ConfigurationError: unknown profile, no region, or an unusable endpoint, proxy or CA bundle.
        CredentialsError: no credentials, or expired ones.
    """
    access = await asyncio.to_thread(_resolve, profile, region, endpoint_url)
    await access.authorizer.headers(URL(access.endpoint), b"")
    return replace(access, account=access.authorizer.account)


def _resolve(profile: str | None, region: str | None, endpoint_url: str | None) -> Access:
    from botocore.exceptions import BotoCoreError

    try:
        session = _session(profile)
        region = region or session.get_config_variable("region") or os.environ.get("AWS_REGION")
        if not region:
            raise ConfigurationError("no AWS region is set", "pass --region, or set AWS_REGION or the profile's region")
        endpoint = check_endpoint(endpoint_url or _default_endpoint(session, region))
        ca_bundle = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"AWS configuration: {error}", "`aws configure list-profiles` lists the profiles"
        ) from error
    api_key = os.environ.get(API_KEY_VARIABLE, "")
    _check_printable(API_KEY_VARIABLE, api_key)
    return Access(
        endpoint,
        region,
        Bearer(api_key)
        if api_key
        else SigV4(lambda: _session(profile).get_credentials(), region, session.profile or ""),
        tls_context(ca_bundle) if endpoint.startswith("https:") else None,
        proxy_for(endpoint),
    )


def _check_printable(name: str, secret: str) -> None:
    if not (secret.isascii() and secret.isprintable()):
        raise CredentialsError(f"{name} has characters that cannot be sent", "was a line break copied along with it?")


def _session(profile: str | None) -> Any:
    import botocore.session

    return botocore.session.Session(profile=profile)


def _default_endpoint(session: Any, region: str) -> str:
    """The endpoint that boto3 would call: from the environment, the profile, or the region (partitions, FIPS).

    Creating a client is botocore's only public way to ask (an eighth of a second); an unsigned client loads no
    credentials.
    """
    from botocore import UNSIGNED
    from botocore.config import Config

    unsigned = Config(signature_version=UNSIGNED)
    client = session.create_client("bedrock-runtime", region_name=region, config=unsigned)
    return str(client.meta.endpoint_url)


def _hint(error: Exception, profile: str) -> str:
    from botocore.exceptions import LoginError, SSOError, TokenRetrievalError

    option = f" --profile {profile}" if profile else ""
    if isinstance(error, (SSOError, TokenRetrievalError)):
        return f"sign in again: `aws sso login{option}`; --emulate needs no credentials"
    if isinstance(error, LoginError):
        return f"sign in again: `aws login{option}`; --emulate needs no credentials"
    return f"try `aws sts get-caller-identity{option}`; --emulate needs no credentials"
