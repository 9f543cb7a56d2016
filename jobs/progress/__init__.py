"""Folds events into statistics: counts, rates, utilisation, time left, advice."""
