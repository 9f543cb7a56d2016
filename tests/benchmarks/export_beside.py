"""Whether `export` holds up a run beside it. `python tests/benchmarks/export_beside.py [--rounds N]`.

A directory with 20,000 answers; a run of 4,000 more calls, 64 in flight, 50 ms latency, alone and with one export after
the other beside it, in turn. The exports have the lowest priority, so it is their locks that show, not their CPU.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import corpus
import processes
from calls import ours

GOAL = 1.10


def exporting(output: Path, stop: threading.Event, counts: list[int]) -> None:
    """Export until told to stop; counts the exports."""
    command = [
        "nice",
        "-n",
        "19",
        str(Path(sys.executable).with_name("bedrock-batch")),
        "export",
        str(output),
        "--analysis",
        "old",
    ]
    while not stop.is_set():
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        counts[0] += 1


def main() -> None:
    """Alternate the two and print the ratios pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, processes.emulator(latency=0.05) as url:
        work, ratios = Path(folder), []
        corpus.write(work / "old", documents=1000, sections=20, size=1000)
        corpus.write(work / "docs", documents=200, sections=20, size=1000)
        ours(work / "old", url, work, "out", "--concurrency", "64", "--name", "old")
        for round_ in range(rounds):
            wall = {}
            for beside in (False, True):
                stop, counts = threading.Event(), [0]
                thread = threading.Thread(target=exporting, args=(work / "out", stop, counts))
                if beside:
                    thread.start()
                options = ("--concurrency", "64", "--no-cache", "--prompt", f"Question {round_} {beside}.")
                run, summary = ours(work / "docs", url, work, "out", *options)
                stop.set()
                if beside:
                    thread.join()
                assert summary["ok"] == summary["calls"] == 4000, summary
                wall[beside] = run.wall
            ratios.append(wall[True] / wall[False])
            print(f"alone {wall[False]:.2f} s, beside {counts[0]} exports {wall[True]:.2f} s, ratio {ratios[-1]:.2f}")
        print(f"median ratio {statistics.median(ratios):.2f} (goal {GOAL})")


if __name__ == "__main__":
    main()
