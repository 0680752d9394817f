"""Rules about clients, grants and tokens."""
