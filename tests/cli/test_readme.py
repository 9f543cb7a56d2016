"""Options and exit codes in the READMEs are those of the program."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from running import COMMAND

from cli.errors import ExitCode

ROOT = Path(__file__).parents[2]
README = (ROOT / "cli/README.md").read_text()
FILES = ["README.md", "cli/README.md"]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = ["analyze", "simulate", "emulate", "status", "export", "verify", "cache"]


def help_of(*command: str) -> str:
    run = subprocess.run([COMMAND, *command, "--help"], capture_output=True, text=True, check=True, timeout=60)
    return run.stdout


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return {name: help_of(name) for name in COMMANDS}


@pytest.mark.parametrize("file", FILES)
def test_commands_in_code_blocks_have_options_that_exist(pages, file):
    for _, text in BLOCK.findall((ROOT / file).read_text()):
        for command, options in re.findall(rf"bedrock-batch ({'|'.join(COMMANDS)})\b(.*)", text):
            for option in re.findall(r"(?<= )--[a-z-]+", options):
                assert option in pages[command], option


@pytest.mark.parametrize("file", FILES)
def test_every_option_in_the_text_is_one_of_some_command(pages, file):
    known = "".join(pages.values()) + help_of()
    current = (ROOT / file).read_text()
    named = set(re.findall(r"`(?:-[a-z]`, `)?(?:bedrock-batch )?(--[a-z][a-z-]+)", current))
    assert {option for option in named if option not in known} == set()


def test_every_option_of_analyze_is_described(pages):
    options = set(re.findall(r"^│ (--[a-z-]+)", pages["analyze"], re.MULTILINE)) - {"--help", "--config"}
    text = README[README.index("## analyze") : README.index("## Exit codes")]
    assert {option for option in options if f"`{option}" not in text} == set()


@pytest.mark.parametrize("file", FILES)
def test_the_exit_codes_are_complete(file):
    table = {int(code) for code in re.findall(r"^\| (\d+) \|", (ROOT / file).read_text(), re.MULTILINE)}
    assert table == {int(code) for code in ExitCode} or (file == "README.md" and not table)


def test_the_settings_file_is_a_valid_one(tmp_path):
    (content,) = [text for language, text in BLOCK.findall(README) if language == "toml" and "[analyze]" in text]
    tomllib.loads(content)
    (tmp_path / "bedrock-batch.toml").write_text(content)
    run = subprocess.run([COMMAND, "analyze", "missing"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "error: no such file or folder: missing" in run.stderr


def test_the_lines_of_the_crontab_work_in_its_environment(tmp_path):
    (content,) = [text for language, text in BLOCK.findall(README) if language == "crontab"]
    lines = re.findall(r"^(?:[0-9*]+ ){5}(.*)$", content, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        folder = tmp_path / line.split()[2].removeprefix("/srv/")
        folder.mkdir()
        (folder / "a.md").write_text("## H\n\nText.\n")
        command = re.sub(r"--profile \S+ --model \S+", "--emulate", line).replace("/srv/", f"{tmp_path}/")
        command = command.replace("/home/batch/.local/bin/bedrock-batch", COMMAND)
        bare = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "batch"}
        run = subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, env=bare, capture_output=True, timeout=60)
        assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
        assert json.loads((tmp_path / f"{folder.name}-out" / "summary.json").read_text())["ok"] == 1


def test_the_scenario_file_works(tmp_path):
    (content,) = [text for language, text in BLOCK.findall(README) if language == "toml" and "[[user]]" in text]
    (tmp_path / "mine.toml").write_text(content)
    arguments = ("simulate", "--scenario", "mine.toml", "--algorithm", "bedrock-batch", "--json")
    run = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path)
    assert json.loads(run.stdout)["results"][0]["lost"] == 0
