"""The node functions of this project."""
