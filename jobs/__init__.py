"""Does the work: reads, splits, deduplicates, calls, records, writes results."""
