"""`export` of finished, running and killed runs, and `status` of them."""

import json
import signal
import subprocess
import sys

import pytest
from running import COMMAND, PATIENCE, Workplace, emulator, until


def ask(place: Workplace, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [COMMAND, *arguments], cwd=place.folder, env=place.env(), capture_output=True, timeout=PATIENCE
    )


def rows(place: Workplace, *options: str) -> list[dict]:
    exported = ask(place, "export", "out", *options)
    assert exported.returncode == 0, exported.stderr
    return [json.loads(line) for line in exported.stdout.splitlines()]


def state(place: Workplace) -> dict:
    return json.loads(ask(place, "status", "out", "--json").stdout)


def test_a_finished_run_gives_the_bytes_of_its_results(place):
    place.write("ä.md", "# Ü\n\nLine\u2028separator.\n\n# B\n\nText.\n")
    place.run()
    place.environment["LC_ALL"] = "C"
    assert ask(place, "export", "out").stdout == (place.out / "results.jsonl").read_bytes()
    assert ask(place, "export", "out", "--output", "x.jsonl").returncode == 0
    assert (place.folder / "x.jsonl").read_bytes() == (place.out / "results.jsonl").read_bytes()


def test_a_running_and_a_killed_run_can_be_read(tmp_path):
    with emulator(latency=0.05) as bedrock:
        place = Workplace(tmp_path, bedrock.url)
        place.sections(400)
        process = place.start("--concurrency", "4")
        until(lambda: len(bedrock.ledger()) > 20)
        reading, running = rows(place), state(place)
        assert process.poll() is None
        assert {row["status"] for row in reading} == {"ok", "pending"}
        assert running["running"].startswith(f"process {process.pid}")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed = state(place)
        assert killed["running"] is None
        assert 0 < killed["open_attempts"] <= 4
        assert sum(row["status"] == "ok" for row in rows(place)) == killed["analyses"][0]["units"]["ok"]
        assert b"calls that a killed run left open" in ask(place, "status", "out").stdout
        assert place.run().returncode == 0
        assert state(place)["maybe_paid_twice"]["calls"] == killed["open_attempts"]
        assert state(place)["maybe_paid_twice"]["most_usd"] > 0


def test_other_analyses_and_documents_that_are_gone_come_from_the_journal(place):
    place.sections(3, "a.md")
    place.sections(2, "b.md", start=10)
    place.run("--name", "first")
    place.run("--name", "second", "--prompt", "Another.", paths=("docs/a.md",))
    assert len(rows(place)) == 3
    assert len(rows(place, "--analysis", "first")) == 5
    place.run("--name", "first", paths=("docs/b.md",))
    assert len(rows(place, "--analysis", "first")) == 2
    assert len(rows(place, "--analysis", "first", "--gone")) == 5
    names = [(analysis["name"], analysis["in_results"]) for analysis in state(place)["analyses"]]
    assert names == [("first", True), ("second", False)]


def test_the_texts_come_with_it(place):
    place.write("a.md", "# A\n\nThirty days.\n")
    place.run()
    assert [row["section_text"] for row in rows(place, "--with-text")] == ["Thirty days."]
    place.forget()
    place.run("--no-keep-text")
    assert [row["section_text"] for row in rows(place, "--with-text")] == [None]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["out", "--analysis", "nope"],
            2,
            "there is no analysis nope in this directory\nhint: its analyses: summarize",
        ),
        (["out", "-f", "parquet"], 2, "--format parquet cannot go to standard output\nhint: name a new file with"),
        (["out", "-o", "docs"], 2, "docs exists already\nhint: name another --output"),
        (["out", "-o", "missing/x.jsonl"], 13, "missing/x.jsonl cannot be used: No such file or directory"),
        (["docs"], 2, "there is no journal in docs\nhint: name the --output directory of a run"),
    ],
)
def test_an_error_is_one_line_with_what_to_do(place, arguments, code, message):
    place.sections(1)
    place.run()
    run = ask(place, "export", *arguments)
    assert (run.returncode, run.stdout) == (code, b"")
    assert f"bedrock-batch: error: {message}" in run.stderr.decode()


def test_a_full_disk_in_the_middle_loses_nothing(place):
    place.sections(200)
    place.run()
    before = (place.out / "journal.sqlite").read_bytes()
    limited = """
import resource, signal, sys
from cli.app import main
resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sys.exit(main(sys.argv[1:]))
"""
    for format_ in ("jsonl", "sqlite", "parquet", "markdown"):
        export = [sys.executable, "-P", "-c", limited, "export", "out", "-f", format_, "-o", f"x-{format_}"]
        run = subprocess.run(export, cwd=place.folder, env=place.env(), capture_output=True, text=True)
        assert run.returncode == 13, (format_, run.stderr)
        assert "nothing was written" in run.stderr
        assert not (place.folder / f"x-{format_}").exists()
    assert (place.out / "journal.sqlite").read_bytes() == before


class TestStatus:
    def test_failures_are_counted_by_reason_with_an_example(self, place, bedrock):
        place.sections(10)
        bedrock.faults({"kind": "invalid"})
        place.run("--max-failures", "100")
        (analysis,) = state(place)["analyses"]
        (failure,) = analysis["failures"]
        assert (failure["status"], failure["code"]) == ("failed", "ValidationException")
        assert failure["document"] == "docs/a.md"
        assert failure["count"] == analysis["units"]["failed"]
        shown = ask(place, "status", "out").stdout.decode()
        assert f"failed     {failure['count']}  ValidationException" in shown
        assert "for example docs/a.md > Section" in shown

    def test_it_shows_spend_and_runs_and_ends_with_0(self, place):
        place.sections(4)
        place.run()
        shown = ask(place, "status", "out")
        assert shown.returncode == 0
        assert b"out: no run is writing" in shown.stdout
        assert b"units      4  ok 4" in shown.stdout
        found = state(place)
        assert (found["total"]["calls"], found["runs"][0]["exit_code"]) == (4, 0)
        assert found["total"] == {key: place.summary()["total"][key] for key in found["total"]}

    def test_foreign_text_is_safe_on_the_terminal(self, place):
        place.write("\x1b]52;c;x\x07[red].md", "# \x1b[2J\n\nText.\n")
        place.run("--prompt", "Say \x1b[31mred")
        shown = ask(place, "status", "out").stdout.decode()
        assert "\x1b" not in shown


class TestPrune:
    def test_it_asks_then_deletes_what_no_document_needs_and_keeps_the_totals(self, place, bedrock):
        place.sections(3, "a.md")
        place.sections(2, "b.md", start=10)
        place.run()
        place.run(paths=("docs/a.md",))
        total, results = state(place)["total"], (place.out / "results.jsonl").read_bytes()
        asked = ask(place, "status", "out", "--prune", "0s")
        assert asked.returncode == 2
        assert b"this would delete 2 answers and 2 attempts" in asked.stderr
        assert len(rows(place, "--gone")) == 5
        old = ask(place, "status", "out", "--prune", "1d", "--yes")
        assert b"deleted: 0 answers and 0 attempts" in old.stdout
        assert b"deleted: 2 answers and 2 attempts" in ask(place, "status", "out", "--prune", "0s", "--yes").stdout
        assert (len(rows(place, "--gone")), state(place)["total"]) == (3, total)
        assert ask(place, "verify", "out").returncode == 0
        assert place.run("--no-cache", paths=("docs/a.md",)).returncode == 0
        assert (len(bedrock.ledger()), (place.out / "results.jsonl").read_bytes()) == (5, results)
