"""The limit of open files."""

import subprocess
import sys

import pytest

ASK = "import sys; from cli.runs.open_files import affordable; print(affordable(int(sys.argv[1])))"


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "affordable"),
    [(256, 4096, 64, 64), (256, 4096, 1000, 1000), (256, 512, 1000, 448), (32, 32, 1000, 1)],
)
def test_the_limit_is_raised_as_far_as_possible_and_then_kept_to(soft, hard, wanted, affordable):
    run = subprocess.run(
        ["sh", "-c", f'ulimit -Sn {soft}; ulimit -Hn {hard}; exec "$0" -c "$1" {wanted}', sys.executable, ASK],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert int(run.stdout) == affordable
