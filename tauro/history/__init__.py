"""What happened: runs, attempts and outputs, kept for people and tools; losing it never makes a table wrong."""
