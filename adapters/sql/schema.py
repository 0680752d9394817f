"""The schema and its changes: Alembic through Flask-Migrate, without the application."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.engine import Engine

from adapters.sql import engine as engines
from adapters.sql.absence import absence_of_file
from idp.domain.errors import Refused
from idp.ports.store import StoreUnavailable

MIGRATIONS: Final = Path(__file__).resolve().parents[2] / "migrations"
_NAME: Final = re.compile(r"(\d{4})_\w+\.py")
#: PostgreSQL, appendix A.
_LOCK_NOT_AVAILABLE: Final = "55P03"


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the schema: its revision and its first line of words."""

    revision: str
    words: str


def newest_revision() -> str:
    """Return the revision that this code needs: files are numbered, so nothing is imported."""
    names = (_NAME.fullmatch(path.name) for path in (MIGRATIONS / "versions").iterdir())
    return max(name.group(1) for name in names if name is not None)


def current_revision(engine: Engine) -> str | None:
    """Return the revision of a database, `None` for an empty one; raises `StoreUnavailable`."""
    try:
        with engines.reading(engine).connect() as connection:
            if not sa.inspect(connection).has_table("alembic_version"):
                return None
            statement = sa.text("SELECT version_num FROM alembic_version")
            return connection.execute(statement).scalar()
    except sa.exc.DBAPIError as error:
        if engines.is_unavailable(error):
            raise StoreUnavailable from error
        raise


def pending(database_url: str) -> Sequence[Change]:
    """Return the changes that an upgrade would make, in order; makes no file to find out."""
    current = None
    if absence_of_file(database_url) is None:
        with _opened(database_url) as (_, database):
            current = current_revision(database.engine)
    if current == newest_revision():
        # a start that finds everything in place does without Alembic, a fifth of a second
        return []
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - not for servers

    steps = ScriptDirectory(str(MIGRATIONS)).walk_revisions("base", "heads")
    changes = [Change(step.revision, (step.doc or "").strip()) for step in steps]
    return [change for change in reversed(changes) if current is None or change.revision > current]


def upgrade(database_url: str) -> Sequence[Change]:
    """Bring the schema up to date and return what was done, be it by another process meanwhile.

    All or nothing. Refuses with `schema.busy` where somebody holds a table for long.
    """
    steps = pending(database_url)
    if steps:
        with migrating(database_url):
            import flask_migrate  # noqa: PLC0415 - not for servers

            flask_migrate.upgrade(directory=str(MIGRATIONS))
    return steps


def differences(database_url: str) -> Sequence[str]:
    """Return how the database differs from the tables of this code; nothing if it does not."""
    with migrating(database_url) as app:
        from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - only this comparison needs it
        from alembic.migration import MigrationContext  # noqa: PLC0415 - see above

        with _engine(app).connect() as connection:
            context = MigrationContext.configure(connection)
            found = compare_metadata(context, app.extensions["migrate"].db.metadata)
    return [str(difference) for difference in found]


@contextmanager
def migrating(database_url: str) -> Iterator[Flask]:
    """Give Flask-Migrate the little application that it needs."""
    import flask_migrate  # noqa: PLC0415 - not for servers

    with _opened(database_url) as (app, database):
        flask_migrate.Migrate(app, database, directory=str(MIGRATIONS))
        yield app


@contextmanager
def _opened(database_url: str) -> Iterator[tuple[Flask, SQLAlchemy]]:
    app = Flask(__name__)
    app.config.from_mapping(engines.flask_configuration(database_url))
    database = engines.build_database()
    database.init_app(app)
    with app.app_context():
        engines.prepare_engine(database.engine)
        try:
            yield app, database
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise Refused("schema.busy") from error
            raise StoreUnavailable from error
        finally:
            database.engine.dispose()


def _engine(app: Flask) -> Any:
    return app.extensions["migrate"].db.engine
