"""The emulator as a program of its own, until a signal ends it."""

import asyncio
import os

from cli.errors import SIGNAL, UserError
from cli.runs.signals import Signals, listening
from jobs.emulator.server import Emulator
from jobs.emulator.settings import EmulatorSettings


def serve(settings: EmulatorSettings) -> int:
    """Serve until a signal comes; 128 + its number.

    Raises:
        UserError: the port cannot be had.
    """
    return asyncio.run(_serve(settings))


async def _serve(settings: EmulatorSettings) -> int:
    emulator, ended = Emulator(settings), asyncio.Event()
    signals = Signals(ended.set)
    with listening(signals):
        try:
            url = await emulator.start()
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            hint = "name another --port; 0 takes any that is free"
            raise UserError(f"cannot listen on {settings.host}:{settings.port}: {why}", hint) from None
        try:
            print(f"Bedrock Runtime (emulated) at {url}\nexport AWS_ENDPOINT_URL_BEDROCK_RUNTIME={url}", flush=True)
            await ended.wait()
        finally:
            await emulator.stop()
    return SIGNAL + (signals.received or 0)
