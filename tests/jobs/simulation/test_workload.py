"""The generated sections."""

import pytest

from jobs.simulation.workload import Mix, User, Workload, section_number


def test_section_sizes_follow_from_the_seed_and_the_mix():
    users = (User("a", mix=Mix((100, 200), 50.0)), User("b", mix=Mix((1000, 1100), 400.0)))
    workload = Workload(3, max_tokens=500, users=users)
    for number in range(400):
        workload.generate(number)
    for number in range(400):
        low, high = users[workload.owner(number)].mix.input
        assert low <= workload.inputs[number] <= high
        assert 1 <= workload.outputs[number] <= 500
        body = workload.request(number).body
        assert section_number(body) == section_number(workload.request(number).wire("a")) == number
        assert len(body) == pytest.approx(workload.inputs[number], abs=0.1 * workload.inputs[number] + 1)
    assert len({workload.request(number).key for number in range(400)}) == 400
