"""One file per command: its options, then one call."""
