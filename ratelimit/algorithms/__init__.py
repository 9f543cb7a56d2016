"""The limiters, one file each, behind one protocol."""
