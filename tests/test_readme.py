"""The README shows commands that work and output that is real."""

import re
import subprocess
import sys
from pathlib import Path

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMAND = str(Path(sys.executable).with_name("bedrock-batch"))


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 130


def test_the_first_two_shell_blocks_are_one_command_line_each():
    """CI runs them word for word."""
    run, tests = [text for language, text in BLOCKS if language == "sh"][:2]
    assert re.fullmatch(r"python3 -m venv .* && \S+/bedrock-batch analyze sample_docs/ --emulate\n", run)
    assert re.fullmatch(r"python3 -m venv .* && \S+/pytest\n", tests)


def test_the_readme_shows_the_output_of_simulate():
    """`...` stands for omitted lines."""
    (block,) = [text for _, text in BLOCKS if text.startswith("$ bedrock-batch simulate --rate 100\n")]
    command = [COMMAND, "simulate", "--rate", "100"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    for part in block.partition("\n")[2].split("...\n"):
        assert part in output, part
        output = output.partition(part)[2]
