"""The outbox, and what became of short messages."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import replacing
from idp.domain.identity.messages import SmsState
from idp.ports.store import LogoutNotice, OutboxMessage, QueuedMessage, SmsRecord
from idp.ports.vault import Place, Vault

_outbox = tables.outbox
_sms = tables.sms_message

_INSERT: Final = sa.insert(_outbox)
_DUE: Final = (
    sa.select(_outbox.c.id)
    .where(
        _outbox.c.done_at.is_(None),
        _outbox.c.kind.in_(sa.bindparam("kinds", expanding=True)),
        _outbox.c.due_at <= sa.bindparam("now"),
        sa.or_(_outbox.c.leased_until.is_(None), _outbox.c.leased_until < sa.bindparam("now")),
    )
    .order_by(_outbox.c.due_at)
    .limit(sa.bindparam("most"))
    # PostgreSQL only: two senders never wait for one another; SQLite has one writer anyway
    .with_for_update(skip_locked=True)
    # run once: a subquery of IN may run again for each row, past what it locked the time before
    .cte("due")
)
_CLAIM: Final = (
    sa.update(_outbox)
    .where(_outbox.c.id.in_(sa.select(_DUE.c.id)))
    .values(
        leased_until=sa.bindparam("until"),
        leased_by=sa.bindparam("worker"),
        attempts=_outbox.c.attempts + 1,
    )
    .returning(*_outbox.c)
)
_IS_DUE: Final = sa.and_(
    _outbox.c.done_at.is_(None),
    _outbox.c.due_at <= sa.bindparam("now"),
    sa.or_(_outbox.c.leased_until.is_(None), _outbox.c.leased_until < sa.bindparam("now")),
)
_ANY_DUE: Final = sa.select(sa.literal(1)).select_from(_outbox).where(_IS_DUE).limit(1)


@cache
def _due_among(kinds: tuple[str, ...]) -> sa.CompoundSelect[Any]:
    """Return what finds those of the kinds of which anything is due."""
    return sa.union_all(
        *(
            sa.select(sa.literal(kind)).where(
                sa.exists().where(_IS_DUE, _outbox.c.kind == sa.literal(kind))
            )
            for kind in kinds
        )
    )


_FINISH: Final = (
    sa.update(_outbox)
    .where(_outbox.c.id == sa.bindparam("which"))
    .values(
        done_at=sa.bindparam("now"),
        leased_until=None,
        last_error=sa.bindparam("error"),
        # what was sent is nobody's business any more
        payload_sealed=b"",
    )
)
_RETRY: Final = (
    sa.update(_outbox)
    .where(_outbox.c.id == sa.bindparam("which"))
    .values(due_at=sa.bindparam("due"), leased_until=None, last_error=sa.bindparam("error"))
)
_OLDEST: Final = sa.select(sa.func.min(_outbox.c.due_at)).where(_outbox.c.done_at.is_(None))

#: What may be told of a message: not what it says, nor to whom.
_TOLD: Final = (
    _outbox.c.id,
    _outbox.c.kind,
    _outbox.c.attempts,
    _outbox.c.created_at,
    _outbox.c.due_at,
    _outbox.c.expires_at,
    _outbox.c.last_error,
    _outbox.c.leased_until,
)
_IS_HASTENED: Final = sa.and_(
    _outbox.c.id == sa.bindparam("which"),
    _outbox.c.done_at.is_(None),
    _outbox.c.expires_at > sa.bindparam("now"),
    sa.or_(_outbox.c.leased_until.is_(None), _outbox.c.leased_until < sa.bindparam("now")),
)
_FIND_WAITING: Final = sa.select(*_TOLD).where(_IS_HASTENED).with_for_update()
_HASTEN: Final = sa.update(_outbox).where(_IS_HASTENED).values(due_at=sa.bindparam("now"))
_LIST_WAITING: Final = (
    sa.select(*_TOLD)
    .where(_outbox.c.done_at.is_(None))
    .order_by(_outbox.c.due_at)
    .limit(sa.bindparam("most"))
)
_COUNT_WAITING: Final = (
    sa.select(_outbox.c.kind, sa.func.count().label("messages"))
    .where(_outbox.c.done_at.is_(None))
    .group_by(_outbox.c.kind)
)

_notice = tables.logout_notice

_ADD_NOTICE: Final = sa.insert(_notice)
_SET_NOTICE: Final = (
    sa.update(_notice)
    .where(_notice.c.id == sa.bindparam("which"))
    .values(state=sa.bindparam("new"), changed_at=sa.bindparam("now"))
)
_LIST_NOTICES: Final = (
    sa.select(_notice)
    .where(_notice.c.session_sid == sa.bindparam("sid"))
    .order_by(_notice.c.created_at, _notice.c.client_id)
)

_PUT_SMS: Final = replacing(_sms, "id")
_GET_SMS: Final = sa.select(_sms).where(_sms.c.id == sa.bindparam("id"))
_COUNT_SMS: Final = (
    sa.select(_sms.c.gateway, _sms.c.state, sa.func.count().label("messages"))
    .where(_sms.c.created_at >= sa.bindparam("since"))
    .group_by(_sms.c.gateway, _sms.c.state)
    .order_by(_sms.c.gateway, _sms.c.state)
)
_FIND_SMS: Final = sa.select(_sms).where(
    _sms.c.gateway == sa.bindparam("gateway"), _sms.c.provider_id == sa.bindparam("provider_id")
)


@dataclass(slots=True)
class SqlOutbox:
    """Implements `idp.ports.store.Outbox`. `is_urgent`: something must leave at once."""

    connection: Connection
    vault: Vault
    is_urgent: bool = False

    def add(self, message: OutboxMessage) -> None:
        self.is_urgent = self.is_urgent or not message.may_wait
        payload = json.dumps(dict(message.payload)).encode()
        self.connection.execute(
            _INSERT,
            {
                "id": message.id,
                "kind": message.kind,
                "payload_sealed": self.vault.seal(payload, _place(message.id)),
                "attempts": message.attempts,
                "created_at": message.created_at,
                "due_at": message.due_at,
                "expires_at": message.expires_at,
            },
        )

    def claim(
        self, *, kinds: Collection[str], worker: str, now: int, lease_seconds: int, limit: int
    ) -> Sequence[OutboxMessage]:
        given = {
            "kinds": sorted(kinds),
            "now": now,
            "until": now + lease_seconds,
            "worker": worker,
            "most": limit,
        }
        rows = self.connection.execute(_CLAIM, given).all()
        return tuple(sorted((self._read(row) for row in rows), key=lambda m: (m.created_at, m.id)))

    def is_any_due(self, now: int) -> bool:
        return self.connection.execute(_ANY_DUE, {"now": now}).first() is not None

    def due_among(self, kinds: Sequence[str], now: int) -> frozenset[str]:
        if not kinds:
            return frozenset()
        found = self.connection.execute(_due_among(tuple(kinds)), {"now": now})
        return frozenset(found.scalars())

    def finish(self, message_id: UUID, now: int, *, error: str | None = None) -> None:
        self.connection.execute(_FINISH, {"which": message_id, "now": now, "error": error})

    def retry(self, message_id: UUID, due_at: int, *, error: str) -> None:
        self.connection.execute(_RETRY, {"which": message_id, "due": due_at, "error": error})

    def hasten(self, message_id: UUID, now: int) -> QueuedMessage | None:
        self.is_urgent = True
        given = {"which": message_id, "now": now}
        row = self.connection.execute(_FIND_WAITING, given).first()
        if row is None:
            return None
        self.connection.execute(_HASTEN, given)
        return QueuedMessage(**row._mapping)

    def oldest_due(self, now: int) -> int | None:
        oldest = self.connection.execute(_OLDEST).scalar()
        return None if oldest is None else max(0, now - int(oldest))

    def list_waiting(self, limit: int) -> Sequence[QueuedMessage]:
        rows = self.connection.execute(_LIST_WAITING, {"most": limit})
        return tuple(QueuedMessage(**row._mapping) for row in rows)

    def count_waiting(self) -> Mapping[str, int]:
        return {row.kind: int(row.messages) for row in self.connection.execute(_COUNT_WAITING)}

    def _read(self, row: Any) -> OutboxMessage:
        return OutboxMessage(
            id=row.id,
            kind=row.kind,
            payload=json.loads(self.vault.open(row.payload_sealed, _place(row.id))),
            created_at=row.created_at,
            due_at=row.due_at,
            expires_at=row.expires_at,
            attempts=row.attempts,
        )


def _place(message_id: UUID) -> Place:
    return Place("outbox", "payload_sealed", message_id.bytes)


@dataclass(frozen=True, slots=True)
class SqlSmsRecords:
    """Implements `idp.ports.store.SmsRecords`."""

    connection: Connection

    def put(self, record: SmsRecord) -> None:
        self.connection.execute(
            _PUT_SMS.on(self.connection),
            {
                "id": record.id,
                "purpose": record.purpose,
                "gateway": record.gateway,
                "provider_id": record.provider_id,
                "state": record.state,
                "reason": record.reason,
                "prefix": record.prefix,
                "created_at": record.created_at,
                "changed_at": record.changed_at,
            },
        )

    def find(self, message_id: UUID) -> SmsRecord | None:
        row = self.connection.execute(_GET_SMS, {"id": message_id}).first()
        return None if row is None else _read_sms(row)

    def find_by_provider(self, gateway: str, provider_id: str) -> SmsRecord | None:
        given = {"gateway": gateway, "provider_id": provider_id}
        row = self.connection.execute(_FIND_SMS, given).first()
        return None if row is None else _read_sms(row)

    def count_since(self, since: int) -> Sequence[tuple[str | None, SmsState, int]]:
        rows = self.connection.execute(_COUNT_SMS, {"since": since})
        return tuple((row.gateway, SmsState(row.state), int(row.messages)) for row in rows)


def _read_sms(row: Any) -> SmsRecord:
    return SmsRecord(
        id=row.id,
        purpose=row.purpose,
        state=SmsState(row.state),
        prefix=row.prefix,
        created_at=row.created_at,
        changed_at=row.changed_at,
        gateway=row.gateway,
        provider_id=row.provider_id,
        reason=row.reason,
    )


@dataclass(frozen=True, slots=True)
class SqlLogoutNotices:
    """Implements `idp.ports.store.LogoutNotices`."""

    connection: Connection

    def add(self, notice: LogoutNotice) -> None:
        self.connection.execute(
            _ADD_NOTICE,
            {
                "id": notice.id,
                "session_sid": notice.session_sid,
                "client_id": notice.client_id,
                "state": notice.state,
                "created_at": notice.created_at,
                "changed_at": notice.changed_at,
            },
        )

    def set_state(self, notice_id: UUID, state: str, now: int) -> None:
        self.connection.execute(_SET_NOTICE, {"which": notice_id, "new": state, "now": now})

    def list_for_session(self, sid: str) -> Sequence[LogoutNotice]:
        rows = self.connection.execute(_LIST_NOTICES, {"sid": sid})
        return tuple(LogoutNotice(**row._mapping) for row in rows)
