"""How the program ends."""

import json
import os
import signal
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from running import COMMAND, PATIENCE

from cli import app
from cli.errors import ExitCode, UserError
from cli.runs import analyze as analysis
from cli.runs import batch

SECRET = "the document's own words"


def fail(_settings):
    raise UserError("no answer\x1b[2J\nat all", "try later", ExitCode.UNAVAILABLE)


def crash(_settings):
    secret = SECRET
    raise KeyError(secret)


class TestErrors:
    """Expected errors, and signals."""

    def test_a_user_error_is_two_safe_lines(self, shell):
        shell.run = fail
        result = shell("analyze", "a", "--emulate")
        assert result == (14, "", "bedrock-batch: error: no answer\\x1b[2J\\nat all\nhint: try later\n")

    def test_an_error_of_the_system_is_not_mistaken_for_one_of_standard_output(self, shell):
        def fail(_settings):
            raise OSError(28, "No space left on device")

        shell.run = fail
        code, out, err = shell("analyze", "a", "--emulate")
        assert (code, out.strip()) == (ExitCode.STORAGE, "")
        assert err.startswith("bedrock-batch: error: the operating system reports: No space left on device\nhint: free")

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_outside_a_run_ends_the_program_with_its_number(self, shell, number):
        before = signal.getsignal(number)
        shell.run = lambda _settings: signal.raise_signal(number)
        assert shell("analyze", "a", "--emulate") == (128 + number, "", "")
        assert signal.getsignal(number) is before

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_before_a_run_prints_the_json_too(self, shell, number):
        shell.run = lambda _settings: signal.raise_signal(number)
        code, out, _ = shell("analyze", "a", "--emulate", "--json")
        assert (json.loads(out)["exit_code"], code) == (128 + number, 128 + number)
        assert json.loads(out)["error"] == f"{number.name} received"

    def test_a_second_signal_does_not_interrupt_the_report_of_the_first(self, shell, monkeypatch):
        report = app._print_json
        monkeypatch.setattr(app, "_print_json", lambda error: report(error) or signal.raise_signal(signal.SIGINT))
        shell.run = lambda _settings: signal.raise_signal(signal.SIGTERM)
        code, out, _ = shell("analyze", "a", "--emulate", "--json")
        assert code == json.loads(out)["exit_code"] == 143

    def test_a_signal_is_no_bug_where_its_exception_becomes_another_one(self, shell):
        def interrupted(_settings):
            try:
                signal.raise_signal(signal.SIGTERM)
            except SystemExit as end:
                raise RuntimeError("Error calling __set_name__") from end  # as the interpreter does in a class body

        shell.run = interrupted
        assert shell("analyze", "a", "--emulate") == (143, "", "")

    def test_sigusr1_is_ignored_outside_a_run(self, shell):
        shell.run = lambda _settings: signal.raise_signal(signal.SIGUSR1) or 4
        assert shell("analyze", "a", "--emulate").code == 4
        signal.raise_signal(signal.SIGUSR1)  # the interpreter takes a moment to end

    def test_an_ignored_signal_stays_ignored(self, shell):
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            shell.run = lambda _settings: signal.raise_signal(signal.SIGHUP) or 4
            assert shell("analyze", "a", "--emulate").code == 4
        finally:
            signal.signal(signal.SIGHUP, before)

    def test_a_keyboard_interrupt_of_python_counts_as_the_signal(self, shell):
        def interrupted(_settings):
            raise KeyboardInterrupt

        shell.run = interrupted
        assert shell("analyze", "a", "--emulate") == (130, "", "")


class TestBug:
    """An error in the program itself."""

    def test_it_is_named_by_its_place_without_its_message(self, shell, tmp_path):
        shell.run = crash
        code, out, err = shell("analyze", "a", "--emulate")
        assert (code, out) == (1, "")
        error, hint = err.splitlines()
        assert error.startswith("bedrock-batch: error: this is a bug: KeyError in test_app.py, line ")
        assert hint == f"hint: please report it with the traceback in {tmp_path}/state/bedrock-batch/bug.log"
        assert SECRET not in err

    def test_the_log_has_the_traceback_without_local_variables_and_is_private(self, shell, tmp_path):
        shell.run = crash
        log = tmp_path / "state/bedrock-batch/bug.log"
        log.parent.mkdir(parents=True)
        log.write_text("an earlier bug\n" * 100)
        shell("analyze", "a", "--emulate")
        text = log.read_text()
        assert text.startswith(f"bedrock-batch {version('bedrock-batch')} analyze, ")
        assert "Traceback (most recent call last):" in text
        assert "an earlier bug" not in text
        assert "secret = " not in text
        assert stat.S_IMODE(log.stat().st_mode) == 0o600

    def test_of_an_error_group_the_place_is_that_of_its_first_error(self, shell):
        def crash_in_a_group(settings):
            try:
                return crash(settings)
            except KeyError as error:
                raise ExceptionGroup("of tasks", [ExceptionGroup("of more", [error])]) from None

        shell.run = crash_in_a_group
        assert "this is a bug: KeyError in test_app.py, line " in shell("analyze", "a", "--emulate").err

    def test_in_a_run_the_json_has_its_exit_code(self, shell, monkeypatch, tmp_path):
        (tmp_path / "a.md").write_text("Text.\n")
        monkeypatch.setattr(analysis, "check_open_files", lambda: crash(None))
        shell.run = analysis.analyze
        code, out, err = shell("analyze", "a.md", "--emulate", "--json")
        summary = json.loads(out)
        assert (code, summary["exit_code"], summary["error"]) == (1, 1, "a bug: KeyError")
        assert err.count("this is a bug: KeyError in test_app.py, line ") == 1

    def test_while_reading_no_secret_is_shown_or_in_the_results(self, shell, monkeypatch, tmp_path):
        """Not that of the environment, a document or an exception. The log may hold the last."""
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-key")
        monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "canary-token")
        (tmp_path / "a.md").write_text("canary-text\n")

        async def failing(*_arguments):
            raise KeyError("canary-exception")
            yield

        monkeypatch.setattr(batch, "read", failing)
        shell.run = analysis.analyze
        code, out, err = shell("analyze", "a.md", "--emulate", "--json", "--verbose", "--no-cache")
        assert code == 1
        assert "reading failed: KeyError" in err
        written = b"".join(path.read_bytes() for path in (tmp_path / "bedrock-batch-out").iterdir())
        assert "canary" not in out + err
        assert b"canary" not in written
        assert "canary" not in (tmp_path / "state/bedrock-batch/bug.log").read_text().replace("canary-exception", "")

    def test_before_the_run_there_is_json_too(self, shell):
        shell.run = crash
        code, out, err = shell("analyze", "a", "--emulate", "--json")
        summary = json.loads(out)
        assert (code, summary["exit_code"]) == (1, 1)
        assert err.startswith(f"bedrock-batch: error: {summary['error']}\nhint: ")

    def test_without_a_log_the_hint_names_the_variable(self, shell, tmp_path):
        (tmp_path / "state").write_text("a file where the directory should be")
        shell.run = crash
        code, _, err = shell("analyze", "a", "--emulate")
        assert code == 1
        assert err.endswith("hint: please report it; BEDROCK_BATCH_DEBUG=1 prints the traceback\n")

    def test_its_traceback_is_printed_on_request_without_local_variables(self, shell, monkeypatch):
        shell.run = crash
        monkeypatch.setenv("BEDROCK_BATCH_DEBUG", "1")
        code, _, err = shell("analyze", "a", "--emulate")
        assert code == 1
        assert "Traceback (most recent call last):" in err
        assert "secret = " not in err


class TestJson:
    """`analyze --json` prints the summary also for an error before the run, wherever the option comes from."""

    WRONG = ("analyze", "a", "--emulate", "--rpm", "x")

    def summary(self, result):
        summary = json.loads(result.out)
        assert result.code == summary["exit_code"] == 2
        assert summary.keys() >= {"run_id", "ok", "calls", "cost_usd", "quota"}
        return summary

    def test_from_the_command_line(self, shell):
        assert "--rpm" in self.summary(shell(*self.WRONG, "--json"))["error"]

    def test_from_the_environment(self, shell, monkeypatch):
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_JSON", "true")
        assert "--rpm" in self.summary(shell(*self.WRONG))["error"]

    @pytest.mark.parametrize("how", ["default", "--config other.toml", "--config=other.toml", "variable"])
    def test_from_the_settings_file(self, shell, monkeypatch, tmp_path, how):
        (tmp_path / ("bedrock-batch.toml" if how == "default" else "other.toml")).write_text("[analyze]\njson = true\n")
        if how == "variable":
            monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_CONFIG", "other.toml")
        options = how.split() if how.startswith("--") else []
        assert "--rpm" in self.summary(shell(*self.WRONG, *options))["error"]

    def test_from_a_settings_file_with_another_error(self, shell, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text("[analyze]\njson = true\nmax-tokns = 1\n")
        assert "max-tokns" in self.summary(shell("analyze", "a", "--emulate"))["error"]

    @pytest.mark.parametrize("content", ["", "[analyze]\njson = false\n", "nonsense", "analyze = 1\n"])
    def test_otherwise_it_is_not_printed(self, shell, tmp_path, content):
        (tmp_path / "bedrock-batch.toml").write_text(content)
        assert shell(*self.WRONG).out == ""

    def test_the_environment_can_turn_it_off(self, shell, monkeypatch, tmp_path):
        (tmp_path / "bedrock-batch.toml").write_text("[analyze]\njson = true\n")
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_JSON", "no")
        assert shell(*self.WRONG).out == ""


class TestJsonLog:
    """`analyze --log-format json` prints errors as JSON, also before the run."""

    WRONG = ("analyze", "a", "--emulate", "--rpm", "x")

    def error(self, result):
        line = json.loads(result.err)
        assert (result.code, line["event"], line["level"]) == (2, "error", "error")
        assert line["hint"] == "see bedrock-batch analyze --help"
        return line["message"]

    @pytest.mark.parametrize("options", [["--log-format", "json"], ["--log-format=json"]])
    def test_from_the_command_line(self, shell, options):
        assert "--rpm" in self.error(shell(*self.WRONG, *options))

    def test_from_the_environment(self, shell, monkeypatch):
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_LOG_FORMAT", "json")
        assert "--rpm" in self.error(shell(*self.WRONG))
        assert shell(*self.WRONG, "--log-format", "text").err.startswith("bedrock-batch: error: ")

    @pytest.mark.parametrize("key", ["log-format", "log_format"])
    def test_from_the_settings_file(self, shell, tmp_path, key):
        (tmp_path / "bedrock-batch.toml").write_text(f'[analyze]\n{key} = "json"\n')
        assert "--rpm" in self.error(shell(*self.WRONG))

    def test_a_bug_too(self, shell):
        shell.run = crash
        result = shell("analyze", "a", "--emulate", "--log-format", "json")
        assert "this is a bug" in json.loads(result.err)["message"]

    def test_other_commands_print_text(self, shell, monkeypatch):
        monkeypatch.setenv("BEDROCK_BATCH_ANALYZE_LOG_FORMAT", "json")
        assert shell("simulate").err.startswith("bedrock-batch: error: ")


class TestProcess:
    """The installed command."""

    @pytest.fixture
    def bare(self, tmp_path):
        return {"cwd": tmp_path, "env": {"PATH": os.defpath, "HOME": str(tmp_path)}, "timeout": PATIENCE}

    def test_the_reader_of_the_help_may_close_the_pipe(self, bare):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as closed:
            done = subprocess.run([COMMAND, "--help"], stdout=closed, stderr=subprocess.PIPE, **bare)
        assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")

    def test_so_may_the_reader_of_the_version(self, bare):
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "w") as closed:
            done = subprocess.run([COMMAND, "--version"], stdout=closed, stderr=subprocess.PIPE, **bare)
        assert (done.returncode, done.stderr) == (0, b"")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    @pytest.mark.parametrize(
        "shown",
        ["--version", "--help", "simulate --help", "simulate --list-scenarios", "simulate --rate 60 --requests 9"],
    )
    def test_a_full_disk_behind_standard_output_is_an_error(self, bare, shown, unbuffered):
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

    def test_a_name_that_cannot_be_encoded_is_escaped(self, bare):
        bare["env"] |= {"PYTHONIOENCODING": "ascii"}
        name = b"caf\xe9-\xe2\x82\xac"
        done = subprocess.run([COMMAND, "cache", "stats", "--cache-dir", name], capture_output=True, **bare)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout == b"no cache at caf\\udce9-\\u20ac\n"
