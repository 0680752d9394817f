"""Settings and logging: what an operator may change."""
