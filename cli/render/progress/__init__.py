"""Progress while a run is under way: live on a terminal, plain lines elsewhere."""
