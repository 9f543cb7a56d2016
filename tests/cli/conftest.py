"""The program in this process, in a folder of its own, with the run itself replaced by one that notes its settings."""

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest

import cli.runs
from cli.app import main
from cli.config.analyze_settings import AnalyzeSettings

if TYPE_CHECKING:
    from collections.abc import Callable


class Said(NamedTuple):
    """How the program ended."""

    code: int
    out: str
    err: str


class Shell:
    """Runs the program; `ran` holds the settings of every run of `analyze` that was begun."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.ran: list[AnalyzeSettings] = []
        self.run: Callable[[AnalyzeSettings], int] = lambda _settings: 0
        """What the run does once it has its settings."""

    def analyze(self, settings: AnalyzeSettings) -> int:
        self.ran.append(settings)
        return self.run(settings)

    def __call__(self, *arguments: str) -> Said:
        code = main(arguments)
        return Said(code, *self._capsys.readouterr())

    def settings(self, *arguments: str) -> AnalyzeSettings:
        """The settings of `analyze` with these arguments, which must be good ones."""
        said = self("analyze", *arguments)
        assert (said.code, said.out) == (0, ""), said.err
        return self.ran[-1]

    def refused(self, *arguments: str) -> str:
        """What is said of arguments, settings or an environment that are not good ones: an error and at most a hint."""
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
def shell(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: os.PathLike[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("BEDROCK_BATCH_", "AWS_")):
            monkeypatch.delenv(name)
    shell = Shell(capsys)
    stand_in = SimpleNamespace(analyze=shell.analyze)
    monkeypatch.setitem(sys.modules, "cli.runs.analyze", stand_in)
    monkeypatch.setattr(cli.runs, "analyze", stand_in, raising=False)
    return shell
