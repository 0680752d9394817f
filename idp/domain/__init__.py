"""Rules: pure functions of values."""
