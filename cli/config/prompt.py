"""The prompt of a run: from --prompt, --prompt-file or --task, with its placeholders checked."""

import typer

from cli.config import parsers as values
from cli.config import sources
from cli.errors import UserError
from jobs.requests.tasks import TASKS


def prompt(ctx: typer.Context) -> tuple[str, str | None]:
    """The template, and the name of the ready-made task that it is from."""
    from jobs.requests.request import misspelled_placeholders

    name = sources.strongest(ctx, "task", "prompt", "prompt_file")
    if name in (None, "task"):
        return TASKS[ctx.params["task"]], ctx.params["task"]
    origin = sources.origin(ctx, name)
    template = str(ctx.params[name])
    if name == "prompt_file":
        source = "standard input" if template == "-" else repr(template)
        try:
            template = values.read_text(ctx.params[name])
        except ValueError as error:
            raise UserError(f"{origin}: {error}", "name a file with the prompt") from None
        if not template.strip():
            raise UserError(f"{origin}: {source} is empty", "a prompt must not be empty")
    for unknown, nearest in misspelled_placeholders(template):
        raise UserError(f"{origin}: unknown placeholder {{{unknown}}}", f"the nearest known one is {{{nearest}}}")
    return template.strip(), None
