"""`INSERT … ON CONFLICT`, which SQLite and PostgreSQL spell alike and SQLAlchemy keeps apart."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

#: Takes the dialect's `insert`, returns the statement.
Builder = Callable[[Callable[[sa.Table], Any]], Any]


class ByDialect:
    """A constant statement that differs by dialect; built once for each."""

    __slots__ = ("_build", "_built")

    def __init__(self, build: Builder) -> None:
        self._build = build
        self._built: dict[str, Any] = {}

    def on(self, connection: Connection) -> Any:
        """Return the statement for this connection's dialect."""
        name = connection.dialect.name
        if name not in self._built:
            insert = sqlite.insert if name == "sqlite" else postgresql.insert
            # rowcount decides who was first; psycopg's is dropped for inserts unless asked for
            self._built[name] = self._build(insert).execution_options(preserve_rowcount=True)
        return self._built[name]


def replacing(table: sa.Table, *keys: str) -> ByDialect:
    """Return an insert that replaces the row with the same `keys`, every other column anew."""

    def build(insert: Callable[[sa.Table], Any]) -> Any:
        statement = insert(table)
        others = {
            column.name: statement.excluded[column.name]
            for column in table.c
            if column.name not in keys
        }
        return statement.on_conflict_do_update(index_elements=list(keys), set_=others)

    return ByDialect(build)


def first_only(table: sa.Table, *keys: str) -> ByDialect:
    """Return an insert that does nothing where a row with the same `keys` stands."""
    return ByDialect(lambda insert: insert(table).on_conflict_do_nothing(index_elements=list(keys)))
