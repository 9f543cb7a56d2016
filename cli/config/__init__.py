"""Options, environment and files into frozen settings."""
