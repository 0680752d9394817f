"""Rows of old portals on their way in: sorted by what stands, written in bulk, conflicts told."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.bulk import insert_rows
from idp.domain.identity.legacy import UNCLAIMED, ConflictKind, Credential
from idp.ports.legacy import Fate, Loaded, SealedHash, SealedLegacy

_legacy = tables.legacy_account
_identifier = tables.legacy_identifier
_account = tables.account

_Conflict = tuple[ConflictKind, bytes, str]

_COLUMNS: Final = (
    "id",
    "source",
    "state",
    "credential",
    "scheme",
    "fingerprint",
    "person_sealed",
    "hash_sealed",
    "nik_index",
    "last_used_month",
    "run_id",
    "imported_at",
)
_IDENTIFIER_COLUMNS: Final = ("digest", "legacy_id", "kind", "is_verified")

_among_ids: Final = _legacy.c.id.in_(sa.bindparam("ids", expanding=True))
_STANDING: Final = sa.select(
    _legacy.c.id, _legacy.c.fingerprint, _legacy.c.state, _legacy.c.run_id
).where(_among_ids)
_TOUCH: Final = sa.update(_legacy).where(_among_ids).values(run_id=sa.bindparam("run"))
_CHANGE: Final = (
    sa.update(_legacy)
    .where(
        _legacy.c.id == sa.bindparam("which"),
        # spelt out: a list of values can't be sent for many rows at once
        sa.or_(*(_legacy.c.state == state for state in sorted(UNCLAIMED))),
    )
    .values(
        {
            **{
                name: sa.bindparam(f"new_{name}")
                for name in _COLUMNS
                if name not in {"id", "imported_at"}
            },
            "failure": None,
            "told_at": None,
        }
    )
)
_DROP_IDENTIFIERS: Final = sa.delete(_identifier).where(
    _identifier.c.legacy_id.in_(sa.bindparam("ids", expanding=True))
)

_among_digests: Final = _identifier.c.digest.in_(sa.bindparam("digests", expanding=True))
_with_rows: Final = sa.join(_identifier, _legacy, _legacy.c.id == _identifier.c.legacy_id)
#: Verified contacts that stand for more than one NIK.
_SHARED: Final = (
    sa.select(_identifier.c.kind, _identifier.c.digest)
    .select_from(_with_rows)
    .where(_among_digests, _identifier.c.is_verified, _legacy.c.nik_index.is_not(None))
    .group_by(_identifier.c.kind, _identifier.c.digest)
    .having(sa.func.count(sa.distinct(_legacy.c.nik_index)) > 1)
)
_HOLDERS: Final = (
    sa.select(_identifier.c.kind, _identifier.c.digest, _legacy.c.nik_index)
    .select_from(_with_rows)
    .where(
        _among_digests,
        _identifier.c.is_verified,
        _legacy.c.nik_index.is_not(None),
        _legacy.c.id.not_in(sa.bindparam("ids", expanding=True)),
    )
    .distinct()
)
_among_niks: Final = _legacy.c.nik_index.in_(sa.bindparam("niks", expanding=True))
_TWICE: Final = (
    sa.select(_legacy.c.source, _legacy.c.nik_index)
    .where(_among_niks)
    .group_by(_legacy.c.source, _legacy.c.nik_index)
    .having(sa.func.count() > 1)
)
_NIK_HOLDERS: Final = (
    sa.select(_legacy.c.source, _legacy.c.nik_index)
    .where(_among_niks, _legacy.c.id.not_in(sa.bindparam("ids", expanding=True)))
    .distinct()
)


def _accounts_by(index: sa.Column[Any], verified_at: sa.Column[Any]) -> sa.Select[Any]:
    return sa.select(index, _account.c.nik_index).where(
        index.in_(sa.bindparam("digests", expanding=True)),
        verified_at.is_not(None),
        _account.c.nik_index.is_not(None),
    )


_ACCOUNTS: Final = {
    ConflictKind.EMAIL: _accounts_by(_account.c.email_index, _account.c.email_verified_at),
    ConflictKind.PHONE: _accounts_by(_account.c.phone_index, _account.c.phone_verified_at),
}
_is_weak: Final = _legacy.c.credential == Credential.WEAK
_LIST_WEAK: Final = (
    sa.select(_legacy.c.id, _legacy.c.hash_sealed)
    .where(_is_weak)
    .order_by(_legacy.c.id)
    .limit(sa.bindparam("at_most"))
)
_COUNT_WEAK: Final = sa.select(sa.func.count()).select_from(_legacy).where(_is_weak)
_PUT_WRAPPED: Final = (
    sa.update(_legacy)
    .where(
        _legacy.c.id == sa.bindparam("which"),
        _is_weak,
        _legacy.c.hash_sealed == sa.bindparam("was"),
    )
    .values(hash_sealed=sa.bindparam("wrapped"), credential=Credential.READY)
)


@dataclass(frozen=True, slots=True)
class SqlLegacyIntake:
    """Implements `idp.ports.legacy.LegacyIntake`."""

    connection: Connection

    def load(self, rows: Sequence[SealedLegacy], *, run: UUID, now: int) -> Loaded:
        fates = self._fates(rows, run)
        sorted_by_fate = _by_fate(rows, fates)
        self._add(sorted_by_fate[Fate.ADDED], run=run, now=now)
        self._change(sorted_by_fate[Fate.CHANGED], run=run)
        seen = [row.id for row in (*sorted_by_fate[Fate.UNCHANGED], *sorted_by_fate[Fate.KEPT])]
        if seen:
            self.connection.execute(_TOUCH, {"ids": seen, "run": run})
        written = (*sorted_by_fate[Fate.ADDED], *sorted_by_fate[Fate.CHANGED])
        return Loaded(fates, self._conflicts_of(written))

    def preview(self, rows: Sequence[SealedLegacy]) -> Loaded:
        fates = self._fates(rows, None)
        written = [
            row for row, fate in zip(rows, fates, strict=True) if fate in {Fate.ADDED, Fate.CHANGED}
        ]
        return Loaded(fates, self._conflicts_with(written))

    def list_weak(self, after: UUID | None, limit: int) -> Sequence[SealedHash]:
        statement = _LIST_WEAK
        if after is not None:
            statement = statement.where(_legacy.c.id > after)
        rows = self.connection.execute(statement, {"at_most": limit})
        return tuple(SealedHash(row.id, row.hash_sealed) for row in rows)

    def count_weak(self) -> int:
        return int(self.connection.execute(_COUNT_WEAK).scalar_one())

    def put_wrapped(self, done: Collection[tuple[SealedHash, bytes]]) -> int:
        return sum(
            self.connection.execute(
                _PUT_WRAPPED,
                {"which": weak.legacy_id, "was": weak.sealed, "wrapped": wrapped},
            ).rowcount
            for weak, wrapped in done
        )

    def _fates(self, rows: Sequence[SealedLegacy], run: UUID | None) -> tuple[Fate, ...]:
        """Return what is to become of each row, given what stands and what came before it."""
        if not rows:
            return ()
        ids = [row.id for row in rows]
        standing = {row.id: row for row in self.connection.execute(_STANDING, {"ids": ids})}
        seen: set[UUID] = set()
        fates = []
        for row in rows:
            fates.append(Fate.DUPLICATE if row.id in seen else _fate(row, standing, run))
            seen.add(row.id)
        return tuple(fates)

    def _add(self, rows: Sequence[SealedLegacy], *, run: UUID, now: int) -> None:
        written = [(*_values(row, run), now) for row in rows]
        insert_rows(self.connection, _legacy, _COLUMNS, written)
        self._add_identifiers(rows)

    def _change(self, rows: Sequence[SealedLegacy], *, run: UUID) -> None:
        if not rows:
            return
        names = _COLUMNS[1:-1]
        self.connection.execute(
            _CHANGE,
            [
                {
                    "which": row.id,
                    **{
                        f"new_{name}": value
                        for name, value in zip(names, _values(row, run)[1:], strict=True)
                    },
                }
                for row in rows
            ],
        )
        self.connection.execute(_DROP_IDENTIFIERS, {"ids": [row.id for row in rows]})
        self._add_identifiers(rows)

    def _add_identifiers(self, rows: Iterable[SealedLegacy]) -> None:
        written = [
            (digest, row.id, kind, is_verified)
            for row in rows
            for kind, digest, is_verified in row.identifiers
        ]
        insert_rows(self.connection, _identifier, _IDENTIFIER_COLUMNS, written)

    def _conflicts_of(self, rows: Sequence[SealedLegacy]) -> frozenset[_Conflict]:
        """Return the conflicts that written rows are part of."""
        found: set[_Conflict] = set()
        own = _verified(rows)
        if own:
            shared = self.connection.execute(_SHARED, {"digests": [d for _, d in own]})
            found.update((ConflictKind(row.kind), row.digest, "") for row in shared)
        niks = sorted({row.nik_index for row in rows if row.nik_index is not None})
        if niks:
            twice = self.connection.execute(_TWICE, {"niks": niks})
            found.update((ConflictKind.NIK, row.nik_index, row.source) for row in twice)
        return frozenset(found | self._conflicts_with_accounts(own))

    def _conflicts_with(self, rows: Sequence[SealedLegacy]) -> frozenset[_Conflict]:
        """Return the conflicts that unwritten rows would have with what stands."""
        ids = [row.id for row in rows]
        own = _verified(rows)
        found: set[_Conflict] = set()
        if own:
            digests = [digest for _, digest in own]
            holders = self.connection.execute(_HOLDERS, {"digests": digests, "ids": ids})
            found.update(
                (ConflictKind(row.kind), row.digest, "")
                for row in holders
                if own.get((row.kind, row.digest), {row.nik_index}) != {row.nik_index}
            )
        niks = {(row.source, row.nik_index) for row in rows if row.nik_index is not None}
        if niks:
            given = {"niks": sorted({nik for _, nik in niks}), "ids": ids}
            found.update(
                (ConflictKind.NIK, row.nik_index, row.source)
                for row in self.connection.execute(_NIK_HOLDERS, given)
                if (row.source, row.nik_index) in niks
            )
        return frozenset(found | self._conflicts_with_accounts(own))

    def _conflicts_with_accounts(
        self, own: Mapping[tuple[str, bytes], set[bytes]]
    ) -> set[_Conflict]:
        found: set[_Conflict] = set()
        for kind, statement in _ACCOUNTS.items():
            digests = [digest for of, digest in own if of == kind]
            if not digests:
                continue
            for digest, nik_index in self.connection.execute(statement, {"digests": digests}):
                if own[kind, digest] != {nik_index}:
                    found.add((kind, digest, ""))
        return found


def _fate(row: SealedLegacy, standing: Mapping[UUID, Any], run: UUID | None) -> Fate:
    found = standing.get(row.id)
    if found is None:
        return Fate.ADDED
    if found.run_id == run:
        return Fate.DUPLICATE
    if found.state not in UNCLAIMED:
        return Fate.KEPT
    return Fate.UNCHANGED if found.fingerprint == row.fingerprint else Fate.CHANGED


def _by_fate(
    rows: Sequence[SealedLegacy], fates: Sequence[Fate]
) -> Mapping[Fate, list[SealedLegacy]]:
    found: dict[Fate, list[SealedLegacy]] = {fate: [] for fate in Fate}
    for row, fate in zip(rows, fates, strict=True):
        found[fate].append(row)
    return found


def _values(row: SealedLegacy, run: UUID) -> tuple[object, ...]:
    """Return a row's values in the order of `_COLUMNS`, without the last."""
    return (
        row.id,
        row.source,
        str(row.state),
        str(row.credential),
        row.scheme,
        row.fingerprint,
        row.person_sealed,
        row.hash_sealed,
        row.nik_index,
        row.last_used_month,
        run,
    )


def _verified(rows: Iterable[SealedLegacy]) -> dict[tuple[str, bytes], set[bytes]]:
    """Return the verified contacts of rows with a NIK, and the NIK that they stand for."""
    found: dict[tuple[str, bytes], set[bytes]] = {}
    for row in rows:
        if row.nik_index is None:
            continue
        for kind, digest, is_verified in row.identifiers:
            if is_verified:
                found.setdefault((kind, digest), set()).add(row.nik_index)
    return found
