"""The store on SQLite or PostgreSQL: one file per repository, statements as constants."""
