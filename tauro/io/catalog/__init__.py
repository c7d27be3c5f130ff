"""Tables that a session's catalog knows: their files staged as those of paths are, and the catalog told."""
