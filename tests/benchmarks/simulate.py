"""The cost of a simulation: `python tests/benchmarks/simulate.py [--requests N]`.

Measures the command from the shell: all algorithms on the default scenario, and a batch of a million requests through
the real engine with a configured quota. Then the decisions of each limiter alone, in this process. There is no I/O.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

from processes import measure

from ratelimit.algorithms.adaptive import Adaptive
from ratelimit.algorithms.botocore_adaptive import BotocoreAdaptive
from ratelimit.algorithms.fixed_window import FixedWindow
from ratelimit.algorithms.leaky_bucket import LeakyBucket
from ratelimit.algorithms.protocol import Limiter
from ratelimit.algorithms.sliding_counter import SlidingCounter
from ratelimit.algorithms.sliding_log import SlidingLog
from ratelimit.algorithms.token_bucket import TokenBucket

COMMAND = str(Path(sys.executable).with_name("bedrock-batch"))
RUNS = 5
RATE = 6_000.0
"""Requests per minute of the large batch; several hundred calls are in flight."""
MAX_SHELL_SECONDS, MAX_CPU_SECONDS, MAX_MEGABYTES, MIN_DECISIONS = 3.0, 60.0, 300.0, 500_000.0
"""The goals: from the shell; CPU and memory of a million requests; decisions per second."""
DECISIONS = 300_000
"""Per limiter."""


def limiters() -> dict[str, Limiter]:
    """Each with a rate of 100/s."""
    return {
        "fixed-window": FixedWindow(RATE, 60.0),
        "sliding-log": SlidingLog(RATE, 60.0),
        "sliding-counter": SlidingCounter(RATE, 60.0),
        "token-bucket": TokenBucket(RATE / 60, RATE / 60),
        "leaky-bucket": LeakyBucket(RATE / 60, 1.0),
        "adaptive": Adaptive(RATE / 60, RATE / 60, lowest=1.0, highest=1e6),
        "botocore-adaptive": throttled(),
    }


def throttled() -> BotocoreAdaptive:
    """It limits nothing before its first throttle."""
    limiter = BotocoreAdaptive(0.0)
    limiter.throttled(0.0, 0.0, 1.0)
    return limiter


def decisions(limiter: Limiter) -> float:
    """Decisions per second, with calls at 1.1 times the rate: `wait`, and `take` if the call fits."""
    wait, take, step = limiter.wait, limiter.take, 0.9 * 60 / RATE
    now = 0.0
    started = time.process_time()
    for _ in range(DECISIONS):
        if wait(now) == 0.0:
            take(now)
        now += step
    return DECISIONS / (time.process_time() - started)


def main() -> None:
    """Print each measurement with its goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    requests = parser.parse_args().requests
    walls = [measure([COMMAND, "simulate", "--rate", "100"]).wall for _ in range(RUNS)]
    wall = statistics.median(walls)
    print(f"all algorithms, default scenario: {wall:.2f} s from the shell (goal {MAX_SHELL_SECONDS:.0f})")
    batch = [COMMAND, "simulate", "--rate", f"{RATE:g}", "--requests", str(requests), "--algorithm", "bedrock-batch"]
    done = measure(batch)
    print(
        f"{requests:,} requests: {done.cpu:.1f} s CPU, {done.cpu / requests * 1e6:.1f} us each "
        f"(goal {MAX_CPU_SECONDS:.0f}), {done.memory_mb:.0f} MB peak (goal {MAX_MEGABYTES:.0f})"
    )
    for name, limiter in limiters().items():
        print(f"{name}: {decisions(limiter):,.0f} decisions/s (goal {MIN_DECISIONS:,.0f})")


if __name__ == "__main__":
    main()
