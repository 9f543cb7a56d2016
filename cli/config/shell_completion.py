"""Completion of commands and options in the shell: Typer's, imported only on request."""

import os

import typer


def prepare() -> None:
    """Replace Click's completion by Typer's, which knows more shells, if a shell asks for completions."""
    if "_BEDROCK_BATCH_COMPLETE" in os.environ:
        from typer.completion import get_completion_inspect_parameters

        get_completion_inspect_parameters()


def install(ctx: typer.Context, param: typer.CallbackParam, wanted: bool) -> None:
    if wanted:
        from typer.completion import get_completion_inspect_parameters, install_callback

        get_completion_inspect_parameters()
        install_callback(ctx, param, wanted)


def show(ctx: typer.Context, param: typer.CallbackParam, wanted: bool) -> None:
    if wanted:
        from typer.completion import get_completion_inspect_parameters, show_callback

        get_completion_inspect_parameters()
        show_callback(ctx, param, wanted)
