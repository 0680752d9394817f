"""Fixtures of the console: nothing outside is called."""
