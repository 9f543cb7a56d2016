"""`python -m jobs.emulator`: reads its settings as one line of JSON from stdin and serves until stdin closes."""

import asyncio
import json
import os
import signal
import sys

try:
    from uvloop import new_event_loop
except ImportError:  # Windows
    from asyncio import new_event_loop  # type: ignore[assignment]

from jobs.emulator.child import LISTENING
from jobs.emulator.server import Emulator
from jobs.emulator.settings import EmulatorSettings, from_json


async def _serve(settings: EmulatorSettings) -> None:
    emulator = Emulator(settings)
    url = await emulator.start()
    try:
        print(LISTENING + url, flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)
    finally:
        await emulator.stop()


def main() -> int:
    """Return 0, or 1 after printing why the emulator did not start."""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # `pkill -USR1` may reach this process too
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        settings = from_json(EmulatorSettings, json.loads(sys.stdin.buffer.readline()))
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(_serve(settings))
    except BrokenPipeError:  # the parent has ended
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError) as error:
        print(error, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
