from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cli.exit_codes import ExitCode, worst

ORDER = [130, 13, 1, 12, 14, 11, 2, 5, 4, 3, 0]


def test_of_two_codes_the_earlier_of_the_documented_order_wins():
    for worse, better in pairwise(ORDER):
        assert worst([better, worse]) == worst([worse, better]) == worse


@given(st.lists(st.sampled_from(ORDER), min_size=1))
def test_the_worst_of_many_is_the_one_that_stands_first(codes):
    assert worst(codes) == min(codes, key=ORDER.index)


def test_the_worst_of_none_is_success():
    assert worst([]) == ExitCode.OK


def test_every_code_is_in_the_order():
    assert {*ExitCode} == {*ORDER[1:]}
