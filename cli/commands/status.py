"""`bedrock-batch status`: what an output directory holds."""

from pathlib import Path

from cli.config import options
from cli.config import parsers as values
from cli.config.options import flag, option


def status(
    directory: Path = options.DIRECTORY,
    json: bool = flag("--json", None, "Print it as one JSON object."),
    prune: float | None = option(
        None,
        "Delete answers of this age that no document needs, and closed attempts without an answer.",
        values.age,
        "AGE",
    ),
    yes: bool = flag("--yes -y", None, "Prune without asking."),
    config: Path | None = options.CONFIG,
) -> None:
    """Show analyses, runs, units by status, failures and spend, also while a run is writing. The exit code is 0."""
    from cli.runs.status import prune as run_prune
    from cli.runs.status import status as run_status

    if prune is None:
        run_status(directory, as_json=json)
    else:
        run_prune(directory, prune, yes=yes)
