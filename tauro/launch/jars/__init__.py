"""Jars on disk: what a project needs of them, fetched once, and kept."""
