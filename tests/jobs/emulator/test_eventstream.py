"""Frames are what botocore reads, checksums included."""

import json

import pytest
from botocore.eventstream import ChecksumMismatch, EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from jobs.emulator.eventstream import events, exception, frame, whole_frames


def messages(stream: bytes) -> list:
    buffer = EventStreamBuffer()
    buffer.add_data(stream)
    return list(buffer)


@given(
    headers=st.dictionaries(st.text(st.characters(codec="ascii"), min_size=1, max_size=20), st.text(max_size=50)),
    payload=st.binary(max_size=500),
)
def test_a_frame_is_read_back(headers, payload):
    [message] = messages(frame(headers, payload))
    assert message.headers == headers
    assert message.payload == payload


def test_events_and_an_exception_follow_each_other():
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
def test_a_changed_byte_is_noticed(at):
    stream = bytearray(frame({":event-type": "x"}, b"payload of a frame"))
    stream[4 + at % (len(stream) - 4)] ^= 1
    with pytest.raises(ChecksumMismatch):
        messages(bytes(stream))


def test_whole_frames_are_never_cut():
    one = frame({}, b"1")
    assert whole_frames(one * 3, 2 * len(one) + 5) == one * 2
    assert whole_frames(one * 3, 1_000) == one * 3
