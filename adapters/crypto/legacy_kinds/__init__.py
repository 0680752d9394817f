"""Kinds of hashes, by the way in which they are read and computed."""
