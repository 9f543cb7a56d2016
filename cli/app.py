"""The program: registers the commands, and turns every end into an exit code and at most two lines."""

import contextlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from cli.errors import ENDING, PROGRAM, SIGNAL, ExitCode, SignalReceived, UserError, expected, worst
from cli.render.stream import print_error, stdout_lost

if TYPE_CHECKING:
    import typer


def program() -> "typer.Typer":
    """The commands. Slow imports happen here, since signals are handled by now."""
    import typer

    from cli.commands import analyze, cache, emulate, export, simulate, status, verify
    from cli.config import options, settings_file, shell_completion

    shell_completion.prepare()
    app = typer.Typer(
        name=PROGRAM,
        context_settings={"auto_envvar_prefix": settings_file.PREFIX, "help_option_names": ["-h", "--help"]},
        add_completion=False,
        rich_markup_mode="rich",
    )

    @app.callback(add_help_option=False)
    def root(
        version: bool = options.VERSION,
        show_help: bool = options.HELP,
        install_completion: bool = options.INSTALL_COMPLETION,
        show_completion: bool = options.SHOW_COMPLETION,
    ) -> None:
        """Analyse folders of documents with Amazon Bedrock: use the whole quota, pay for nothing twice."""

    commands = (
        analyze.analyze, simulate.simulate, emulate.emulate, status.status, export.export, verify.verify, cache.cache,
    )  # fmt: skip
    for command in commands:
        app.command(epilog=options.SETTINGS_HELP)(command)
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program with these arguments (by default the process's own); returns its exit code."""
    handlers = {number: signal.getsignal(number) for number in ENDING}
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
        try:
            sys.stdout.flush()
        except OSError as error:
            lost = stdout_lost(error)
            return code if isinstance(error, BrokenPipeError) else worst([code, print_error(lost)])
        return code
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _run(arguments: list[str]) -> int:
    try:
        _end_on_signals()  # in here, so that a signal is reported from the first moment on
        _repair_streams()
        import typer
        from typer.main import get_command

        try:
            return int(get_command(program()).main(arguments, prog_name=PROGRAM, standalone_mode=False) or ExitCode.OK)
        except typer.TyperException as error:
            raise _usage_error(error) from None
    except SignalReceived as end:
        return _interrupted(end, arguments)
    except KeyboardInterrupt:
        return SIGNAL + signal.SIGINT
    except SystemExit as end:
        # Typer exits with 1, a bug's code, where standard output is closed.
        return SIGNAL + signal.SIGPIPE if isinstance(end.__context__, BrokenPipeError) else int(end.code or ExitCode.OK)
    except Exception as error:  # noqa: BLE001 (the last handler)
        # An import that a signal interrupts may fail with another error.
        return _interrupted(SignalReceived.last, arguments) if SignalReceived.last else _failed(error, arguments)


def _interrupted(end: SignalReceived, arguments: list[str]) -> int:
    for number in ENDING:  # nothing interrupts the report
        signal.signal(number, signal.SIG_IGN)
    from cli.config.unparsed import wants_json

    if arguments[:1] == ["analyze"] and wants_json(arguments):
        _print_json(end.as_error())
    return end.as_error().exit_code


def _failed(error: Exception, arguments: list[str]) -> int:
    lost = _lost_stdout() if isinstance(error, OSError) and error.filename is None else None
    known = stdout_lost(lost) if lost is not None else expected(error)
    if known is None:
        from cli.bug_report import report

        known = report(error, command=arguments[0] if arguments else "")
    if arguments[:1] != ["analyze"]:
        return print_error(known)
    from cli.config import unparsed

    if unparsed.wants_json(arguments):
        _print_json(known)
    return print_error(known, as_json=unparsed.wants_json_log(arguments))


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


def _print_json(error: UserError) -> None:
    """The summary that `analyze --json` prints on every exit, for an error before the run."""
    import json

    from jobs.results.summary import Summary

    summary = Summary("", "", "", "", exit_code=error.exit_code, error=error.message)
    with contextlib.suppress(OSError):
        print(json.dumps(summary.as_dict()), flush=True)


def _lost_stdout() -> OSError | None:
    """The error of standard output, if it cannot be written: an empty line tests it, since an OSError names no file."""
    try:
        print(flush=True)
    except OSError as error:
        return error
    return None


def _repair_streams() -> None:
    """Replace closed standard streams, and escape what a stream cannot encode."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: PTH123, SIM115 (as long as the process)
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _end_on_signals() -> None:
    """Until a run replaces the handlers with its own. SIGUSR1, whose default is to end the process, stays ignored."""

    def end(number: int, _frame: FrameType | None) -> None:
        SignalReceived.last = SignalReceived(number)
        raise SignalReceived.last

    SignalReceived.last = None
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or a shell's background job
            signal.signal(number, end)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
