"""Folds events into statistics: counts, rates, time left, advice."""
