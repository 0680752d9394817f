"""Login sessions, known devices, journeys and links sent by e-mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.accounts import ACCOUNT_COLUMNS, read_account
from adapters.sql.connections import KeptConnection
from adapters.sql.consents import read_consent
from adapters.sql.session_statements import session_statements
from adapters.sql.upserts import replacing
from idp.domain.identity.account import Account
from idp.domain.identity.consent import Consent
from idp.domain.identity.factors import ProvedBy
from idp.domain.identity.journey import Journey, JourneyKind, ProofLink
from idp.domain.identity.session import KnownDevice, LoginSession
from idp.ports.vault import Vault

_session = tables.login_session
_device = tables.known_device
_journey = tables.journey
_link = tables.proof_link

_FIND: Final = sa.select(_session).where(_session.c.digest == sa.bindparam("digest"))
_FIND_WITH_ACCOUNT: Final = (
    sa.select(
        *(column.label(f"s_{column.name}") for column in _session.c),
        *ACCOUNT_COLUMNS,
    )
    .join(tables.account, tables.account.c.id == _session.c.account_id)
    .where(_session.c.digest == sa.bindparam("digest"))
)
_CONSENT_COLUMNS: Final = tuple(column.label(f"c_{column.name}") for column in tables.consent.c)
_FIND_WITH_CONSENT: Final = _FIND_WITH_ACCOUNT.add_columns(*_CONSENT_COLUMNS).outerjoin(
    tables.consent,
    sa.and_(
        tables.consent.c.account_id == _session.c.account_id,
        tables.consent.c.client_id == sa.bindparam("client_id"),
    ),
)
_INSERT: Final = sa.insert(_session)
_RENEW: Final = (
    sa.update(_session)
    .where(_session.c.sid == sa.bindparam("which"), _session.c.ended_at.is_(None))
    .values(
        digest=sa.bindparam("new_digest"),
        aal=sa.bindparam("new_aal"),
        amr=sa.bindparam("new_amr"),
        auth_time=sa.bindparam("new_auth_time"),
        seen_at=sa.bindparam("new_seen_at"),
        expires_at=sa.bindparam("new_expires_at"),
        proved_by=sa.bindparam("new_proved_by"),
    )
)
_SESSIONS: Final = session_statements(_session, "account_id")
_LIST_ALIVE: Final = _SESSIONS.unended.where(_session.c.expires_at > sa.bindparam("now"))

_FIND_DEVICE: Final = sa.select(_device).where(
    _device.c.account_id == sa.bindparam("account_id"), _device.c.digest == sa.bindparam("digest")
)
_PUT_DEVICE: Final = replacing(_device, "account_id", "digest")
_RENAME_DEVICE: Final = (
    sa.update(_device)
    .where(_device.c.digest == sa.bindparam("old"))
    .values(digest=sa.bindparam("new"))
)
_FORGET_DEVICES: Final = sa.delete(_device).where(
    _device.c.account_id == sa.bindparam("account_id")
)

_FIND_JOURNEY: Final = sa.select(_journey).where(_journey.c.digest == sa.bindparam("digest"))
_PUT_JOURNEY: Final = replacing(_journey, "digest")
_FINISH_JOURNEY: Final = (
    sa.update(_journey)
    .where(_journey.c.digest == sa.bindparam("which"), _journey.c.done_at.is_(None))
    .values(done_at=sa.bindparam("now"))
)

_INSERT_LINK: Final = sa.insert(_link)
_FIND_LINK: Final = sa.select(_link).where(_link.c.digest == sa.bindparam("digest"))
_USE_LINK: Final = (
    sa.update(_link)
    .where(_link.c.digest == sa.bindparam("which"), _link.c.used_at.is_(None))
    .values(used_at=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class SqlSessions:
    """Implements `idp.ports.store.Sessions`."""

    connection: KeptConnection
    vault: Vault

    def find(self, digest: bytes) -> LoginSession | None:
        row = self.connection.execute(_FIND, {"digest": digest}).first()
        return None if row is None else _read_session(row._mapping, "")

    def find_with_account(self, digest: bytes) -> tuple[LoginSession, Account] | None:
        return self.connection.read_one(
            _FIND_WITH_ACCOUNT, {"digest": digest}, self._with_account, name=("session", digest)
        )

    def find_with_consent(
        self, digest: bytes, client_id: str
    ) -> tuple[LoginSession, Account, Consent | None] | None:
        def made(row: Any) -> tuple[LoginSession, Account, Consent | None]:
            consent = read_consent(row._mapping, "c_") if row.c_account_id is not None else None
            return *self._with_account(row), consent

        return self.connection.read_one(
            _FIND_WITH_CONSENT,
            {"digest": digest, "client_id": client_id},
            made,
            name=("session with consent", digest, client_id),
        )

    def _with_account(self, row: Any) -> tuple[LoginSession, Account]:
        return _read_session(row._mapping, "s_"), read_account(row._mapping, self.vault)

    def add(self, session: LoginSession) -> None:
        self.connection.execute(
            _INSERT,
            {
                "digest": session.digest,
                "sid": session.sid,
                "account_id": session.account_id,
                "aal": session.aal,
                "amr": list(session.amr),
                "auth_time": session.auth_time,
                "created_at": session.created_at,
                "seen_at": session.seen_at,
                "expires_at": session.expires_at,
                "device": session.device,
                "network": session.network,
                "ended_at": session.ended_at,
                "proved_by": session.proved_by or None,
            },
        )

    def renew(self, session: LoginSession) -> None:
        self.connection.execute(
            _RENEW,
            {
                "which": session.sid,
                "new_digest": session.digest,
                "new_aal": session.aal,
                "new_amr": list(session.amr),
                "new_auth_time": session.auth_time,
                "new_seen_at": session.seen_at,
                "new_expires_at": session.expires_at,
                "new_proved_by": session.proved_by or None,
            },
        )

    def touch(self, digest: bytes, now: int) -> None:
        self.connection.execute(_SESSIONS.touch, {"which": digest, "now": now})

    def end(self, sid: str, now: int) -> bool:
        given = {"which": sid, "now": now}
        return bool(self.connection.execute(_SESSIONS.end, given).rowcount == 1)

    def list_unended(self, account_id: UUID) -> Sequence[LoginSession]:
        rows = self.connection.execute(_SESSIONS.unended, {"who": account_id})
        return tuple(_read_session(row._mapping, "") for row in rows)

    def list_alive(self, account_id: UUID, now: int) -> Sequence[LoginSession]:
        rows = self.connection.execute(_LIST_ALIVE, {"who": account_id, "now": now})
        return tuple(_read_session(row._mapping, "") for row in rows)


def _read_session(row: Mapping[Any, Any], prefix: str) -> LoginSession:
    def value(name: str) -> Any:
        return row[prefix + name]

    return LoginSession(
        digest=value("digest"),
        sid=value("sid"),
        account_id=value("account_id"),
        aal=value("aal"),
        amr=tuple(value("amr")),
        auth_time=value("auth_time"),
        created_at=value("created_at"),
        seen_at=value("seen_at"),
        expires_at=value("expires_at"),
        device=value("device"),
        network=value("network"),
        ended_at=value("ended_at"),
        proved_by=ProvedBy(value("proved_by") or ""),
    )


@dataclass(frozen=True, slots=True)
class SqlDevices:
    """Implements `idp.ports.store.Devices`."""

    connection: Connection

    def find(self, account_id: UUID, digest: bytes) -> KnownDevice | None:
        given = {"account_id": account_id, "digest": digest}
        row = self.connection.execute(_FIND_DEVICE, given).first()
        return None if row is None else KnownDevice(**row._mapping)

    def put(self, device: KnownDevice) -> None:
        self.connection.execute(
            _PUT_DEVICE.on(self.connection),
            {
                "account_id": device.account_id,
                "digest": device.digest,
                "name": device.name,
                "created_at": device.created_at,
                "seen_at": device.seen_at,
                "expires_at": device.expires_at,
            },
        )

    def rename(self, old: bytes, new: bytes) -> None:
        self.connection.execute(_RENAME_DEVICE, {"old": old, "new": new})

    def forget(self, account_id: UUID) -> None:
        self.connection.execute(_FORGET_DEVICES, {"account_id": account_id})


@dataclass(frozen=True, slots=True)
class SqlJourneys:
    """Implements `idp.ports.store.Journeys`."""

    connection: Connection

    def find(self, digest: bytes) -> Journey | None:
        row = self.connection.execute(_FIND_JOURNEY, {"digest": digest}).first()
        if row is None:
            return None
        return Journey(
            digest=row.digest,
            kind=JourneyKind(row.kind),
            flow_digest=row.flow_digest,
            account_id=row.account_id,
            expires_at=row.expires_at,
            state=row.state,
            done_at=row.done_at,
        )

    def put(self, journey: Journey) -> None:
        self.connection.execute(
            _PUT_JOURNEY.on(self.connection),
            {
                "digest": journey.digest,
                "kind": journey.kind,
                "flow_digest": journey.flow_digest,
                "account_id": journey.account_id,
                "state": dict(journey.state),
                "expires_at": journey.expires_at,
                "done_at": journey.done_at,
            },
        )

    def finish(self, digest: bytes, now: int) -> bool:
        given = {"which": digest, "now": now}
        return self.connection.execute(_FINISH_JOURNEY, given).rowcount == 1

    def add_link(self, link: ProofLink) -> None:
        self.connection.execute(
            _INSERT_LINK,
            {
                "digest": link.digest,
                "purpose": link.purpose,
                "account_id": link.account_id,
                "contact_index": link.contact_index,
                "expires_at": link.expires_at,
                "used_at": link.used_at,
            },
        )

    def find_link(self, digest: bytes) -> ProofLink | None:
        row = self.connection.execute(_FIND_LINK, {"digest": digest}).first()
        return None if row is None else ProofLink(**row._mapping)

    def use_link(self, digest: bytes, now: int) -> bool:
        given = {"which": digest, "now": now}
        return self.connection.execute(_USE_LINK, given).rowcount == 1
