"""From prompt and section to a request and its key; answers; what a request costs."""
