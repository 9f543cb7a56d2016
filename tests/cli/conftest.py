"""The program in this process, in a folder of its own, with a stub in place of the run that records its settings."""

import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest

import cli.runs
from cli.app import main
from cli.config.analyze_settings import AnalyzeSettings

if TYPE_CHECKING:
    from collections.abc import Callable


class Result(NamedTuple):
    """How the program ended."""

    code: int
    out: str
    err: str


class Stdin(io.StringIO):
    """Standard input with a text; `terminal` makes it one."""

    def __init__(self, text: str, *, terminal: bool) -> None:
        super().__init__(text)
        self.buffer = io.BytesIO(text.encode())
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


class Shell:
    """Runs the program; `ran` holds the settings of every run of `analyze` that began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        self.ran: list[AnalyzeSettings] = []
        self.run: Callable[[AnalyzeSettings], int] = lambda _settings: 0
        """Stands in for the run."""

    def analyze(self, settings: AnalyzeSettings) -> int:
        self.ran.append(settings)
        return self.run(settings)

    def __call__(self, *arguments: str) -> Result:
        code = main(arguments)
        return Result(code, *self._capsys.readouterr())

    def type(self, text: str, *, terminal: bool = True) -> None:
        """Set standard input."""
        self._monkeypatch.setattr(sys, "stdin", Stdin(text, terminal=terminal))

    def settings(self, *arguments: str) -> AnalyzeSettings:
        """The settings of `analyze` with these valid arguments."""
        result = self("analyze", *arguments)
        assert (result.code, result.out) == (0, ""), result.err
        return self.ran[-1]

    def refused(self, *arguments: str) -> str:
        """The error message, and at most one hint, for invalid arguments, settings or variables."""
        before = len(self.ran)
        code, out, err = self(*arguments)
        assert (code, out) == (2, ""), err
        assert len(self.ran) == before
        error, *hints = err.splitlines()
        assert error.startswith("bedrock-batch: error: ")
        assert len(hints) <= 1
        assert all(hint.startswith("hint: ") for hint in hints)
        return err


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Shell]:
    before = signal.getsignal(signal.SIGUSR1)
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("BEDROCK_BATCH_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    shell = Shell(monkeypatch, capsys)
    stand_in = SimpleNamespace(analyze=shell.analyze)
    monkeypatch.setitem(sys.modules, "cli.runs.analyze", stand_in)
    monkeypatch.setattr(cli.runs, "analyze", stand_in, raising=False)
    yield shell
    signal.signal(signal.SIGUSR1, before)  # the program leaves it ignored, and child processes would inherit that
