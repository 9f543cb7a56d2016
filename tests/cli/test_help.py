"""Every page of the help is there, shows every option once, and costs no heavy import."""

import re
import subprocess
import sys

import pytest
from typer.main import get_command

from cli.app import program

COMMANDS = get_command(program()).commands


def test_the_program_lists_its_commands(shell):
    said = shell("--help")
    assert (said.code, said.err) == (0, "")
    for name in ("analyze", "emulate", "cache"):
        assert re.search(rf"^│ {name} +[A-Z]", said.out, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_shows_each_of_its_options_and_where_else_they_come_from(shell, monkeypatch, name):
    monkeypatch.setenv("COLUMNS", "120")
    said = shell(name, "--help")
    assert (said.code, said.err) == (0, "")
    for option in COMMANDS[name].params:
        if option.param_type_name == "option":
            assert len(re.findall(rf"^│ {option.opts[0]} ", said.out, re.MULTILINE)) == 1
    assert "BEDROCK_BATCH_ANALYZE_MAX_TOKENS" in said.out


@pytest.mark.parametrize("name", COMMANDS)
def test_an_options_name_is_its_key_in_the_settings_file(name):
    for option in COMMANDS[name].params:
        if option.param_type_name == "option":
            assert option.opts == [f"--{option.name.replace('_', '-')}"]


def test_options_are_grouped(shell):
    page = shell("analyze", "--help").out
    titles = re.findall(r"^╭─ (.+?) ─+╮$", page, re.MULTILINE)
    assert titles[2:] == [
        "What to ask", "Where the calls go", "Rate and concurrency", "Limits of the run", "Files", "Output",
    ]  # fmt: skip


def test_a_settings_file_that_is_wrong_does_not_keep_anybody_from_the_help(shell, tmp_path):
    (tmp_path / "bedrock-batch.toml").write_text("nonsense")
    assert shell("analyze", "--help").code == 0


def test_the_version_is_the_packages(shell):
    from importlib.metadata import version

    assert shell("--version") == (0, f"bedrock-batch {version('bedrock-batch')}\n", "")


def test_the_help_imports_nothing_heavy():
    code = (
        "import sys; from cli.app import main; main(['analyze', '--help'])\n"
        "heavy = 'asyncio sqlite3 pydantic boto3 botocore aiohttp yarl diskcache cli.runs.analyze'.split()\n"
        "print([name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
