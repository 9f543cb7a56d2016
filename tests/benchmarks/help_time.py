"""Time of `--help`, relative to `import typer`: python tests/benchmarks/help_time.py.

Runs are interleaved, so load on the machine affects all of them alike, and medians are compared. They use compiled
bytecode, as an installed program does, even if the environment disables it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 15
UNIT = (sys.executable, "-c", "import typer")
MAX_RATIOS = {("--help",): 3.0, ("analyze", "--help"): 4.0}


def seconds(command: tuple[str, ...], bytecode: str) -> float:
    """The wall time of one run."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment | {"PYTHONPYCACHEPREFIX": bytecode})
    return time.perf_counter() - start


def main() -> int:
    """Measure and print; returns 1 if a ratio is exceeded."""
    commands = {arguments: (sys.executable, "-m", "cli", *arguments) for arguments in MAX_RATIOS}
    with tempfile.TemporaryDirectory() as bytecode:
        rounds = [[seconds(command, bytecode) for command in (UNIT, *commands.values())] for _ in range(ROUNDS + 1)]
    unit, *helps = map(statistics.median, zip(*rounds[1:], strict=True))  # the first round compiles
    print(f"import typer: {unit * 1000:.0f} ms (median of {ROUNDS})")
    exceeded = False
    for (arguments, max_ratio), wall in zip(MAX_RATIOS.items(), helps, strict=True):
        exceeded |= wall > max_ratio * unit
        print(f"{' '.join(arguments)}: {wall * 1000:.0f} ms, {wall / unit:.2f} times (limit {max_ratio:g})")
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
