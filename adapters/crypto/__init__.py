"""Sealing, blind indexes, password hashes, signatures."""
