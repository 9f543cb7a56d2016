"""The final block."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.render.log import as_json
from cli.render.summary import end_message, print_summary

FINE: dict[str, Any] = {
    "run_id": "r1",
    "exit_code": 0,
    "error": None,
    "documents": 300,
    "unreadable": 0,
    "sections": 12_345,
    "unique": 12_000,
    "calls": 11_900,
    "ok": 12_345,
    "failed": 0,
    "incomplete": 0,
    "held": 0,
    "fallback": 0,
    "pending": 0,
    "resumed": 100,
    "cached": 12,
    "duplicates": 3,
    "throttled": 0,
    "retried": 0,
    "maybe_paid_twice": 0,
    "not_refreshed": 0,
    "cut_off": 0,
    "enough_tokens": None,
    "input_tokens": 20_123_456,
    "output_tokens": 1_234_567,
    "cost_usd": 78.12,
    "wall_s": 620.0,
    "utilisation": 0.974,
    "quota": {"rpm": 1_200, "tpm": None, "source": "configured", "burst_s": 1.0},
    "started_at": "2025-01-01T00:00:00Z",
    "model": "m",
    "endpoint": "e",
    "emulated": False,
    "advice": [],
}
TROUBLED = FINE | {
    "exit_code": 4,
    "unreadable": 2,
    "ok": 12_325,
    "failed": 12,
    "incomplete": 3,
    "cut_off": 2,
    "enough_tokens": 1500,
    "held": 1,
    "pending": 4,
    "throttled": 100,
    "retried": 2,
    "maybe_paid_twice": 2,
}


def block(values: dict[str, Any], output: Path, width: int = 80, **console: Any) -> str:
    stream = io.StringIO()
    print_summary(values, str(output), Console(file=stream, width=width, **console))
    return stream.getvalue()


def flat(text: str) -> str:
    """The words, without line ends."""
    return " ".join(text.split())


@pytest.fixture
def output(tmp_path: Path) -> Path:
    (tmp_path / "results.jsonl").touch()
    return tmp_path


def test_a_run_without_problems(output: Path) -> None:
    assert (
        block(FINE, output)
        == f"""
Done:
{output}/results.jsonl
documents  300  unreadable 0
sections   12,345  unique 12,000  ok 12,345  failed 0
saved      already answered 100  cached 12  duplicates 3
calls      11,900  throttled 0  retried 0
tokens     20,123,456 in  1,234,567 out
cost       $78.12
time       10m 20s  1,152 calls/min
quota      1,200 requests/minute (configured, token bucket with 1 s burst)
           utilisation 97%
"""
    )


def test_problems_come_with_what_to_do(output: Path) -> None:
    report = flat(block(TROUBLED, output))
    assert "Finished with problems (exit code 4):" in report
    assert 'see "status": "unreadable" in documents.jsonl' in report
    for number, status in (("12 sections", "failed"), ("3 sections", "incomplete"), ("1 section", "held")):
        assert f'{number} {status}: see "status": "{status}" in results.jsonl; ' in report
        assert f"--retry {status}" in report or status == "incomplete"
    assert "4 sections without an answer yet: run the same command again" in report
    assert "2 calls may have been paid twice" in report
    cut_off = "2 answers cut off at --max-tokens: a larger value calls for them again, and for no other"
    assert f"{cut_off}, and 1500 is probably enough" in report
    assert "--retry incomplete" in flat(block(TROUBLED | {"cut_off": 0}, output))


@pytest.mark.parametrize("values", [FINE, TROUBLED, TROUBLED | {"emulated": True, "error": "no access " * 20}])
@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_but_the_path_is_wider_than_the_terminal(values: dict[str, Any], width: int, output: Path) -> None:
    lines = block(values, output, width).splitlines()
    path = f"{output}/results.jsonl"
    assert path in lines
    assert [line for line in lines if len(line.rstrip()) > width and line != path] == []


@pytest.mark.parametrize(("seconds", "shown"), [(9.9, "9s\n"), (10.0, "10s  71,400 calls/min\n")])
def test_a_rate_is_shown_from_ten_seconds_on(seconds: float, shown: str, output: Path) -> None:
    assert f"time       {shown}" in block(FINE | {"wall_s": seconds}, output)


def test_a_long_path_stays_whole_on_a_line_of_its_own(tmp_path: Path) -> None:
    output = tmp_path / ("long name [/draft] [red] " * 5)
    output.mkdir(parents=True)
    (output / "results.jsonl").touch()
    assert f"{output}/results.jsonl" in block(FINE, output, 40).splitlines()


def test_missing_results_are_not_claimed(tmp_path: Path) -> None:
    report = block(FINE | {"exit_code": 13, "error": "disk full"}, tmp_path)
    assert "Stopped: disk full" in report
    assert "no results.jsonl was written" in report
    assert str(tmp_path) not in report


@pytest.mark.parametrize(
    ("values", "cost"),
    [
        ({"cost_usd": 0.0123, "emulated": True}, "$0.0123 at list price; emulated, nothing was paid"),
        ({"cost_usd": None, "emulated": True}, "unknown price; emulated, nothing was paid"),
        ({"cost_usd": None}, "unknown price"),
    ],
)
def test_the_cost(values: dict[str, Any], cost: str, output: Path) -> None:
    assert f"cost       {cost}\n" in block(FINE | values, output)


def test_hostile_text_is_escaped(tmp_path: Path) -> None:
    output = tmp_path / "evil\x1b]52;c;aGk=\x07\u202e[/x]"
    output.mkdir(parents=True)
    (output / "results.jsonl").touch()
    report = block(FINE | {"exit_code": 14, "error": "503 [/b]\x1b[2J\x9b\u2066\nnext"}, output, no_color=True)
    assert r"Stopped: 503 [/b]\x1b[2J\x9b\u2066\nnext" in report
    assert r"evil\x1b]52;c;aGk=\x07\u202e[/x]/results.jsonl" in report
    assert all(char == "\n" or char.isprintable() for char in report)


def test_without_colour_the_words_are_the_same(output: Path) -> None:
    colourful = block(TROUBLED, output, force_terminal=True, color_system="truecolor")
    without = block(TROUBLED, output, force_terminal=True, color_system="truecolor", no_color=True)
    assert "\x1b[33m" in colourful
    assert "\x1b[33m" not in without
    assert "failed 12" in without


REPORT = """
import sys
from rich.console import Console
from cli.render.log import as_json
from cli.render.summary import end_message, print_summary
print_summary({values!r}, "é", Console(stderr=True))
print("the run went on")
"""


def test_a_stderr_without_a_reader_changes_neither_the_exit_code_nor_stdout() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    code = REPORT.format(values=TROUBLED)
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=writer, timeout=60)
    os.close(writer)
    assert (run.returncode, run.stdout) == (0, b"the run went on\n")


def test_on_an_ascii_stream_other_characters_are_escaped(tmp_path: Path) -> None:
    (tmp_path / "é").mkdir()
    (tmp_path / "é" / "results.jsonl").touch()
    code = REPORT.format(values=FINE).replace("stderr=True", "")
    env = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, env=env, cwd=tmp_path, timeout=60)
    assert run.returncode == 0, run.stderr
    assert rb"\xe9/results.jsonl" in run.stdout


def test_a_learned_quota_and_advice_are_shown(output: Path) -> None:
    quota = {"rpm": None, "tpm": 598_000.0, "source": "learned", "rpm_kind": None, "tpm_kind": "sliding"}
    advice = [{"option": "--max-tokens", "value": 900, "faster": 1.2, "text": "with --max-tokens 900 it is faster"}]
    report = block(FINE | {"quota": quota, "advice": advice}, output)
    assert "quota      about 598,000 tokens/minute (learned, sliding window)\n           utilisation 97%\n" in report
    assert "- with --max-tokens 900 it is faster\n" in report
    nothing = FINE | {"quota": {"rpm": None, "tpm": None, "source": None}, "utilisation": None}
    assert "\nquota " not in block(nothing, output)


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        ({}, "info", "Done"),
        ({"exit_code": 3}, "warning", "Finished with problems (exit code 3)"),
        ({"exit_code": 5, "error": "the deadline is reached"}, "warning", "Stopped: the deadline is reached"),
        ({"exit_code": 12, "error": "no access"}, "error", "Stopped: no access"),
        ({"exit_code": 143, "error": "SIGTERM received"}, "error", "Stopped: SIGTERM received"),
    ],
)
def test_the_last_log_line_has_every_key_of_the_summary(changes: dict[str, Any], level: str, message: str) -> None:
    line = json.loads(as_json(end_message(FINE | changes)))
    assert (line["event"], line["level"], line["message"]) == ("end", level, message)
    assert (FINE | changes).items() <= line.items()
