"""Many rows at once: COPY where there is one, else one statement for many."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from idp.domain.errors import Conflict
from idp.ports.store import StoreUnavailable

_TYPES: Final[Mapping[type[Any], str]] = {
    sa.Uuid: "uuid",
    sa.Boolean: "bool",
    sa.LargeBinary: "bytea",
    sa.BigInteger: "int8",
    sa.Integer: "int4",
    sa.String: "varchar",
}


def insert_rows(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> None:
    """Insert rows given as values in the order of `columns`; raises `Conflict` for a taken key."""
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        named = [dict(zip(columns, row, strict=True)) for row in rows]
        connection.execute(sa.insert(table), named)
        return
    _copy(connection, table, columns, rows)


def _copy(
    connection: Connection,
    table: sa.Table,
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
) -> None:
    # servers on SQLite never need it
    import psycopg  # noqa: PLC0415 - see above

    driver: Any = connection.connection.driver_connection
    names = psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, columns))
    statement = psycopg.sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        psycopg.sql.Identifier(table.name), names
    )
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types([_type_of(table.c[name]) for name in columns])
            for row in rows:
                copy.write_row(row)
    except psycopg.errors.UniqueViolation as error:
        raise Conflict("row") from error
    except psycopg.OperationalError as error:
        raise StoreUnavailable from error


def _type_of(column: sa.Column[Any]) -> str:
    return next(name for kind, name in _TYPES.items() if isinstance(column.type, kind))
