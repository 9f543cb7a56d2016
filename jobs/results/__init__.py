"""What a run leaves in the output directory, one file a format, always rebuildable from the journal."""
