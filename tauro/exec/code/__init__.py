"""A project's own code: its functions and SQL found, and a digest of all that a node's result depends on."""
