"""Failures, found again by their support code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from idp.domain.identity.support import Failure, Side

_failure = tables.failure

_ADD: Final = sa.insert(_failure)
_FIND: Final = (
    sa.select(_failure)
    .where(_failure.c.code == sa.bindparam("code"))
    .order_by(_failure.c.at, _failure.c.id)
    .limit(sa.bindparam("most"))
)
_TRAIL: Final = (
    sa.select(_failure)
    .where(
        _failure.c.trail == sa.bindparam("trail"),
        _failure.c.at.between(sa.bindparam("begin"), sa.bindparam("end")),
    )
    .order_by(_failure.c.at, _failure.c.id)
    .limit(sa.bindparam("most"))
)

#: More than one row has a code only by chance.
_MOST: Final = 10


@dataclass(frozen=True, slots=True)
class SqlFailures:
    """Implements `idp.ports.store.Failures`."""

    connection: Connection

    def add_all(self, failures: Sequence[Failure]) -> None:
        self.connection.execute(_ADD, [_written(failure) for failure in failures])

    def find(self, code: str) -> Sequence[Failure]:
        rows = self.connection.execute(_FIND, {"code": code, "most": _MOST})
        return tuple(map(_read, rows))

    def list_trail(self, trail: bytes, *, begin: int, end: int, limit: int) -> Sequence[Failure]:
        given = {"trail": trail, "begin": begin, "end": end, "most": limit}
        return tuple(map(_read, self.connection.execute(_TRAIL, given)))


def _written(failure: Failure) -> dict[str, object]:
    return {column.name: getattr(failure, column.name) for column in _failure.c}


def _read(row: Any) -> Failure:
    return Failure(**{**row._mapping, "side": Side(row.side)})
