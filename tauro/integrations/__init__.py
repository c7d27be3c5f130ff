"""Other tools that run Tauro, or are told by it; each is an extra, and imported only where it is used."""
