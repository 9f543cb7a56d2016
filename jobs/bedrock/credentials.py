"""Who calls, and where: found as any AWS tool finds it, through a botocore session, off the event loop."""

import asyncio
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from yarl import URL

from jobs.bedrock.account import account_mark
from jobs.bedrock.endpoint import Proxy, check_endpoint, proxy_for, tls_context
from jobs.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from jobs.bedrock.signing import Signer

BEARER_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
"""An API key of Bedrock; it goes before all other credentials (botocore: get_token_from_environment)."""

LOOK_AGAIN = 60.0
"""Seconds between two looks at whether keys are due for a refresh: botocore renews them 10 to 15 minutes early."""

SHORTEST_SESSION = 900.0
"""Seconds that temporary keys last at least (STS: DurationSeconds). Refused sooner, they are not what is wrong."""

_TOKEN_HEADER = "X-Amz-Security-Token"  # noqa: S105 (a header's name)


class Authorizer(Protocol):
    """Puts a call's credentials into its headers."""

    async def headers(self, url: URL, body: bytes) -> Mapping[str, str]:
        """The headers that authorize a POST of `body` (JSON) to `url`.

        Raises:
            CredentialsError: the keys ran out and cannot be renewed.
        """
        ...

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Whether there are newer keys than those of these headers, which were refused as expired."""
        ...

    @property
    def account(self) -> str:
        """A mark of the account, once headers were made (see account_mark)."""
        ...


class Bearer:
    """An API key of Bedrock, sent as it is."""

    def __init__(self, token: str) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    async def headers(self, url: URL, body: bytes) -> Mapping[str, str]:
        """The same for every call."""
        return self._headers

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """A token is not renewed."""
        return False

    @property
    def account(self) -> str:
        """Not told: a token is all secret, and short-lived ones are new every day."""
        return "API key"


class SigV4:
    """Signs with the keys of a botocore session; they are renewed in time, in a thread, and once for all calls."""

    def __init__(self, load: Callable[[], Any], region: str, profile: str = "") -> None:
        """`load` finds botocore credentials anew, or None; it may block. `profile` is for messages."""
        self._load = load
        self._region = region
        self._profile = profile
        self._credentials: Any = None
        self._signer: Signer
        self._look_again = self._renewed = -float("inf")
        self._lock = asyncio.Lock()

    async def headers(self, url: URL, body: bytes) -> Mapping[str, str]:
        """Sign the call with keys that are good for minutes at least."""
        clock = asyncio.get_running_loop().time
        if clock() >= self._look_again:
            async with self._lock:
                if clock() >= self._look_again:
                    await self._look()
        return self._signer.headers(url, body)

    async def renew(self, refused: Mapping[str, str]) -> bool:
        """Find the credentials anew, once for however many calls were refused with the same keys."""
        async with self._lock:
            if self._newer_than(refused):
                return True
            now = asyncio.get_running_loop().time()
            if now < self._renewed + SHORTEST_SESSION:
                return False
            self._renewed, self._credentials = now, None
            try:
                await self._look()
            except CredentialsError:
                return False
            return self._newer_than(refused)

    @property
    def account(self) -> str:
        """By the keys that are in use."""
        keys = self._signer.credentials
        return account_mark(keys.access_key, keys.account_id)

    def _newer_than(self, refused: Mapping[str, str]) -> bool:
        return bool(self._signer.credentials.token != refused.get(_TOKEN_HEADER))

    async def _look(self) -> None:
        self._signer = await asyncio.to_thread(self._find)
        self._look_again = asyncio.get_running_loop().time() + LOOK_AGAIN

    def _find(self) -> "Signer":
        from botocore.exceptions import BotoCoreError, ClientError

        from jobs.bedrock.signing import Signer

        try:
            self._credentials = self._credentials or self._load()
            if self._credentials is not None:
                keys = self._credentials.get_frozen_credentials()
                _check("the AWS access key or session token", keys.access_key + (keys.token or ""))
                return Signer(keys, self._region)
        except (BotoCoreError, ClientError) as error:
            raise CredentialsError(f"AWS credentials: {error}", _hint(error, self._profile)) from error
        raise CredentialsError(
            "no AWS credentials were found",
            f"pass --profile, run `aws configure` or `aws sso login`, or set {BEARER_VARIABLE}; --emulate needs none",
        )


@dataclass(frozen=True, slots=True)
class Access:
    """Where an account's calls go, and what they need to get there."""

    endpoint: str
    region: str
    authorizer: Authorizer
    tls: ssl.SSLContext | None
    proxy: Proxy | None
    account: str = ""
    """A mark of the account, once it is resolved."""


async def resolve(profile: str | None = None, region: str | None = None, endpoint_url: str | None = None) -> Access:
    """Find out where to call and as whom: what is given, else what the environment and the profile say.

    Credentials are fetched where that takes a call, so that missing ones are told of now. The event loop stays free.

    Raises:
        ConfigurationError: no such profile, no region, or an endpoint, proxy or CA bundle that cannot be used.
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
        endpoint = check_endpoint(_endpoint(session, region, endpoint_url))
        ca_bundle = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(
            f"AWS configuration: {error}", "`aws configure list-profiles` shows what there is"
        ) from error
    token = os.environ.get(BEARER_VARIABLE, "")
    _check(BEARER_VARIABLE, token)
    return Access(
        endpoint,
        region,
        Bearer(token) if token else SigV4(lambda: _session(profile).get_credentials(), region, session.profile or ""),
        tls_context(ca_bundle) if endpoint.startswith("https:") else None,
        proxy_for(endpoint),
    )


def _check(name: str, secret: str) -> None:
    if not (secret.isascii() and secret.isprintable()):
        raise CredentialsError(f"{name} has characters that cannot be sent", "was a line break copied along with it?")


def _session(profile: str | None) -> Any:
    import botocore.session

    return botocore.session.Session(profile=profile)


def _endpoint(session: Any, region: str, url: str | None) -> str:
    """What boto3 would call: the URL, the environment's, the profile's, else the region's (partitions, FIPS).

    A client is the one public way to ask botocore (an eighth of a second, so only where nobody gave a URL); an
    unsigned one looks for no credentials.
    """
    if url:
        return url
    from botocore import UNSIGNED
    from botocore.config import Config

    unsigned = Config(signature_version=UNSIGNED)
    client = session.create_client("bedrock-runtime", region_name=region, config=unsigned)
    return str(client.meta.endpoint_url)


def _hint(error: Exception, profile: str) -> str:
    from botocore.exceptions import LoginError, SSOError, TokenRetrievalError

    which = f" --profile {profile}" if profile else ""
    if isinstance(error, (SSOError, TokenRetrievalError)):
        return f"sign in again: `aws sso login{which}`; --emulate needs no credentials"
    if isinstance(error, LoginError):
        return f"sign in again: `aws login{which}`; --emulate needs no credentials"
    return f"try `aws sts get-caller-identity{which}`; --emulate needs no credentials"
