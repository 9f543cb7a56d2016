"""What virtual time says is what happens: `analyze` over HTTP against the emulator, beside the simulated run.

Some minutes of real time, so they run only where AGREEMENT=1 is in the environment.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import engine_gates
import pytest
from running import Workplace, emulator

from jobs.emulator.quotas import QuotaRules
from jobs.pipeline.stopping import Policy
from jobs.simulation import measures
from jobs.simulation.engine_run import Run, run
from jobs.simulation.ledger import Call, Ledger
from jobs.simulation.scenario import Scenario, World
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.tally import result
from jobs.simulation.workload import Mix, Work
from ratelimit.gate import Gate

pytestmark = [
    pytest.mark.skipif(os.environ.get("AGREEMENT") != "1", reason="takes minutes: set AGREEMENT=1"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("agreement"),  # one at a time: they are about time
]

SECONDS = 75.0
MOST = 256
LATENCY, SIGMA = 2.0, 0.5
WORLD = World(uplink=(0.001, 0.005), refusal=(0.006, 0.012), latency=LATENCY, sigma=SIGMA)
TEXT = "The committee met on the day that had been set and it agreed to what had been put before it by the chair. " * 50


def called(folder: Any, rules: QuotaRules, *options: str) -> Run:
    """`analyze` for SECONDS from its first call, from the emulator's ledger."""
    quotas = {"rpm": rules.rpm, "tpm": rules.tpm, "refill": rules.refill, "burst": rules.burst}
    told = {name: value for name, value in quotas.items() if value is not None}
    with emulator(latency=LATENCY, jitter=SIGMA, seed=1, **told) as server:
        place = Workplace(folder, server.url)
        for name in range(20):
            place.write(f"{name}.md", "".join(f"## Part {name} {n}\n\n{n}. {TEXT}\n\n" for n in range(100)))
        process = place.start(
            "--no-cache", "--max-tokens", str(MOST), "--deadline", f"{SECONDS + 5:g}s", "--grace", "1s", *options
        )
        _, err = process.communicate(timeout=4 * SECONDS)
        assert process.returncode == 5, err
        ledger = server.ledger()
    start = ledger[0]["time"]
    phase = (time.monotonic() - (time.time() - start)) % 60  # the emulator counts minutes by the system's clock
    calls = []
    for unit, entry in enumerate(ledger):
        at = entry["time"] - start
        tokens = entry["input_tokens"] + entry["output_tokens"]
        calls.append(Call(unit, at, at, "requests" if entry["status"] == 429 else "", tokens, tokens, at))
    bedrock = SimulatedBedrock(Scenario(rules, phase=phase))
    bedrock.calls = Ledger(calls)
    work = Work()
    work.offered.extend([0.0] * len(calls))
    return Run(Scenario(rules), work, bedrock, Counter(), SECONDS, cut=True)


def simulated(rules: QuotaRules, like: Run, gate: Callable[[], Gate]) -> Run:
    """The same in virtual time, with sections of the size that they had."""
    size = round(sum(call.settled for call in measures.admitted(like.server.calls)) / len(like.server.calls))
    work = Work(1, max_tokens=MOST, mixes=(Mix((size - 80, size - 80), 80.0, 0.0),))
    scenario = Scenario(rules, 1, WORLD, phase=like.server.phase)
    return run(scenario, work, gate, policy=Policy(), seconds=SECONDS)


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        (QuotaRules(rpm=600), ("--rpm", "600")),
        (QuotaRules(tpm=600_000), ("--tpm", "600000")),
        (QuotaRules(rpm=600, burst=10), ("--rpm", "auto", "--tpm", "auto")),
    ],
    ids=["told 600 rpm", "told 600,000 tpm", "unknown 600 rpm, 10 s"],
)
def test_real_http_agrees_with_virtual_time(tmp_path, rules, options):
    real = called(tmp_path, rules, *options)
    make = engine_gates.unknown if "auto" in options else engine_gates.configured
    virtual = simulated(rules, real, lambda: make(rules, MOST))
    figures = [
        (measures.utilisation(done), measures.throttle_rate(done), result("", done).utilisation)
        for done in (real, virtual)
    ]
    print(figures)
    assert figures[0] == pytest.approx(figures[1], abs=0.03)
