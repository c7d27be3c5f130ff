"""Tauro runs data pipelines on Apache Spark from configuration."""

__version__ = "0.1.0"
