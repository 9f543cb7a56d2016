"""One file a command: parse, settings, wiring, run, render, exit code."""
