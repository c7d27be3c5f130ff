"""A plan on its way, and what is kept of it while it runs: leases, journal, history."""
