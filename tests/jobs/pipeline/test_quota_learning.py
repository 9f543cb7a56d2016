"""Controllers of a run: remembered quotas, events, and the file they are written to."""

import json

import pytest

from jobs.pipeline import events
from jobs.pipeline.quota_learning import QuotaLearning
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from jobs.requests.cost import REQUESTS, TOKENS
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.discovery.controller import Controller
from ratelimit.discovery.ramp import Ramp

WHOSE = QuotaScope("aws", "0f3a", "eu-central-1", "m")


@pytest.fixture
def memory(tmp_path):
    return QuotaMemory(tmp_path / "quotas.json")


def work(controller: Controller, per_second: float, seconds: float = 60.0) -> None:
    """Drive a controller against a server with a one-second token bucket that throttles at once."""
    server, now = TokenBucket(per_second, per_second), 0.0
    while now < seconds:
        wait = controller.wait(now)
        if wait > 0.0:
            now += wait
            continue
        controller.take(now)
        if server.wait(now) > 0.0:
            controller.throttled(now, now, 1.0)
        else:
            server.take(now)


def test_a_learned_quota_is_an_event_and_the_next_run_starts_from_it(memory):
    heard = []
    first = QuotaLearning(memory, WHOSE, heard.append)
    first.controller(TOKENS)
    work(first.controller(REQUESTS), 10.0)
    first.close()
    assert {event.quota for event in heard} == {"requests"}
    assert heard[0].sentence.startswith("request quota: throttled at ")
    assert [event.kind for event in heard if event.reason][1] == "bucket"
    [entry] = json.loads(memory.path.read_text())["quotas"]
    assert (entry["quota"], entry["kind"]) == ("requests", "bucket")
    assert entry["per_minute"] == pytest.approx(600, rel=0.03)

    again = []
    second = QuotaLearning(memory, WHOSE, again.append)
    assert isinstance(second.controller(TOKENS).state, Ramp)
    second.controller(REQUESTS).wait(0.0)
    assert again[0].reason.endswith("a minute, learned just now")
    assert again[0].per_minute == pytest.approx(600, rel=0.03)


def test_a_remembered_quota_keeps_its_date_and_gets_a_new_used_at(memory):
    first = QuotaLearning(memory, WHOSE, lambda _: None)
    work(first.controller(REQUESTS), 10.0)
    first.close()
    [entry] = json.loads(memory.path.read_text())["quotas"]
    before = entry | {"learned_at": "2026-11-24T02:30:00+00:00", "used_at": "2026-11-24T02:30:00+00:00"}
    memory.path.write_text(json.dumps({"quotas": [before]}))
    second = QuotaLearning(memory, WHOSE, lambda _: None)
    controller = second.controller(REQUESTS)
    assert controller.wait(0.0) == 0.0
    controller.take(0.0)
    second.close()
    [after] = json.loads(memory.path.read_text())["quotas"]
    assert after | {"used_at": ""} == before | {"used_at": ""}
    assert after["used_at"] > "2026-11-24T02:30:00+00:00"


def test_a_run_without_calls_does_not_write_the_file(memory):
    first = QuotaLearning(memory, WHOSE, lambda _: None)
    work(first.controller(REQUESTS), 10.0)
    first.close()
    written = memory.path.read_bytes()
    second = QuotaLearning(memory, WHOSE, lambda _: None)
    assert second.controller(REQUESTS).wait(0.0) == 0.0
    second.close()
    assert memory.path.read_bytes() == written


def test_a_run_that_learns_nothing_does_not_write_the_file(memory):
    idle = QuotaLearning(memory, WHOSE, lambda _: None)
    idle.controller(REQUESTS)
    idle.close()
    forgetful = QuotaLearning(None, WHOSE, lambda _: None)
    work(forgetful.controller(REQUESTS), 10.0)
    forgetful.close()
    assert not memory.path.exists()


def test_a_broken_file_is_a_notice(memory):
    memory.path.write_text("{")
    heard = []
    learning = QuotaLearning(memory, WHOSE, heard.append)
    assert isinstance(learning.controller(REQUESTS).state, Ramp)
    assert isinstance(learning.controller(TOKENS).state, Ramp)
    assert [type(event) for event in heard] == [events.Notice]
    assert str(memory.path) in heard[0].text


def test_a_failed_write_is_a_notice(tmp_path):
    (tmp_path / "file").touch()
    heard = []
    learning = QuotaLearning(QuotaMemory(tmp_path / "file" / "quotas.json"), WHOSE, heard.append)
    work(learning.controller(REQUESTS), 10.0)
    learning.close()
    assert isinstance(heard[-1], events.Notice)
    assert "cannot be written" in heard[-1].text
