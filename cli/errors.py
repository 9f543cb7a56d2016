"""The error that is the user's to mend."""

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from cli.exit_codes import ExitCode

if TYPE_CHECKING:
    import typer

PROGRAM: Final = "bedrock-batch"
DEBUG: Final = "BEDROCK_BATCH_DEBUG"
"""Environment variable; set to anything, an error in the program shows its traceback."""


class UserError(Exception):
    """Ends the program with one line that says what happened to which input, and one that says what to do.

    Foreign text (paths, what a server said) may stand in both; it is made safe where it is printed.
    """

    def __init__(self, message: str, hint: str = "", exit_code: int = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.exit_code = exit_code


def usage_error(error: "typer.TyperException") -> UserError:
    """What Typer says of a command line, in one line that names where the wrong value stands."""
    from cli.config import sources

    ctx: Any = getattr(error, "ctx", None)
    parameter: Any = getattr(error, "param", None)
    message = " ".join(error.format_message().split()).rstrip(".")
    if ctx is not None and parameter is not None and error.message:
        is_option = parameter.param_type_name == "option"
        name = sources.origin(ctx, parameter.name) if is_option else parameter.metavar
        # pydantic, which Typer checks with, says first that a ValueError is one.
        message = f"{name}: {error.message.removeprefix('Value error, ').rstrip('.')}"
    return UserError(message, f"see {ctx.command_path if ctx is not None else PROGRAM} --help", error.exit_code)


def stdout_lost(error: OSError) -> UserError:
    """Standard output cannot be written: it leads nowhere from now on, so that what is buffered fails only once."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return UserError(f"cannot write to standard output: {error.strerror}", exit_code=ExitCode.STORAGE)
