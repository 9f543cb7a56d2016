"""The stages of a run: enroll, queue, call, close; and when to stop."""
