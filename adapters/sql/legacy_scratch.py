"""A database for one trial run: the tables of an import, in a file that has no name."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from adapters.sql import engine as engines
from adapters.sql import tables
from adapters.sql.store import SqlStore
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store
from idp.ports.vault import Vault

_TABLES = (
    tables.account,
    tables.legacy_source,
    tables.legacy_import_run,
    tables.legacy_refused_line,
    tables.legacy_account,
    tables.legacy_identifier,
    tables.legacy_conflict,
)


@contextmanager
def scratch_store(vault: Vault, entropy: Entropy, clock: Clock) -> Iterator[Store]:
    """Give an empty store that is gone afterwards; what it holds is sealed like anywhere else.

    SQLite keeps a database without a name in memory and, where it grows, in a file that is
    unlinked as soon as it is open.
    """
    engine = sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect("", check_same_thread=False),
        poolclass=StaticPool,
    )
    engines.prepare_engine(engine)
    try:
        tables.metadata.create_all(engine, tables=_TABLES)
        with engine.connect() as connection:
            # nothing here outlives a crash, so nothing waits for the disk
            connection.exec_driver_sql("PRAGMA synchronous=OFF")
        yield SqlStore(engine, vault, entropy, clock)
    finally:
        engine.dispose()
