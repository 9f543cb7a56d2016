"""The installed command and the emulator as processes, as users run them."""

import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).with_name("bedrock-batch"))
MODEL = "amazon.nova-lite-v1:0"
PATIENCE = 60.0
"""Seconds for a process to end, on a machine under load."""


class EmulatorProcess:
    """A Bedrock on loopback, with a ledger of its calls."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ledger(self) -> list[dict[str, Any]]:
        """Every accepted call, in order."""
        return [json.loads(line) for line in self._ask("GET", "ledger").splitlines()]

    def stats(self) -> dict[str, Any]:
        """Counts by status, and the calls in flight."""
        return dict(json.loads(self._ask("GET", "stats")))

    def faults(self, *faults: dict[str, Any]) -> None:
        """Set the faults from now on."""
        self._ask("PUT", "faults", json.dumps(faults).encode())

    def _ask(self, method: str, name: str, body: bytes | None = None) -> str:
        request = urllib.request.Request(f"{self.url}/_emulator/{name}", body, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return str(reply.read().decode())


@contextlib.contextmanager
def emulator(**settings: Any) -> Iterator[EmulatorProcess]:
    """Start an emulator with these settings (jobs.emulator.settings)."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "jobs.emulator"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin
    assert process.stdout
    try:
        with process.stdin, process.stdout:
            process.stdin.write(json.dumps(settings) + "\n")
            process.stdin.flush()
            yield EmulatorProcess(process.stdout.readline().split()[-1])
    finally:
        process.wait(PATIENCE)


@dataclass
class Workplace:
    """A folder with documents, an output directory and a cache, and the command to run there."""

    folder: Path
    url: str = ""
    """The endpoint; empty: AWS, which the tests cannot reach."""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def docs(self) -> Path:
        return self.folder / "docs"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def write(self, name: str, text: str | bytes) -> Path:
        """A document."""
        path = self.docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def sections(self, count: int, name: str = "a.md", start: int = 0) -> None:
        """A document with this many unique sections."""
        self.write(
            name, "".join(f"## Section {n}\n\nNumber {n} says {n * 7}.\n\n" for n in range(start, start + count))
        )

    def command(self, *options: str, output: str = "out", paths: tuple[str, ...] = ("docs",)) -> list[str]:
        """The command, with `none` as the default quota: learning one starts slowly."""
        options = (*(word for name in ("--rpm", "--tpm") if name not in options for word in (name, "none")), *options)
        return [
            COMMAND, "analyze", *paths, "--output", output, "--cache-dir", "cache", "--progress", "plain",
            *(["--model", MODEL] if self.url else []), *options,
        ]  # fmt: skip

    def env(self) -> dict[str, str]:
        """As bare as that of cron, with invalid credentials."""
        bare = {
            "PATH": os.defpath,
            "HOME": str(self.folder / "home"),
            "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "canary-secret",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        if self.url:
            bare["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"] = self.url
        return bare | self.environment

    def start(self, *options: str, **kwargs: Any) -> "subprocess.Popen[str]":
        """The command, running; standard output and error are pipes."""
        return subprocess.Popen(
            self.command(*options, **kwargs),
            cwd=self.folder, env=self.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def start_prepared(self, preparation: str, *options: str, **kwargs: Any) -> "subprocess.Popen[str]":
        """The program, running, in a process that executes this Python code first."""
        arguments = self.command(*options, **kwargs)[1:]
        code = f"import sys\n{preparation}\nfrom cli.app import main\nsys.exit(main({arguments!r}))"
        return subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            cwd=self.folder, env=self.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *options: str, **kwargs: Any) -> "subprocess.CompletedProcess[str]":
        """The command, to its end."""
        process = self.start(*options, **kwargs)
        out, err = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def results(self, output: str = "out") -> list[dict[str, Any]]:
        text = (self.folder / output / "results.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.out / "documents.jsonl").read_text().splitlines()]

    def attempts(self) -> list[tuple[str | None, int]]:
        """Outcomes of the attempts in the journal, with their numbers."""
        with contextlib.closing(sqlite3.connect(self.out / "journal.sqlite")) as journal:
            return journal.execute("SELECT outcome, count(*) FROM attempts GROUP BY outcome").fetchall()

    def summary(self, output: str = "out") -> dict[str, Any]:
        return dict(json.loads((self.folder / output / "summary.json").read_text()))

    def forget(self, output: str = "out") -> None:
        shutil.rmtree(self.folder / output)


def without_times(stderr: str) -> str:
    """The log lines of a run without the times at their start."""
    return re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d ", "", stderr, flags=re.MULTILINE)


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        os.sched_yield()
