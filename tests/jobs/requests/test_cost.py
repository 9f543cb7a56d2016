"""Reservation and settlement of a call."""

import pytest

from jobs.bedrock.catalogue import look_up
from jobs.requests.answer import Usage
from jobs.requests.cost import MONEY, REQUESTS, TOKENS, Meter
from jobs.requests.request import Request

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
REQUEST = Request(b"k" * 32, b"x" * 3000, 1024)


def test_a_call_reserves_its_input_and_max_tokens_whatever_the_burndown():
    meter = Meter(look_up(CLAUDE))
    meter.bytes_per_token = 3.0
    cost = meter.reservation(REQUEST)
    assert (cost[REQUESTS], cost[TOKENS]) == (1.0, 1000 + 1024)


def test_settlement_counts_burndown_and_cache_writes_but_not_cache_reads():
    """AWS's own example for a model with burndown 5: 3,000 in, 4,000 read, 1,000 written, 1,000 out settle at 9,000."""
    meter = Meter(look_up(CLAUDE))
    assert meter.actual(Usage(3000, 1000, 4000, 1000))[TOKENS] == 9000


def test_the_budget_reserves_the_highest_possible_cost():
    model = look_up(CLAUDE)
    meter = Meter(model)
    reserved = meter.reservation(REQUEST)[MONEY]
    assert reserved == model.worst_cost(1500, 1024)
    assert meter.actual(Usage(1500, 1024))[MONEY] == pytest.approx(reserved)


def test_bytes_per_token_are_learned_from_answers():
    meter = Meter(look_up(CLAUDE))
    for _ in range(500):
        meter.learn(REQUEST, Usage(input_tokens=600, output_tokens=1))
    assert meter.bytes_per_token == pytest.approx(5.0, rel=0.01)
    meter.learn(REQUEST, Usage())
    assert meter.bytes_per_token == pytest.approx(5.0, rel=0.01)
