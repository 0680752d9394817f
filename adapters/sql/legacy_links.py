"""The journal of old accounts that came home, and what officers decide about the others."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.legacy import FIND_BY_IDENTIFIER, FIND_BY_NIK, read_legacy
from adapters.sql.upserts import first_only
from idp.domain.identity.legacy import UNDO_SECONDS, ConflictKind, LegacyAccount, LegacyLink
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.legacy import Conflict
from idp.ports.vault import Place, Vault

_link = tables.legacy_link
_conflict = tables.legacy_conflict

_INSERT: Final = sa.insert(_link)
_FIND: Final = sa.select(_link).where(_link.c.id == sa.bindparam("which"))
_LIST: Final = (
    sa.select(_link)
    .where(_link.c.account_id == sa.bindparam("account"))
    .order_by(_link.c.created_at.desc(), _link.c.id.desc())
)
_UNDO: Final = (
    sa.update(_link)
    .where(
        _link.c.id == sa.bindparam("which"),
        _link.c.undone_at.is_(None),
        _link.c.created_at > sa.bindparam("since"),
    )
    .values(undone_at=sa.bindparam("now"))
)
_END: Final = (
    sa.update(_link)
    .where(_link.c.id == sa.bindparam("which"), _link.c.undone_at.is_(None))
    .values(undone_at=sa.bindparam("now"))
)
_RESUME: Final = (
    sa.update(_link)
    .where(_link.c.id == sa.bindparam("which"), _link.c.undone_at.is_not(None))
    .values(undone_at=None)
)

_INSERT_CONFLICT: Final = first_only(_conflict, "digest", "kind", "source")
_LIST_OPEN: Final = (
    sa.select(_conflict)
    .where(_conflict.c.decided_at.is_(None))
    .order_by(_conflict.c.id)
    .limit(sa.bindparam("at_most"))
)
_FIND_CONFLICT: Final = sa.select(_conflict).where(_conflict.c.id == sa.bindparam("which"))
_DECIDE: Final = (
    sa.update(_conflict)
    .where(_conflict.c.id == sa.bindparam("which"), _conflict.c.decided_at.is_(None))
    .values(
        decided_at=sa.bindparam("now"),
        decision=sa.bindparam("word"),
        decided_by=sa.bindparam("officer"),
    )
)


@dataclass(frozen=True, slots=True)
class SqlLegacyLinks:
    """Implements `idp.ports.legacy.LegacyLinks`; what stood before is sealed."""

    connection: Connection
    vault: Vault

    def add(self, link: LegacyLink) -> None:
        told = json.dumps(dict(link.before)).encode()
        self.connection.execute(
            _INSERT,
            {
                "id": link.id,
                "legacy_id": link.legacy_id,
                "account_id": link.account_id,
                "before_sealed": self.vault.seal(told, _before_at(link.id)),
                "created_at": link.created_at,
                "undone_at": link.undone_at,
            },
        )

    def find(self, link_id: UUID) -> LegacyLink | None:
        row = self.connection.execute(_FIND, {"which": link_id}).first()
        return None if row is None else self._read(row)

    def list_for_account(self, account_id: UUID) -> Sequence[LegacyLink]:
        return tuple(map(self._read, self.connection.execute(_LIST, {"account": account_id})))

    def undo(self, link_id: UUID, now: int) -> bool:
        given = {"which": link_id, "now": now, "since": now - UNDO_SECONDS}
        return self.connection.execute(_UNDO, given).rowcount == 1

    def end(self, link_id: UUID, now: int) -> bool:
        return self.connection.execute(_END, {"which": link_id, "now": now}).rowcount == 1

    def resume(self, link_id: UUID) -> bool:
        return self.connection.execute(_RESUME, {"which": link_id}).rowcount == 1

    def _read(self, row: Any) -> LegacyLink:
        before = json.loads(self.vault.open(row.before_sealed, _before_at(row.id)))
        return LegacyLink(
            row.id, row.legacy_id, row.account_id, before, row.created_at, row.undone_at
        )


def _before_at(link_id: UUID) -> Place:
    return Place("legacy_link", "before_sealed", link_id.bytes)


@dataclass(frozen=True, slots=True)
class SqlLegacyConflicts:
    """Implements `idp.ports.legacy.LegacyConflicts`.

    What is kept is what is shared, not who shares it: a thousand rows with one address are one
    conflict.
    """

    connection: Connection
    vault: Vault
    entropy: Entropy
    clock: Clock

    def note(
        self, found: Collection[tuple[ConflictKind, bytes, str]], now: int
    ) -> Mapping[ConflictKind, int]:
        counts: dict[ConflictKind, int] = {}
        insert = _INSERT_CONFLICT.on(self.connection)
        for kind, digest, source in sorted(found):
            row = {
                "id": self.entropy.uuid7(self.clock.now_ms()),
                "kind": kind,
                "digest": digest,
                "source": source,
                "found_at": now,
            }
            new = self.connection.execute(insert, row).rowcount
            counts[kind] = counts.get(kind, 0) + new
        return {kind: count for kind, count in counts.items() if count}

    def list_open(self, after: UUID | None = None, limit: int = 50) -> Sequence[Conflict]:
        statement = _LIST_OPEN
        if after is not None:
            statement = statement.where(_conflict.c.id > after)
        return tuple(
            Conflict(row.id, ConflictKind(row.kind), row.source, row.found_at)
            for row in self.connection.execute(statement, {"at_most": limit})
        )

    def find_open(self, conflict_id: UUID) -> Conflict | None:
        row = self.connection.execute(_FIND_CONFLICT, {"which": conflict_id}).first()
        if row is None or row.decided_at is not None:
            return None
        return Conflict(row.id, ConflictKind(row.kind), row.source, row.found_at)

    def members(self, conflict_id: UUID, limit: int = 50) -> Sequence[LegacyAccount]:
        row = self.connection.execute(_FIND_CONFLICT, {"which": conflict_id}).first()
        if row is None:
            return ()
        if row.kind == ConflictKind.NIK:
            rows = self.connection.execute(FIND_BY_NIK, {"niks": [row.digest], "at_most": limit})
            found = (read_legacy(member, self.vault) for member in rows)
            return tuple(member for member in found if member.record.source == row.source)
        rows = self.connection.execute(
            FIND_BY_IDENTIFIER, {"digests": [row.digest], "at_most": limit}
        )
        return tuple(read_legacy(member, self.vault) for member in rows)

    def decide(self, conflict_id: UUID, decision: str, *, by: str, now: int) -> bool:
        given = {"which": conflict_id, "word": decision, "officer": by, "now": now}
        return self.connection.execute(_DECIDE, given).rowcount == 1
