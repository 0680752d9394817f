"""Requests that wait for a person on another screen: device flow and CIBA."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from idp.domain.protocol.ciba import BackchannelRequest
from idp.domain.protocol.device import DeviceRequest, PendingStatus
from idp.ports.vault import Place, Vault

_device = tables.device_code
_backchannel = tables.backchannel_request


@dataclass(frozen=True, slots=True)
class _Statements:
    """The statements that both tables share."""

    insert: Any
    find: Any
    note_poll: Any
    slow_down: Any
    answer: Any
    redeem: Any


def _statements(table: sa.Table) -> _Statements:
    which = table.c.digest == sa.bindparam("which")
    return _Statements(
        insert=sa.insert(table),
        find=sa.select(table).where(table.c.digest == sa.bindparam("digest")),
        note_poll=sa.update(table).where(which).values(polled_at=sa.bindparam("now")),
        slow_down=sa.update(table)
        .where(which)
        .values(interval=table.c["interval"] + sa.bindparam("seconds", type_=sa.Integer)),
        answer=sa.update(table)
        .where(which, table.c.status == PendingStatus.PENDING)
        .values(status=sa.bindparam("new_status"), grant_id=sa.bindparam("new_grant")),
        redeem=sa.update(table)
        .where(which, table.c.status == PendingStatus.ALLOWED)
        .values(status=PendingStatus.REDEEMED),
    )


_DEVICE: Final = _statements(_device)
_BACKCHANNEL: Final = _statements(_backchannel)
_FIND_USER_CODE: Final = sa.select(_device).where(
    _device.c.user_code_digest == sa.bindparam("digest")
)
_FIND_PAGE: Final = sa.select(_backchannel).where(
    _backchannel.c.page_digest == sa.bindparam("digest")
)
_LIST_WAITING: Final = (
    sa.select(_backchannel)
    .where(
        _backchannel.c.account_id == sa.bindparam("account_id"),
        _backchannel.c.status == PendingStatus.PENDING,
        _backchannel.c.expires_at > sa.bindparam("now"),
    )
    .order_by(_backchannel.c.created_at.desc())
)


class _Pending:
    """What both repositories do alike."""

    __slots__ = ("connection", "statements")

    def __init__(self, connection: Connection, statements: _Statements) -> None:
        self.connection = connection
        self.statements = statements

    def slow_down(self, digest: bytes, seconds: int) -> None:
        self.connection.execute(self.statements.slow_down, {"which": digest, "seconds": seconds})

    def answer(self, digest: bytes, status: PendingStatus, grant_id: UUID | None) -> bool:
        given = {"which": digest, "new_status": status, "new_grant": grant_id}
        return bool(self.connection.execute(self.statements.answer, given).rowcount == 1)

    def redeem(self, digest: bytes) -> bool:
        return bool(
            self.connection.execute(self.statements.redeem, {"which": digest}).rowcount == 1
        )

    def _noted(self, digest: bytes, now: int) -> Any:
        row = self.connection.execute(self.statements.find, {"digest": digest}).first()
        if row is not None:
            self.connection.execute(self.statements.note_poll, {"which": digest, "now": now})
        return row


class SqlDeviceRequests(_Pending):
    """Implements `idp.ports.store.DeviceRequests`."""

    __slots__ = ()

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection, _DEVICE)

    def add(self, request: DeviceRequest) -> None:
        self.connection.execute(
            self.statements.insert,
            {
                "digest": request.digest,
                "user_code_digest": request.user_code_digest,
                "client_id": request.client_id,
                "scope": " ".join(request.scopes),
                "resources": list(request.resources),
                "details": [dict(detail) for detail in request.details],
                "status": request.status,
                "grant_id": request.grant_id,
                "interval": request.interval,
                "polled_at": request.polled_at,
                "expires_at": request.expires_at,
            },
        )

    def find_by_user_code(self, digest: bytes) -> DeviceRequest | None:
        row = self.connection.execute(_FIND_USER_CODE, {"digest": digest}).first()
        return None if row is None else _device_of(row)

    def poll(self, digest: bytes, now: int) -> DeviceRequest | None:
        row = self._noted(digest, now)
        return None if row is None else _device_of(row)


def _device_of(row: Any) -> DeviceRequest:
    return DeviceRequest(
        digest=row.digest,
        user_code_digest=row.user_code_digest,
        client_id=row.client_id,
        scopes=tuple(row.scope.split()),
        resources=tuple(row.resources),
        expires_at=row.expires_at,
        details=tuple(row.details),
        interval=row.interval,
        status=PendingStatus(row.status),
        grant_id=row.grant_id,
        polled_at=row.polled_at,
    )


class SqlBackchannelRequests(_Pending):
    """Implements `idp.ports.store.BackchannelRequests`."""

    __slots__ = ("vault",)

    def __init__(self, connection: Connection, vault: Vault) -> None:
        super().__init__(connection, _BACKCHANNEL)
        self.vault = vault

    def add(self, request: BackchannelRequest) -> None:
        token = request.notification
        sealed = None if token is None else self.vault.seal(token.encode(), _place(request.digest))
        self.connection.execute(
            self.statements.insert,
            {
                "digest": request.digest,
                "page_digest": request.page_digest,
                "client_id": request.client_id,
                "account_id": request.account_id,
                "scope": " ".join(request.scopes),
                "resources": list(request.resources),
                "acr_values": list(request.acr_values),
                "details": [dict(detail) for detail in request.details],
                "binding_message": request.binding_message,
                "mode": request.mode,
                "notification_sealed": sealed,
                "status": request.status,
                "grant_id": request.grant_id,
                "interval": request.interval,
                "polled_at": request.polled_at,
                "created_at": request.created_at,
                "expires_at": request.expires_at,
            },
        )

    def find(self, digest: bytes) -> BackchannelRequest | None:
        return self._one(self.statements.find, digest)

    def find_by_page(self, digest: bytes) -> BackchannelRequest | None:
        return self._one(_FIND_PAGE, digest)

    def list_waiting(self, account_id: UUID, now: int) -> Sequence[BackchannelRequest]:
        rows = self.connection.execute(_LIST_WAITING, {"account_id": account_id, "now": now})
        return tuple(self._read(row) for row in rows)

    def poll(self, digest: bytes, now: int) -> BackchannelRequest | None:
        row = self._noted(digest, now)
        return None if row is None else self._read(row)

    def _one(self, statement: Any, digest: bytes) -> BackchannelRequest | None:
        row = self.connection.execute(statement, {"digest": digest}).first()
        return None if row is None else self._read(row)

    def _read(self, row: Any) -> BackchannelRequest:
        sealed = row.notification_sealed
        opened = None if sealed is None else self.vault.open(sealed, _place(row.digest)).decode()
        return BackchannelRequest(
            digest=row.digest,
            page_digest=row.page_digest,
            client_id=row.client_id,
            account_id=row.account_id,
            scopes=tuple(row.scope.split()),
            resources=tuple(row.resources),
            acr_values=tuple(row.acr_values),
            binding_message=row.binding_message,
            mode=row.mode,
            created_at=row.created_at,
            expires_at=row.expires_at,
            details=tuple(row.details),
            interval=row.interval,
            status=PendingStatus(row.status),
            grant_id=row.grant_id,
            polled_at=row.polled_at,
            notification=opened,
        )


def _place(digest: bytes) -> Place:
    return Place("backchannel_request", "notification_sealed", digest)
