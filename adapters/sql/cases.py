"""Cases and their evidence, sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import ByDialect
from idp.domain.identity.case import Case, CaseKind, Decision, Note
from idp.ports.vault import Place, Vault

#: What stands for nobody in `opened_by`, which came before cases that open by themselves: to make
#: the column nullable SQLite would have to drop a table that others refer to.
_NOBODY: Final = UUID(int=0)

_case = tables.identity_case
_note = tables.case_note

_ADD: Final = ByDialect(
    lambda insert: insert(_case).on_conflict_do_nothing(
        index_elements=["account_id", "kind"], index_where=_case.c.decided_at.is_(None)
    )
)
_FIND: Final = sa.select(_case).where(_case.c.id == sa.bindparam("id"))
_OPEN: Final = (
    sa.select(_case)
    .where(_case.c.decided_at.is_(None))
    .order_by(_case.c.opened_at, _case.c.id)
    .limit(sa.bindparam("most"))
)
_OF_ACCOUNT: Final = (
    sa.select(_case)
    .where(_case.c.account_id == sa.bindparam("account_id"))
    .order_by(_case.c.opened_at.desc(), _case.c.id.desc())
    .limit(sa.bindparam("most"))
)
_DECIDE: Final = (
    sa.update(_case)
    .where(_case.c.id == sa.bindparam("which"), _case.c.decided_at.is_(None))
    .values(
        decision=sa.bindparam("decision"),
        decided_by=sa.bindparam("by"),
        decided_at=sa.bindparam("now"),
        reason_sealed=sa.bindparam("reason"),
    )
)
_ADD_NOTE: Final = sa.insert(_note)
_NOTES: Final = (
    sa.select(_note)
    .where(_note.c.case_id == sa.bindparam("case_id"))
    .order_by(_note.c.at, _note.c.id)
)


@dataclass(frozen=True, slots=True)
class SqlCases:
    """Implements `idp.ports.store.Cases`."""

    connection: Connection
    vault: Vault

    def add(self, case: Case) -> bool:
        row = {
            "id": case.id,
            "account_id": case.account_id,
            "kind": case.kind,
            "opened_by": case.opened_by or _NOBODY,
            "opened_at": case.opened_at,
        }
        return self.connection.execute(_ADD.on(self.connection), row).rowcount == 1

    def find(self, case_id: UUID) -> Case | None:
        row = self.connection.execute(_FIND, {"id": case_id}).first()
        return None if row is None else self._read(row)

    def list_open(self, limit: int) -> Sequence[Case]:
        return tuple(map(self._read, self.connection.execute(_OPEN, {"most": limit})))

    def list_for_account(self, account_id: UUID, limit: int) -> Sequence[Case]:
        given = {"account_id": account_id, "most": limit}
        return tuple(map(self._read, self.connection.execute(_OF_ACCOUNT, given)))

    def decide(
        self, case_id: UUID, decision: Decision, reason: str, *, by: UUID | None, now: int
    ) -> bool:
        sealed = self.vault.seal(reason.encode(), _place("identity_case", "reason", case_id))
        given = {"which": case_id, "decision": decision, "by": by, "now": now, "reason": sealed}
        return self.connection.execute(_DECIDE, given).rowcount == 1

    def add_note(self, case_id: UUID, note: Note) -> None:
        row = {
            "id": note.id,
            "case_id": case_id,
            "at": note.at,
            "by": note.by,
            "text_sealed": self.vault.seal(
                note.text.encode(), _place("case_note", "text", note.id)
            ),
            "reference_sealed": self.vault.seal(
                note.reference.encode(), _place("case_note", "reference", note.id)
            ),
        }
        self.connection.execute(_ADD_NOTE, row)

    def list_notes(self, case_id: UUID) -> Sequence[Note]:
        rows = self.connection.execute(_NOTES, {"case_id": case_id})
        return tuple(
            Note(
                row.id,
                row.at,
                row.by,
                self.vault.open(row.text_sealed, _place("case_note", "text", row.id)).decode(),
                self.vault.open(
                    row.reference_sealed, _place("case_note", "reference", row.id)
                ).decode(),
            )
            for row in rows
        )

    def _read(self, row: Any) -> Case:
        sealed = row.reason_sealed
        place = _place("identity_case", "reason", row.id)
        return Case(
            row.id,
            row.account_id,
            CaseKind(row.kind),
            row.opened_by if row.opened_by != _NOBODY else None,
            row.opened_at,
            Decision(row.decision) if row.decision else None,
            row.decided_by,
            row.decided_at,
            self.vault.open(sealed, place).decode() if sealed is not None else "",
        )


def _place(table: str, column: str, row: UUID) -> Place:
    return Place(table, f"{column}_sealed", row.bytes)
