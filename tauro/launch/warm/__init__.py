"""A JVM that stays for the next run: its place, its key, and the process that keeps it."""
