"""Engine and pool, owned by Flask-SQLAlchemy; what SQLite and PostgreSQL need to behave alike."""

import json
import time
from json import JSONDecoder
from pathlib import Path
from typing import Any, Final, cast

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from adapters.sql.tables import metadata
from idp.ports.store import StoreUnavailable

BUSY_SECONDS: Final = 5
CACHE_KIB: Final = 512
POOL_SIZE: Final = 10
POOL_OVERFLOW: Final = 20
POOL_WAIT_SECONDS: Final = 5
#: A connection that lay for longer is tried before it is used.
IDLE_SECONDS: Final = 2.0

_SCAN: Final = cast(Any, JSONDecoder()).scan_once

#: Execution option that names how SQLite begins a transaction.
SQLITE_BEGIN: Final = "sqlite_begin"


#: PostgreSQL, appendix A: a database is closed to us, or takes no writes, as a standby.
_CLOSED: Final = frozenset({"42501", "25006"})


def file_of(database_url: str) -> Path | None:
    """Return the file in which SQLite keeps a database; `None` where it is kept in none."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database).absolute()


def build_database() -> SQLAlchemy:
    """Return the extension; it reads the URL from Flask's configuration."""
    return SQLAlchemy(metadata=metadata)


def flask_configuration(database_url: str) -> dict[str, Any]:
    """Return Flask-SQLAlchemy's configuration for a URL.

    A relative SQLite path is read from the working directory, and its folder is made.
    """
    url = make_url(database_url)
    options: dict[str, Any] = {"pool_pre_ping": False, "json_deserializer": read_json}
    if url.get_backend_name() == "sqlite":
        path = file_of(database_url)
        if path is not None:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreUnavailable from error
            url = url.set(database=str(path))
            options |= {"pool_size": POOL_SIZE, "max_overflow": POOL_OVERFLOW}
        options["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
    else:
        _check_options(url)
        options |= {
            "pool_size": POOL_SIZE,
            "max_overflow": POOL_OVERFLOW,
            "pool_timeout": POOL_WAIT_SECONDS,
            "connect_args": {"connect_timeout": 3},
        }
    return {
        "SQLALCHEMY_DATABASE_URI": url.render_as_string(hide_password=False),
        "SQLALCHEMY_ENGINE_OPTIONS": options,
    }


def _check_options(url: URL) -> None:
    """Refuse an option that libpq does not know: to the driver that is a statement gone wrong."""
    if not url.query:
        return
    # the driver is loaded only where PostgreSQL is
    import psycopg  # noqa: PLC0415 - see above
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - see above

    try:
        make_conninfo(**dict.fromkeys(url.query, ""))
    except psycopg.ProgrammingError as error:
        raise StoreUnavailable from error


def read_json(text: str | bytes) -> Any:
    """Return what a JSON column holds, which the database or SQLAlchemy knows to be JSON.

    `json.loads` looks for blanks around it twice, which costs three times the reading.
    """
    try:
        return _SCAN(text if isinstance(text, str) else text.decode(), 0)[0]
    except StopIteration:
        # a blank before it
        return json.loads(text)


def prepare_engine(engine: Engine) -> None:
    """Set SQLite to WAL, foreign keys and transactions that we begin ourselves.

    Elsewhere a connection that lay idle is tried before it is used: the server may have dropped it.
    """
    if engine.dialect.name != "sqlite":
        _try_idle_connections(engine)
        return

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, record: object) -> None:
        del record
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # of one connection; the system keeps the file's pages for all of them
        cursor.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        how = connection.get_execution_options().get(SQLITE_BEGIN)
        if how:
            connection.exec_driver_sql(how)


def _try_idle_connections(engine: Engine) -> None:
    """Ping after `IDLE_SECONDS`; `pool_pre_ping` would ask before every statement."""

    @event.listens_for(engine, "checkin")
    def _on_checkin(connection: Any, record: ConnectionPoolEntry) -> None:
        del connection
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _on_checkout(connection: Any, record: ConnectionPoolEntry, proxy: object) -> None:
        del proxy
        since = record.info.get("idle_since")
        if since is None or time.monotonic() - since < IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            # the pool makes a new one in its place (SQLAlchemy, "Dealing with Disconnects")
            raise sa.exc.DisconnectionError from error


def reading(engine: Engine) -> Engine:
    """Return the engine for single statements: no BEGIN, no COMMIT."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def writing(engine: Engine) -> Engine:
    """Return the engine for transactions: SQLite takes its write lock at the start."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{SQLITE_BEGIN: "BEGIN IMMEDIATE"})
    return engine


def is_unavailable(error: sa.exc.DBAPIError) -> bool:
    """Return whether the database is away, locked, full or closed to us, not asked wrongly.

    Damaged, or no database at all, counts as away: SQLite has no class of its own for that.
    """
    is_damaged = type(error) is sa.exc.DatabaseError
    return (
        is_damaged
        or getattr(error.orig, "sqlstate", None) in _CLOSED
        or isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError)
        or bool(error.connection_invalidated)
    )
