"""Which display a mode gets on a stream."""

import io
import json
import subprocess
import sys

import pytest
from snapshots import RUNNING

from cli.render.progress.display import Display, display
from cli.render.progress.live import LiveDisplay
from cli.render.progress.plain import PlainDisplay, SilentDisplay


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def chosen(mode: str, stream: io.StringIO, *, quiet: bool = False) -> Display:
    return display(mode, quiet=quiet, no_color=False, snapshot=lambda: RUNNING, stderr=stream)


@pytest.mark.parametrize(
    ("mode", "term", "kind"),
    [
        ("auto", "xterm-256color", LiveDisplay),
        ("live", "xterm-256color", LiveDisplay),
        ("auto", "dumb", PlainDisplay),
        ("live", "dumb", PlainDisplay),
        ("auto", "", PlainDisplay),
        ("plain", "xterm-256color", PlainDisplay),
        ("none", "xterm-256color", SilentDisplay),
    ],
)
def test_on_a_terminal(mode: str, term: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", term)
    assert type(chosen(mode, Terminal())) is kind


@pytest.mark.parametrize("mode", ["auto", "live", "plain"])
def test_without_a_terminal_it_is_plain_lines_whatever_the_colour_variables(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert type(chosen(mode, io.StringIO())) is PlainDisplay


@pytest.mark.parametrize("mode", ["auto", "live", "plain"])
def test_json_is_never_live(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with display(mode, quiet=False, no_color=False, log_format="json", snapshot=lambda: RUNNING, stderr=stream):
        pass
    assert json.loads(stream.getvalue())["event"] == "progress"


@pytest.mark.parametrize("mode", ["auto", "live", "plain", "none"])
def test_quiet_overrides_every_mode(mode: str) -> None:
    stream = Terminal()
    with chosen(mode, stream, quiet=True) as shown:
        shown.notice("all is well")
        shown.error("it is not")
    assert stream.getvalue() == "error: it is not\n"


def test_plain_lines_do_not_import_rich_console() -> None:
    code = (
        "import sys; from cli.render.progress.display import display; from jobs.progress.snapshot import Snapshot\n"
        "with display('plain', quiet=False, no_color=False, snapshot=Snapshot): pass\n"
        "assert 'rich.console' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
