"""The ready scenarios of `simulate`: one file each."""
