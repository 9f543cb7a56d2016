"""Decides when to call. Pure but for the gates: time is an argument; documents, Bedrock and terminals are unknown."""
