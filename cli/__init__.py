"""What a person types and sees; the only importer of typer and rich."""
