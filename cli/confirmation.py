"""Asks before something is deleted."""

import sys

import typer

from cli.errors import ExitCode, UserError


def confirm(what: str, *, yes: bool) -> None:
    """Ask on the terminal unless `yes`; end the program unless the answer is yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(f"this would {what}; nothing was deleted", "use --yes to skip the question")
    from cli.render.text import safe

    print(f"{safe(what)}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        print("nothing was deleted", file=sys.stderr)
        raise typer.Exit(ExitCode.USAGE)
