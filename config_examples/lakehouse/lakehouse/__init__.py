"""The node functions of the lakehouse example."""
