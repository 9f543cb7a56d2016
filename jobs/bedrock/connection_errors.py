"""What it means that no whole reply came: whether the call left us decides (pure)."""

import os
import ssl

import aiohttp

from ratelimit.outcome import Outcome


class ResponseTooLarge(Exception):  # noqa: N818 (it reads as what it says)
    """A reply of more bytes than any answer has."""


NEVER_SENT: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "ConnectTimeout"),
    (aiohttp.ClientConnectorDNSError, "DNSError"),
    (aiohttp.ClientConnectorCertificateError, "TLSError"),
    (aiohttp.ClientSSLError, "TLSError"),
    (ssl.SSLError, "TLSError"),
    (aiohttp.ClientProxyConnectionError, "ProxyError"),
    (aiohttp.ClientHttpProxyError, "ProxyError"),
    (TimeoutError, "ConnectTimeout"),
)
"""Codes of what can fail before a call leaves, the special ones first; all else is a ConnectError."""

AFTER_SENDING: tuple[tuple[type[Exception], str], ...] = (
    (ResponseTooLarge, "ResponseTooLarge"),
    (aiohttp.ClientPayloadError, "Truncated"),
    (aiohttp.ClientResponseError, "NotHTTP"),
    (TimeoutError, "Timeout"),
)
"""Codes of what can fail once it may have left; all else is a ConnectionLost."""

PROXY_REFUSALS = frozenset({401, 403, 407})
"""A proxy that answers CONNECT so will answer every call so."""


def judge(error: Exception, left: bool) -> tuple[Outcome, str, str]:
    """Outcome, code and message of a call that brought `error`; `left` if any byte of it may have been sent."""
    if left:
        return Outcome.UNKNOWN, _code(error, AFTER_SENDING, "ConnectionLost"), _message(error)
    outcome = Outcome.TRANSIENT
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status in PROXY_REFUSALS:
        outcome = Outcome.FATAL
    if isinstance(error, aiohttp.ClientConnectorCertificateError):  # it will be the same certificate
        outcome = Outcome.FATAL
    return outcome, _code(error, NEVER_SENT, "ConnectError"), _message(error)


def _code(error: Exception, codes: tuple[tuple[type[Exception], str], ...], otherwise: str) -> str:
    return next((code for kind, code in codes if isinstance(error, kind)), otherwise)


def _message(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy refused to connect: {error.status} {error.message}"  # str() would show its headers
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
        cause = error.os_error  # what its text says differs between event loops; its number does not
        number = cause.errno or 0
        why = os.strerror(number) if number > 0 else cause.strerror or str(cause)
        return f"cannot connect to {error.host}:{error.port}: {why.lower()}"
    return str(error) or type(error).__name__
