"""The files of the output directory. All of them can be written again from the journal."""
