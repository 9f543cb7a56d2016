"""`bedrock-batch emulate`: the built-in emulator of Bedrock Runtime as an HTTP server."""

import os
from pathlib import Path
from typing import Any, Literal

import typer

from cli.config import options
from cli.config import parsers as values
from cli.config.options import RATE, flag, option
from cli.errors import UserError

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
API_KEY = "AWS_BEARER_TOKEN_BEDROCK"
RESPONSES = "Responses"


def parse_port(value: object) -> int:
    """A TCP port; 0 stands for any free one."""
    number = values.seed(value)
    if number > 65535:
        raise ValueError(f"must be a port from 0 to 65535, not {number}")
    return number


def parse_fault(value: object) -> Any:
    """`KIND` or `KIND,NAME=VALUE,...`, with the fields of jobs.emulator.faults.Fault as names."""
    from jobs.emulator.faults import Fault

    kind, *conditions = values.text(value).split(",")
    fields: dict[str, Any] = {}
    for condition in conditions:
        name, equals, text = condition.partition("=")
        if not equals or name not in _CONDITIONS:
            raise ValueError(f"unknown condition {condition!r}; write NAME=VALUE with one of {_CONDITION_NAMES}")
        try:
            fields[name] = _CONDITIONS[name](text)
        except ValueError as error:
            raise ValueError(f"{name} {error}") from None
    return Fault(kind.strip(), **fields)


_CONDITIONS = {
    "probability": values.fraction,
    "count": values.seed,
    "every": values.whole,
    "start": values.duration,
    "end": values.duration,
    "retry_after": values.text,
    "argument": values.text,
}
_CONDITION_NAMES = ", ".join(_CONDITIONS)


def emulate(
    port: int = option(None, "Port on 127.0.0.1; 0 picks a free one.", parse_port, "N", "9000"),
    rpm: float | None = option(
        RATE, "Quota of each model in requests per minute.", values.positive, "N", unset="no limit"
    ),
    tpm: float | None = option(
        RATE, "Quota of each model in tokens per minute.", values.positive, "N", unset="no limit"
    ),
    tpd: float | None = option(RATE, "Quota of each model in tokens per day.", values.positive, "N", unset="no limit"),
    refill: Literal["bucket", "fixed", "sliding"] = option(
        RATE,
        "How a quota refills: bucket (continuously), fixed (each full minute), sliding (a minute after each call).",
        default="bucket",
    ),
    burst: float = option(RATE, "Bucket size, in seconds of quota.", values.some_time, "DURATION", "1s"),
    burndown: float = option(RATE, "Quota tokens per output token.", values.positive, "X", "1"),
    latency: float = option(RESPONSES, "Median latency of a call.", values.duration, "DURATION", "0s"),
    jitter: float = option(RESPONSES, "Spread of the latency: sigma of a lognormal.", values.amount, "X", "0"),
    seed: int = option(RESPONSES, "Random seed of latencies and faults.", values.seed, "N", "0"),
    fault: list[Any] | None = option(
        RESPONSES,
        "Inject a fault, as in --fault requests,probability=0.1 or --fault reset,start=10s,end=40s; "
        f"conditions: {_CONDITION_NAMES}. May be repeated.",
        parse_fault,
        "KIND,NAME=VALUE...",
    ),
    verify_signatures: bool = flag(
        "--verify-signatures",
        RESPONSES,
        f"Accept only calls signed with the keys in {KEYS[0]} and {KEYS[1]}, or with the API key in {API_KEY}.",
    ),
    config: Path | None = options.CONFIG,
) -> None:
    """Serve an emulated Bedrock Runtime for any AWS SDK, without an account or cost, until interrupted."""
    from jobs.emulator.settings import EmulatorSettings

    access_key, secret_key, bearer_token = _credentials() if verify_signatures else ("", "", "")
    settings = EmulatorSettings(
        port=port,
        rpm=rpm,
        tpm=tpm,
        tpd=tpd,
        refill=refill,
        burst=burst,
        burndown=burndown,
        latency=latency,
        jitter=jitter,
        seed=seed,
        faults=tuple(fault or ()),
        access_key=access_key,
        secret_key=secret_key,
        bearer_token=bearer_token,
    )
    import asyncio

    from cli.runs.emulate import serve

    raise typer.Exit(asyncio.run(serve(settings)))


def _credentials() -> list[str]:
    """The keys and the API key of the environment; empty where one is not set."""
    access_key, secret_key, api_key = accepted = [os.environ.get(name, "") for name in (*KEYS, API_KEY)]
    if not (access_key and secret_key) and not api_key:
        raise UserError(
            f"--verify-signatures: {' and '.join(KEYS)} are not set", "set them, and give clients the same values"
        )
    return accepted
