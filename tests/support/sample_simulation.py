"""Invented results and timelines for tests of the HTML page."""

import math

from jobs.simulation.comparison import Trial
from jobs.simulation.result import Result, Timeline

ALGORITHMS = (
    "none fixed-window sliding-log sliding-counter token-bucket leaky-bucket adaptive botocore-adaptive nginx kong "
    "kong-sliding api-gateway bedrock-batch bedrock-batch-auto"
).split()
WITH_BREAKER = ("bedrock-batch", "bedrock-batch-auto")
WITH_ESTIMATE = ("adaptive", "botocore-adaptive", *WITH_BREAKER)

TITLE = "What happens to a batch when the quota is cut in the middle?"
SCENARIO: dict[str, object] = {
    "name": "quota-cut",
    "rate": 100.0,
    "tpm": None,
    "server": "bucket",
    "burst": 1.0,
    "requests": 300,
    "arrivals": "batch",
    "users": [{"name": "legal", "weight": 2, "requests": 200}, {"name": "finance", "weight": 1, "requests": 100}],
    "latency": 6.0,
    "max_tokens": 1024,
    "outages": [[60.0, 100.0]],
    "quota_changes": [[150.0, 60.0]],
    "seed": 0,
}

EXPLANATIONS = {
    "none": "297 requests gave up after 8 attempts: it retries immediately.",
    "fixed-window": "It sends a whole window at once.",
    "leaky-bucket": "It does not use the full bucket after the outage.",
    "bedrock-batch-auto": "It took 40 s to learn the quota.",
}

RECOMMENDATION = [
    "bedrock-batch analyze PATH --rpm 100 --concurrency 24 --max-tokens 1024",
    "300 requests in 4m 12s, 0.0% throttled",
]


def result(algorithm: str, **changes: float) -> Result:
    """The figures of a good run, with changes."""
    row: dict[str, float] = {
        "served": 300,
        "calls": 300,
        "throttled": 0,
        "throttle_rate": 0.0,
        "utilisation": 0.978,
        "makespan_s": 252.3,
        "ideal_s": 249.0,
        "wait_p50_s": 121.4,
        "wait_p95_s": 240.2,
        "worst_minute": 0.71,
        "fairness": 0.998,
        "lost": 0,
    }
    return Result(algorithm=algorithm, **(row | changes))


def results() -> list[Result]:
    """One per algorithm; `none` gives up nearly all requests."""
    rows = [result(name, makespan_s=252.3 + 3 * i, calls=300 + 7 * i) for i, name in enumerate(ALGORITHMS[1:])]
    worst = result(
        "none", served=3, lost=297, calls=2379, throttled=2376, throttle_rate=0.9987, makespan_s=0.6, ideal_s=0.6,
        wait_p50_s=0.2, wait_p95_s=0.5, worst_minute=1.0, utilisation=1.8,
    )  # fmt: skip
    return [worst, *rows]


def timeline(algorithm: str, length: float = 260.0, count: int = 600) -> Timeline:
    """A batch of 300 with an outage and a quota cut; the curve depends on the algorithm's name."""
    step, number = length / count, ALGORITHMS.index(algorithm)
    times = [i * step for i in range(count)]
    quota = [100 / 60 if at < 150 else 1.0 for at in times]
    admitted, rejected, waiting, estimate = [], [], [], []
    left, credit = 300.0, 1.0 + number % 3
    for i, at in enumerate(times):
        credit = min(credit + quota[i] * step * (1 - 0.01 * number), 100.0 if algorithm == "fixed-window" else 2.0)
        out = 60 <= at < 100
        go = 0 if out or left <= 0 or (algorithm == "fixed-window" and at % 60 > 2) else min(int(credit), int(left))
        credit, left = credit - go, left - go
        flood = 2376 / step if algorithm == "none" and i == 0 else 0.0
        admitted.append(go / step)
        rejected.append(flood + (3.0 if out and number < 12 else 0.4 * (number % 4) * (left > 0)))
        waiting.append(int(left))
        guess = quota[i] * (1 + 0.3 * math.exp(-(at % 150) / 15) * math.cos(at / 6))
        estimate.append(guess if algorithm in WITH_ESTIMATE and at >= 20 else None)
    changes = ((63.0, "open"), (93.0, "half-open"), (95.0, "open"), (103.0, "half-open"), (106.0, "closed"))
    breaker = changes if algorithm in WITH_BREAKER else ()
    return Timeline(
        step, tuple(admitted), tuple(rejected), tuple(quota), tuple(waiting), tuple(estimate), breaker, ((60.0, 100.0),)
    )


def trial(result: Result, timeline: Timeline | None = None, explanation: str = "") -> Trial:
    return Trial(result, explanation, timeline, None)


def trials() -> list[Trial]:
    """One per algorithm; `none` is done in seconds."""
    return [
        trial(result, timeline(name, 3.0 if name == "none" else 260.0), EXPLANATIONS.get(name, ""))
        for name, result in zip(ALGORITHMS, results(), strict=True)
    ]


def everything() -> tuple[dict[str, object], list[Trial], list[str], str]:
    """The arguments of `page`."""
    return SCENARIO, trials(), RECOMMENDATION, TITLE
