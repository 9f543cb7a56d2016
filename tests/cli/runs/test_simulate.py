"""A run of `simulate`: the table, the JSON, the HTML page, signals."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from running import COMMAND, PATIENCE

from jobs.simulation.comparison import ALGORITHMS

QUICK = ("simulate", "--rate", "120", "--requests", "60")
CONFIGURED = ("--algorithm", "bedrock-batch")


def results(shell, *arguments: str) -> list[dict]:
    code, out, err = shell(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)["results"]


def test_all_algorithms_are_compared_in_order(shell):
    assert [result["algorithm"] for result in results(shell, *QUICK)] == list(ALGORITHMS)


def test_algorithms_can_be_chosen(shell):
    chosen = (*QUICK, "--algorithm", "kong", "--algorithm", "none", "--algorithm", "kong")
    assert [result["algorithm"] for result in results(shell, *chosen)] == ["kong", "none"]


def test_json_has_the_documented_keys_rounded_to_four_places(shell):
    (result,) = results(shell, *QUICK, *CONFIGURED)
    assert list(result) == [
        "algorithm", "served", "calls", "throttled", "throttle_rate", "utilisation", "makespan_s", "ideal_s",
        "wait_p50_s", "wait_p95_s", "worst_minute", "fairness", "lost",
    ]  # fmt: skip
    assert all(value == round(value, 4) for value in list(result.values())[1:])
    assert result["served"] == 60


def test_a_seed_gives_the_same_bytes(shell):
    arguments = (*QUICK, "--arrivals", "bursty", "--users", "3", "--tpm", "300000", "--json", "--seed")
    assert shell(*arguments, "5").out == shell(*arguments, "5").out
    assert shell(*arguments, "5").out != shell(*arguments, "6").out


def test_the_table_marks_the_best_and_explains_the_bad(shell):
    code, out, err = shell(*QUICK)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "60 requests, quota 120 requests/minute (token bucket, 1 s burst); ideal time 28s"
    engine = next(line for line in lines if line.startswith("bedrock-batch "))
    assert "0*" in engine
    assert any(line.startswith("none: 56 requests gave up after 8 attempts: ") for line in lines)
    assert "  bedrock-batch analyze PATH --rpm 120 --max-tokens 1024 --concurrency " in out


def test_the_headline_of_a_timed_run_has_its_arrival_rate(shell):
    timed = ("simulate", "--rate", "120", "--duration", "1m", *CONFIGURED)
    quota = " for 1m 00s, quota 120 requests/minute (token bucket, 1 s burst)\n"
    assert shell(*timed).out.startswith("unlimited requests" + quota)
    assert shell(*timed, "--arrivals", "poisson", "--load", "0.5").out.startswith(
        "random arrivals of 60 requests/minute" + quota
    )
    assert shell(*timed, "--arrivals", "bursty", "--load", "2").out.startswith(
        "bursty arrivals of 240 requests/minute" + quota
    )


def test_a_timed_run_has_a_bounded_number_of_calls(shell):
    (result,) = results(shell, "simulate", "--rate", "60", "--duration", "10m", "--algorithm", "none")
    assert result["calls"] < 20_000


def test_a_run_under_a_minute_shows_no_lowest_minute(shell):
    arguments = ("simulate", "--rate", "100", "--requests", "100", "--server", "sliding", "--html", "page.html")
    lines = shell(*arguments, "--algorithm", "token-bucket", "--algorithm", "adaptive").out.splitlines()
    last_column = {line.split()[0]: line.split()[-1] for line in lines[3:5]}
    assert last_column["token-bucket"] == "-"
    assert not last_column["adaptive"].endswith("*")
    assert "<td>-</td>" in Path("page.html").read_text()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("x" * 300, "--html: cannot write xxx"),
        ("missing/page.html", "--html: cannot write missing/page.html: no such folder"),
        (".", "--html: cannot write .: it is a folder"),
    ],
)
def test_a_page_that_cannot_be_written_is_an_error(shell, file, message):
    assert message in shell.refused(*QUICK, "--html", file)


@pytest.mark.parametrize("name", ["loop", "loop/page.html"])
def test_a_symbolic_link_loop_is_an_error(shell, name):
    Path("loop").symlink_to("loop")
    assert f"--html: cannot write {name}: Too many levels of symbolic links" in shell.refused(*QUICK, "--html", name)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run as nobody: root may write anywhere."""
    if root := os.geteuid() == 0:
        Path().chmod(0o755)
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def test_an_unwritable_page_is_an_error_before_the_simulation(shell):
    Path("shut").mkdir(mode=0o500)
    with unprivileged():
        assert "cannot write shut/page.html: Permission denied" in shell.refused(*QUICK, "--html", "shut/page.html")


def test_a_page_can_be_written_to_a_link_and_a_pipe(shell):
    Path("old.html").write_text("old")
    Path("link.html").symlink_to("old.html")
    os.mkfifo("pipe")
    arguments = [*QUICK, *CONFIGURED, "--html"]
    assert shell(*arguments, "link.html").code == 0
    assert Path("link.html").is_symlink()
    with ThreadPoolExecutor(1) as reader:
        content = reader.submit(Path("pipe").read_text)
        assert shell(*arguments, "pipe").code == 0
        assert content.result(PATIENCE) == Path("old.html").read_text()
    assert Path("pipe").is_fifo()


def test_a_signal_ends_it_while_documents_are_measured(shell, monkeypatch):
    """Outside the event loop that reads the documents."""
    Path("a.md").write_text("Text.\n")
    threads, ended = [], threading.Event()

    async def measure_sections(*_):
        threads.append(threading.current_thread())
        signal.raise_signal(signal.SIGTERM)
        ended.wait(PATIENCE)
        return [], []

    monkeypatch.setattr("cli.config.simulate_settings.measure_sections", measure_sections)
    try:
        assert shell("simulate", "--rate", "60", "--docs", "a.md") == (128 + signal.SIGTERM, "", "")
    finally:
        ended.set()
    assert threads[0] is not threading.main_thread()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once_without_a_traceback(tmp_path, number):
    endless = [COMMAND, "simulate", "--rate", "1000", "--requests", "50000000", "--algorithm", "none"]
    process = subprocess.Popen(endless, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        while len(list(Path(f"/proc/{process.pid}/task").iterdir())) < 3:  # until it draws and simulates
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.02)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (128 + number, "")
    assert "Traceback" not in err
