"""The endpoint's URL, its trusted certificates, and the proxy."""

import base64
import ipaddress
import re
import ssl
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from jobs.errors import ConfigurationError


class Proxy(NamedTuple):
    """An HTTP proxy, and the headers for the proxy (never for the endpoint)."""

    url: URL
    headers: dict[str, str]


def check_endpoint(url: str) -> str:
    """Validate and normalise an endpoint: lower-case host, no trailing slash.

    Raises:
        ConfigurationError: not an http(s) URL; a URL with user, query or fragment; or plain http beyond loopback.
    """
    shown = re.sub("[^/]*@", "***@", url.partition("?")[0])  # a user or a query may be a secret
    try:
        endpoint = URL(url)
        plain = endpoint.with_user(None).with_query(None).with_fragment(None) == endpoint
        (endpoint.host or "").encode("idna")  # an invalid name fails here rather than at every call
    except ValueError as error:
        reason = str(error).replace(url, shown)
        raise ConfigurationError(f"the endpoint {shown!r} is not a URL ({reason})") from None
    if endpoint.scheme not in {"http", "https"} or not endpoint.host or not plain:
        raise ConfigurationError(
            f"the endpoint {shown!r} is not a plain http or https URL",
            "give scheme, host and port only, like https://bedrock-runtime.us-east-1.amazonaws.com",
        )
    if endpoint.scheme == "http" and not is_loopback(endpoint.host):
        raise ConfigurationError(
            f"the endpoint {shown!r} would carry documents and credentials unencrypted",
            "use https; plain http is for this machine only (127.0.0.1, localhost)",
        )
    return str(endpoint).rstrip("/")


@lru_cache
def converse_url(endpoint: str, model: str) -> URL:
    """The URL of Converse for `model`, percent-encoded as botocore does it: `:` becomes %3A and `/` of an ARN %2F.

    `encoded` because a normalised URL would not match the signature, which covers this path encoded once more.
    """
    return URL(f"{endpoint}/model/{quote(model, safe='-._~')}/converse", encoded=True)


def tls_context(ca_bundle: str | None = None) -> ssl.SSLContext:
    """Trust the CA bundle (file or directory); without one, the system's certificates and botocore's copy of Mozilla's.

    Mozilla's are needed because some Pythons find no certificates of the system.

    Raises:
        ConfigurationError: the bundle cannot be read.
    """
    if ca_bundle is None:
        from botocore.httpsession import get_cert_path

        context = ssl.create_default_context()
        context.load_verify_locations(get_cert_path(True))
        return context
    try:
        if Path(ca_bundle).is_dir():
            return ssl.create_default_context(capath=ca_bundle)
        return ssl.create_default_context(cafile=ca_bundle)
    except OSError as error:  # ssl.SSLError is one
        raise ConfigurationError(
            f"the CA bundle {ca_bundle!r} cannot be read ({error.strerror or error})",
            "AWS_CA_BUNDLE, or ca_bundle of the profile, must name a file of certificates in PEM format",
        ) from None


def proxy_for(endpoint: str) -> Proxy | None:
    """The proxy for an https endpoint from HTTPS_PROXY and NO_PROXY; a plain http endpoint is on loopback.

    aiohttp's `trust_env` is not used: it also reads .netrc, and does so for every call.

    Raises:
        ConfigurationError: the proxy is not an http or https URL.
    """
    target = URL(endpoint)
    setting = getproxies().get("https", "")
    if target.scheme != "https" or not setting or proxy_bypass(str(target.host)):
        return None
    try:
        proxy = URL(setting if "://" in setting else f"http://{setting}")
    except ValueError:
        proxy = URL()
    if proxy.scheme not in {"http", "https"} or not proxy.host:
        raise ConfigurationError("HTTPS_PROXY is not the URL of an http proxy", "give it as http://HOST:PORT")
    if proxy.user is None:
        return Proxy(proxy, {})
    login = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
    return Proxy(proxy.with_user(None), {"Proxy-Authorization": f"Basic {login}"})


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
