"""Counting what a request asks of the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from idp.app import Application

#: What begins and ends a transaction is no statement of ours.
_FRAME = ("BEGIN", "COMMIT", "ROLLBACK")


@contextmanager
def counted(app: Application) -> Iterator[list[str]]:
    """Collect the statements that run meanwhile."""
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    found: list[str] = []

    def note(connection, cursor, statement, parameters, context, executemany) -> None:
        if not statement.startswith(_FRAME):
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
