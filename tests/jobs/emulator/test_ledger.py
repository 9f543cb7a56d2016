"""The ledger of calls."""

import hashlib

from botocore.exceptions import ClientError
from emulator_fixtures import MODEL, NOVA, ask, ledger

from jobs.emulator.faults import Fault


def test_the_ledger_matches_the_requests_that_boto3_sent(emulate):
    running = emulate(faults=(Fault("requests", every=3), Fault("internal", every=5)))
    client = running.client()
    sent: list[str] = []
    client.meta.events.register(
        "before-send.*", lambda request, **_: sent.append(hashlib.sha256(request.body).hexdigest())
    )
    statuses = []
    for number in range(12):
        try:
            model = (MODEL, NOVA)[number % 2]
            client.converse(modelId=model, **ask(f"Call {number}."), requestMetadata={"attempt": str(number)})
            statuses.append(200)
        except ClientError as error:
            statuses.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
    entries = ledger(running)
    assert [entry["sha256"] for entry in entries] == sent
    assert [entry["metadata"] for entry in entries] == [{"attempt": str(number)} for number in range(12)]
    assert [entry["status"] for entry in entries] == statuses
    assert {429, 500} < set(statuses)
    assert [entry["charged"] for entry in entries] == [status != 429 for status in statuses]
    assert [entry["model"] for entry in entries] == [MODEL, NOVA] * 6
    assert [entry["time"] for entry in entries] == sorted(entry["time"] for entry in entries)
    assert all((entry["output_tokens"] > 0) == entry["charged"] for entry in entries)
