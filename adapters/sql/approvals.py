"""Requests that wait for a second person, and what became of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from idp.domain.identity.approval import ApprovalRequest, ApprovalStatus
from idp.ports.vault import Place, Vault

_approval = tables.approval

_SELECT: Final = sa.select(_approval)
_FIND: Final = _SELECT.where(_approval.c.id == sa.bindparam("id"))
_LIST_FOR: Final = _SELECT.where(
    _approval.c.subject == sa.bindparam("subject"),
    _approval.c.kind == sa.bindparam("kind"),
    _approval.c.status == ApprovalStatus.WAITING,
)
_LIST_WAITING: Final = _SELECT.where(_approval.c.status == ApprovalStatus.WAITING).order_by(
    _approval.c.id
)
_LATEST: Final = (
    _SELECT.where(
        sa.or_(
            _approval.c.status != ApprovalStatus.WAITING,
            _approval.c.expires_at <= sa.bindparam("now"),
        )
    )
    .order_by(_approval.c.id.desc())
    .limit(sa.bindparam("most"))
)
_LATEST_OF: Final = _LATEST.where(_approval.c.author_id == sa.bindparam("author"))
_INSERT: Final = sa.insert(_approval)
_DECIDE: Final = (
    sa.update(_approval)
    .where(
        _approval.c.id == sa.bindparam("which"),
        _approval.c.status == ApprovalStatus.WAITING,
        _approval.c.expires_at > sa.bindparam("now"),
    )
    .values(
        status=sa.bindparam("new_status"),
        decided_by=sa.bindparam("by"),
        decided_at=sa.bindparam("now"),
        decision_sealed=sa.bindparam("why"),
    )
)


@dataclass(frozen=True, slots=True)
class SqlApprovals:
    """Implements `idp.ports.admins.Approvals`."""

    connection: Connection
    vault: Vault

    def add(self, request: ApprovalRequest) -> None:
        seal = self.vault.seal
        payload = json.dumps(request.payload).encode()
        self.connection.execute(
            _INSERT,
            {
                "id": request.id,
                "kind": request.kind,
                "subject": request.subject,
                "payload_sealed": seal(payload, _place("payload_sealed", request.id)),
                "digest": request.digest,
                "reason_sealed": seal(request.reason.encode(), _place("reason_sealed", request.id)),
                "author_kind": request.author_kind,
                "author_id": request.author_id,
                "created_at": request.created_at,
                "expires_at": request.expires_at,
                "status": request.status,
                "decided_by": None,
                "decided_at": None,
                "decision_sealed": None,
            },
        )

    def find(self, request_id: UUID) -> ApprovalRequest | None:
        row = self.connection.execute(_FIND, {"id": request_id}).first()
        return None if row is None else self._read(row)

    def list_for(self, kind: str, subject: str) -> Sequence[ApprovalRequest]:
        rows = self.connection.execute(_LIST_FOR, {"kind": kind, "subject": subject})
        return tuple(map(self._read, rows))

    def list_waiting(self) -> Sequence[ApprovalRequest]:
        return tuple(map(self._read, self.connection.execute(_LIST_WAITING)))

    def list_latest(
        self, limit: int, *, now: int, author_id: UUID | None = None
    ) -> Sequence[ApprovalRequest]:
        statement = _LATEST if author_id is None else _LATEST_OF
        given = {"most": limit, "now": now, "author": author_id}
        if author_id is None:
            del given["author"]
        return tuple(map(self._read, self.connection.execute(statement, given)))

    def decide(self, request: ApprovalRequest, now: int) -> bool:
        reason = request.decision_reason.encode()
        given = {
            "which": request.id,
            "new_status": request.status,
            "by": request.decided_by,
            "now": now,
            "why": self.vault.seal(reason, _place("decision_sealed", request.id)),
        }
        return self.connection.execute(_DECIDE, given).rowcount == 1

    def _read(self, row: Any) -> ApprovalRequest:
        return ApprovalRequest(
            id=row.id,
            kind=row.kind,
            subject=row.subject,
            payload=json.loads(self._open("payload_sealed", row)),
            digest=row.digest,
            reason=self._open("reason_sealed", row),
            author_kind=row.author_kind,
            author_id=row.author_id,
            created_at=row.created_at,
            expires_at=row.expires_at,
            status=ApprovalStatus(row.status),
            decided_by=row.decided_by,
            decided_at=row.decided_at,
            decision_reason=self._open("decision_sealed", row),
        )

    def _open(self, column: str, row: Any) -> str:
        sealed = getattr(row, column)
        return "" if sealed is None else self.vault.open(sealed, _place(column, row.id)).decode()


def _place(column: str, request_id: UUID) -> Place:
    return Place("approval", column, request_id.bytes)
