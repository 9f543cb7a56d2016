"""Settings come as JSON, and what is wrong with them is said."""

import json
from dataclasses import asdict

import pytest

from jobs.emulator.faults import Fault
from jobs.emulator.quotas import QuotaRules
from jobs.emulator.settings import EmulatorSettings, from_json


def test_settings_survive_json():
    settings = EmulatorSettings(
        rpm=60, refill="sliding", latency=0.5, faults=(Fault("reset", count=3), Fault("unavailable", end=9.5))
    )
    assert from_json(EmulatorSettings, json.loads(json.dumps(asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([], "is a JSON object"),
        ({"rmp": 1}, "'rmp' does not exist; there are rpm, "),
        ({"rpm": "60"}, "rpm is '60'"),
        ({"rpm": True}, "rpm is True"),
        ({"port": 1.5}, "port is 1.5"),
        ({"refill": "leaky"}, "refill is 'leaky'"),
        ({"faults": {}}, "faults are a list"),
        ({"faults": [{"kind": "flood"}]}, "flood"),
    ],
)
def test_what_is_wrong_is_said(values, says):
    with pytest.raises(ValueError, match=says):
        from_json(EmulatorSettings, values)


def test_quotas_take_whole_numbers_and_fractions():
    assert from_json(QuotaRules, {"rpm": 60, "tpm": 0.5, "tpd": None}) == QuotaRules(rpm=60, tpm=0.5)


def test_secrets_are_not_shown():
    assert "hidden" not in repr(EmulatorSettings(access_key="a", secret_key="hidden", bearer_token="hidden"))
