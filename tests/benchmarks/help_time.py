"""How long the help takes, in units of `import typer`: python tests/benchmarks/help_time.py.

Runs are interleaved, so that a busy machine slows all of them alike; the medians are compared. They use bytecode that
was compiled before, as an installed program does, whatever this environment says.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 15
UNIT = (sys.executable, "-c", "import typer")
MOST = {("--help",): 3.0, ("analyze", "--help"): 4.0}
"""The ratios that are not to be exceeded."""


def seconds(command: tuple[str, ...], bytecode: str) -> float:
    """The wall time of one run."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment | {"PYTHONPYCACHEPREFIX": bytecode})
    return time.perf_counter() - before


def main() -> int:
    """Measure and print; 1 if a ratio is exceeded."""
    commands = {arguments: (sys.executable, "-m", "cli", *arguments) for arguments in MOST}
    with tempfile.TemporaryDirectory() as bytecode:
        rounds = [[seconds(command, bytecode) for command in (UNIT, *commands.values())] for _ in range(ROUNDS + 1)]
    unit, *helps = map(statistics.median, zip(*rounds[1:], strict=True))  # the first round compiled
    print(f"import typer: {unit * 1000:.0f} ms (median of {ROUNDS})")
    exceeded = False
    for (arguments, most), took in zip(MOST.items(), helps, strict=True):
        exceeded |= took > most * unit
        print(f"{' '.join(arguments)}: {took * 1000:.0f} ms, {took / unit:.2f} times (at most {most:g})")
    return int(exceeded)


if __name__ == "__main__":
    sys.exit(main())
