"""A snapshot of a run that is 42% done."""

from jobs.pipeline.stage import Stage
from jobs.progress.snapshot import Quota, Snapshot

RUNNING = Snapshot(
    elapsed=125.0,
    documents=120,
    documents_total=300,
    bytes_read=800,
    bytes_total=1_000,
    unreadable=2,
    sections=12_345,
    resumed=100,
    cached=12,
    duplicates=3,
    units=12_000,
    units_done=6_300,
    ok=6_290,
    failed=7,
    incomplete=3,
    calls=6_400,
    in_flight=98,
    throttled=40,
    input_tokens=10_123_456,
    output_tokens=634_567,
    cost_usd=39.42,
    calls_per_minute=1_170.0,
    tokens_per_minute=1_900_000.0,
    latency=3.21,
    quota=Quota(1_200, 2_000_000, "configured"),
    utilisation=0.974,
    eta=172.0,
    stages=(
        Stage("read", 0, 1, 120),
        Stage("record", 120, 64, 12_345),
        Stage("call", 1_200, 98, 6_400),
        Stage("close", 0, 3, 6_300),
    ),
)
"""With a little of everything."""
