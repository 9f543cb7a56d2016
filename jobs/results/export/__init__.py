"""Results in other formats, one module each. All of them stream, and take the objects of results.jsonl as rows."""
