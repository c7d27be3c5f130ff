"""Runs that were begun before: found, judged, carried on, or dropped."""
