"""What it costs to keep the texts of sections. `python tests/benchmarks/kept_text.py [--rounds N]`.

2,000 sections of 2 kB, 64 in flight, 50 ms latency: CPU a call and size of the journal, with and without --no-keep-text
in turn.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import corpus
import processes
from calls import ours

CALLS = 2000
GOAL = 1.10


def main() -> None:
    """Alternate the two and print the ratios pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, processes.emulator(latency=0.05) as url:
        work, ratios = Path(folder), []
        corpus.write(work / "docs", documents=100, sections=20, size=2000)
        for round_ in range(rounds):
            measured = {}
            for name, options in (("without", ["--no-keep-text"]), ("with", [])):
                output = f"{name}{round_}"
                run, summary = ours(work / "docs", url, work, output, "--concurrency", "64", *options)
                assert summary["ok"] == CALLS, summary
                measured[name] = run.cpu, (work / output / "journal.sqlite").stat().st_size
            (cpu, size), (cpu_without, size_without) = measured["with"], measured["without"]
            ratios.append(cpu / cpu_without)
            print(
                f"CPU a call {cpu / CALLS * 1e3:.3f} ms, without texts {cpu_without / CALLS * 1e3:.3f}, ratio "
                f"{ratios[-1]:.3f}; journal {size / CALLS:,.0f} bytes a call, without {size_without / CALLS:,.0f}"
            )
        print(f"median ratio of CPU {statistics.median(ratios):.3f} (goal {GOAL})")


if __name__ == "__main__":
    main()
