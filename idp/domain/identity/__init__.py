"""Rules about people and their accounts."""
