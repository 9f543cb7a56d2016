"""The README says what is true of the program."""

import json
import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMAND = str(Path(sys.executable).with_name("bedrock-batch"))


def test_the_first_two_shell_blocks_are_the_two_commands():
    shell = [text for language, text in BLOCKS if language == "sh"]
    assert "analyze sample_docs/ --emulate" in shell[0]
    assert "pytest" in shell[1]
    assert "python3 -m venv" in shell[0]
    assert "python3 -m venv" in shell[1]


def test_the_readme_shows_the_output_of_simulate():
    """`...` stands for omitted lines."""
    (block,) = [text for _, text in BLOCKS if text.startswith("$ bedrock-batch simulate --rate 100\n")]
    command = [COMMAND, "simulate", "--rate", "100"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    for part in block.partition("\n")[2].split("...\n"):
        assert part in output, part
        output = output.partition(part)[2]


def test_the_scenario_in_the_readme_works(tmp_path):
    (scenario,) = [text for language, text in BLOCKS if language == "toml"]
    (tmp_path / "mine.toml").write_text(scenario)
    arguments = ("simulate", "--scenario", "mine.toml", "--algorithm", "bedrock-batch", "--json")
    done = subprocess.run([COMMAND, *arguments], capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path)
    assert json.loads(done.stdout)["results"][0]["lost"] == 0
