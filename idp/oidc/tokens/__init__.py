"""What is issued, and the keys that sign it."""
