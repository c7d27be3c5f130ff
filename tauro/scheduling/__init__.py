"""Deciding who runs when: pure values and functions, without threads, clocks or Spark."""
