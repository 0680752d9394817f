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


def probe_database(engine: Engine) -> tuple[str | None, str, int, float | None]:
    """Return revision, newest revision, epoch seconds and the free share of the disk."""
    revision = current_revision(engine)
    try:
        with engines.reading(engine).connect() as connection:
            epoch = int(connection.exec_driver_sql(_EPOCH[engine.dialect.name]).scalar() or 0)
    except sa.exc.DBAPIError as error:
        if engines.is_unavailable(error):
            raise StoreUnavailable from error
        raise
    return revision, newest_revision(), epoch, _free(engine)


def may_write(engine: Engine) -> bool:
    """Return whether rows can be written: no file that is read-only to us, and no standby."""
    try:
        with engines.writing(engine).connect() as connection:
            if engine.dialect.name != "sqlite":
                return connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off"
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
