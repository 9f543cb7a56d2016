"""Every help page shows every option once, and needs no slow import."""

import os
import re
import subprocess
import sys

import pytest
from running import COMMAND
from typer.main import get_command

from cli.app import program

COMMANDS = get_command(program()).commands


def test_the_program_lists_its_commands(shell):
    page = shell("--help")
    assert (page.code, page.err) == (0, "")
    for name in ("analyze", "emulate", "cache"):
        assert re.search(rf"^│ {name} +[A-Z]", page.out, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_each_of_its_options_and_their_other_sources(shell, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "120")
    page = shell(name, "--help")
    assert (page.code, page.err) == (0, "")
    for option in COMMANDS[name].params:
        if option.param_type_name == "option":
            assert len(re.findall(rf"^│ {option.opts[0]} ", page.out, re.MULTILINE)) == 1
    assert "BEDROCK_BATCH_ANALYZE_MAX_TOKENS" in page.out


@pytest.mark.parametrize("name", COMMANDS)
def test_the_long_name_of_an_option_is_its_key_in_the_settings_file(name):
    for option in COMMANDS[name].params:
        if option.param_type_name == "option":
            long, *short = option.opts
            assert long == f"--{option.name.replace('_', '-')}"
            assert all(re.fullmatch("-[a-z]", one) for one in short)


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_h_is_short_for_help(shell, command):
    assert shell(*command, "-h") == shell(*command, "--help")


def test_the_common_options_have_short_names():
    short = {option.opts[0]: option.opts[1] for option in COMMANDS["analyze"].params if len(option.opts) > 1}
    assert short == {"--output": "-o", "--quiet": "-q", "--verbose": "-v"}


@pytest.mark.parametrize(("words", "completion"), [("an", "analyze"), ("analyze --outp", "--output")])
def test_the_shell_completes_commands_and_options(words, completion):
    command = ["bedrock-batch", *words.split()]
    environment = {"COMP_WORDS": " ".join(command), "COMP_CWORD": str(len(command) - 1), "PATH": os.defpath}
    run = subprocess.run(
        [COMMAND], env=environment | {"_BEDROCK_BATCH_COMPLETE": "complete_bash"}, capture_output=True, text=True
    )
    assert run.stdout.strip() == completion, run.stderr


def test_the_completion_script_can_be_shown():
    run = subprocess.run(
        ["bash", "-c", f"'{COMMAND}' --show-completion; exit $?"], capture_output=True, text=True, check=True
    )
    assert "_BEDROCK_BATCH_COMPLETE=complete_bash" in run.stdout


def test_options_are_grouped(shell):
    page = shell("analyze", "--help").out
    titles = re.findall(r"^╭─ (.+?) ─+╮$", page, re.MULTILINE)
    assert titles[2:] == [
        "What to ask", "Where the calls go", "Rate and concurrency", "Limits of the run", "Files", "Output",
    ]  # fmt: skip


def test_a_wrong_settings_file_does_not_prevent_the_help(shell, tmp_path):
    (tmp_path / "bedrock-batch.toml").write_text("nonsense")
    assert shell("analyze", "--help").code == 0


def test_the_version_is_that_of_the_package(shell):
    from importlib.metadata import version

    assert shell("--version") == (0, f"bedrock-batch {version('bedrock-batch')}\n", "")


def test_the_help_imports_nothing_slow():
    code = (
        "import sys; from cli.app import main; main(['analyze', '--help'])\n"
        "slow = 'asyncio sqlite3 pydantic boto3 botocore aiohttp yarl diskcache cli.runs.analyze'.split()\n"
        "print([name for name in slow if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
