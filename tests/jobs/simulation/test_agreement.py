"""Real time agrees with virtual time: `analyze` over HTTP against the emulator, and the same run simulated.

Takes minutes of real time, so it runs only with AGREEMENT=1 in the environment.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import engine_gates
import pytest
import rate_measures
from running import Workplace, emulator

from jobs.emulator.quotas import QuotaRules
from jobs.pipeline.stopping import Policy
from jobs.simulation.engine_run import Run, run
from jobs.simulation.ledger import ServerLedger, SimulatedCall
from jobs.simulation.measures import admitted
from jobs.simulation.scenario import Scenario, Timing
from jobs.simulation.server import SimulatedBedrock
from jobs.simulation.tally import summarise
from jobs.simulation.workload import Mix, User, Workload
from ratelimit.gate import Gate

pytestmark = [
    pytest.mark.skipif(os.environ.get("AGREEMENT") != "1", reason="takes minutes: set AGREEMENT=1"),
    pytest.mark.timeout(300),
    pytest.mark.xdist_group("agreement"),  # one at a time: they measure real time
]

SECONDS = 75.0
MAX_TOKENS = 256
LATENCY, SIGMA = 2.0, 0.5
TIMING = Timing(uplink=(0.001, 0.005), error=(0.006, 0.012), latency=LATENCY, sigma=SIGMA)
TEXT = "The committee met on the day that had been set and it agreed to what had been put before it by the chair. " * 50


def run_over_http(folder: Any, rules: QuotaRules, *options: str) -> Run:
    """The first SECONDS of `analyze`, from the emulator's ledger."""
    quotas = {"rpm": rules.rpm, "tpm": rules.tpm, "refill": rules.refill, "burst": rules.burst}
    settings = {name: value for name, value in quotas.items() if value is not None}
    with emulator(latency=LATENCY, jitter=SIGMA, seed=1, **settings) as server:
        place = Workplace(folder, server.url)
        for name in range(20):
            place.write(f"{name}.md", "".join(f"## Part {name} {n}\n\n{n}. {TEXT}\n\n" for n in range(100)))
        process = place.start(
            "--no-cache", "--max-tokens", str(MAX_TOKENS), "--deadline", f"{SECONDS + 5:g}s", "--grace", "1s", *options
        )
        _, err = process.communicate(timeout=4 * SECONDS)
        assert process.returncode == 5, err
        ledger = server.ledger()
    start = ledger[0]["time"]
    phase = (time.monotonic() - (time.time() - start)) % 60  # the emulator's minutes follow the monotonic clock
    calls = []
    for unit, entry in enumerate(ledger):
        at = entry["time"] - start
        tokens = entry["input_tokens"] + entry["output_tokens"]
        error = "requests" if entry["status"] == 429 else ""
        calls.append(SimulatedCall(unit, at, at, error, tokens, tokens, at))
    bedrock = SimulatedBedrock(Scenario(rules, phase=phase))
    bedrock.calls = ServerLedger(calls)
    workload = Workload()
    workload.arrived.extend([0.0] * len(calls))
    return Run(Scenario(rules), workload, bedrock, Counter(), SECONDS, timed=True)


def simulate(rules: QuotaRules, real: Run, gate: Callable[[], Gate]) -> Run:
    """The same in virtual time, with sections of the same mean size."""
    size = round(sum(call.settled for call in admitted(real.server.calls)) / len(real.server.calls))
    user = User("user 1", mix=Mix((size - 80, size - 80), 80.0, 0.0))
    workload = Workload(1, max_tokens=MAX_TOKENS, users=(user,))
    scenario = Scenario(rules, 1, TIMING, phase=real.server.phase)
    return run(scenario, workload, gate, policy=Policy(), seconds=SECONDS)


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        (QuotaRules(rpm=600), ("--rpm", "600")),
        (QuotaRules(tpm=600_000), ("--tpm", "600000")),
        (QuotaRules(rpm=600, burst=10), ("--rpm", "auto", "--tpm", "auto")),
    ],
    ids=["configured 600 rpm", "configured 600,000 tpm", "unknown 600 rpm, 10 s burst"],
)
def test_real_http_agrees_with_virtual_time(tmp_path, rules, options):
    real = run_over_http(tmp_path, rules, *options)
    gate = engine_gates.unknown if "auto" in options else engine_gates.configured
    virtual = simulate(rules, real, lambda: gate(rules, MAX_TOKENS))
    figures = [
        (rate_measures.utilisation(done), rate_measures.throttle_rate(done), summarise("", done).utilisation)
        for done in (real, virtual)
    ]
    print(figures)
    assert figures[0] == pytest.approx(figures[1], abs=0.03)
