"""Runs against faults of Bedrock, of networks, and outages, checked against the ledger of the emulator."""

import signal

import pytest
from running import PATIENCE, Workplace, emulator, until

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
        assert sum(count for _, count in place.attempts()) == 24
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
            ({"kind": "model-error"}, 4),
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
        (line,) = [line for line in ran.stderr.splitlines() if "note: stopping: the service is unavailable: " in line]
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
        until(lambda: not bedrock.stats()["in_flight"])
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
