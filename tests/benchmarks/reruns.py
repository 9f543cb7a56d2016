"""Re-runs of 100,000 sections, and memory at 1,000,000: python tests/benchmarks/reruns.py [--million].

- 5,000 Markdown files with 20 sections of 500 bytes: a first run, a re-run in the same output directory, and a run in a
  new directory from the cache.
- With --million: peak memory of a first run over 1,000,000 distinct sections, relative to 100,000.
"""

import argparse
import tempfile
from pathlib import Path

import corpus
import processes
from calls import ours


def reruns(work: Path, docs: Path, url: str) -> float:
    """First run, re-run and cached run; returns the peak memory of the first in MB."""
    first, summary = ours(docs, url, work, "a", "--concurrency", "256")
    assert summary["calls"] == summary["ok"] == 100_000, summary
    print(f"100,000 sections, first run: {first.wall:.1f} s, {first.cpu:.1f} s CPU, {first.memory_mb:.0f} MB")
    rerun, summary = ours(docs, url, work, "a")
    assert (summary["calls"], summary["resumed"]) == (0, 100_000), summary
    print(f"  re-run in the same directory: {rerun.wall:.1f} s (goal 20), {rerun.memory_mb:.0f} MB")
    cached, summary = ours(docs, url, work, "b", "--cache-dir", str(work / "a-cache"))
    assert (summary["calls"], summary["cached"]) == (0, 100_000), summary
    print(f"  new directory, from the cache: {cached.wall:.1f} s (goal 30), {cached.memory_mb:.0f} MB")
    return first.memory_mb


def million(work: Path, url: str, memory_at_100_000: float) -> None:
    """A first run over ten times as many sections."""
    docs = work / "million"
    corpus.write(docs, documents=50_000, sections=20, size=500)
    run, summary = ours(docs, url, work, "c", "--concurrency", "256")
    assert summary["calls"] == summary["ok"] == 1_000_000, summary
    print(
        f"1,000,000 sections: {run.wall:.0f} s, {run.memory_mb:.0f} MB (goal under 250), "
        f"{run.memory_mb / memory_at_100_000:.2f} times that at 100,000 (goal 1.2)"
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, processes.emulator() as url:
        work = Path(folder)
        docs = work / "docs"
        corpus.write(docs, documents=5000, sections=20, size=500)
        memory = reruns(work, docs, url)
        if options.million:
            million(work, url, memory)


if __name__ == "__main__":
    main()
