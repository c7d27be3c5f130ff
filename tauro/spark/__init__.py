"""What needs a live Spark: sessions, jobs with their cancelling, and what a write tells of itself.

Only `needs`, `session`, `stops`, `active` and `remote` may be imported where pyspark is not installed.
"""
