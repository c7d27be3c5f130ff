"""One command a file; each fetches what it shows and leaves the showing to `tauro.cli.render`."""
