"""What the database says of itself: revision, clock, room on its disk."""

import shutil
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from adapters.sql import engine as engines
from adapters.sql.schema import current_revision, newest_revision
from idp.ports.store import StoreUnavailable

_EPOCH: Final = {
    "sqlite": "SELECT CAST(strftime('%s', 'now') AS INTEGER)",
    "postgresql": "SELECT CAST(extract(epoch FROM clock_timestamp()) AS BIGINT)",
}


#: Whether a transaction may write, to every table of ours: not on a standby, nor by a poor role.
#: A database without tables keeps nobody out.
_MAY_WRITE: Final = """
SELECT current_setting('transaction_read_only') = 'off' AND coalesce(bool_and(
    has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')), true)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = current_schema() AND c.relname <> 'alembic_version'
"""


def probe_database(engine: Engine) -> tuple[str | None, str, int, float | None, bool]:
    """Return revision, newest one, epoch seconds, free share of the disk, whether it takes writes.

    SQLite is not asked the last one: it would have to write.
    """
    revision = current_revision(engine)
    try:
        with engines.reading(engine).connect() as connection:
            epoch = int(connection.exec_driver_sql(_EPOCH[engine.dialect.name]).scalar() or 0)
            is_sqlite = engine.dialect.name == "sqlite"
            takes_writes = is_sqlite or bool(connection.exec_driver_sql(_MAY_WRITE).scalar())
    except sa.exc.DBAPIError as error:
        if engines.is_unavailable(error):
            raise StoreUnavailable from error
        raise
    return revision, newest_revision(), epoch, _free(engine), takes_writes


def may_write(engine: Engine) -> bool:
    """Return whether rows can be written: no read-only file, no standby, no role without rights."""
    try:
        with engines.writing(engine).connect() as connection:
            if engine.dialect.name != "sqlite":
                return bool(connection.exec_driver_sql(_MAY_WRITE).scalar())
            # SQLite notices with the first page, not with the lock; nobody reads the number, and
            # closing the connection takes it back
            connection.exec_driver_sql("PRAGMA user_version = 1")
    except sa.exc.DBAPIError as error:
        if engines.is_unavailable(error):
            return False
        raise
    return True


def _free(engine: Engine) -> float | None:
    path = engine.url.database
    if engine.dialect.name != "sqlite" or not path or path == ":memory:":
        return None
    usage = shutil.disk_usage(Path(path).parent)
    return usage.free / usage.total
