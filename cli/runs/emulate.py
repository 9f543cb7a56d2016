"""Runs the emulator until a signal, and prints the variables that connect an SDK to it."""

import asyncio
import os
from urllib.request import getproxies

from cli.errors import SIGNAL, UserError
from cli.runs.signals import Signals, listening
from jobs.emulator.listener import HOST
from jobs.emulator.server import Emulator
from jobs.emulator.settings import EmulatorSettings

_ENDPOINTS = ("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", "ANTHROPIC_BEDROCK_BASE_URL", "AWS_BEDROCK_RUNTIME_ENDPOINT")
"""For AWS SDKs (and what builds on them), Anthropic's SDK, and LiteLLM."""
_CONFLICTING = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",  # AWS SDKs send it over TLS only
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
)
"""Variables with which an SDK would not call the emulator."""


async def serve(settings: EmulatorSettings) -> int:
    """Serve until a signal; return 128 + its number."""
    emulator, ended = Emulator(settings), asyncio.Event()
    signals = Signals(ended.set)
    with listening(signals):
        try:
            url = await emulator.start()
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            hint = "choose another --port; 0 picks a free one"
            raise UserError(f"cannot listen on {HOST}:{settings.port}: {reason}", hint) from None
        try:
            print(f"# Bedrock Runtime (emulated) at {url}\n{_environment(settings, url)}", flush=True)
            await ended.wait()
        finally:
            await emulator.stop()
    return SIGNAL + (signals.received or 0)


def _environment(settings: EmulatorSettings, url: str) -> str:
    """Shell lines that connect an SDK to the emulator."""
    lines = [f"export {name}={url}" for name in _ENDPOINTS]
    lines += ["export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1"]
    if settings.access_key or settings.bearer_token:
        lines += ["# and the credentials that this server accepts (--verify-signatures)"]
    else:
        lines += [
            "export AWS_ACCESS_KEY_ID=emulated AWS_SECRET_ACCESS_KEY=emulated AWS_EC2_METADATA_DISABLED=true",
            f"unset {' '.join(_CONFLICTING)}",
        ]
    if getproxies():
        lines += [f'export NO_PROXY="{HOST}${{NO_PROXY:+,$NO_PROXY}}" no_proxy="{HOST}${{no_proxy:+,$no_proxy}}"']
    return "\n".join(lines)
