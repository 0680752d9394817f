"""Old accounts that nobody used for long: their owners are told, then nothing personal stays."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.legacy import SELECT_LEGACY, read_legacy
from idp.domain.identity.legacy import (
    DORMANT_SECONDS,
    NOTICE_SECONDS,
    UNCLAIMED,
    Credential,
    LegacyAccount,
    LegacyState,
    dormant_before,
)
from idp.ports.legacy import RunState
from idp.ports.vault import Place, Vault

_legacy = tables.legacy_account
_identifier = tables.legacy_identifier
_run = tables.legacy_import_run

# where its portal did not say when it was used last, nobody has known of a use since it came in
_is_dormant: Final = sa.and_(
    _legacy.c.state.in_(sorted(UNCLAIMED)),
    sa.or_(
        _legacy.c.last_used_month < sa.bindparam("month"),
        sa.and_(
            _legacy.c.last_used_month.is_(None), _legacy.c.imported_at <= sa.bindparam("since")
        ),
    ),
)
_is_due: Final = sa.and_(
    _is_dormant,
    _legacy.c.told_at.is_(None),
    _run.c.state.not_in((RunState.UNCHECKED, RunState.REFUSED)),
)
_is_over: Final = sa.and_(_is_dormant, _legacy.c.told_at <= sa.bindparam("told"))

_LIST_DUE: Final = SELECT_LEGACY.where(_is_due).order_by(None).order_by(_legacy.c.id)
_COUNT_DUE: Final = (
    sa.select(sa.func.count())
    .select_from(sa.join(_legacy, _run, _run.c.id == _legacy.c.run_id))
    .where(_is_due)
)
_COUNT_OVER: Final = sa.select(sa.func.count()).select_from(_legacy).where(_is_over)
_LIST_OVER: Final = (
    sa.select(_legacy.c.id).where(_is_over).order_by(_legacy.c.id).limit(sa.bindparam("at_most"))
)
_NOTE_TOLD: Final = (
    sa.update(_legacy)
    .where(
        _legacy.c.id == sa.bindparam("which"),
        _legacy.c.state.in_(sorted(UNCLAIMED)),
        _legacy.c.told_at.is_(None),
    )
    .values(told_at=sa.bindparam("now"))
)
_ERASE: Final = (
    sa.update(_legacy)
    .where(
        _legacy.c.id == sa.bindparam("which"),
        _legacy.c.state.in_(sorted(UNCLAIMED)),
        _legacy.c.told_at.is_not(None),
    )
    .values(
        state=LegacyState.CLOSED,
        credential=Credential.NONE,
        scheme="",
        person_sealed=sa.bindparam("nobody"),
        hash_sealed=None,
        nik_index=None,
        last_used_month=None,
        failure=None,
        claimed_at=sa.bindparam("now"),
    )
)
_DROP_IDENTIFIERS: Final = sa.delete(_identifier).where(
    _identifier.c.legacy_id == sa.bindparam("which")
)


@dataclass(frozen=True, slots=True)
class SqlLegacyDormancy:
    """Implements `idp.ports.legacy.LegacyDormancy`."""

    connection: Connection
    vault: Vault

    def count(self, now: int) -> tuple[int, int]:
        due = self.connection.execute(_COUNT_DUE, _given(now)).scalar_one()
        over = self.connection.execute(_COUNT_OVER, _given(now)).scalar_one()
        return int(due), int(over)

    def list_due(self, now: int, after: UUID | None, limit: int) -> Sequence[LegacyAccount]:
        statement = _LIST_DUE if after is None else _LIST_DUE.where(_legacy.c.id > after)
        rows = self.connection.execute(statement, {**_given(now), "at_most": limit})
        return tuple(read_legacy(row, self.vault) for row in rows)

    def note_told(self, legacy_id: UUID, now: int) -> bool:
        return self._did(_NOTE_TOLD, which=legacy_id, now=now)

    def list_over(self, now: int, limit: int) -> Sequence[UUID]:
        rows = self.connection.execute(_LIST_OVER, {**_given(now), "at_most": limit})
        return tuple(row.id for row in rows)

    def erase(self, legacy_id: UUID, now: int) -> bool:
        at = Place("legacy_account", "person_sealed", legacy_id.bytes)
        nobody = self.vault.seal(json.dumps({"source_id": ""}).encode(), at)
        if not self._did(_ERASE, which=legacy_id, nobody=nobody, now=now):
            return False
        self.connection.execute(_DROP_IDENTIFIERS, {"which": legacy_id})
        return True

    def _did(self, statement: Any, **given: Any) -> bool:
        return self.connection.execute(statement, given).rowcount == 1


def _given(now: int) -> dict[str, int]:
    return {
        "month": dormant_before(now),
        "since": now - DORMANT_SECONDS,
        "told": now - NOTICE_SECONDS,
    }
