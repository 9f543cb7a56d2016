"""Whole runs of the installed command against the emulator, whose ledger is the judge."""

import json
import os
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
    """Wait for what another process will bring about."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        os.sched_yield()


def attempts(place: Workplace) -> list[tuple[str | None, int]]:
    with sqlite3.connect(place.out / "journal.sqlite") as journal:
        found = journal.execute("SELECT outcome, count(*) FROM attempts GROUP BY outcome").fetchall()
    journal.close()
    return found


class TestOnce:
    """Nothing is called for twice."""

    def test_every_section_is_called_for_once_and_a_second_run_makes_no_call(self, place, bedrock):
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

    def test_identical_sections_cost_one_call_an_edited_one_one_and_a_renamed_file_none(self, place, bedrock):
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

    def test_what_was_paid_for_in_one_directory_is_not_paid_for_in_another(self, place, bedrock):
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

    def test_another_prompt_is_another_question(self, place, bedrock):
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
    """However a run ends, the next one goes on."""

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
            # Whatever the machine's load: what starts in the moment before the signal is heard is one round of calls.
            assert len(ledger) <= before + 2 * 32
            assert len(place.results()) == len(ledger) == place.summary()["ok"]
            assert place.summary()["exit_code"] == 128 + number
            assert place.run("--concurrency", "500").returncode == 0
            assert len(bedrock.ledger()) == 2000

    def test_a_second_signal_ends_it_at_once_and_the_record_says_what_is_unknown(self, tmp_path):
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

    def test_after_kill_9_nothing_that_was_answered_is_called_again(self, tmp_path):
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

    def test_hold_lists_what_is_unknown_and_leaves_it(self, tmp_path):
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
    """What Bedrock and networks do wrong."""

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
    def test_if_every_call_is_refused_only_a_few_are_sent(self, place, bedrock, fault, code):
        bedrock.faults(fault)
        place.sections(500)
        ran = place.run()
        assert ran.returncode == code, ran.stderr
        assert len(bedrock.ledger()) <= 40

    def test_a_hanging_call_ends_at_its_deadline(self, place, bedrock):
        bedrock.faults({"kind": "hang", "count": 1})
        place.sections(3)
        assert place.run("--call-timeout", "500ms").returncode == 0
        assert len(bedrock.ledger()) == 4

    def test_a_truncated_answer_is_kept_and_not_bought_again_unless_asked(self, place, bedrock):
        bedrock.faults({"kind": "stop-reason", "argument": "max_tokens", "count": 1})
        place.sections(3)
        assert place.run().returncode == 4
        assert sorted(row["status"] for row in place.results()) == ["incomplete", "ok", "ok"]
        assert place.run().returncode == 4
        assert len(bedrock.ledger()) == 3
        assert place.run("--retry", "incomplete").returncode == 0
        assert len(bedrock.ledger()) == 4

    def test_the_days_quota_stops_the_run_with_its_own_message(self, tmp_path):
        with emulator(tpd=5000.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(100)
            ran = place.run()
            assert ran.returncode == 14
            assert "day" in ran.stderr

    def test_what_never_left_is_no_call(self, place):
        place.url = "http://127.0.0.1:9"
        place.sections(2)
        assert place.run("--max-attempts", "2").returncode == 4
        assert place.summary()["calls"] == 0

    def test_a_told_quota_is_kept_without_a_throttle(self, tmp_path):
        with emulator(rpm=1200.0, refill="bucket", burst=1.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(60)
            assert place.run("--rpm", "1200").returncode == 0
            assert bedrock.stats()["statuses"] == {"200": 60}


UNAVAILABLE = {"kind": "unavailable"}
NOBODY = "http://127.0.0.1:9"


class TestOutage:
    """The service is out, as it says itself or because nobody listens there."""

    def test_with_fallback_excerpts_stand_in_until_a_plain_run_replaces_them(self, place, bedrock):
        place.sections(30)
        place.write("b.md", "## Section 3\n\nNumber 3 says 21.\n")
        bedrock.faults(UNAVAILABLE)
        ran = place.run("--on-outage", "fallback")
        assert ran.returncode == 4, ran.stderr
        assert "the service is out: " in ran.stderr
        rows, summary = place.results(), place.summary()
        assert {(row["status"], row["source"], row["error"]["code"]) for row in rows} == {
            ("fallback", "fallback", "Outage")
        }
        assert rows[7]["text"] == "[not answered, the section begins:] Number 7 says 49."
        assert (summary["fallback"], summary["pending"], summary["cost_usd"]) == (31, 0, 0.0)
        assert len(bedrock.ledger()) < 30
        bedrock.faults()
        for output in ("other", "out"):  # in another directory first: the cache must not know of them
            assert place.run(output=output).returncode == 0
            assert [row["status"] for row in place.results(output)] == ["ok"] * 31
            assert all(row["text"].startswith("[emulated]") for row in place.results(output))
        assert {row["source"] for row in place.results("other")} == {"bedrock", "duplicate"}
        assert place.summary()["fallback"] == 0

    def test_a_refresh_in_an_outage_keeps_what_was_paid_for_and_says_that_it_is_not_done(self, place, bedrock):
        place.sections(30)
        place.run()
        answers = [(row["status"], row["text"], row["source"], row["error"]) for row in place.results()]
        bedrock.faults(UNAVAILABLE)
        assert place.run("--refresh", "--on-outage", "fallback").returncode == 4
        assert [(row["status"], row["text"], row["source"], row["error"]) for row in place.results()] == answers
        assert place.summary()["pending"] == 30

    @pytest.mark.parametrize(("nobody", "said"), [(False, "ServiceUnavailableException"), (True, "connection refused")])
    def test_with_fail_it_stops_with_14_and_the_cause_and_loses_nothing(self, place, bedrock, nobody, said):
        place.sections(100)
        bedrock.faults(UNAVAILABLE)
        place.url = NOBODY if nobody else bedrock.url
        ran = place.run("--on-outage", "fail")
        assert ran.returncode == 14, ran.stderr
        (line,) = [line for line in ran.stderr.splitlines() if line.startswith("note: stopping: the service is out: ")]
        assert said in line
        assert place.summary()["pending"] == 100
        place.url = bedrock.url
        bedrock.faults()
        assert place.run().returncode == 0

    @pytest.mark.parametrize(("nobody", "said"), [(False, "ServiceUnavailableException"), (True, "connection refused")])
    def test_by_default_it_waits_says_why_and_can_be_ended_and_taken_up_again(self, place, bedrock, nobody, said):
        place.sections(100)
        bedrock.faults(UNAVAILABLE)
        place.url = NOBODY if nobody else bedrock.url
        running = place.start()
        assert running.stderr
        lines: list[str] = []
        until(lambda: "the service is out" in (lines.append(running.stderr.readline()) or lines[-1]))
        assert said in lines[-1]
        assert "it is tried again in 1m 00s" in lines[-1]
        assert "no call was answered yet, so check endpoint and network" in running.stderr.readline()
        sent = len(bedrock.ledger())
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=PATIENCE)
        assert running.returncode == 130
        assert (len(bedrock.ledger()), place.summary()["pending"]) == (sent, 100)
        place.url = bedrock.url
        bedrock.faults()
        assert place.run().returncode == 0
        assert len(bedrock.ledger()) == sent + 100

    def test_where_nobody_listens_fallback_still_gives_every_section_a_row(self, place):
        place.url = NOBODY
        place.sections(30)
        assert place.run("--on-outage", "fallback").returncode == 4
        assert [row["status"] for row in place.results()] == ["fallback"] * 30
        assert place.summary()["calls"] == 0


class TestOrder:
    """One huge document is listed before five small ones, and there is time for a fraction of it."""

    @pytest.mark.parametrize(
        ("options", "answered"),
        [([], 25), (["--fair-by", "none"], 0), (["--fair-by", "none", "--first", "b*"], 25), (["--sample", "60"], 0)],
        ids=["by document", "in order", "first", "a sample"],
    )
    def test_who_is_answered(self, place, options, answered):
        place.sections(3000, "a.md")
        for number in range(5):
            place.sections(5, f"b{number}.md", start=10_000 * (number + 1))
        ran = place.run("--rpm", "1500", "--deadline", "4s", *options)
        assert ran.returncode in (0, 5), ran.stderr
        documents = [row["document"] for row in place.results()]
        assert sum(document != "docs/a.md" for document in documents) == answered
        assert documents == sorted(documents)
        assert "docs/a.md" in documents

    def test_a_glob_that_nothing_matches_is_told_of(self, place):
        place.sections(2)
        assert "no file matches --first" in place.run("--first", "urgent/*").stderr


class TestInput:
    """Bad input is told of, and everything else is still done."""

    def test_what_cannot_be_read_is_named_with_its_reason_and_the_rest_is_done(self, place, bedrock):
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

    def test_without_credentials_it_ends_with_12_and_says_what_needs_none(self, place):
        place.sections(1)
        place.environment = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
        ran = place.run()
        assert ran.returncode == 12
        assert "--emulate" in ran.stderr

    def test_an_output_that_cannot_be_written_is_named(self, place):
        place.sections(1)
        ran = place.run(output="/proc/nothing/here")
        assert ran.returncode == 13
        assert "/proc/nothing/here" in ran.stderr

    def test_a_held_directory_is_not_touched(self, tmp_path):
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

    def test_an_unmounted_folder_does_not_empty_the_results(self, place):
        place.sections(5)
        place.run()
        place.docs.rename(place.folder / "elsewhere")
        assert place.run().returncode == 2
        assert len(place.results()) == 5
        place.docs.mkdir()
        assert place.run().returncode == 2
        assert len(place.results()) == 5

    def test_a_removed_lock_file_lets_nobody_in(self, tmp_path):
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

    def test_one_section_without_access_is_a_matter_of_access(self, place, bedrock):
        bedrock.faults({"kind": "denied"})
        place.sections(1)
        assert place.run().returncode == 12

    def test_what_did_not_fit_a_quota_fits_a_larger_one(self, place):
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

    def test_json_is_printed_whoever_asked_for_it(self, place):
        place.sections(1)
        place.environment = {"BEDROCK_BATCH_ANALYZE_JSON": "true"}
        assert json.loads(place.run("--rpm", "x").stdout)["exit_code"] == 2

    @pytest.mark.parametrize("wrong", [["--rpm", "x"], ["--nonsense"], ["--prompt", " "]])
    def test_json_is_printed_for_a_wrong_command_line_as_well(self, place, wrong):
        place.sections(1)
        ran = place.run("--json", *wrong)
        told = json.loads(ran.stdout)
        assert ran.returncode == told["exit_code"] == 2
        assert told["error"]
        assert told.keys() >= {"run_id", "ok", "calls", "cost_usd", "quota"}

    def test_without_json_standard_output_is_empty(self, place):
        place.sections(3)
        assert place.run().stdout == ""

    def test_quiet_says_nothing_of_what_went_well_and_one_line_of_what_did_not(self, place):
        place.sections(3)
        assert place.run("--quiet").stderr == ""
        place.write("b.xyz", "x")
        assert place.run("--quiet").stderr == "bedrock-batch: exit code 3: 1 of 2 documents unreadable\n"

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

    def test_a_full_standard_output_is_no_bug_and_loses_no_answer(self, place):
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
