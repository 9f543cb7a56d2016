"""Runs that are stopped or killed, checked against the ledger of the emulator."""

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from running import PATIENCE, Workplace, emulator, until


def command_line(pid: int) -> bytes:
    """Empty for a process that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def children(pid: int, module: bytes) -> list[int]:
    """The child processes that run a module."""
    pids = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [pid for pid in pids if module in command_line(pid)]


class TestChildProcesses:
    """Runs with children that are killed, or that outlive them no longer than a moment."""

    def running(self, place):
        """A run that has begun to read, and to call its own emulator."""
        place.sections(3000)
        running = place.start("--emulate", "--concurrency", "4")
        until(lambda: bool(children(running.pid, b"parser_process")))
        return running, children(running.pid, b"jobs.emulator")[0]

    def test_a_killed_emulator_ends_the_run(self, tmp_path):
        place = Workplace(tmp_path)
        running, child = self.running(place)
        os.kill(child, signal.SIGKILL)
        _, err = running.communicate(timeout=PATIENCE)
        assert running.returncode == 14, err
        assert "stopping: the emulator ended (SIGKILL)\n" in err
        assert "hint: run again: the run continues\n" in err
        assert place.summary()["exit_code"] == 14

    def test_after_kill_9_no_child_goes_on(self, tmp_path):
        place = Workplace(tmp_path)
        running, child = self.running(place)
        pids = [child, *children(running.pid, b"parser_process")]
        running.kill()
        running.communicate(timeout=PATIENCE)
        until(lambda: not any(map(command_line, pids)))


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

    def test_after_a_stop_longer_than_the_timeout_answers_that_have_arrived_are_read(self, tmp_path):
        with emulator(latency=0.5) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(8)
            running = place.start("--call-timeout", "1s")
            until(lambda: len(bedrock.ledger()) == 8)
            running.send_signal(signal.SIGSTOP)
            until(lambda: bedrock.stats()["in_flight"] == 0)
            time.sleep(2.5)  # past the deadline, and long enough to tell a stop from a slow machine
            running.send_signal(signal.SIGCONT)
            _, err = running.communicate(timeout=PATIENCE)
            assert running.returncode == 0, err
            assert len(bedrock.ledger()) == 8

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


class TestSigusr1:
    """It prints a line of progress."""

    @pytest.mark.parametrize("options", [["--quiet"], [], ["--log-format", "json"]])
    def test_in_every_mode_and_the_run_goes_on(self, tmp_path, options):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(30)
            running = place.start("--grace", "0s", *options)
            assert running.stderr
            until(lambda: len(bedrock.ledger()) == 30)
            running.send_signal(signal.SIGUSR1)
            until(lambda: "  0/30 answers  " in running.stderr.readline())
            running.terminate()
            _, err = running.communicate(timeout=PATIENCE)
            assert running.returncode == 143, err

    def test_at_any_moment_it_ends_nothing(self, tmp_path):
        with emulator() as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(20)
            running = place.start("--quiet")
            with Path(f"/proc/{running.pid}/status").open() as status:
                until(lambda: is_prepared(status, signal.SIGUSR1))
            assert running.stderr
            running.stderr.close()  # else the lines fill the pipe
            while running.poll() is None:
                running.send_signal(signal.SIGUSR1)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.wait(0.02)
            running.communicate(timeout=PATIENCE)
            assert running.returncode == 0


def is_prepared(status, number):
    """Whether a process, by its file in /proc, ignores or handles a signal."""
    status.seek(0)
    masks = [int(line.split()[1], 16) for line in status if line.startswith(("SigIgn:", "SigCgt:"))]
    return any(mask >> number - 1 & 1 for mask in masks)


class TestEarly:
    """A signal before the first call."""

    def test_while_it_waits_for_the_lock_it_ends_with_a_report(self, tmp_path):
        with emulator(latency=30.0) as bedrock:
            place = Workplace(tmp_path, bedrock.url)
            place.sections(1)
            holder = place.start()
            until(lambda: len(bedrock.ledger()) == 1)
            waiting = place.start("--lock-wait", "1h", "--json", "--metrics-file", "b.prom")
            assert waiting.stderr
            until(lambda: "waiting for it" in waiting.stderr.readline())
            waiting.send_signal(signal.SIGTERM)
            out, err = waiting.communicate(timeout=PATIENCE)
            assert waiting.returncode == json.loads(out)["exit_code"] == 143
            assert "error: SIGTERM received\n" in err
            assert "_exit_code{" in (tmp_path / "b.prom").read_text()
            holder.kill()
            holder.communicate(timeout=PATIENCE)

    def test_json_is_printed_once_whenever_the_signal_comes(self, tmp_path):
        place = Workplace(tmp_path)
        place.sections(1)
        for _ in range(8):
            running = place.start("--emulate", "--json", "--rpm", "1")
            with Path(f"/proc/{running.pid}/status").open() as status:
                # Not SIGUSR1: a program ignores what the process that started it ignores.
                until(lambda: is_prepared(status, signal.SIGTERM))
            running.send_signal(signal.SIGTERM)
            out, err = running.communicate(timeout=PATIENCE)
            assert running.returncode == 143, err
            assert json.loads(out)["exit_code"] == 143
