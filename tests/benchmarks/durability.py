"""What it costs to lose nothing. `python tests/benchmarks/durability.py [--rounds N]`; it needs strace.

2,000 calls of 500 ms, 64 in flight, with every commit of the journal delayed by 5 ms (strace), beside bare boto3 in 64
threads, which keeps nothing: journal, texts, cache, results and their checks included.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import corpus
import processes
from calls import MODEL

CALLS = 2000
GOAL = 1.15
DELAY = "unlink:delay_exit=5000"
"""Microseconds: a commit ends when its rollback journal is removed."""
HERE = Path(__file__).parent


def main() -> None:
    """Alternate the two and print the ratios pair by pair."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, processes.emulator(latency=0.5) as url:
        work, docs, ratios = Path(folder), Path(folder) / "docs", []
        corpus.write(docs, documents=100, sections=20, size=2000)
        for round_ in range(rounds):
            output = work / f"out{round_}"
            command = [
                "strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=unlink", "-e", f"inject={DELAY}",
                str(Path(sys.executable).with_name("bedrock-batch")), "analyze", str(docs), "--model", MODEL,
                "--rpm", "none", "--tpm", "none", "--concurrency", "64", "--progress", "plain",
                "--output", str(output), "--cache-dir", str(work / f"cache{round_}"),
            ]  # fmt: skip
            ours = processes.measure(command, processes.environment(url))
            assert json.loads((output / "summary.json").read_text())["ok"] == CALLS
            boto3 = [sys.executable, str(HERE / "boto3_threads.py"), str(docs), "64", MODEL]
            theirs = processes.measure(boto3, processes.environment(url))
            ratios.append(ours.wall / theirs.wall)
            print(f"wall {ours.wall:.2f} s, boto3 {theirs.wall:.2f} s, ratio {ratios[-1]:.3f}")
        print(f"median ratio {statistics.median(ratios):.3f} (goal {GOAL})")


if __name__ == "__main__":
    main()
