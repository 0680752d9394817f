"""Alembic's environment: Flask-Migrate gives the engine, `adapters.sql.tables` the metadata.

All that is pending is one transaction: a change that fails, or is killed, leaves nothing half done.
"""

from typing import Final

import sqlalchemy as sa
from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection

from adapters.sql import engine as engines
from adapters.sql.tables import metadata

#: What changes of the schema hold against one another, as several servers start at once.
_TURN: Final = sa.text("SELECT pg_advisory_xact_lock(hashtext('siapkerja schema'))")
#: Whoever waits for a table keeps everybody behind it waiting as well (R-14).
_PATIENCE: Final = sa.text("SET LOCAL lock_timeout = '1s'")


def run() -> None:
    if context.is_offline_mode():
        url = current_app.config["SQLALCHEMY_DATABASE_URI"]
        context.configure(url=url, target_metadata=metadata, literal_binds=True)
        with context.begin_transaction():
            context.run_migrations()
        return
    engine = current_app.extensions["migrate"].db.engine
    with engines.writing(engine).connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=engine.dialect.name == "sqlite",
            transactional_ddl=True,
        )
        with context.begin_transaction():
            _wait_for_turn(connection)
            context.run_migrations()


def _wait_for_turn(connection: Connection) -> None:
    """Let one process change the schema; SQLite's write lock, taken at the start, does so alone."""
    if connection.dialect.name == "postgresql":
        connection.execute(_TURN)
        connection.execute(_PATIENCE)


run()
