"""Whole runs of the installed command against the emulator, checked against its ledger."""

import json
import os
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import PATIENCE, EmulatorProcess, Workplace, emulator


@pytest.fixture
def bedrock() -> Iterator[EmulatorProcess]:
    with emulator() as running:
        yield running


@pytest.fixture
def place(tmp_path: Path, bedrock: EmulatorProcess) -> Workplace:
    return Workplace(tmp_path, bedrock.url)


def until(condition: Callable[[], bool]) -> None:
    """Wait for another process."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        os.sched_yield()


def attempts(place: Workplace) -> list[tuple[str | None, int]]:
    with sqlite3.connect(place.out / "journal.sqlite") as journal:
        found = journal.execute("SELECT outcome, count(*) FROM attempts GROUP BY outcome").fetchall()
    journal.close()
    return found


class TestOnce:
    """No answer is paid for twice."""

    def test_every_section_is_called_once_and_a_second_run_makes_no_call(self, place, bedrock):
        place.sections(50)
        first = place.run()
        assert first.returncode == 0, first.stderr
        assert len(bedrock.ledger()) == 50
        rows = place.results()
        assert [row["section"] for row in rows] == list(range(50))
        assert all(row["status"] == "ok" and row["text"].startswith("[emulated]") for row in rows)
        assert rows[7]["heading"] == ["Section 7"]
        assert rows[7]["document"] == "docs/a.md"
        second = place.run()
        assert second.returncode == 0, second.stderr
        assert len(bedrock.ledger()) == 50
        assert place.results() == rows
        assert (place.summary()["calls"], place.summary()["resumed"]) == (0, 50)

    def test_duplicates_cost_one_call_an_edited_section_one_and_a_renamed_file_none(self, place, bedrock):
        same = "## Confidentiality\n\nKeep it to yourself.\n\n"
        for n in range(5):
            place.write(f"{n}.md", f"# Document {n}\n\nNumber {n}.\n\n" + same * 20)
        place.run()
        assert len(bedrock.ledger()) == 6
        assert place.summary()["duplicates"] == 99
        place.write("3.md", f"# Document 3\n\nNumber three.\n\n{same * 20}")
        place.run()
        assert len(bedrock.ledger()) == 7
        (place.docs / "0.md").rename(place.docs / "renamed.md")
        place.run()
        assert len(bedrock.ledger()) == 7
        rows = place.results()
        assert len(rows) == 105
        assert {row["document"] for row in rows} == {f"docs/{name}.md" for name in ("renamed", "1", "2", "3", "4")}
        assert [row["source"] for row in rows].count("bedrock") == 6

    def test_the_cache_answers_in_another_output_directory(self, place, bedrock):
        place.sections(20)
        place.run()
        assert place.run(output="other").returncode == 0
        assert len(bedrock.ledger()) == 20
        assert place.summary("other")["cached"] == 20
        assert {row["source"] for row in place.results("other")} == {"cache"}
        place.run("--no-cache", output="third")
        assert len(bedrock.ledger()) == 40
        place.run("--refresh")
        assert len(bedrock.ledger()) == 60

    def test_another_prompt_is_another_request(self, place, bedrock):
        place.sections(5)
        place.run()
        place.run("--prompt", "Translate it.")
        place.run("--prompt", "Translate it.")
        assert len(bedrock.ledger()) == 10

    def test_an_emulated_answer_never_serves_another_endpoint(self, place, bedrock):
        place.sections(5)
        place.run("--emulate")
        assert bedrock.ledger() == []
        assert place.summary()["emulated"]
        place.run()
        assert len(bedrock.ledger()) == 5


class TestKilled:
    """However a run ends, the next one continues."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_after_a_signal_no_call_starts_and_those_in_flight_finish(self, tmp_path, number):
        with emulator(latency=0.4) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(2000)
            running = place.start("--concurrency", "32")
            until(lambda: len(bedrock.ledger()) >= 100)
            before = len(bedrock.ledger())
            running.send_signal(number)
            _, err = running.communicate(timeout=PATIENCE)
            assert running.returncode == 128 + number, err
            ledger = bedrock.ledger()
            # On a machine under load, one round of calls may start before the signal is handled.
            assert len(ledger) <= before + 2 * 32
            assert len(place.results()) == len(ledger) == place.summary()["ok"]
            assert place.summary()["exit_code"] == 128 + number
            assert place.run("--concurrency", "500").returncode == 0
            assert len(bedrock.ledger()) == 2000

    def test_a_second_signal_ends_it_at_once_and_the_record_has_the_open_attempts(self, tmp_path):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(100)
            running = place.start("--concurrency", "16")
            until(lambda: len(bedrock.ledger()) == 16)
            running.send_signal(signal.SIGINT)
            assert running.stderr
            until(lambda: "stopping" in running.stderr.readline())
            running.send_signal(signal.SIGINT)
            began = time.monotonic()
            running.communicate(timeout=PATIENCE)
            assert running.returncode == 130
            assert time.monotonic() - began < 5
            assert attempts(place) == [(None, 16)]

    def test_after_kill_9_no_answered_section_is_called_again(self, tmp_path):
        with emulator(latency=0.05) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(600)
            running = place.start("--concurrency", "16")
            until(lambda: len(bedrock.ledger()) >= 200)
            running.kill()
            running.communicate(timeout=PATIENCE)
            again = place.run()
            assert again.returncode == 0, again.stderr
            ledger, summary = bedrock.ledger(), place.summary()
            assert summary["ok"] == 600
            assert len(ledger) - 600 <= summary["maybe_paid_twice"] <= 16
            # Every POST is an attempt in the record.
            assert sum(count for _, count in attempts(place)) >= len(ledger)

    def test_hold_lists_unknown_outcomes_and_does_not_retry_them(self, tmp_path):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(4)
            running = place.start("--on-unknown", "hold")
            until(lambda: len(bedrock.ledger()) == 4)
            running.kill()
            running.communicate(timeout=PATIENCE)
            again = place.run("--on-unknown", "hold")
            assert again.returncode == 4, again.stderr
            assert len(bedrock.ledger()) == 4
            assert [row["status"] for row in place.results()] == ["held"] * 4
            assert place.summary()["held"] == 4


FAULTY = [
    {"kind": "reset", "count": 4},
    {"kind": "truncated", "count": 4},
    {"kind": "cut", "count": 4},
    {"kind": "html", "count": 4},
    {"kind": "html-503", "count": 4},
    {"kind": "empty", "count": 4},
    {"kind": "nan", "count": 4},
    {"kind": "internal", "count": 4},
    {"kind": "unavailable", "count": 4},
    {"kind": "requests", "count": 4},
    {"kind": "timeout", "count": 4},
]
"""Four failures: the fifth in a row would open the breaker for a minute, as it should."""


class TestFaults:
    """Faults of Bedrock and of networks."""

    @pytest.mark.parametrize("fault", FAULTY, ids=lambda fault: fault["kind"])
    def test_each_attempt_is_one_post_and_every_section_gets_its_answer(self, place, bedrock, fault):
        bedrock.faults(fault)
        place.sections(20)
        ran = place.run()
        assert ran.returncode == 0, ran.stderr
        ledger = bedrock.ledger()
        assert len(ledger) == 24
        assert sum(count for _, count in attempts(place)) == 24
        assert place.summary()["calls"] == 24
        marks = [entry["metadata"]["attempt"] for entry in ledger]
        assert len(set(marks)) == 24
        billed = sum(entry["charged"] for entry in ledger)
        assert billed - 20 == place.summary()["maybe_paid_twice"]

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ({"kind": "denied"}, 12),
            ({"kind": "not-found"}, 12),
            ({"kind": "redirect"}, 12),
            ({"kind": "invalid"}, 4),
        ],
        ids=lambda value: value["kind"] if isinstance(value, dict) else "",
    )
    def test_if_every_call_is_rejected_only_a_few_are_sent(self, place, bedrock, fault, code):
        bedrock.faults(fault)
        place.sections(500)
        ran = place.run()
        assert ran.returncode == code, ran.stderr
        assert len(bedrock.ledger()) <= 40

    def test_a_hanging_call_ends_at_its_timeout(self, place, bedrock):
        bedrock.faults({"kind": "hang", "count": 1})
        place.sections(3)
        assert place.run("--call-timeout", "500ms").returncode == 0
        assert len(bedrock.ledger()) == 4

    def test_a_truncated_answer_is_kept_and_not_retried_unless_asked(self, place, bedrock):
        bedrock.faults({"kind": "stop-reason", "argument": "max_tokens", "count": 1})
        place.sections(3)
        assert place.run().returncode == 4
        assert sorted(row["status"] for row in place.results()) == ["incomplete", "ok", "ok"]
        assert place.run().returncode == 4
        assert len(bedrock.ledger()) == 3
        assert place.run("--retry", "incomplete").returncode == 0
        assert len(bedrock.ledger()) == 4

    def test_the_daily_quota_stops_the_run_with_its_own_message(self, tmp_path):
        with emulator(tpd=5000.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(100)
            ran = place.run()
            assert ran.returncode == 14
            assert "day" in ran.stderr

    def test_a_call_that_was_never_sent_does_not_count(self, place):
        place.url = "http://127.0.0.1:9"
        place.sections(2)
        assert place.run("--max-attempts", "2").returncode == 4
        assert place.summary()["calls"] == 0

    def test_a_configured_quota_is_kept_without_a_throttle(self, tmp_path):
        with emulator(rpm=1200.0, refill="bucket", burst=1.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(60)
            assert place.run("--rpm", "1200").returncode == 0
            assert bedrock.stats()["statuses"] == {"200": 60}


UNAVAILABLE = {"kind": "unavailable"}
UNREACHABLE = "http://127.0.0.1:9"


class TestOutage:
    """The service answers 503, or nothing listens at its address."""

    def test_fallback_excerpts_are_replaced_by_a_plain_run(self, place, bedrock):
        place.sections(30)
        place.write("b.md", "## Section 3\n\nNumber 3 says 21.\n")
        bedrock.faults(UNAVAILABLE)
        ran = place.run("--on-outage", "fallback")
        assert ran.returncode == 4, ran.stderr
        assert "the service is unavailable: " in ran.stderr
        rows, summary = place.results(), place.summary()
        assert {(row["status"], row["source"], row["error"]["code"]) for row in rows} == {
            ("fallback", "fallback", "Outage")
        }
        assert rows[7]["text"] == "[no answer; start of the section:] Number 7 says 49."
        assert (summary["fallback"], summary["pending"], summary["cost_usd"]) == (31, 0, 0.0)
        assert len(bedrock.ledger()) < 30
        bedrock.faults()
        for output in ("other", "out"):  # in another directory first: they must not be in the cache
            assert place.run(output=output).returncode == 0
            assert [row["status"] for row in place.results(output)] == ["ok"] * 31
            assert all(row["text"].startswith("[emulated]") for row in place.results(output))
        assert {row["source"] for row in place.results("other")} == {"bedrock", "duplicate"}
        assert place.summary()["fallback"] == 0

    def test_a_refresh_in_an_outage_keeps_the_paid_answers_and_counts_them(self, place, bedrock):
        place.sections(30)
        place.run()
        answers = [(row["status"], row["text"], row["source"], row["error"]) for row in place.results()]
        bedrock.faults(UNAVAILABLE)
        assert place.run("--refresh", "--on-outage", "fallback").returncode == 4
        assert [(row["status"], row["text"], row["source"], row["error"]) for row in place.results()] == answers
        summary = place.summary()
        assert (summary["ok"], summary["pending"], summary["not_refreshed"]) == (30, 0, 30)

    def test_a_refresh_under_a_smaller_quota_keeps_the_paid_answers(self, place, bedrock):
        place.sections(30)
        place.run()
        answers = place.results()
        ran = place.run("--refresh", "--tpm", "1000", "--quiet")
        assert ran.returncode == 4
        assert "30 of 30 sections not refreshed, first failure: NeverFits: the call needs more than" in ran.stderr
        assert place.results() == answers
        assert place.run().returncode == 0
        assert place.summary()["calls"] == 0

    @pytest.mark.parametrize(
        ("unreachable", "reason"), [(False, "ServiceUnavailableException"), (True, "connection refused")]
    )
    def test_fail_stops_with_14_and_the_cause_and_loses_nothing(self, place, bedrock, unreachable, reason):
        place.sections(100)
        bedrock.faults(UNAVAILABLE)
        place.url = UNREACHABLE if unreachable else bedrock.url
        ran = place.run("--on-outage", "fail")
        assert ran.returncode == 14, ran.stderr
        (line,) = [
            line for line in ran.stderr.splitlines() if line.startswith("note: stopping: the service is unavailable: ")
        ]
        assert reason in line
        assert place.summary()["pending"] == 100
        place.url = bedrock.url
        bedrock.faults()
        assert place.run().returncode == 0

    @pytest.mark.parametrize(
        ("unreachable", "reason"), [(False, "ServiceUnavailableException"), (True, "connection refused")]
    )
    def test_by_default_it_waits_says_why_and_can_be_interrupted_and_resumed(self, place, bedrock, unreachable, reason):
        place.sections(100)
        bedrock.faults(UNAVAILABLE)
        place.url = UNREACHABLE if unreachable else bedrock.url
        running = place.start()
        assert running.stderr
        lines: list[str] = []
        until(lambda: "the service is unavailable" in (lines.append(running.stderr.readline()) or lines[-1]))
        assert reason in lines[-1]
        assert "next probe in 1m 00s" in lines[-1]
        assert "no call has succeeded yet, so check endpoint and network" in running.stderr.readline()
        sent = len(bedrock.ledger())
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=PATIENCE)
        assert running.returncode == 130
        assert (len(bedrock.ledger()), place.summary()["pending"]) == (sent, 100)
        place.url = bedrock.url
        bedrock.faults()
        assert place.run().returncode == 0
        assert len(bedrock.ledger()) == sent + 100

    def test_with_an_unreachable_service_fallback_gives_every_section_a_row(self, place):
        place.url = UNREACHABLE
        place.sections(30)
        assert place.run("--on-outage", "fallback").returncode == 4
        assert [row["status"] for row in place.results()] == ["fallback"] * 30
        assert place.summary()["calls"] == 0


class TestOrder:
    """One huge document is listed before five small ones, and the deadline allows a fraction of it."""

    @pytest.mark.parametrize(
        ("options", "answered"),
        [([], 25), (["--fair-by", "none"], 0), (["--fair-by", "none", "--first", "b*"], 25), (["--sample", "60"], 0)],
        ids=["by document", "in order", "first", "a sample"],
    )
    def test_which_documents_are_answered(self, place, options, answered):
        place.sections(3000, "a.md")
        for number in range(5):
            place.sections(5, f"b{number}.md", start=10_000 * (number + 1))
        ran = place.run("--rpm", "1500", "--deadline", "4s", *options)
        assert ran.returncode in (0, 5), ran.stderr
        documents = [row["document"] for row in place.results()]
        assert sum(document != "docs/a.md" for document in documents) == answered
        assert documents == sorted(documents)
        assert "docs/a.md" in documents

    @pytest.mark.parametrize("options", [[], ["--sample", "1"]])
    def test_a_glob_without_a_match_is_a_warning(self, tmp_path, options):
        with emulator(latency=0.5) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(2)
            ran = place.run("--first", "urgent/*", *options)
            assert ran.returncode == 0
            assert ran.stderr.count("note: no file matches --first urgent/*\n") == 1
            assert "no file matches" not in place.run("--first", "*.md", *options).stderr


class TestInput:
    """Bad input is reported, and everything else is still done."""

    def test_unreadable_documents_are_named_with_their_reason_and_the_rest_is_done(self, place, bedrock):
        place.sections(2)
        place.write("b.xyz", "x")
        place.write("c.txt", bytes(range(256)) * 8)
        place.write("empty.md", "")
        ran = place.run()
        assert ran.returncode == 3, ran.stderr
        assert "docs/b.xyz" in ran.stderr
        assert "docs/empty.md" in ran.stderr
        assert {doc["path"]: doc["status"] for doc in place.documents()} == {
            "docs/a.md": "ok",
            "docs/b.xyz": "unreadable",
            "docs/c.txt": "unreadable",
            "docs/empty.md": "empty",
        }
        assert place.summary()["unreadable"] == 2
        assert len(place.results()) == 2

    def test_no_files_at_all_is_a_usage_error(self, place):
        place.docs.mkdir()
        ran = place.run()
        assert ran.returncode == 2
        assert "no files" in ran.stderr

    def test_if_every_path_is_missing_it_is_a_usage_error(self, place):
        ran = place.run(paths=("nowhere",))
        assert ran.returncode == 2
        assert "no such file or folder: nowhere" in ran.stderr

    def test_a_missing_path_is_named_and_the_others_are_done(self, place):
        place.sections(2)
        ran = place.run(paths=("docs", "nowhere"))
        assert ran.returncode == 3, ran.stderr
        assert "nowhere" in ran.stderr
        assert len(place.results()) == 2

    def test_without_credentials_it_ends_with_12_and_one_message(self, place):
        place.sections(1)
        place.environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        ran = place.run()
        assert ran.returncode == 12
        start, error, hint = ran.stderr.splitlines()
        assert start.startswith("note: reading docs; ")
        assert error == "error: no AWS credentials were found"
        assert "--emulate" in hint

    def test_an_output_that_cannot_be_written_is_named(self, place):
        place.sections(1)
        ran = place.run(output="/proc/nothing/here")
        assert ran.returncode == 13
        assert "error: the output directory /proc/nothing/here cannot be used: No such file" in ran.stderr

    def test_an_output_that_is_a_file_is_a_usage_error(self, place):
        place.sections(1)
        (place.folder / "file").touch()
        ran = place.run(output="file")
        assert ran.returncode == 2
        assert ran.stderr.endswith(
            "error: the output file is a file, not a directory\nhint: name a directory with --output\n"
        )

    @pytest.mark.parametrize(
        ("limit", "message"), [(10, "the limit of open files is 10"), (24, "the limit of open files is 24")]
    )
    def test_a_low_limit_of_open_files_is_named_with_what_to_do(self, place, limit, message):
        place.sections(1)
        command = shlex.join(place.command("--emulate"))
        ran = subprocess.run(
            ["bash", "-c", f"ulimit -n {limit}; {command}"],
            cwd=place.folder, env=place.env(), capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert ran.returncode == 13
        assert f"the limit of open files is {limit}" in ran.stderr
        assert "hint: raise the limit of open files: `ulimit -n 4096`" in ran.stderr
        assert "output directory" not in ran.stderr

    def test_a_locked_directory_is_not_touched(self, tmp_path):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(1)
            running = place.start()
            until(lambda: len(bedrock.ledger()) == 1)
            second = place.run("--json")
            assert second.returncode == 11
            assert str(running.pid) in second.stderr
            assert json.loads(second.stdout)["exit_code"] == 11
            running.kill()
            running.communicate(timeout=PATIENCE)

    def test_budget_and_deadline_end_it_with_5(self, place, bedrock):
        place.sections(500)
        ran = place.run("--budget", "0.002")
        assert ran.returncode == 5, ran.stderr
        assert 0 < place.summary()["cost_usd"] <= 0.002
        assert place.summary()["pending"] > 0
        bedrock.faults({"kind": "hang"})
        ran = place.run("--deadline", "1s", "--grace", "100ms")
        assert ran.returncode == 5, ran.stderr

    def test_a_sample_within_the_first_document_is_all_done(self, place, bedrock):
        place.sections(20)
        ran = place.run("--sample", "5")
        assert ran.returncode == 0, ran.stderr
        assert len(place.results()) == len(bedrock.ledger()) == 5
        assert place.run().returncode == 0
        assert len(bedrock.ledger()) == 20

    def test_a_missing_folder_does_not_empty_the_results(self, place):
        place.sections(5)
        place.run()
        place.docs.rename(place.folder / "elsewhere")
        assert place.run().returncode == 2
        assert len(place.results()) == 5
        place.docs.mkdir()
        assert place.run().returncode == 2
        assert len(place.results()) == 5

    def test_a_removed_lock_file_admits_no_second_run(self, tmp_path):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(1)
            running = place.start()
            until(lambda: len(bedrock.ledger()) == 1)
            (place.out / "journal.lock").unlink()
            assert place.run().returncode == 11
            running.kill()
            running.communicate(timeout=PATIENCE)
            assert len(bedrock.ledger()) == 1

    def test_one_section_without_access_ends_with_12(self, place, bedrock):
        bedrock.faults({"kind": "denied"})
        place.sections(1)
        assert place.run().returncode == 12

    def test_a_section_too_large_for_a_quota_fits_a_larger_one(self, place):
        place.sections(2)
        assert place.run("--tpm", "500").returncode == 4
        assert place.run("--tpm", "500000").returncode == 0


class TestOutput:
    """Data on standard output, everything else on standard error."""

    def test_json_prints_the_summary_and_nothing_else(self, place):
        place.sections(3)
        ran = place.run("--json")
        assert json.loads(ran.stdout) == place.summary()
        assert ran.stdout.count("\n") == 1

    def test_the_final_block_is_printed_even_if_nothing_was_processed(self, place):
        place.write("b.xyz", "x")
        ran = place.run()
        assert ran.returncode == 3
        assert "Finished with problems (exit code 3):\nout/results.jsonl\ndocuments  1  unreadable 1\n" in ran.stderr
        place.sections(1)
        ran = place.run("--deadline", "1ms", output="other")
        assert ran.returncode == 5
        assert "Stopped: the deadline is reached\n" in ran.stderr
        assert "\ndocuments  " in ran.stderr

    def test_a_second_run_says_that_all_sections_are_answered(self, place):
        place.sections(3)
        place.run()
        assert "all 3 sections already answered" in place.run().stderr

    def test_a_reason_that_stops_the_run_is_printed_once_and_in_the_final_block(self, place, bedrock):
        place.sections(20)
        bedrock.faults({"kind": "denied"})
        ran = place.run("--concurrency", "1")
        lines = [line for line in ran.stderr.splitlines() if "don't have" in line and not line.startswith("[")]
        assert [line.split(":")[0] for line in lines] == ["note", "Stopped"]

    def test_without_json_standard_output_is_empty(self, place):
        place.sections(3)
        assert place.run().stdout == ""

    def test_quiet_prints_one_line_only_if_there_are_problems(self, place):
        place.sections(3)
        assert place.run("--quiet").stderr == ""
        place.write("b.xyz", "x")
        assert place.run("--quiet").stderr == "bedrock-batch: exit code 3: 1 of 2 documents unreadable\n"
        stopped = place.run("--quiet", "--deadline", "1ms", output="other")
        assert stopped.stderr == "bedrock-batch: exit code 5: the deadline is reached\n"

    def test_a_closed_standard_error_loses_no_answer(self, place, bedrock):
        place.sections(30)
        running = place.start("--json")
        assert running.stderr
        running.stderr.close()
        assert running.stdout
        out = running.stdout.read()
        running.stdout.close()
        assert running.wait(PATIENCE) == 0
        assert json.loads(out)["ok"] == 30
        assert len(place.results()) == 30

    def test_a_full_standard_output_loses_no_answer(self, place):
        place.sections(3)
        with Path("/dev/full").open("w") as full:
            running = subprocess.Popen(
                place.command("--json"), cwd=place.folder, env=place.env(), stdout=full, stderr=subprocess.PIPE
            )
            _, err = running.communicate(timeout=PATIENCE)
        assert running.returncode == 13, err
        assert err.count(b"cannot write to standard output") == 1
        assert place.summary()["exit_code"] == 13
        assert len(place.results()) == 3

    def test_secrets_are_written_nowhere_and_texts_not_to_the_terminal(self, place):
        place.write("a.md", "## H\n\nThe canary text.\n")
        ran = place.run("--verbose")
        assert "canary" not in ran.stderr
        for path in place.out.iterdir():
            assert b"canary-secret" not in path.read_bytes()
