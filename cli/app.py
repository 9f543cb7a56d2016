"""The program: registers the commands, and makes every end an exit code and at most two lines."""

import contextlib
import io
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from cli.errors import DEBUG, PROGRAM, SIGNAL, ExitCode, UserError, worst
from cli.render.stream import stdout_lost
from cli.render.text import safe

if TYPE_CHECKING:
    import typer

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""Signals that end the program; a run puts its own handlers in their place."""
PIPE_CLOSED = SIGNAL + 13
"""As a shell reports a program that SIGPIPE ended."""


def program() -> "typer.Typer":
    """The commands. What takes time to import is imported here: a signal may come meanwhile."""
    import typer

    from cli.commands import analyze, cache, emulate, simulate
    from cli.config import options, sources

    app = typer.Typer(
        name=PROGRAM,
        context_settings={"auto_envvar_prefix": sources.PREFIX},
        add_completion=False,
        rich_markup_mode="rich",
    )

    @app.callback(add_help_option=False)
    def root(version: options.Version = False, show_help: options.Help = False) -> None:
        """Analyse folders of documents with Amazon Bedrock: all of the quota used, nothing paid for twice."""

    for command in (analyze.analyze, simulate.simulate, emulate.emulate, cache.cache):
        app.command(epilog=options.SETTINGS_HELP)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with these arguments (by default the process's own); returns its exit code."""
    with _signals_end_it():
        _mend_streams()
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        try:
            sys.stdout.flush()
        except OSError as error:
            return _stdout_failed(error, code)
        return code


def _run(arguments: list[str]) -> int:
    try:
        import typer
        from typer.main import get_command

        try:
            return int(get_command(program()).main(arguments, prog_name=PROGRAM, standalone_mode=False) or ExitCode.OK)
        except typer.TyperException as error:
            raise _usage_error(error) from None
    except UserError as error:
        if arguments[:1] == ["analyze"] and ("--json" in arguments or os.environ.get(JSON, "").lower() in TRUE):
            _print_json(error)
        return _complain(error)
    except KeyboardInterrupt:
        return SIGNAL + signal.SIGINT
    except SystemExit as end:
        # Typer exits with 1, a bug's code, where standard output is closed.
        return PIPE_CLOSED if isinstance(end.__context__, BrokenPipeError) else int(end.code or ExitCode.OK)
    except Exception as error:  # noqa: BLE001 (nobody else will catch it)
        lost = _lost_stdout() if isinstance(error, OSError) else None
        if lost is not None:
            return _complain(stdout_lost(lost))
        return _bug(error, arguments)


def _usage_error(error: "typer.TyperException") -> UserError:
    """Typer's message about a command line as one line that names where the wrong value stands."""
    from cli.config import sources

    ctx: Any = getattr(error, "ctx", None)
    parameter: Any = getattr(error, "param", None)
    message = " ".join(error.format_message().split()).rstrip(".")
    if ctx is not None and parameter is not None and error.message:
        is_option = parameter.param_type_name == "option"
        name = sources.origin(ctx, parameter.name) if is_option else parameter.metavar
        # pydantic, which validates for Typer, puts this before the text of a ValueError.
        message = f"{name}: {error.message.removeprefix('Value error, ').rstrip('.')}"
    return UserError(message, f"see {ctx.command_path if ctx is not None else PROGRAM} --help", error.exit_code)


JSON = "BEDROCK_BATCH_ANALYZE_JSON"
TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
"""What Typer takes for true."""


def _print_json(error: UserError) -> None:
    """What `analyze --json` promises on every exit, for one that came before there was a run."""
    import json

    from jobs.results.summary import Summary

    summary = Summary("", "", "", "", exit_code=error.exit_code, error=error.message)
    with contextlib.suppress(OSError):
        print(json.dumps(summary.as_dict()), flush=True)


def _complain(error: UserError) -> int:
    with contextlib.suppress(OSError):
        print(f"{PROGRAM}: error: {safe(error.message)}", file=sys.stderr)
        if error.hint:
            print(f"hint: {safe(error.hint)}", file=sys.stderr)
    return error.exit_code


def _lost_stdout() -> OSError | None:
    """Why nothing can be printed, if so: help and other short answers are printed where nobody watches over it.

    The error that came does not tell where it came from; an empty line is the smallest trial.
    """
    try:
        print(flush=True)
    except OSError as error:
        return error
    return None


def _bug(error: Exception, arguments: Sequence[str]) -> int:
    # Without the exception's own words, and never with local variables: both may hold documents or secrets.
    verbose = "--verbose" in arguments or bool(os.environ.get(DEBUG))
    if verbose:
        traceback.print_exception(error)
    while isinstance(error, ExceptionGroup):  # of tasks: the place is where the first of them failed
        error = error.exceptions[0]
    place = traceback.extract_tb(error.__traceback__)[-1]
    what = f"this is a bug: {type(error).__name__} in {Path(place.filename).name}, line {place.lineno}"
    ways = f"--verbose or {DEBUG}=1" if arguments[:1] == ["analyze"] else f"{DEBUG}=1"  # others have no --verbose
    hint = "please report it" if verbose else f"please report it; {ways} shows the traceback"
    return _complain(UserError(what, hint, ExitCode.BUG))


def _stdout_failed(error: OSError, code: int) -> int:
    lost = stdout_lost(error)
    return code if isinstance(error, BrokenPipeError) else worst([code, _complain(lost)])


def _mend_streams() -> None:
    """Replace closed standard streams, and let no text fail for its encoding."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 (as long as the process)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    before: dict[int, Any] = {}
    for number in (getattr(signal, name) for name in ENDING if hasattr(signal, name)):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background job
            before[number] = signal.signal(number, _end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(SIGNAL + number)
