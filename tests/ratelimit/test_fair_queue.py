"""Deficit round-robin: equal shares of cost, FIFO within a flow, and no wait longer than a round."""

import itertools
from collections import Counter, defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ratelimit.fair_queue import FairQueue


def filled(weights=None, **flows):
    """A queue with items named by flow and number, from (number, cost) of each flow."""
    queue = FairQueue(weights)
    for name, (count, cost) in flows.items():
        for number in range(count):
            queue.put(name, f"{name}{number}", cost)
    return queue


def order(queue, picks):
    return "".join(queue.pick()[0] for _ in range(picks))


def jain(shares):
    """Jain's index: 1 if all are equal, 1/n if one has everything (R. Jain, D. Chiu, W. Hawe, DEC-TR-301, 1984)."""
    return sum(shares) ** 2 / (len(shares) * sum(share * share for share in shares))


@pytest.mark.parametrize(
    ("queue", "expected"),
    [
        (filled(A=(3, 300), B=(9, 100)), "ABBBABBBABBB"),
        (filled(A=(3, 100), B=(3, 100), C=(3, 100)), "ABCABCABC"),
        # The rest of a turn carries over: three times 500 is seven times 200, and 100 left.
        (filled(A=(8, 200), B=(3, 500)), "AABAAABAABA"),
        (filled(A=(6, 1), B=(4, 1), C=(2, 1), weights={"A": 3, "B": 2}), "AAABBCAAABBC"),
        (filled(A=(4, 7)), "AAAA"),
    ],
    ids=["the vector", "equal", "deficit kept", "weights", "alone"],
)
def test_the_order(queue, expected):
    assert order(queue, len(queue)) == expected


def test_an_empty_flow_carries_nothing_over():
    queue = filled(A=(1, 100), B=(6, 300))
    assert order(queue, 2) == "AB"
    for number in range(2):
        queue.put("A", f"A{number}", 250)  # with the 200 left it would have two at once
    assert order(queue, 4) == "ABAB"


def test_a_new_flow_waits_for_one_turn_of_each_other():
    queue = filled(A=(10, 100), B=(10, 100))
    assert order(queue, 3) == "ABA"
    queue.put("C", "C", 100)
    assert order(queue, 4) == "BCAB"


def test_it_counts_queued_items():
    queue = filled(A=(2, 5), B=(1, 5))
    assert (len(queue), queue.flows, queue.queued("A"), queue.queued("C")) == (3, 2, 2, 0)
    order(queue, 2)
    assert (len(queue), queue.flows, queue.queued("A"), queue.queued("B")) == (1, 1, 1, 0)
    order(queue, 1)
    assert (len(queue), queue.flows) == (0, 0)
    with pytest.raises(IndexError):
        queue.pick()


@pytest.mark.parametrize("cost", [0.0, -1.0, float("nan")])
def test_a_free_item_is_rejected(cost):
    queue = FairQueue()
    with pytest.raises(ValueError, match="more than 0"):
        queue.put("A", "a", cost)
    assert len(queue) == queue.flows == 0


@pytest.mark.parametrize("flows", [2, 20])
def test_a_flow_of_ten_times_the_cost_gets_no_more_than_its_share(flows):
    """Half of the flows have items of 10,000 tokens, half of 1,000; the quota is 600,000 tokens a minute and flow."""
    queue, cost = FairQueue(), {f"{n}": 10_000 if n % 2 else 1_000 for n in range(flows)}
    for name, each in cost.items():
        for _ in range(700_000 // each):
            queue.put(name, name, each)
    got = Counter()
    while got.total() < flows * 600_000:
        name = queue.pick()
        got[name] += cost[name]
    assert jain(got.values()) >= 0.99


FLOWS = st.lists(
    st.tuples(st.sampled_from("ABCDE"), st.floats(0.1, 100.0) | st.sampled_from([1.0, 10.0, 100.0])), max_size=120
)


@given(FLOWS, st.lists(st.booleans(), max_size=240))
def test_every_item_is_picked_once_and_in_the_order_of_its_flow(items, turns):
    queue, picked = FairQueue(), []
    coming = iter(enumerate(items))
    for puts in turns:
        if puts and (next_ := next(coming, None)):
            number, (name, cost) = next_
            queue.put(name, (name, number), cost)
        elif len(queue):
            picked.append(queue.pick())
    for number, (name, cost) in coming:
        queue.put(name, (name, number), cost)
    while len(queue):
        picked.append(queue.pick())
    assert sorted(number for _, number in picked) == list(range(len(items)))
    for name in "ABCDE":
        numbers = [number for flow, number in picked if flow == name]
        assert numbers == sorted(numbers)


@given(FLOWS)
def test_between_two_turns_of_a_flow_no_other_flow_has_two(items):
    queue = FairQueue()
    for name, cost in items:
        queue.put(name, name, cost)
    turns = [name for name, _ in itertools.groupby(queue.pick() for _ in range(len(queue)))]
    for first, name in enumerate(turns):
        if name in turns[first + 1 :]:
            others = turns[first + 1 : turns.index(name, first + 1)]
            assert len(others) == len(set(others))


@given(FLOWS)
def test_busy_flows_differ_by_at_most_a_quantum_and_two_items(items):
    queue, left, costs = FairQueue(), Counter(name for name, _ in items), defaultdict(float)
    for name, cost in items:
        queue.put(name, (name, cost), cost)
    largest = max((cost for _, cost in items), default=0.0)
    while len(queue):
        name, cost = queue.pick()
        costs[name] += cost
        left[name] -= 1
        shares = [costs[other] for other in left if left[other]]
        assert not shares or max(shares) - min(shares) <= 3 * largest * (1 + 1e-9)
