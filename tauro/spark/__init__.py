"""What needs a live Spark: sessions, jobs with their cancelling, and what a write tells of itself.

Only `needs` and `session` may be imported where pyspark is not installed.
"""
