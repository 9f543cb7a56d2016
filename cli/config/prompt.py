"""The prompt of a run: from --prompt, --prompt-file or --task, with its placeholders checked."""

from typing import Any

import typer

from cli.config import parsers as values
from cli.config import sources
from cli.errors import UserError


def prompt(ctx: typer.Context) -> str:
    """The template of the prompt.

    Raises:
        UserError: the file cannot be read or is empty, or a placeholder is misspelled.
    """
    from jobs.requests.tasks import TASKS

    name = sources.strongest(ctx, "task", "prompt", "prompt_file")
    value: Any = ctx.params[name] if name else None
    if name == "prompt":
        template = str(value).strip()
    elif name == "prompt_file":
        try:
            template = values.read_text(value).strip()
        except ValueError as error:
            raise UserError(f"{sources.origin(ctx, name)}: {error}", "name a file with the prompt") from None
        if not template:
            source = "standard input" if str(value) == "-" else repr(str(value))
            raise UserError(f"{sources.origin(ctx, name)}: {source} is empty", "write the prompt into it")
    else:
        return TASKS[ctx.params["task"]]
    _check_placeholders(template, sources.origin(ctx, name))
    return template


def _check_placeholders(template: str, origin: str) -> None:
    from jobs.requests.request import misspelled_placeholders

    for name, nearest in misspelled_placeholders(template):
        raise UserError(f"{origin}: unknown placeholder {{{name}}}", f"the nearest known one is {{{nearest}}}")
