"""A Bedrock in virtual time, the work that it is given, and what came of it."""
