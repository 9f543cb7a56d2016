"""Requests and their keys, answers, and what a request costs."""
