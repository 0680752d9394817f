"""Old accounts: found by their owners, linked once, released again for a while."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.legacy_sealing import (
    SqlLegacySealer,
    identifiers,
    login_value,
    open_hash,
    open_record,
)
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy import (
    OPEN,
    UNDO_SECONDS,
    ConflictKind,
    Credential,
    Decision,
    LegacyAccount,
    LegacyState,
)
from idp.domain.identity.nik import Nik
from idp.domain.identity.phone import Phone
from idp.ports.legacy import RunState
from idp.ports.vault import Vault

_legacy = tables.legacy_account
_identifier = tables.legacy_identifier
_conflict = tables.legacy_conflict
_link = tables.legacy_link
_run = tables.legacy_import_run

_among_ids: Final = _legacy.c.id.in_(sa.bindparam("ids", expanding=True))
_among_digests: Final = _identifier.c.digest.in_(sa.bindparam("digests", expanding=True))
_among_niks: Final = _legacy.c.nik_index.in_(sa.bindparam("niks", expanding=True))
_own_digests: Final = sa.select(_identifier.c.digest).where(
    _identifier.c.legacy_id == _legacy.c.id, _identifier.c.is_verified
)
_in_conflict: Final = (
    sa.select(_conflict.c.id)
    .where(
        sa.or_(_conflict.c.decided_at.is_(None), _conflict.c.decision != Decision.SAME_PERSON),
        sa.or_(
            sa.and_(
                _conflict.c.digest == _legacy.c.nik_index,
                _conflict.c.kind == ConflictKind.NIK,
                _conflict.c.source == _legacy.c.source,
            ),
            _conflict.c.digest.in_(_own_digests),
        ),
    )
    .exists()
)
_may_sign_in: Final = sa.and_(
    _legacy.c.state.in_(sorted(OPEN)), _legacy.c.credential == Credential.READY
)
SELECT_LEGACY: Final = (
    sa.select(
        _legacy,
        _run.c.state.not_in((RunState.UNCHECKED, RunState.REFUSED)).label("is_released"),
        _in_conflict.label("in_conflict"),
    )
    .select_from(sa.outerjoin(_legacy, _run, _run.c.id == _legacy.c.run_id))
    .order_by(_may_sign_in.desc(), _legacy.c.id)
    .limit(sa.bindparam("at_most", 10))
)
_SOURCES: Final = sa.select(tables.legacy_source.c.name).order_by(tables.legacy_source.c.name)
_FIND: Final = SELECT_LEGACY.where(_legacy.c.id == sa.bindparam("which"))
FIND_BY_IDENTIFIER: Final = SELECT_LEGACY.where(
    _legacy.c.id.in_(sa.select(_identifier.c.legacy_id).where(_among_digests))
)
FIND_BY_NIK: Final = SELECT_LEGACY.where(_among_niks)
_LIST_FOR_ACCOUNT: Final = SELECT_LEGACY.where(_legacy.c.account_id == sa.bindparam("account"))

_CLAIM: Final = (
    sa.update(_legacy)
    .where(_legacy.c.id == sa.bindparam("which"), _legacy.c.state.in_(sorted(OPEN)))
    .values(
        state=LegacyState.CLAIMED,
        account_id=sa.bindparam("account"),
        claimed_at=sa.bindparam("now"),
        failure=None,
    )
)
_RELEASE: Final = (
    sa.update(_legacy)
    .where(
        _legacy.c.id == sa.bindparam("which"),
        _legacy.c.state == LegacyState.CLAIMED,
        _legacy.c.account_id == sa.bindparam("account"),
    )
    .values(state=sa.bindparam("before"), account_id=None, claimed_at=None)
)
_MOVE: Final = (
    sa.update(_legacy)
    .where(
        _legacy.c.id == sa.bindparam("which"),
        _legacy.c.state == LegacyState.CLAIMED,
        _legacy.c.account_id == sa.bindparam("former"),
    )
    .values(account_id=sa.bindparam("account"), claimed_at=sa.bindparam("since"))
)
_NOTE_FAILURE: Final = (
    sa.update(_legacy)
    .where(_legacy.c.id == sa.bindparam("which"))
    .values(failure=sa.bindparam("cause"))
)

_SPENT: Final = (
    sa.select(_legacy.c.id)
    .where(
        _legacy.c.state == LegacyState.CLAIMED,
        _legacy.c.hash_sealed.is_not(None),
        _legacy.c.id.in_(
            sa.select(_link.c.legacy_id).where(
                _link.c.undone_at.is_(None), _link.c.created_at <= sa.bindparam("since")
            )
        ),
    )
    .limit(sa.bindparam("at_most"))
)
_COUNT_SPENT: Final = sa.select(sa.func.count()).select_from(_SPENT.limit(None).subquery())
_FORGET: Final = (
    sa.update(_legacy).where(_among_ids).values(hash_sealed=None, credential=Credential.NONE)
)


@dataclass(frozen=True, slots=True)
class SqlLegacyAccounts:
    """Implements `idp.ports.legacy.LegacyAccounts`."""

    connection: Connection
    vault: Vault

    def find(self, legacy_id: UUID) -> LegacyAccount | None:
        return next(iter(self._list(_FIND, which=legacy_id)), None)

    def find_by_email(self, email: EmailAddress, limit: int = 10) -> Sequence[LegacyAccount]:
        return self._by_identifier("email", email.normalised, limit)

    def find_by_phone(self, phone: Phone, limit: int = 10) -> Sequence[LegacyAccount]:
        return self._by_identifier("phone", phone.e164, limit)

    def find_by_nik(self, nik: Nik, limit: int = 10) -> Sequence[LegacyAccount]:
        indexes = self.vault.blind_indexes("nik", nik.digits)
        return self._list(FIND_BY_NIK, niks=indexes, at_most=limit)

    def find_by_any_login(self, login: str, limit: int = 10) -> Sequence[LegacyAccount]:
        # a user name means somebody at one portal only, and there are few portals
        indexes = [
            index
            for row in self.connection.execute(_SOURCES)
            for index in self.vault.blind_indexes("login", login_value(row.name, login))
        ]
        return self._list(FIND_BY_IDENTIFIER, digests=indexes, at_most=limit) if indexes else ()

    def find_by_source_id(self, source: str, source_id: str) -> LegacyAccount | None:
        return self.find(SqlLegacySealer(self.vault).name(source, source_id))

    def list_for_account(self, account_id: UUID) -> Sequence[LegacyAccount]:
        return self._list(_LIST_FOR_ACCOUNT, account=account_id, at_most=100)

    def claim(self, legacy_id: UUID, account_id: UUID, now: int) -> bool:
        return self._did(_CLAIM, which=legacy_id, account=account_id, now=now)

    def release(self, legacy_id: UUID, account_id: UUID, state: LegacyState) -> bool:
        return self._did(_RELEASE, which=legacy_id, account=account_id, before=state)

    def move(self, legacy_id: UUID, *, since: int, from_: UUID, to: UUID) -> bool:
        return self._did(_MOVE, which=legacy_id, former=from_, account=to, since=since)

    def note_failure(self, legacy_id: UUID, cause: str) -> None:
        self._did(_NOTE_FAILURE, which=legacy_id, cause=cause)

    def erase_for_account(self, account_id: UUID) -> int:
        own = sa.select(_legacy.c.id).where(_legacy.c.account_id == account_id)
        self.connection.execute(sa.delete(_identifier).where(_identifier.c.legacy_id.in_(own)))
        self.connection.execute(sa.delete(_link).where(_link.c.account_id == account_id))
        gone = sa.delete(_legacy).where(_legacy.c.account_id == account_id)
        return self.connection.execute(gone).rowcount

    def list_from(self, after: UUID | None, limit: int) -> Sequence[LegacyAccount]:
        statement = SELECT_LEGACY.order_by(None).order_by(_legacy.c.id)
        if after is not None:
            statement = statement.where(_legacy.c.id > after)
        rows = self.connection.execute(statement, {"at_most": limit})
        return tuple(read_legacy(row, self.vault) for row in rows)

    def reindex(self, legacy: LegacyAccount) -> None:
        record = legacy.record
        kept = dict(identifiers(record))
        if record.nik is not None:
            kept["nik", record.nik.digits] = True
        for kind, value in kept:
            newest, *older = self.vault.blind_indexes(kind, value)
            self._move_index(legacy.id, kind, newest=newest, older=older)

    def _move_index(
        self, legacy_id: UUID, kind: str, *, newest: bytes, older: Sequence[bytes]
    ) -> None:
        """Write one index anew, here and where conflicts name it."""
        if kind == "nik":
            row = sa.update(_legacy).where(_legacy.c.id == legacy_id)
            self.connection.execute(row.values(nik_index=newest))
        else:
            mine = sa.and_(_identifier.c.legacy_id == legacy_id, _identifier.c.digest.in_(older))
            self.connection.execute(sa.update(_identifier).where(mine).values(digest=newest))
        shared = sa.and_(_conflict.c.kind == kind, _conflict.c.digest.in_(older))
        named = sa.select(_conflict.c.source).where(
            _conflict.c.kind == kind, _conflict.c.digest == newest
        )
        # found again since the root changed: one of the two is enough
        self.connection.execute(sa.delete(_conflict).where(shared, _conflict.c.source.in_(named)))
        self.connection.execute(sa.update(_conflict).where(shared).values(digest=newest))

    def _by_identifier(self, kind: str, value: str, limit: int) -> Sequence[LegacyAccount]:
        indexes = self.vault.blind_indexes(kind, value)
        return self._list(FIND_BY_IDENTIFIER, digests=indexes, at_most=limit)

    def _list(self, statement: sa.Select[Any], **given: Any) -> Sequence[LegacyAccount]:
        return tuple(
            read_legacy(row, self.vault) for row in self.connection.execute(statement, given)
        )

    def _did(self, statement: Any, **given: Any) -> bool:
        return self.connection.execute(statement, given).rowcount == 1


def count_spent(connection: Connection, now: int) -> int:
    """Return how many hashes of links stand that can't be undone any more."""
    given = {"since": now - UNDO_SECONDS}
    return int(connection.execute(_COUNT_SPENT, given).scalar_one())


def forget_spent(connection: Connection, now: int, limit: int) -> int:
    """Erase some of them; return how many."""
    given = {"since": now - UNDO_SECONDS, "at_most": limit}
    spent = [row.id for row in connection.execute(_SPENT, given)]
    if spent:
        connection.execute(_FORGET, {"ids": spent})
    return len(spent)


def read_legacy(row: Any, vault: Vault) -> LegacyAccount:
    """Return what a row of `SELECT_LEGACY` holds, opened."""
    hash_ = None
    if row.hash_sealed is not None:
        hash_ = open_hash(vault, row.id, row.hash_sealed)
    state = LegacyState(row.state)
    return LegacyAccount(
        id=row.id,
        record=open_record(vault, row, state, hash_),
        state=state,
        imported_at=row.imported_at,
        is_released=bool(row.is_released),
        in_conflict=bool(row.in_conflict),
        account_id=row.account_id,
        claimed_at=row.claimed_at,
        failure=row.failure,
    )
