"""The client of the baselines."""

from collections import Counter

from jobs.emulator.quotas import QuotaRules
from jobs.record.protocol import Status
from jobs.simulation.baseline_client import BaselineClient, ClientPacer
from jobs.simulation.measures import lost
from jobs.simulation.scenario import Scenario
from jobs.simulation.workload import Workload


def test_a_baseline_client_gives_up_after_eight_throttles():
    done = BaselineClient(Scenario(QuotaRules(rpm=60), 1), Workload(1, count=200), lambda: ClientPacer({}), 200).run(
        None
    )
    assert done.statuses[Status.OK] + done.statuses[Status.FAILED] == 200
    assert done.statuses[Status.FAILED] == lost(done) > 0
    assert max(Counter(call.unit for call in done.server.calls).values()) == 8


def test_a_baseline_client_stops_at_a_time_limit():
    done = BaselineClient(Scenario(QuotaRules(rpm=60), 1), Workload(1), lambda: ClientPacer({}), 10).run(30.0)
    assert done.seconds == 30.0
    assert done.statuses[Status.NEW] > 0
    assert done.statuses.total() == len(done.workload.inputs)
