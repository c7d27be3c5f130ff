"""File systems: what Tauro needs of them beyond what Spark does, such as swapping two folders in one step."""
