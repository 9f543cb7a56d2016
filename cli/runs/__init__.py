"""One file per command: from its settings to its exit code."""
