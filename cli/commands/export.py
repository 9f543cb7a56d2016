"""`bedrock-batch export`: results from the journal, at any moment."""

from pathlib import Path
from typing import Literal

from cli.config import options
from cli.config import parsers as values
from cli.config.options import flag, option


def export(
    directory: Path = options.DIRECTORY,
    format: Literal["jsonl", "csv", "parquet", "markdown", "sqlite"] = option(  # noqa: A002 (names the option)
        None, "jsonl and csv go to standard output unless --output is given.", default="jsonl", names="--format -f"
    ),
    analysis: str | None = option(None, "Name of the analysis; default: that of results.jsonl.", values.name, "NAME"),
    with_text: bool = flag("--with-text", None, "Add the text of each section."),
    gone: bool = flag("--gone", None, "Add the rows of documents that are no longer among the inputs."),
    output: Path | None = option(
        None, "New file; for markdown a new folder.", values.path, "PATH", names="--output -o"
    ),
    config: Path | None = options.CONFIG,
) -> None:
    """Write the results of a finished, running or killed run in another format."""
    from cli.runs.export import export as run

    run(directory, format, analysis, output, with_text=with_text, gone=gone)
