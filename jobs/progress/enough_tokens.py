"""How large maxTokens must be for answers that were cut off (pure)."""

import math
from collections.abc import Sequence
from statistics import median

CONFIDENCE = 0.95
"""Probability that the suggested value is enough for all of them."""
STEP = 50
"""Suggested values are multiples of this."""
UNKNOWN = 4
"""Factor for the limit where no complete answer is long enough to tell."""


def enough_tokens(complete: Sequence[int], cut_off: Sequence[int]) -> int:
    """A maxTokens that is probably enough for answers cut off at the limits `cut_off`.

    `complete`: output tokens of the complete answers. What is above their median is taken for exponential, whose scale
    is the maximum likelihood estimate for censored data: sum of the excess over the median / number of complete answers
    above it. It has no memory, so the longest of n cut-off answers exceeds its limit by scale x ln(n / 0.05) at most,
    with a probability of 95%.
    """
    limit, middle = max(cut_off), median(complete or [0])
    above = [length - middle for length in complete if length > middle]
    if not above:
        return UNKNOWN * limit
    scale = (sum(above) + sum(max(0.0, length - middle) for length in cut_off)) / len(above)
    needed = limit + scale * math.log(len(cut_off) / (1 - CONFIDENCE))
    return STEP * math.ceil(needed / STEP)
