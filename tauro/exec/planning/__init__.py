"""From a project's documents to a plan: how its nodes connect, which of them run, and in which order."""
