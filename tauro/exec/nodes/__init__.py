"""One node at work: its attempts, its command, what it hands over and what it writes."""
