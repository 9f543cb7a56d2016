"""botocore reads the frames and verifies their checksums."""

import json

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from jobs.emulator.eventstream import complete_frames, events, exception, frame


def messages(stream: bytes) -> list:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return list(buffer)


@given(
    headers=st.dictionaries(st.text(st.characters(codec="ascii"), min_size=1, max_size=20), st.text(max_size=50)),
    payload=st.binary(max_size=500),
)
def test_botocore_decodes_a_frame(headers, payload):
    [message] = messages(frame(headers, payload))
    assert message.headers == headers
    assert message.payload == payload


def test_botocore_decodes_events_followed_by_an_exception():
    stream = events([("messageStart", {"role": "assistant"}), ("messageStop", {})]) + exception(
        "throttlingException", "no"
    )
    start, stop, error = messages(stream)
    assert start.headers[":event-type"] == "messageStart"
    assert json.loads(start.payload) == {"role": "assistant"}
    assert stop.headers[":message-type"] == "event"
    assert error.headers[":message-type"] == "exception"
    assert error.headers[":exception-type"] == "throttlingException"


@given(at=st.integers(0, 10_000))
def test_a_changed_byte_fails_the_checksum(at):
    stream = bytearray(frame({":event-type": "x"}, b"payload of a frame"))
    stream[4 + at % (len(stream) - 4)] ^= 1
    with pytest.raises(ChecksumMismatch):
        messages(bytes(stream))


def test_complete_frames_drops_a_partial_frame():
    one = frame({}, b"1")
    assert complete_frames(one * 3, 2 * len(one) + 5) == one * 2
    assert complete_frames(one * 3, 1_000) == one * 3
