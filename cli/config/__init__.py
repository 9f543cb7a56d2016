"""From options, environment and files to frozen settings."""
