"""The command line: what you type and see; the only importer of Typer and Rich."""
