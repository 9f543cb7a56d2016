"""Completion of commands and options in the shell: Typer's, imported only on request."""

import os
from typing import Final

import typer

VARIABLE: Final = "_BEDROCK_BATCH_COMPLETE"
"""Environment variable with which a shell asks for completions."""


def prepare(*, always: bool = False) -> None:
    """Replace Click's completion by Typer's, which knows more shells, if this process needs it."""
    if always or VARIABLE in os.environ:
        from typer.completion import get_completion_inspect_parameters

        get_completion_inspect_parameters()


def install(ctx: typer.Context, param: typer.CallbackParam, wanted: bool) -> None:
    """The callback of --install-completion."""
    if wanted:
        from typer.completion import install_callback

        prepare(always=True)
        install_callback(ctx, param, wanted)


def show(ctx: typer.Context, param: typer.CallbackParam, wanted: bool) -> None:
    """The callback of --show-completion."""
    if wanted:
        from typer.completion import show_callback

        prepare(always=True)
        show_callback(ctx, param, wanted)
