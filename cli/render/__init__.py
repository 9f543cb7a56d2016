"""What a run looks like: live display, plain lines, the closing table."""
