"""How the program ends, whatever happens."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from running import COMMAND, PATIENCE

from cli.errors import ExitCode, UserError

SECRET = "the document's own words"


def refuse(_settings):
    raise UserError("nobody home\x1b[2J\nat all", "knock", ExitCode.UNAVAILABLE)


def stumble(_settings):
    secret = SECRET
    raise KeyError(secret)


class TestErrors:
    def test_one_that_is_the_users_to_mend_is_two_harmless_lines(self, shell):
        shell.run = refuse
        said = shell("analyze", "a", "--emulate")
        assert said == (14, "", "bedrock-batch: error: nobody home\\x1b[2J\\nat all\nhint: knock\n")

    def test_a_bug_in_a_task_of_several_is_told_by_its_own_place(self, shell):
        def stumble_in_a_group(settings):
            try:
                return stumble(settings)
            except KeyError as error:
                raise ExceptionGroup("of tasks", [ExceptionGroup("of more", [error])]) from None

        shell.run = stumble_in_a_group
        assert "this is a bug: KeyError in test_app.py, line " in shell("analyze", "a", "--emulate").err

    def test_a_bug_says_where_and_not_what_the_program_was_working_on(self, shell):
        shell.run = stumble
        code, out, err = shell("analyze", "a", "--emulate")
        assert (code, out) == (1, "")
        error, hint = err.splitlines()
        assert error.startswith("bedrock-batch: error: this is a bug: KeyError in test_app.py, line ")
        assert hint == "hint: please report it; --verbose or BEDROCK_BATCH_DEBUG=1 shows the traceback"
        assert SECRET not in err

    def test_a_command_that_has_no_verbose_is_not_said_to_have_it(self, shell, monkeypatch):
        monkeypatch.setattr("cli.config.scenario_file.title", stumble)
        code, _, err = shell("simulate", "--rate", "60")
        assert code == 1
        assert err.endswith("hint: please report it; BEDROCK_BATCH_DEBUG=1 shows the traceback\n")

    def test_an_error_of_the_system_is_no_lost_standard_output_while_that_works(self, shell):
        def fail(_settings):
            raise OSError(28, "No space left on device")

        shell.run = fail
        said = shell("analyze", "a", "--emulate")
        assert said.code == 1
        assert "this is a bug: OSError in test_app.py" in said.err

    @pytest.mark.parametrize("by", ["option", "variable"])
    def test_its_traceback_is_shown_when_asked_for_without_local_variables(self, shell, monkeypatch, by):
        shell.run = stumble
        if by == "variable":
            monkeypatch.setenv("BEDROCK_BATCH_DEBUG", "1")
        code, _, err = shell("analyze", "a", "--emulate", *(["--verbose"] if by == "option" else []))
        assert code == 1
        assert "Traceback (most recent call last):" in err
        assert "secret = " not in err
        assert err.endswith("hint: please report it\n")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_outside_of_a_run_ends_it_with_its_number(self, shell, number):
        before = signal.getsignal(number)
        shell.run = lambda _settings: signal.raise_signal(number)
        assert shell("analyze", "a", "--emulate") == (128 + number, "", "")
        assert signal.getsignal(number) is before

    def test_a_signal_that_is_to_be_ignored_is(self, shell):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            shell.run = lambda _settings: signal.raise_signal(signal.SIGHUP) or 4
            assert shell("analyze", "a", "--emulate").code == 4
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_an_interrupt_that_python_itself_raises_is_one_too(self, shell):
        def interrupted(_settings):
            raise KeyboardInterrupt

        shell.run = interrupted
        assert shell("analyze", "a", "--emulate") == (130, "", "")


class TestProcess:
    """The installed command."""

    @pytest.fixture
    def bare(self, tmp_path):
        return {"cwd": tmp_path, "env": {"PATH": os.defpath, "HOME": str(tmp_path)}, "timeout": PATIENCE}

    def test_a_reader_of_the_help_may_leave(self, bare):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as closed:
            done = subprocess.run([COMMAND, "--help"], stdout=closed, stderr=subprocess.PIPE, **bare)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")

    def test_so_may_one_of_a_short_answer(self, bare):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as closed:
            done = subprocess.run([COMMAND, "--version"], stdout=closed, stderr=subprocess.PIPE, **bare)
        assert (done.returncode, done.stderr) == (0, b"")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize("shown", ["--version", "--help", "simulate --help", "simulate --list-scenarios"])
    def test_a_full_disk_behind_standard_output_is_said(self, bare, shown, unbuffered):
        bare["env"] |= {"PYTHONUNBUFFERED": unbuffered}
        with Path("/dev/full").open("w") as full:
            done = subprocess.run([COMMAND, *shown.split()], stdout=full, stderr=subprocess.PIPE, **bare)
        assert done.returncode == ExitCode.STORAGE
        assert done.stderr == b"bedrock-batch: error: cannot write to standard output: No space left on device\n"

    def test_closed_streams_are_no_error(self, bare):
        done = subprocess.run(["sh", "-c", f"'{COMMAND}' --help >&- 2>&-"], **bare)
        assert done.returncode == 0

    def test_it_runs_as_a_module(self, bare):
        done = subprocess.run([sys.executable, "-P", "-m", "cli", "--version"], capture_output=True, text=True, **bare)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("bedrock-batch ")

    def test_a_name_in_no_known_encoding_is_no_error(self, bare):
        bare["env"] |= {"PYTHONIOENCODING": "ascii"}
        name = b"caf\xe9-\xe2\x82\xac"
        done = subprocess.run([COMMAND, "cache", "stats", "--cache-dir", name], capture_output=True, **bare)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == b"no cache at caf\\udce9-\\u20ac\n"
