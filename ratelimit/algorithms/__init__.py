"""Rate limiters, one a file, behind the protocols in `protocol`."""
