"""What signals call."""

import signal

from cli.errors import ENDING, SignalReceived
from cli.runs.signals import Signals, listening


def test_the_first_signal_and_those_after_it_are_told_apart():
    called = []
    signals = Signals()
    signals.handle(lambda: called.append("first"), lambda: called.append("again"))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signals.receive(number)
    assert called == ["first", "again", "again"]
    assert signals.exit_codes == [128 + signal.SIGTERM]


def test_a_signal_from_before_the_handlers_changed_is_handled_by_the_new_one():
    called = []
    signals = Signals()
    signals.receive(signal.SIGTERM)  # what it cancelled went on
    signals.handle(lambda: called.append("first"), lambda: called.append("again"))
    signals.receive(signal.SIGTERM)
    assert called == ["first", "again"]


async def test_a_signal_whose_exception_was_lost_before_the_run_ends_it(monkeypatch):
    monkeypatch.setattr(SignalReceived, "last", SignalReceived(signal.SIGTERM))
    before = {number: signal.getsignal(number) for number in ENDING}
    called = []
    try:
        with listening(Signals(lambda: called.append("first"))):
            assert called == ["first"]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
