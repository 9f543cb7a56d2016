"""From paths to Sections: which files, one reader per format, the parser's child process, splitting."""
