"""The first line of a run comes before slow imports."""

import subprocess
import sys

from running import without_times

WATCH = """
import sys
from cli.runs import analyze as analysis
assert not {"boto3", "botocore", "aiohttp"} & sys.modules.keys(), "imported before the first line"
from cli.app import main
main(sys.argv[1:])
"""


def test_the_first_line_comes_before_botocore_and_aiohttp_are_imported(tmp_path):
    (tmp_path / "a.md").write_text("## H\n\nText.\n")
    command = [sys.executable, "-P", "-c", WATCH, "analyze", "a.md", "--emulate", "--no-cache", "--progress", "plain"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert without_times(ran.stderr).startswith("note: reading a.md"), ran.stderr
    assert ran.returncode == 0, ran.stderr
