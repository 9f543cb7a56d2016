"""The API below /_emulator/."""

import json

from emulator_fixtures import MODEL, ask, ledger

from jobs.emulator.faults import Fault


def test_stats_count_the_ledger(emulate):
    running = emulate(faults=(Fault("reset", count=1, every=2), Fault("denied", start=3600)))
    for _ in range(3):
        try:
            running.http("POST", f"/model/{MODEL}/converse", ask("Hello there."))
        except ConnectionResetError:
            continue
    running.http("POST", f"/model/{MODEL}/converse", {})
    stats = json.loads(running.http("GET", "/_emulator/stats")[1])
    assert stats["calls"] == 4
    assert stats["charged"] == 3
    assert stats["statuses"] == {"200": 2, "0": 1, "400": 1}
    assert stats["faults"] == {"reset": 1}
    assert stats["operations"] == {"Converse": 4}
    assert stats["in_flight"] == 0


def test_delete_empties_the_ledger(emulate):
    running = emulate()
    running.http("POST", f"/model/{MODEL}/converse", ask("Hello there."))
    assert len(ledger(running)) == 1
    assert running.http("DELETE", "/_emulator/ledger") == (204, b"")
    assert ledger(running) == []


def test_put_replaces_the_faults(emulate):
    running = emulate()
    status, _ = running.http("PUT", "/_emulator/faults", [{"kind": "unavailable", "count": 1}])
    assert status == 204
    assert json.loads(running.http("GET", "/_emulator/faults")[1])[0]["kind"] == "unavailable"
    answers = [running.http("POST", f"/model/{MODEL}/converse", ask("Hello."))[0] for _ in range(2)]
    assert answers == [503, 200]


def test_put_replaces_the_quotas(emulate):
    running = emulate()
    assert running.http("PUT", "/_emulator/quotas", {"rpm": 1, "burst": 60})[0] == 204
    assert json.loads(running.http("GET", "/_emulator/quotas")[1])["rpm"] == 1
    answers = [running.http("POST", f"/model/{MODEL}/converse", ask("Hello."))[0] for _ in range(2)]
    assert answers == [200, 429]


def test_get_quotas_shows_no_other_settings(emulate):
    running = emulate(access_key="key", secret_key="hidden", bearer_token="hidden")
    status, body = running.http("GET", "/_emulator/quotas")
    assert status == 200
    assert json.loads(body).keys() == {"rpm", "tpm", "tpd", "refill", "burst", "burndown", "max_output_tokens"}


def test_faults_read_with_get_can_be_put_back(emulate):
    """As standard JSON, which has no Infinity."""
    running = emulate(faults=(Fault("unavailable", start=5), Fault("reset", end=9, count=1)))
    _, body = running.http("GET", "/_emulator/faults")

    def reject(constant: str) -> float:
        raise AssertionError(constant)

    faults = json.loads(body, parse_constant=reject)
    assert running.http("PUT", "/_emulator/faults", faults)[0] == 204
    assert json.loads(running.http("GET", "/_emulator/faults")[1]) == faults


def test_an_invalid_put_returns_a_message_and_changes_nothing(emulate):
    running = emulate(rpm=5)
    for path, value in (("quotas", {"rmp": 1}), ("faults", [{"kind": "flood"}]), ("faults", "reset")):
        status, body = running.http("PUT", f"/_emulator/{path}", value)
        assert status == 400
        assert json.loads(body)["message"]
    assert running.emulator.quotas.rules.rpm == 5
    assert running.http("GET", "/_emulator/unknown")[0] == 404
