"""Memory with 4,000 calls in flight over TLS. `python tests/benchmarks/tls_memory.py`."""

import tempfile
from pathlib import Path

import corpus
import processes
from calls import ours
from certificates import Authority


def main() -> None:
    """8,000 calls of 4 s each."""
    processes.many_files()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        docs = work / "docs"
        corpus.write(docs, documents=400, sections=20, size=2000)
        authority = Authority(work)
        with processes.emulator(
            latency=4.0, certificate=str(authority.certificate), private_key=str(authority.key)
        ) as url:
            run, summary = ours(docs, url, work, "out", "--concurrency", "4000", ca_bundle=str(authority.bundle))
    assert summary["ok"] == 8000, summary
    print(
        f"4,000 in flight over TLS: {run.memory_mb:.0f} MB (goal 550), {8000 / run.wall:.0f} calls/s, start-up included"
    )


if __name__ == "__main__":
    main()
