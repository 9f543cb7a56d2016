"""What a simulation costs: `python tests/benchmarks/simulate.py [--requests N]`.

The command as it is run from a shell: all algorithms on the default scenario, and a batch of a million through the
real engine, told its quota. Then the bare decisions of each limiter, in this process. Nothing is written and nothing
travels, so times are those of the processor.
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
"""Requests a minute of the large batch: several hundred calls are in flight."""
SHELL, SECONDS, MEGABYTES, DECISIONS = 3.0, 60.0, 300.0, 500_000.0
"""The goals: seconds from the shell; seconds and MB of a million; decisions a second."""
ASKED = 300_000


def limiters() -> dict[str, Limiter]:
    """Each with room for 100 a second."""
    return {
        "fixed-window": FixedWindow(RATE, 60.0),
        "sliding-log": SlidingLog(RATE, 60.0),
        "sliding-counter": SlidingCounter(RATE, 60.0),
        "token-bucket": TokenBucket(RATE / 60, RATE / 60),
        "leaky-bucket": LeakyBucket(RATE / 60, 1.0),
        "adaptive": Adaptive(RATE / 60, RATE / 60, min_rate=1.0, max_rate=1e6),
        "botocore-adaptive": throttled(),
    }


def throttled() -> BotocoreAdaptive:
    """It limits nothing before it was refused."""
    limiter = BotocoreAdaptive(0.0)
    limiter.throttled(0.0, 0.0, 1.0)
    return limiter


def decisions(limiter: Limiter) -> float:
    """A second: whether a call fits, and its charge if it does; asked a little more often than the limiter lets in."""
    wait, take, step = limiter.wait, limiter.take, 0.9 * 60 / RATE
    now = 0.0
    began = time.process_time()
    for _ in range(ASKED):
        if wait(now) == 0.0:
            take(now)
        now += step
    return ASKED / (time.process_time() - began)


def main() -> None:
    """Run all of it and print it beside the goals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    requests = parser.parse_args().requests
    walls = [measure([COMMAND, "simulate", "--rate", "100"]).wall for _ in range(RUNS)]
    print(f"all algorithms, default scenario: {statistics.median(walls):.2f} s from the shell (goal {SHELL:.0f})")
    batch = [COMMAND, "simulate", "--rate", f"{RATE:g}", "--requests", str(requests), "--algorithm", "bedrock-batch"]
    done = measure(batch)
    print(
        f"{requests:,} requests: {done.cpu:.1f} s CPU, {done.cpu / requests * 1e6:.1f} us each "
        f"(goal {SECONDS:.0f}), {done.memory_mb:.0f} MB at the most (goal {MEGABYTES:.0f})"
    )
    for name, limiter in limiters().items():
        print(f"{name}: {decisions(limiter):,.0f} decisions a second (goal {DECISIONS:,.0f})")


if __name__ == "__main__":
    main()
