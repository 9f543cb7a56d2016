"""Reading settings from JSON."""

import json
from dataclasses import asdict

import pytest

from jobs.emulator.faults import Fault
from jobs.emulator.quotas import QuotaRules
from jobs.emulator.settings import EmulatorSettings, from_json


def test_settings_round_trip_through_json():
    settings = EmulatorSettings(
        rpm=60, refill="sliding", latency=0.5, faults=(Fault("reset", count=3), Fault("unavailable", end=9.5))
    )
    assert from_json(EmulatorSettings, json.loads(json.dumps(asdict(settings)))) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "must be a JSON object"),
        ({"rmp": 1}, "unknown name 'rmp'; known names: rpm, "),
        ({"rpm": "60"}, "rpm is '60'"),
        ({"rpm": True}, "rpm is True"),
        ({"port": 1.5}, "port is 1.5"),
        ({"refill": "leaky"}, "refill is 'leaky'"),
        ({"faults": {}}, "faults must be a list"),
        ({"faults": [{"kind": "flood"}]}, "flood"),
    ],
)
def test_invalid_settings_raise_value_error_with_the_reason(values, message):
    with pytest.raises(ValueError, match=message):
        from_json(EmulatorSettings, values)


def test_quotas_accept_integers_and_floats():
    assert from_json(QuotaRules, {"rpm": 60, "tpm": 0.5, "tpd": None}) == QuotaRules(rpm=60, tpm=0.5)


def test_repr_hides_secrets():
    assert "hidden" not in repr(EmulatorSettings(access_key="a", secret_key="hidden", bearer_token="hidden"))
