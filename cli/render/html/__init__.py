"""The HTML page of a simulation."""
