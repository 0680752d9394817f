"""The edge: HTTP in, words and redirects out."""
