"""Durable counters, one-time identifiers, and forms that were sent."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import ByDialect
from idp.domain.identity.lockout import NO_FAILURES, FailureCount
from idp.ports.store import Window
from idp.ports.vault import Place, Vault

_window = tables.rate_window
_failure = tables.failure_count
_replay = tables.replay
_submission = tables.form_submission


def _hit(insert: Callable[[sa.Table], Any]) -> Any:
    statement = insert(_window)
    is_over = _window.c.expires_at <= sa.bindparam("now", type_=sa.BigInteger)
    return statement.on_conflict_do_update(
        index_elements=["digest"],
        set_={
            "count": sa.case((is_over, 1), else_=_window.c["count"] + 1),
            "expires_at": sa.case(
                (is_over, statement.excluded.expires_at), else_=_window.c.expires_at
            ),
        },
    ).returning(_window.c["count"], _window.c.expires_at)


def _hit_beside(insert: Callable[[sa.Table], Any]) -> Any:
    """Return the same with what another window holds, looked at in passing."""
    other = _window.alias("other")
    seen = (
        sa.select(column)
        .where(other.c.digest == sa.bindparam("beside"), other.c.expires_at > sa.bindparam("now"))
        .scalar_subquery()
        for column in (other.c["count"], other.c.expires_at)
    )
    return _hit(insert).returning(*seen)


@cache
def _count(count: int) -> ByDialect:
    """Return an upsert that adds a failure to each row and holds it.

    What counts already keeps the instants of its newest failure: the rule looks at them first.
    """

    def build(insert: Callable[[sa.Table], Any]) -> Any:
        statement = _failures(insert, count)
        anew = statement.excluded
        is_none = sa.or_(_failure.c.failures < anew.failures, _failure.c.expires_at <= anew.last_at)
        return statement.on_conflict_do_update(
            index_elements=["digest"],
            set_={
                "failures": sa.case(
                    (is_none, anew.failures), else_=_failure.c.failures + anew.failures
                ),
                "last_at": sa.case((is_none, anew.last_at), else_=_failure.c.last_at),
                "expires_at": sa.case((is_none, anew.expires_at), else_=_failure.c.expires_at),
            },
        ).returning(*_failure.c)

    return ByDialect(build)


def _failures(insert: Callable[[sa.Table], Any], count: int) -> Any:
    """Return an insert of so many rows; the parameters of each end with its number."""
    names = [column.name for column in _failure.c]
    rows: list[Mapping[str, Any]] = [
        {name: sa.bindparam(f"{name}_{at}") for name in names} for at in range(count)
    ]
    return insert(_failure).values(rows)


@cache
def _hold(count: int) -> ByDialect:
    """Return an upsert that changes nothing but locks the rows, also those that were not there."""
    return ByDialect(
        lambda insert: (
            _failures(insert, count)
            .on_conflict_do_update(
                index_elements=["digest"], set_={"failures": _failure.c.failures}
            )
            .returning(*_failure.c)
        )
    )


@cache
def _put(count: int) -> ByDialect:
    """Return an upsert that puts the rows in the place of what was there."""

    def build(insert: Callable[[sa.Table], Any]) -> Any:
        statement = _failures(insert, count)
        anew = {name: statement.excluded[name] for name in ("failures", "last_at", "expires_at")}
        return statement.on_conflict_do_update(index_elements=["digest"], set_=anew)

    return ByDialect(build)


def _numbered(rows: Iterable[Mapping[str, object]]) -> dict[str, object]:
    return {f"{name}_{at}": value for at, row in enumerate(rows) for name, value in row.items()}


def _once(table: sa.Table) -> Callable[[Callable[[sa.Table], Any]], Any]:
    """Return an insert that wins also over a row whose time is over."""

    def build(insert: Callable[[sa.Table], Any]) -> Any:
        statement = insert(table)
        return statement.on_conflict_do_update(
            index_elements=["digest"],
            set_={
                column.name: statement.excluded[column.name]
                for column in table.c
                if column.name != "digest"
            },
            where=table.c.expires_at <= sa.bindparam("now", type_=sa.BigInteger),
        )

    return build


_HIT: Final = ByDialect(_hit)
_HIT_BESIDE: Final = ByDialect(_hit_beside)
_PEEK: Final = sa.select(_window.c["count"], _window.c.expires_at).where(
    _window.c.digest == sa.bindparam("digest"), _window.c.expires_at > sa.bindparam("now")
)
_REFUND: Final = (
    sa.update(_window)
    .where(_window.c.digest == sa.bindparam("which"), _window.c["count"] > 0)
    .values(count=_window.c["count"] - 1)
)
_CLEAR_FAILURES: Final = sa.delete(_failure).where(
    _failure.c.digest.in_(sa.bindparam("digests", expanding=True))
)
_ADD_ONCE: Final = ByDialect(_once(_replay))
_BEGIN: Final = ByDialect(_once(_submission))
_FINISH: Final = (
    sa.update(_submission)
    .where(_submission.c.digest == sa.bindparam("which"))
    .values(answer_sealed=sa.bindparam("answer"), expires_at=sa.bindparam("until"))
)
_FIND: Final = sa.select(_submission.c.answer_sealed).where(
    _submission.c.digest == sa.bindparam("digest")
)
_RELEASE: Final = sa.delete(_submission).where(_submission.c.digest == sa.bindparam("digest"))

NO_WINDOW: Final = Window(0, 0)


@dataclass(frozen=True, slots=True)
class SqlLimits:
    """Implements `idp.ports.store.Limits`."""

    connection: Connection

    def hit(self, key: bytes, *, window_seconds: int, now: int) -> Window:
        given = {"digest": key, "count": 1, "expires_at": now + window_seconds, "now": now}
        row = self.connection.execute(_HIT.on(self.connection), given).one()
        return Window(row[0], row[1])

    def hit_beside(
        self, key: bytes, beside: bytes, *, window_seconds: int, now: int
    ) -> tuple[Window, Window]:
        given = {
            "digest": key,
            "count": 1,
            "expires_at": now + window_seconds,
            "now": now,
            "beside": beside,
        }
        row = self.connection.execute(_HIT_BESIDE.on(self.connection), given).one()
        seen = NO_WINDOW if row[2] is None else Window(row[2], row[3])
        return Window(row[0], row[1]), seen

    def peek(self, key: bytes, now: int) -> Window:
        row = self.connection.execute(_PEEK, {"digest": key, "now": now}).first()
        return NO_WINDOW if row is None else Window(row[0], row[1])

    def refund(self, key: bytes) -> None:
        self.connection.execute(_REFUND, {"which": key})

    def hold_failures(self, *keys: bytes, now: int) -> Mapping[bytes, FailureCount]:
        none = {"failures": 0, "last_at": 0, "expires_at": 0}
        given = _numbered({"digest": key, **none} for key in keys)
        rows = self.connection.execute(_hold(len(keys)).on(self.connection), given)
        return {
            row.digest: FailureCount(row.failures, row.last_at)
            if row.expires_at > now
            else NO_FAILURES
            for row in rows
        }

    def count_failures(
        self, until: Mapping[bytes, int], *, now: int
    ) -> Mapping[bytes, tuple[FailureCount, int]]:
        given = _numbered(
            {"digest": key, "failures": 1, "last_at": now, "expires_at": until[key]}
            for key in sorted(until)
        )
        rows = self.connection.execute(_count(len(until)).on(self.connection), given)
        return {
            row.digest: (FailureCount(row.failures - 1, row.last_at), row.expires_at)
            if row.failures > 1
            else (NO_FAILURES, now)
            for row in rows
        }

    def put_failures(self, counts: Mapping[bytes, tuple[FailureCount, int]]) -> None:
        given = _numbered(
            {
                "digest": key,
                "failures": count.failures,
                "last_at": count.last_at,
                "expires_at": until,
            }
            for key, (count, until) in counts.items()
        )
        self.connection.execute(_put(len(counts)).on(self.connection), given)

    def clear_failures(self, *keys: bytes) -> None:
        self.connection.execute(_CLEAR_FAILURES, {"digests": keys})


@dataclass(frozen=True, slots=True)
class SqlReplays:
    """Implements `idp.ports.store.Replays`."""

    connection: Connection

    def add_once(self, digest: bytes, *, expires_at: int, now: int) -> bool:
        given = {"digest": digest, "expires_at": expires_at, "now": now}
        return bool(self.connection.execute(_ADD_ONCE.on(self.connection), given).rowcount == 1)


@dataclass(frozen=True, slots=True)
class SqlSubmissions:
    """Implements `idp.ports.store.Submissions`."""

    connection: Connection
    vault: Vault

    def begin(self, digest: bytes, *, now: int, expires_at: int) -> bool:
        given = {"digest": digest, "answer_sealed": None, "expires_at": expires_at, "now": now}
        return bool(self.connection.execute(_BEGIN.on(self.connection), given).rowcount == 1)

    def finish(self, digest: bytes, answer: bytes, *, expires_at: int) -> None:
        sealed = self.vault.seal(answer, _place(digest))
        given = {"which": digest, "answer": sealed, "until": expires_at}
        self.connection.execute(_FINISH, given)

    def find(self, digest: bytes) -> tuple[bool, bytes | None]:
        row = self.connection.execute(_FIND, {"digest": digest}).first()
        if row is None:
            return False, None
        sealed = row.answer_sealed
        return True, None if sealed is None else self.vault.open(sealed, _place(digest))

    def release(self, digest: bytes) -> None:
        self.connection.execute(_RELEASE, {"digest": digest})


def _place(digest: bytes) -> Place:
    return Place("form_submission", "answer_sealed", digest)
