"""From paths to Sections: intake rules, one reader a format, the child process that parses."""
