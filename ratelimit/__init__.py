"""Decides when a call may start. Apart from the gates it is pure: time is an argument."""
