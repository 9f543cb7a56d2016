"""The HTML page of `simulate`."""
