"""Memory with 4,000 calls in flight over TLS: `python tests/benchmarks/tls_memory.py`."""

import sys
import tempfile
from pathlib import Path

import corpus
import processes
from calls import ours

sys.path.append(str(Path(__file__).parent.parent / "support"))

from loopback_tls import make_authority


def main() -> None:
    """Make 12,000 calls of 5 s each."""
    processes.many_files()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        docs = work / "docs"
        corpus.write(docs, documents=600, sections=20, size=2000)
        trusted, _ = make_authority(work)
        server = str(work / "server.pem")
        with processes.emulator(latency=5.0, certificate=server) as url:
            run, summary = ours(docs, url, work, "out", "--concurrency", "4000", AWS_CA_BUNDLE=str(trusted))
    assert summary["ok"] == 12_000, summary
    print(f"4,000 in flight over TLS: {run.memory_mb:.0f} MB (goal 550), {12_000 / run.wall:.0f} calls/s with start-up")


if __name__ == "__main__":
    main()
