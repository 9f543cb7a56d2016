"""Everything on the terminal: progress, the final block, tables, pages."""
