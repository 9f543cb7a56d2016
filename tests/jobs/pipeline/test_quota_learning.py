"""The controllers of a run: what they are given, what they tell, and what is kept of it."""

import json

import pytest

from jobs.pipeline import events
from jobs.pipeline.quota_learning import QuotaLearning
from jobs.record.quota_memory import QuotaMemory, QuotaScope
from jobs.requests.cost import REQUESTS, TOKENS
from ratelimit.algorithms.token_bucket import TokenBucket
from ratelimit.discovery.controller import Controller

WHOSE = QuotaScope("aws", "0f3a", "eu-central-1", "m")


@pytest.fixture
def memory(tmp_path):
    return QuotaMemory(tmp_path / "quotas.json")


def work(controller: Controller, per_second: float, seconds: float = 60.0) -> None:
    """Against a server's bucket of one second that refuses at once."""
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


def test_what_a_run_learns_is_told_and_the_next_one_starts_from_it(memory):
    heard = []
    first = QuotaLearning(memory, WHOSE, heard.append)
    first.controller(TOKENS)
    work(first.controller(REQUESTS), 10.0)
    first.close()
    assert {event.quota for event in heard} == {"requests"}
    assert heard[0].sentence.startswith("the quota in requests: throttled at ")
    assert [event.kind for event in heard if event.reason][1] == "bucket"
    [entry] = json.loads(memory.path.read_text())["quotas"]
    assert (entry["quota"], entry["kind"]) == ("requests", "bucket")
    assert entry["per_minute"] == pytest.approx(600, rel=0.03)

    again = []
    second = QuotaLearning(memory, WHOSE, again.append)
    assert second.controller(TOKENS).state.name == "ramp"
    second.controller(REQUESTS).wait(0.0)
    assert again[0].reason.endswith("a minute, learned just now")
    assert again[0].per_minute == pytest.approx(600, rel=0.03)


def test_what_was_only_remembered_keeps_its_date_and_was_used_now(memory):
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


def test_a_run_that_made_no_call_leaves_the_memory_alone(memory):
    first = QuotaLearning(memory, WHOSE, lambda _: None)
    work(first.controller(REQUESTS), 10.0)
    first.close()
    written = memory.path.read_bytes()
    second = QuotaLearning(memory, WHOSE, lambda _: None)
    assert second.controller(REQUESTS).wait(0.0) == 0.0
    second.close()
    assert memory.path.read_bytes() == written


def test_where_nothing_is_learned_or_kept_nothing_is_written(memory):
    idle = QuotaLearning(memory, WHOSE, lambda _: None)
    idle.controller(REQUESTS)
    idle.close()
    forgetful = QuotaLearning(None, WHOSE, lambda _: None)
    work(forgetful.controller(REQUESTS), 10.0)
    forgetful.close()
    assert not memory.path.exists()


def test_a_broken_memory_is_a_notice_and_not_the_end_of_the_run(memory):
    memory.path.write_text("{")
    heard = []
    learning = QuotaLearning(memory, WHOSE, heard.append)
    assert learning.controller(REQUESTS).state.name == "ramp"
    assert learning.controller(TOKENS).state.name == "ramp"
    assert [type(event) for event in heard] == [events.Notice]
    assert str(memory.path) in heard[0].text


def test_a_memory_that_cannot_be_written_is_a_notice(tmp_path):
    (tmp_path / "file").touch()
    heard = []
    learning = QuotaLearning(QuotaMemory(tmp_path / "file" / "quotas.json"), WHOSE, heard.append)
    work(learning.controller(REQUESTS), 10.0)
    learning.close()
    assert isinstance(heard[-1], events.Notice)
    assert "is not remembered" in heard[-1].text
