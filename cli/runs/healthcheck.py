"""Pings a check of healthchecks.io, or a service that works like it: at the start of a run, and with its exit code."""

from collections.abc import Callable
from http.client import HTTPException
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from cli.errors import PROGRAM

TIMEOUT = 4.0
"""Seconds for one attempt."""
ATTEMPTS = 2
MARGIN = 1.0
"""Seconds more than all attempts may take: an address that is slow to resolve is not in their timeout."""

HINT = "check the URL and the network; the run is not affected"


class Healthcheck:
    """The pings of one run; without a URL there are none.

    They are sent from threads of their own, so that a name server that does not answer holds up nothing for long.
    """

    def __init__(self, url: str | None) -> None:
        self._url = url
        self._started: _Ping | None = None

    def start(self) -> None:
        """Send the ping of the start; returns at once."""
        if self._url:
            self._started = _Ping(self._url, "start")

    def end(self, exit_code: int, warn: Callable[[str, str], object]) -> None:
        """Send the exit code, and give a warning for each ping that failed; it does not show the URL."""
        if self._url and self._started:
            reasons = {"start": self._started.outcome()}
            reasons[str(exit_code)] = _Ping(self._url, str(exit_code)).outcome()
            for name, reason in reasons.items():
                if reason:
                    host = urlsplit(self._url).hostname
                    warn(f"the ping /{name} to the healthcheck at {host} failed: {reason}", HINT)


class _Ping(Thread):
    def __init__(self, url: str, name: str) -> None:
        super().__init__(daemon=True)
        self._url = url
        self._request = Request(_target(url, name), headers={"User-Agent": PROGRAM})  # noqa: S310 (checked: http(s))
        self._reason = "timed out"
        self.start()

    def outcome(self) -> str:
        """Wait until it is sent or has failed; returns the reason, empty if it is sent."""
        self.join(TIMEOUT * ATTEMPTS + MARGIN)
        return self._reason

    def run(self) -> None:
        for _ in range(ATTEMPTS):
            try:
                _opener(self._url).open(self._request, timeout=TIMEOUT).close()
            except (OSError, HTTPException, ValueError) as error:
                reason = _reason(error)
            else:
                reason = ""
                break
        self._reason = reason


def _target(url: str, name: str) -> str:
    """`URL/start`, `URL/0`; a query stays behind the path."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{name}"))


class _NoRedirect(HTTPRedirectHandler):
    """A redirect could take the URL to another host, or in plain http."""

    def redirect_request(self, *_: object) -> None:
        return None


def _opener(url: str) -> OpenerDirector:
    """With the proxies of the environment; plain http is for this machine, and goes to none."""
    if url.startswith("http:"):
        return build_opener(_NoRedirect, ProxyHandler({}))
    from jobs.bedrock.endpoint import tls_context

    return build_opener(_NoRedirect, HTTPSHandler(context=tls_context()))


def _reason(error: Exception) -> str:
    """Why a ping failed; never the text of an exception that may hold the URL."""
    if isinstance(error, HTTPError):
        return f"HTTP status {error.code}"
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return "timed out"
    return (isinstance(cause, OSError) and cause.strerror) or type(cause).__name__
