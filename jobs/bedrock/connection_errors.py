"""Classifies calls that got no complete response: what matters is whether any byte was sent (pure)."""

import os
import ssl

import aiohttp

from ratelimit.outcome import Outcome


class ResponseTooLarge(Exception):  # noqa: N818 (its name is the error code)
    """The response is larger than any answer."""


BEFORE_SENDING: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "ConnectTimeout"),
    (aiohttp.ClientConnectorDNSError, "DNSError"),
    (aiohttp.ClientConnectorCertificateError, "TLSError"),
    (aiohttp.ClientSSLError, "TLSError"),
    (ssl.SSLError, "TLSError"),
    (aiohttp.ClientProxyConnectionError, "ProxyError"),
    (aiohttp.ClientHttpProxyError, "ProxyError"),
    (TimeoutError, "ConnectTimeout"),
)
"""Codes of failures before a call is sent, subclasses first; any other is a ConnectError."""

AFTER_SENDING: tuple[tuple[type[Exception], str], ...] = (
    (ResponseTooLarge, "ResponseTooLarge"),
    (aiohttp.ClientPayloadError, "Truncated"),
    (aiohttp.ClientResponseError, "NotHTTP"),
    (TimeoutError, "Timeout"),
)
"""Codes of failures once the call may have been sent; any other is a ConnectionLost."""


def classify_error(error: Exception, sent: bool) -> tuple[Outcome, str, str]:
    """Outcome, code and message of a failed call; `sent` if any byte of it may have been sent."""
    if sent:
        return Outcome.UNKNOWN, _code(error, AFTER_SENDING, "ConnectionLost"), _message(error)
    # The next call would get the same certificate, or the same answer of the proxy to CONNECT.
    fatal = isinstance(error, aiohttp.ClientConnectorCertificateError) or (
        isinstance(error, aiohttp.ClientHttpProxyError) and error.status in {401, 403, 407}
    )
    return Outcome.FATAL if fatal else Outcome.TRANSIENT, _code(error, BEFORE_SENDING, "ConnectError"), _message(error)


def _code(error: Exception, codes: tuple[tuple[type[Exception], str], ...], default: str) -> str:
    return next((code for kind, code in codes if isinstance(error, kind)), default)


def _message(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused to connect: {error.status} {error.message}"  # str() would include its headers
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
        cause = error.os_error  # its text differs between event loops, its number does not
        number = cause.errno or 0
        reason = os.strerror(number) if number > 0 else cause.strerror or str(cause)
        return f"cannot connect to {error.host}:{error.port}: {reason.lower()}"
    return str(error) or type(error).__name__
