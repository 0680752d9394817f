"""Audit events: appended with a MAC, never changed; the sealer numbers and chains them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import first_only
from idp.domain.identity.audit import (
    VISIBLE,
    AuditEvent,
    AuditRow,
    SignedHead,
)
from idp.domain.identity.audit_chain import row_of
from idp.domain.identity.audit_search import AuditQuery, Place
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.vault import Vault

_event = tables.audit_event
_head = tables.audit_head
_lease = tables.lease

#: Columns and fields of a row have the same names, in the order of `AuditRow`.
_COLUMNS: Final = tuple(field.name for field in fields(AuditRow))
_INSERT: Final = sa.insert(_event)
_LIST_VISIBLE: Final = (
    sa.select(_event)
    .where(
        _event.c.account_id == sa.bindparam("account_id"),
        _event.c.action.in_(sorted(VISIBLE)),
        sa.or_(
            _event.c.at < sa.bindparam("at"),
            sa.and_(_event.c.at == sa.bindparam("at"), _event.c.id < sa.bindparam("id")),
        ),
    )
    .order_by(_event.c.at.desc(), _event.c.id.desc())
    .limit(sa.bindparam("most"))
)
_ALL_OF: Final = (
    sa.select(_event)
    .where(
        _event.c.account_id == sa.bindparam("account_id"),
        # the index knows the instant alone: it narrows, the rest decides
        _event.c.at <= sa.bindparam("at"),
        sa.or_(_event.c.at < sa.bindparam("at"), _event.c.id < sa.bindparam("id")),
    )
    .order_by(_event.c.at.desc(), _event.c.id.desc())
    .limit(sa.bindparam("most"))
)
_OF_ACCOUNT: Final = (
    sa.select(_event)
    .where(
        _event.c.account_id == sa.bindparam("account_id"),
        _event.c.at.between(sa.bindparam("begin"), sa.bindparam("end")),
    )
    .order_by(_event.c.at.desc(), _event.c.id.desc())
    .limit(sa.bindparam("most"))
)
# found by the instant: an index on request ids would cost every event
_OF_REQUEST: Final = sa.select(_event).where(
    _event.c.at.between(sa.bindparam("begin"), sa.bindparam("end")),
    _event.c.request_id == sa.bindparam("request_id"),
)
_FIND: Final = sa.select(_event).where(_event.c.id == sa.bindparam("which"))

#: What each field of a query asks of a row; the names are those of `AuditQuery`.
_ASKS: Final[Mapping[str, sa.ColumnElement[bool]]] = {
    # told to the planner as it stands: the index of actors leaves citizens out
    "actor": _event.c.actor == sa.bindparam("actor", literal_execute=True),
    "actor_id": _event.c.actor_id == sa.bindparam("actor_id"),
    "account_id": _event.c.account_id == sa.bindparam("account_id"),
    "client_id": _event.c.client_id == sa.bindparam("client_id"),
    "object_id": _event.c.object_id == sa.bindparam("object_id"),
    "action": _event.c.action == sa.bindparam("action"),
    "since": _event.c.at >= sa.bindparam("since"),
    "until": _event.c.at <= sa.bindparam("until"),
}


@cache
def searching(asked: frozenset[str], *, goes_on: bool) -> sa.Select[Any]:
    """Return the statement of a search for these fields; `goes_on`: behind a place."""
    statement = sa.select(_event).where(*(_ASKS[name] for name in sorted(asked)))
    if goes_on:
        place = sa.tuple_(
            sa.bindparam("at", type_=_event.c.at.type), sa.bindparam("id", type_=_event.c.id.type)
        )
        statement = statement.where(sa.tuple_(_event.c.at, _event.c.id) < place)
    newest_first = statement.order_by(_event.c.at.desc(), _event.c.id.desc())
    return newest_first.limit(sa.bindparam("most"))


_FAR_FUTURE: Final = (2**62, UUID(int=0))
_UNSEALED: Final = (
    sa.select(_event)
    .where(_event.c.sequence.is_(None))
    .order_by(_event.c.id)
    .limit(sa.bindparam("most"))
)
_LAST: Final = (
    sa.select(_event.c.sequence, _event.c.chain)
    .where(_event.c.sequence.is_not(None))
    .order_by(_event.c.sequence.desc())
    .limit(1)
)
_CHAIN_AT: Final = sa.select(_event.c.chain).where(_event.c.sequence == sa.bindparam("number"))
_SEAL: Final = (
    sa.update(_event)
    .where(_event.c.id == sa.bindparam("which"), _event.c.sequence.is_(None))
    .values(sequence=sa.bindparam("number"), chain=sa.bindparam("link"))
)
#: The same in one statement, where the database takes arrays.
_SEAL_ALL: Final = sa.text(
    "UPDATE audit_event SET sequence = given.number, chain = given.link "
    "FROM unnest(CAST(:ids AS uuid[]), CAST(:numbers AS bigint[]), CAST(:links AS bytea[])) "
    "AS given (id, number, link) "
    "WHERE audit_event.id = given.id AND audit_event.sequence IS NULL"
)
#: Any number, ours alone: one sealer at a time, until its transaction ends.
_HOLD: Final = sa.text("SELECT pg_advisory_xact_lock(5010746372)")
_WALK: Final = (
    sa.select(_event)
    .where(_event.c.sequence > sa.bindparam("after"))
    .order_by(_event.c.sequence)
    .limit(sa.bindparam("most"))
)
_ADD_HEAD: Final = first_only(_head, "sequence")
_LAST_HEAD: Final = sa.select(_head).order_by(_head.c.sequence.desc()).limit(1)
_LIST_HEADS: Final = (
    sa.select(_head).where(_head.c.sequence > sa.bindparam("after")).order_by(_head.c.sequence)
)


@dataclass(frozen=True, slots=True)
class SqlAudit:
    """Implements `idp.ports.store.Audit`."""

    connection: Connection
    entropy: Entropy
    clock: Clock
    vault: Vault

    def record(self, event: AuditEvent) -> None:
        event_id = self.entropy.uuid7(self.clock.now_ms())
        row = row_of(event_id, event, self.vault.audit_key())
        self.connection.execute(_INSERT, {name: getattr(row, name) for name in _COLUMNS})

    def list_visible(
        self, account_id: UUID, *, before: tuple[int, UUID] | None = None, limit: int = 25
    ) -> Sequence[AuditEvent]:
        at, event_id = before or _FAR_FUTURE
        given = {"account_id": account_id, "at": at, "id": event_id, "most": limit}
        return tuple(_row(row).event for row in self.connection.execute(_LIST_VISIBLE, given))

    def list_all_of(
        self, account_id: UUID, *, before: tuple[int, UUID] | None = None, limit: int = 25
    ) -> Sequence[AuditEvent]:
        at, event_id = before or _FAR_FUTURE
        given = {"account_id": account_id, "at": at, "id": event_id, "most": limit}
        return tuple(_row(row).event for row in self.connection.execute(_ALL_OF, given))

    def list_of_account(
        self, account_id: UUID, *, begin: int, end: int, limit: int
    ) -> Sequence[AuditEvent]:
        given = {"account_id": account_id, "begin": begin, "end": end, "most": limit}
        return tuple(_row(row).event for row in self.connection.execute(_OF_ACCOUNT, given))

    def list_of_request(self, request_id: str, *, begin: int, end: int) -> Sequence[AuditEvent]:
        given = {"request_id": request_id, "begin": begin, "end": end}
        return tuple(_row(row).event for row in self.connection.execute(_OF_REQUEST, given))

    def find(self, event_id: UUID) -> AuditRow | None:
        row = self.connection.execute(_FIND, {"which": event_id}).first()
        return None if row is None else _row(row)

    def search(
        self, query: AuditQuery, *, before: Place | None = None, limit: int
    ) -> Sequence[AuditRow]:
        given = {name: value for name, value in asdict(query).items() if value is not None}
        statement = searching(frozenset(given), goes_on=before is not None)
        place = {"at": before[0], "id": before[1]} if before is not None else {}
        rows = self.connection.execute(statement, {**given, **place, "most": limit})
        return tuple(map(_row, rows))

    def list_unsealed(self, limit: int) -> Sequence[AuditRow]:
        return tuple(_row(row) for row in self.connection.execute(_UNSEALED, {"most": limit}))

    def hold_chain(self) -> None:
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(_HOLD)

    def last_sealed(self) -> tuple[int, bytes] | None:
        row = self.connection.execute(_LAST).first()
        return None if row is None else (row.sequence, row.chain)

    def chain_at(self, sequence: int) -> bytes | None:
        found = self.connection.execute(_CHAIN_AT, {"number": sequence}).scalar()
        return bytes(found) if found is not None else None

    def seal(self, rows: Sequence[tuple[UUID, int, bytes]]) -> None:
        if self.connection.dialect.name == "postgresql":
            ids, numbers, links = map(list, zip(*rows, strict=True))
            given = {"ids": ids, "numbers": numbers, "links": links}
            self.connection.execute(_SEAL_ALL, given)
            return
        self.connection.execute(
            _SEAL, [{"which": i, "number": number, "link": link} for i, number, link in rows]
        )

    def walk(self, after: int = 0, batch: int = 1000) -> Iterator[AuditRow]:
        while True:
            try:
                rows = self.connection.execute(_WALK, {"after": after, "most": batch}).all()
            except ValueError:
                if batch == 1:
                    raise
                # a value that is none of its column stands among them: up to it, one by one
                batch = 1
                continue
            if not rows:
                return
            yield from map(_row, rows)
            after = rows[-1].sequence

    def add_head(self, head: SignedHead) -> None:
        self.connection.execute(_ADD_HEAD.on(self.connection), asdict(head))

    def last_head(self) -> SignedHead | None:
        row = self.connection.execute(_LAST_HEAD).first()
        return None if row is None else SignedHead(row.sequence, row.at, row.signed)

    def list_heads(self, after: int = 0) -> Sequence[SignedHead]:
        rows = self.connection.execute(_LIST_HEADS, {"after": after})
        return tuple(SignedHead(row.sequence, row.at, row.signed) for row in rows)


def _row(row: Any) -> AuditRow:
    return AuditRow(*(getattr(row, name) for name in _COLUMNS))


_TAKE: Final = (
    sa.update(_lease)
    .where(
        _lease.c.name == sa.bindparam("which"),
        sa.or_(_lease.c.until <= sa.bindparam("now"), _lease.c.holder == sa.bindparam("who")),
    )
    .values(holder=sa.bindparam("who"), until=sa.bindparam("new_until"))
)
_MAKE: Final = first_only(_lease, "name")
_DONE: Final = (
    sa.update(_lease)
    .where(_lease.c.name == sa.bindparam("which"))
    .values(done_at=sa.bindparam("now"))
)
_LAST_DONE: Final = sa.select(_lease.c.done_at).where(_lease.c.name == sa.bindparam("name"))


@dataclass(frozen=True, slots=True)
class SqlLeases:
    """Implements `idp.ports.store.Leases`."""

    connection: Connection

    def take(self, name: str, holder: str, *, now: int, seconds: int) -> bool:
        row = {"name": name, "holder": "", "until": 0, "done_at": 0}
        self.connection.execute(_MAKE.on(self.connection), row)
        given = {"which": name, "who": holder, "now": now, "new_until": now + seconds}
        return self.connection.execute(_TAKE, given).rowcount == 1

    def note_done(self, name: str, now: int) -> None:
        self.connection.execute(_DONE, {"which": name, "now": now})

    def last_done(self, name: str) -> int:
        return int(self.connection.execute(_LAST_DONE, {"name": name}).scalar() or 0)
