"""Each command's run: display, signals, summary, exit code."""
