"""`bedrock-batch emulate`: the built-in Bedrock Runtime as a server, for any AWS SDK."""

import os
from typing import Annotated, Any, Literal, NamedTuple

import typer

from cli.config import options
from cli.config import parsers as values
from cli.config.options import RATE, flag, option
from cli.errors import UserError

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
BEARER = "AWS_BEARER_TOKEN_BEDROCK"
ANSWERS = "How calls fare"


def parse_port(value: object) -> int:
    """A TCP port; 0 is any free one."""
    number = values.seed(value)
    if number > 65535:
        raise ValueError(f"must be a port of at most 65535, not {number}")
    return number


def parse_fault(value: object) -> Any:
    """`KIND`, or `KIND,NAME=VALUE,...` with the fields of jobs.emulator.faults.Fault."""
    from jobs.emulator.faults import Fault

    if isinstance(value, Fault):
        return value
    kind, *conditions = values.text(value).split(",")
    fields: dict[str, Any] = {}
    for condition in conditions:
        name, equals, written = condition.partition("=")
        if not equals or name not in _CONDITIONS:
            raise ValueError(f"{condition!r} is not NAME=VALUE with a name of {', '.join(_CONDITIONS)}")
        try:
            fields[name] = _CONDITIONS[name](written)
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
        int, option("--port", None, "Port on 127.0.0.1; 0 is any free one.", parse_port, "N", "9000")
    ] = 9000,
    rpm: Annotated[float | None, option("--rpm", RATE, "Requests a minute.", values.positive, "N", "no limit")] = None,
    tpm: Annotated[float | None, option("--tpm", RATE, "Tokens a minute.", values.positive, "N", "no limit")] = None,
    tpd: Annotated[float | None, option("--tpd", RATE, "Tokens a day.", values.positive, "N", "no limit")] = None,
    refill: Annotated[
        Literal["bucket", "fixed", "sliding"],
        option(
            "--refill",
            RATE,
            "How a quota comes back: all the time, at each full minute, or as calls age.",
            default="bucket",
        ),
    ] = "bucket",
    burst: Annotated[
        float, option("--burst", RATE, "How much a bucket holds at most.", values.some_time, "DURATION", "1s")
    ] = 1.0,
    burndown: Annotated[
        float, option("--burndown", RATE, "What an output token takes of a token quota.", values.positive, "X", "1")
    ] = 1.0,
    latency: Annotated[
        float, option("--latency", ANSWERS, "Median time of a call.", values.duration, "DURATION", "0s")
    ] = 0.0,
    jitter: Annotated[
        float, option("--jitter", ANSWERS, "Spread of the latency: sigma of a lognormal.", values.amount, "X", "0")
    ] = 0.0,
    seed: Annotated[int, option("--seed", ANSWERS, "Of latencies and faults.", values.seed, "N", "0")] = 0,
    fault: Annotated[
        list[Any] | None,
        option(
            "--fault",
            ANSWERS,
            "What goes wrong, as in --fault requests,probability=0.1 or --fault reset,start=10s,end=40s; "
            f"also {', '.join(_CONDITIONS)}. May be repeated.",
            parse_fault,
            "KIND,NAME=VALUE...",
        ),
    ] = None,
    verify_signatures: Annotated[
        bool,
        flag(
            "--verify-signatures",
            ANSWERS,
            f"Let in only who signs with the keys in {' and '.join(KEYS)}, or sends the token in {BEARER}.",
        ),
    ] = False,
    config: options.Config = None,
) -> None:
    """Serve a Bedrock Runtime on this machine that needs no account and costs nothing, until it is interrupted."""
    from jobs.emulator.settings import EmulatorSettings

    let_in = _credentials() if verify_signatures else _Credentials()
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
        access_key=let_in.access_key,
        secret_key=let_in.secret_key,
        bearer_token=let_in.bearer_token,
    )
    from cli.runs.emulate import serve

    raise typer.Exit(serve(settings))


class _Credentials(NamedTuple):
    access_key: str = ""
    secret_key: str = ""
    bearer_token: str = ""


def _credentials() -> _Credentials:
    found = _Credentials(*(os.environ.get(name, "") for name in (*KEYS, BEARER)))
    if not (found.access_key and found.secret_key) and not found.bearer_token:
        raise UserError(f"--verify-signatures: {' and '.join(KEYS)} are not set", "set them, and give clients the same")
    return found
