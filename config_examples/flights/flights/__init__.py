"""The node functions of the flights example: plain functions of DataFrames, testable without Tauro."""
