"""Reading and writing: inputs as DataFrames, what nodes return as tables."""

from tauro.io.formats import FORMATS
from tauro.io.input import InputLoader
from tauro.io.output import OutputManager

__all__ = ["FORMATS", "InputLoader", "OutputManager"]
