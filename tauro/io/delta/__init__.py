"""Delta tables: staged beside the table, committed late in its own log, and taken back by another commit."""
