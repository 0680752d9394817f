"""Constant statements of PostgreSQL on libpq itself, prepared by name on each connection.

psycopg's cursor turns every execution into a generator that polls the socket, finds parameters anew
and decides whether to prepare: 40 µs of a statement that takes the server 50, and 40 µs for each
BEGIN and COMMIT (`make bench`). psycopg's own transformer still turns values into bytes and back.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import OperationalError
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus

#: Statements that one connection keeps prepared. There are fewer; an insert counts once for each
#: set of columns that are NULL, since a value's type is part of a prepared statement.
PREPARED_MAX: Final = 500

_PLACE: Final = re.compile(r"%(?:%|\((\w+)\)s)")
_AUTO: Final = PyFormat.AUTO
_DONE: Final = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK})


@dataclass(frozen=True, slots=True)
class Numbered:
    """A statement with `$1` for `%(name)s`; `names`: of the parameters in that order."""

    text: bytes
    names: tuple[str, ...]


def numbered(text: str) -> Numbered:
    """Return a statement of psycopg's as the server reads it; one number for each name."""
    names: dict[str, int] = {}

    def place(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${names.setdefault(name, len(names) + 1)}"

    return Numbered(_PLACE.sub(place, text).encode(), tuple(names))


class Direct:
    """Runs statements on the libpq connection below one of psycopg's, which is in autocommit mode.

    Raises psycopg's errors. One thread at a time, as with the connection itself.
    """

    def __init__(self, driver: Any) -> None:
        self._pg = driver.pgconn
        self._encoding = driver.info.encoding
        self._transformer: Any = Transformer(driver)
        self._prepared: dict[tuple[Numbered, tuple[int, ...]], bytes] = {}

    def run(self, word: bytes) -> None:
        """Execute a word that begins or ends a transaction."""
        self._checked(self._pg.exec_(word))

    def execute(
        self, statement: Numbered, values: Mapping[str, Any]
    ) -> tuple[Sequence[tuple[Any, ...]], int]:
        """Return the rows and how many the statement touched."""
        transformer, names = self._transformer, statement.names
        sent = transformer.dump_sequence([values[name] for name in names], [_AUTO] * len(names))
        types = transformer.types or ()
        name = self._prepared.get((statement, types)) or self._prepare(statement, types)
        formats = transformer.formats
        if name:
            result = self._pg.exec_prepared(name, sent, formats)
        else:
            result = self._pg.exec_params(statement.text, sent, types, formats)
        self._checked(result)
        count = result.ntuples
        if result.status == ExecStatus.COMMAND_OK:
            touched = result.command_tuples
            return (), -1 if touched is None else touched
        transformer.set_pgresult(result)
        return transformer.load_rows(0, count, tuple), count

    def _prepare(self, statement: Numbered, types: tuple[int, ...]) -> bytes:
        """Return the name of the statement, prepared now; none where there are enough of them."""
        if len(self._prepared) >= PREPARED_MAX:
            return b""
        name = b"s%d" % len(self._prepared)
        self._checked(self._pg.prepare(name, statement.text, types))
        self._prepared[statement, types] = name
        return name

    def _checked(self, result: Any) -> None:
        if result.status in _DONE:
            return
        error = error_from_result(result, self._encoding)
        if self._pg.status == ConnStatus.BAD and not isinstance(error, OperationalError):
            # the server went without a word of its own
            raise OperationalError(str(error))
        raise error
