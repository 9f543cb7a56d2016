"""`bedrock-batch emulate`: the built-in emulator of Bedrock Runtime as an HTTP server."""

import os
from typing import Annotated, Any, Literal, NamedTuple

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
        raise ValueError(f"must be a port of at most 65535, not {number}")
    return number


def parse_fault(value: object) -> Any:
    """`KIND` or `KIND,NAME=VALUE,...`, with the fields of jobs.emulator.faults.Fault as names."""
    from jobs.emulator.faults import Fault

    if isinstance(value, Fault):
        return value
    kind, *conditions = values.text(value).split(",")
    fields: dict[str, Any] = {}
    for condition in conditions:
        name, equals, text = condition.partition("=")
        if not equals or name not in _CONDITIONS:
            raise ValueError(f"{condition!r} is not NAME=VALUE with a name of {', '.join(_CONDITIONS)}")
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


def emulate(
    port: Annotated[
        int, option("--port", None, "Port on 127.0.0.1; 0 picks a free one.", parse_port, "N", "9000")
    ] = 9000,
    rpm: Annotated[
        float | None,
        option("--rpm", RATE, "Quota of each model in requests per minute.", values.positive, "N", "no limit"),
    ] = None,
    tpm: Annotated[
        float | None,
        option("--tpm", RATE, "Quota of each model in tokens per minute.", values.positive, "N", "no limit"),
    ] = None,
    tpd: Annotated[
        float | None,
        option("--tpd", RATE, "Quota of each model in tokens per day.", values.positive, "N", "no limit"),
    ] = None,
    refill: Annotated[
        Literal["bucket", "fixed", "sliding"],
        option(
            "--refill",
            RATE,
            "How a quota refills: bucket (continuously), fixed (each full minute), sliding (a minute after each call).",
            default="bucket",
        ),
    ] = "bucket",
    burst: Annotated[
        float,
        option("--burst", RATE, "How much quota a bucket holds, as a time.", values.some_time, "DURATION", "1s"),
    ] = 1.0,
    burndown: Annotated[
        float, option("--burndown", RATE, "Quota tokens per output token.", values.positive, "X", "1")
    ] = 1.0,
    latency: Annotated[
        float, option("--latency", RESPONSES, "Median latency of a call.", values.duration, "DURATION", "0s")
    ] = 0.0,
    jitter: Annotated[
        float,
        option("--jitter", RESPONSES, "Spread of the latency: sigma of a lognormal.", values.amount, "X", "0"),
    ] = 0.0,
    seed: Annotated[
        int, option("--seed", RESPONSES, "Random seed of latencies and faults.", values.seed, "N", "0")
    ] = 0,
    fault: Annotated[
        list[Any] | None,
        option(
            "--fault",
            RESPONSES,
            "Inject a fault, as in --fault requests,probability=0.1 or --fault reset,start=10s,end=40s; "
            f"conditions: {', '.join(_CONDITIONS)}. May be repeated.",
            parse_fault,
            "KIND,NAME=VALUE...",
        ),
    ] = None,
    verify_signatures: Annotated[
        bool,
        flag(
            "--verify-signatures",
            RESPONSES,
            f"Accept only calls signed with the keys in {' and '.join(KEYS)}, or with the API key in {API_KEY}.",
        ),
    ] = False,
    config: options.Config = None,
) -> None:
    """Serve an emulated Bedrock Runtime for any AWS SDK, without an account or cost, until interrupted."""
    from jobs.emulator.settings import EmulatorSettings

    accepted = _credentials() if verify_signatures else _Credentials()
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
        access_key=accepted.access_key,
        secret_key=accepted.secret_key,
        bearer_token=accepted.api_key,
    )
    from cli.runs.emulate import serve

    raise typer.Exit(serve(settings))


class _Credentials(NamedTuple):
    access_key: str = ""
    secret_key: str = ""
    api_key: str = ""


def _credentials() -> _Credentials:
    accepted = _Credentials(*(os.environ.get(name, "") for name in (*KEYS, API_KEY)))
    if not (accepted.access_key and accepted.secret_key) and not accepted.api_key:
        raise UserError(
            f"--verify-signatures: {' and '.join(KEYS)} are not set", "set them, and give clients the same values"
        )
    return accepted
