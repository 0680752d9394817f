"""Why a database does not serve us, as far as its server or the file system tells.

For `siapkerja doctor`: opening a database the usual way would make what is not there.
"""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final

from sqlalchemy.engine import Engine

from adapters.sql.engine import file_of


class Absence(Enum):
    """What is not there, or is kept from us."""

    FOLDER = "folder"
    FILE = "file"
    #: A file of no length: nothing was ever written.
    CONTENT = "content"
    SERVER = "server"
    DATABASE = "database"
    #: The role or its password is wrong.
    ROLE = "role"
    #: There is no such role, it may not log in, or not from here.
    ENTRY = "entry"
    #: The server answers and turns us away for another reason.
    OTHER = "other"


def absence_of_file(database_url: str) -> tuple[Absence, Path] | None:
    """Return what SQLite would have to make, and where; `None` where there is something to open."""
    path = file_of(database_url)
    try:
        if path is None or (path.exists() and path.stat().st_size):
            return None
        if path.exists():
            return Absence.CONTENT, path
        return (Absence.FILE, path) if path.parent.is_dir() else (Absence.FOLDER, path.parent)
    except OSError:
        # what may not be looked at can't be made either: opening it tells
        return None


#: PostgreSQL, appendix A.
_BY_STATE: Final[Mapping[str, Absence]] = {
    "3D000": Absence.DATABASE,
    "28P01": Absence.ROLE,
    "28000": Absence.ENTRY,
}

#: libpq keeps the state of a connection that failed to itself. Words of a server that speaks
#: another language fit none of these.
_BY_WORDS: Final = (
    (re.compile(r'database "[^"]*" does not exist'), Absence.DATABASE),
    (re.compile(r"authentication failed for|no password supplied"), Absence.ROLE),
    (re.compile(r'role "[^"]*" (?:does not exist|is not permitted to log in)'), Absence.ENTRY),
    (re.compile(r"no pg_hba\.conf entry|pg_hba\.conf rejects"), Absence.ENTRY),
)


def absence_of_server(engine: Engine, *, seconds: int = 3) -> Absence | None:
    """Return why PostgreSQL gives us no connection, `None` where it does."""
    # the driver is loaded only where PostgreSQL is
    import psycopg  # noqa: PLC0415 - see above
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - see above
    from psycopg.pq import PGconn, Ping  # noqa: PLC0415 - see above

    # libpq reads the same address, but for the driver in its name
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    where = make_conninfo(address, connect_timeout=seconds)
    try:
        psycopg.connect(where).close()
    except psycopg.Error as error:
        if PGconn.ping(where.encode()) in {Ping.NO_RESPONSE, Ping.NO_ATTEMPT}:
            return Absence.SERVER
        return _BY_STATE.get(error.sqlstate or "") or _by_words(str(error))
    return None


def _by_words(told: str) -> Absence:
    found = (absence for pattern, absence in _BY_WORDS if pattern.search(told))
    return next(found, Absence.OTHER)
