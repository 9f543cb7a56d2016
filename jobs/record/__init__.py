"""The record of an output directory: units, attempts, answers, and where they are stored."""
