"""A limit that is enough for answers that were cut off."""

import random

import pytest

from jobs.progress.enough_tokens import enough_tokens

EXPONENTIAL = lambda rng: rng.expovariate(1 / 200)  # noqa: E731
LOGNORMAL = lambda rng: rng.lognormvariate(5.0, 0.7)  # noqa: E731


@pytest.mark.parametrize("limit", [150, 300, 600])
@pytest.mark.parametrize(("length", "all_of_them"), [(EXPONENTIAL, 180), (LOGNORMAL, 50)])
def test_it_is_enough_and_not_far_too_large(limit, length, all_of_them):
    """With answers of exponential length in nine of ten cases for all of 400, and always for 98%."""
    enough, ratios = 0, []
    for seed in range(200):
        rng = random.Random(seed)
        lengths = sorted(round(length(rng)) for _ in range(400))
        cut_off = [length for length in lengths if length > limit]
        if cut_off:
            advised = enough_tokens([length for length in lengths if length <= limit], [limit] * len(cut_off))
            assert advised >= lengths[392]
            enough += advised >= lengths[-1]
            ratios.append(advised / lengths[-1])
    assert enough >= all_of_them * len(ratios) / 200
    assert sorted(ratios)[len(ratios) // 2] < 2


def test_without_a_long_complete_answer_it_is_a_multiple_of_the_limit():
    assert enough_tokens([], [80] * 3) == 320
    assert enough_tokens([10], [80] * 43) == 320
