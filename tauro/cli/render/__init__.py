"""What people and machines see: each file turns one thing into text, a table, a picture or a JSON document."""
