"""Tables of databases: staged in tables of their own, and moved in by one transaction."""
