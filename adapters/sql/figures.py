"""Figures of days, added up by every process, and the newest values of gauges."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import ByDialect
from idp.domain.figures import Key, PortalErrors

_figure = tables.figure
_usage = tables.client_usage


def _adding(insert: Callable[[sa.Table], Any]) -> Any:
    statement = insert(_figure)
    return statement.on_conflict_do_update(
        index_elements=["day", "name", "label"],
        set_={"number": _figure.c.number + statement.excluded.number},
    )


def _replacing(insert: Callable[[sa.Table], Any]) -> Any:
    statement = insert(_figure)
    return statement.on_conflict_do_update(
        index_elements=["day", "name", "label"], set_={"number": statement.excluded.number}
    )


_ADD: Final = ByDialect(_adding)
_PUT: Final = ByDialect(_replacing)
_SINCE: Final = sa.select(_figure).where(_figure.c.day >= sa.bindparam("since"))
_ERRORS: Final = (
    sa.select(_usage.c.client_id, sa.func.sum(_usage.c.number).label("number"))
    .where(_usage.c.day >= sa.bindparam("since"), _usage.c.kind == "error")
    .group_by(_usage.c.client_id)
    .order_by(sa.func.sum(_usage.c.number).desc(), _usage.c.client_id)
    .limit(sa.bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class SqlFigures:
    """Implements `idp.ports.figures.Figures`."""

    connection: Connection

    def add(self, counts: Mapping[Key, int]) -> None:
        self._write(_ADD, counts)

    def put(self, values: Mapping[Key, int]) -> None:
        self._write(_PUT, values)

    def since(self, day: int) -> Mapping[Key, int]:
        rows = self.connection.execute(_SINCE, {"since": day})
        return {(row.day, row.name, row.label): row.number for row in rows}

    def errors_by_client(self, day: int, *, limit: int) -> Sequence[PortalErrors]:
        rows = self.connection.execute(_ERRORS, {"since": day, "most": limit})
        return tuple(PortalErrors(row.client_id, int(row.number)) for row in rows)

    def _write(self, statement: ByDialect, numbers: Mapping[Key, int]) -> None:
        # in one order: two processes never wait for one another's rows crosswise
        given = [
            {"day": day, "name": name, "label": label, "number": number}
            for (day, name, label), number in sorted(numbers.items())
        ]
        if given:
            self.connection.execute(statement.on(self.connection), given)
