"""What a call costs, beside bare boto3 in the same run. `python tests/benchmarks/calls.py [--rounds N]`.

- 2,000 sections of 2 kB, 64 in flight, 50 ms latency, no quota: wall and CPU beside boto3 in 64 threads.
- 20,000 sections: CPU a call, parsing, journal, cache and results included.
- 2,000 in flight at 1 s latency: calls a second.
"""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import corpus
import processes

MODEL = "amazon.nova-lite-v1:0"
HERE = Path(__file__).parent


def ours(
    docs: Path, url: str, work: Path, name: str, *options: str, **environment: str
) -> tuple[processes.Measured, dict[str, object]]:
    """One run of `analyze` with the output directory and cache of this name; what it took and its summary."""
    output = work / name
    command = [
        str(Path(sys.executable).with_name("bedrock-batch")), "analyze", str(docs), "--model", MODEL,
        "--rpm", "none", "--tpm", "none",
        "--output", str(output), "--cache-dir", str(work / f"{name}-cache"), "--progress", "plain", *options,
    ]  # fmt: skip
    measured = processes.measure(command, processes.environment(url) | environment)
    return measured, json.loads((output / "summary.json").read_text())


def beside_boto3(work: Path, rounds: int) -> float:
    """Alternate the two and print the ratios pair by pair; returns boto3's CPU a call (ms, start-up included)."""
    docs = work / "2000"
    corpus.write(docs, documents=100, sections=20, size=2000)
    walls, cpus, peer = [], [], []
    with processes.emulator(latency=0.05) as url:
        for round_ in range(rounds):
            mine, summary = ours(docs, url, work, f"a{round_}", "--concurrency", "64")
            assert summary["calls"] == summary["ok"] == 2000, summary
            theirs = processes.measure(
                [sys.executable, str(HERE / "boto3_threads.py"), str(docs), "64", MODEL], processes.environment(url)
            )
            walls.append(mine.wall / theirs.wall)
            cpus.append(mine.cpu / theirs.cpu)
            peer.append(theirs.cpu / 2000 * 1000)
            print(
                f"2,000 calls, 64 in flight, 50 ms: wall {mine.wall:.2f} s, boto3 {theirs.wall:.2f} s, "
                f"ratio {walls[-1]:.2f}; CPU {mine.cpu:.2f} s, boto3 {theirs.cpu:.2f} s, ratio {cpus[-1]:.2f}"
            )
    wall, cpu = statistics.median(walls), statistics.median(cpus)
    print(f"  median ratios: wall {wall:.2f} (goal 1.25), CPU {cpu:.2f} (goal 0.75)")
    return statistics.median(peer)


def cpu_a_call(work: Path, peer: float) -> None:
    """20,000 sections, everything included."""
    docs = work / "20000"
    corpus.write(docs, documents=1000, sections=20, size=2000)
    with processes.emulator(latency=0.05) as url:
        mine, summary = ours(docs, url, work, "b", "--concurrency", "64")
    assert summary["ok"] == 20_000, summary
    cpu = mine.cpu / 20_000 * 1000
    print(f"20,000 calls: {cpu:.3f} ms CPU a call (goal 0.6; boto3 in this run {peer:.3f}), wall {mine.wall:.1f} s")


def many_in_flight(work: Path) -> None:
    """2,000 in flight at 1 s latency."""
    with processes.emulator(latency=1.0) as url:
        mine, summary = ours(work / "20000", url, work, "c", "--concurrency", "2000")
    assert summary["ok"] == 20_000, summary
    print(
        f"2,000 in flight, 1 s latency: {20_000 / mine.wall:.0f} calls/s, start-up included (goal 1,200), "
        f"{mine.memory_mb:.0f} MB"
    )


def main() -> None:
    """Run them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    processes.many_files()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        cpu_a_call(work, beside_boto3(work, rounds))
        many_in_flight(work)


if __name__ == "__main__":
    main()
