"""Runs that are stopped or killed, checked against the ledger of the emulator."""

import signal
import time

import pytest
from running import PATIENCE, Workplace, emulator, until


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
            assert sum(row["status"] == "ok" for row in place.results()) == len(ledger) == place.summary()["ok"]
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
            assert place.attempts() == [(None, 16)]

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
            assert sum(count for _, count in place.attempts()) >= len(ledger)

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
