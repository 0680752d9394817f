"""Admins of the console, their factors and sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.session_statements import session_statements
from idp.domain.errors import Conflict
from idp.domain.identity.admin import (
    Admin,
    AdminInvitation,
    AdminSession,
    AdminStatus,
    AdminStep,
    InvitationPurpose,
)
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.roles import Role
from idp.ports.vault import Place, Vault

_admin = tables.admin
_invitation = tables.admin_invitation
_session = tables.admin_session

#: The kind under which blind indexes of addresses are made: no citizen is found by an admin's.
EMAIL_INDEX: Final = "admin-email"

_SELECT: Final = sa.select(_admin)
_FIND: Final = _SELECT.where(_admin.c.id == sa.bindparam("id"))
_FIND_BY_EMAIL: Final = _SELECT.where(
    _admin.c.admin_email_index.in_(sa.bindparam("indexes", expanding=True))
)
_LIST: Final = _SELECT.order_by(_admin.c.id)
_INSERT: Final = sa.insert(_admin)
_UPDATE: Final = sa.update(_admin).where(
    _admin.c.id == sa.bindparam("which"), _admin.c.version == sa.bindparam("was")
)

_NOTE_SEEN: Final = (
    sa.update(_admin)
    .where(_admin.c.id == sa.bindparam("which"))
    .values(last_seen_at=sa.bindparam("now"))
)

_INSERT_INVITATION: Final = sa.insert(_invitation)
_FIND_INVITATION: Final = sa.select(_invitation).where(
    _invitation.c.digest == sa.bindparam("digest")
)
_USE_INVITATION: Final = (
    sa.update(_invitation)
    .where(_invitation.c.digest == sa.bindparam("which"), _invitation.c.used_at.is_(None))
    .values(used_at=sa.bindparam("now"))
)
_CLOSE_INVITATIONS: Final = (
    sa.update(_invitation)
    .where(_invitation.c.admin_id == sa.bindparam("who"), _invitation.c.used_at.is_(None))
    .values(used_at=sa.bindparam("now"))
)

_INSERT_SESSION: Final = sa.insert(_session)
_FIND_SESSION: Final = (
    sa.select(*(column.label(f"s_{column.name}") for column in _session.c), *_admin.c)
    .join(_admin, _admin.c.id == _session.c.admin_id)
    .where(_session.c.digest == sa.bindparam("digest"))
)
_RENEW: Final = (
    sa.update(_session)
    .where(_session.c.sid == sa.bindparam("which"), _session.c.ended_at.is_(None))
    .values(
        digest=sa.bindparam("new_digest"),
        step=sa.bindparam("new_step"),
        factor=sa.bindparam("new_factor"),
        seen_at=sa.bindparam("new_seen_at"),
        fresh_at=sa.bindparam("new_fresh_at"),
        expires_at=sa.bindparam("new_expires_at"),
    )
)
_SESSIONS: Final = session_statements(_session, "admin_id")


@dataclass(frozen=True, slots=True)
class SqlAdmins:
    """Implements `idp.ports.admins.Admins`."""

    connection: Connection
    vault: Vault

    def find(self, admin_id: UUID) -> Admin | None:
        return self._one(_FIND, {"id": admin_id})

    def find_by_email(self, email: EmailAddress) -> Admin | None:
        indexes = self.vault.blind_indexes(EMAIL_INDEX, email.normalised)
        return self._one(_FIND_BY_EMAIL, {"indexes": indexes})

    def list_all(self) -> Sequence[Admin]:
        return tuple(
            _read_admin(row._mapping, self.vault) for row in self.connection.execute(_LIST)
        )

    def add(self, admin: Admin) -> None:
        row = {"id": admin.id, "last_seen_at": admin.last_seen_at, **self._written(admin)}
        self.connection.execute(_INSERT, row)

    def update(self, admin: Admin) -> Admin:
        changed = replace(admin, version=admin.version + 1)
        done = self.connection.execute(
            _UPDATE.values(**self._written(changed)), {"which": admin.id, "was": admin.version}
        )
        if done.rowcount != 1:
            raise Conflict("version")
        return changed

    def note_seen(self, admin_id: UUID, now: int) -> None:
        self.connection.execute(_NOTE_SEEN, {"which": admin_id, "now": now})

    def add_invitation(self, invitation: AdminInvitation) -> None:
        self.connection.execute(
            _INSERT_INVITATION,
            {
                "digest": invitation.digest,
                "admin_id": invitation.admin_id,
                "purpose": invitation.purpose,
                "created_at": invitation.created_at,
                "expires_at": invitation.expires_at,
                "invited_by": invitation.invited_by,
                "used_at": invitation.used_at,
            },
        )

    def find_invitation(self, digest: bytes) -> AdminInvitation | None:
        row = self.connection.execute(_FIND_INVITATION, {"digest": digest}).first()
        if row is None:
            return None
        told = {**row._mapping, "purpose": InvitationPurpose(row.purpose)}
        return AdminInvitation(**told)

    def use_invitation(self, digest: bytes, now: int) -> bool:
        given = {"which": digest, "now": now}
        return self.connection.execute(_USE_INVITATION, given).rowcount == 1

    def close_invitations(self, admin_id: UUID, now: int) -> None:
        self.connection.execute(_CLOSE_INVITATIONS, {"who": admin_id, "now": now})

    def _one(self, statement: sa.Select[Any], given: Mapping[str, Any]) -> Admin | None:
        row = self.connection.execute(statement, dict(given)).first()
        return None if row is None else _read_admin(row._mapping, self.vault)

    def _written(self, admin: Admin) -> dict[str, object]:
        seal = self.vault.seal
        return {
            "admin_email_index": self.vault.blind_index(EMAIL_INDEX, admin.email.normalised),
            "email_sealed": seal(admin.email.address.encode(), _place("email_sealed", admin.id)),
            "name_sealed": seal(admin.name.encode(), _place("name_sealed", admin.id)),
            "status": admin.status,
            "roles": list(admin.roles),
            "password_hash": admin.password_hash,
            "password_changed_at": admin.password_changed_at,
            "locale": admin.locale,
            "created_at": admin.created_at,
            "changed_at": admin.changed_at,
            "version": admin.version,
        }


@dataclass(frozen=True, slots=True)
class SqlAdminSessions:
    """Implements `idp.ports.admins.AdminSessions`."""

    connection: Connection
    vault: Vault

    def add(self, session: AdminSession) -> None:
        self.connection.execute(
            _INSERT_SESSION,
            {column.name: getattr(session, column.name) for column in _session.c},
        )

    def find(self, digest: bytes) -> tuple[AdminSession, Admin] | None:
        row = self.connection.execute(_FIND_SESSION, {"digest": digest}).first()
        if row is None:
            return None
        return _read_session(row._mapping, "s_"), _read_admin(row._mapping, self.vault)

    def renew(self, session: AdminSession) -> bool:
        given = {
            "which": session.sid,
            "new_digest": session.digest,
            "new_step": session.step,
            "new_factor": session.factor,
            "new_seen_at": session.seen_at,
            "new_fresh_at": session.fresh_at,
            "new_expires_at": session.expires_at,
        }
        return self.connection.execute(_RENEW, given).rowcount == 1

    def touch(self, digest: bytes, now: int) -> None:
        self.connection.execute(_SESSIONS.touch, {"which": digest, "now": now})

    def end(self, sid: str, now: int) -> bool:
        return self.connection.execute(_SESSIONS.end, {"which": sid, "now": now}).rowcount == 1

    def list_unended(self, admin_id: UUID) -> Sequence[AdminSession]:
        rows = self.connection.execute(_SESSIONS.unended, {"who": admin_id})
        return tuple(_read_session(row._mapping, "") for row in rows)


def _place(column: str, admin_id: UUID) -> Place:
    return Place("admin", column, admin_id.bytes)


def _read_admin(row: Mapping[Any, Any], vault: Vault) -> Admin:
    admin_id = row["id"]
    return Admin(
        id=admin_id,
        email=EmailAddress(
            vault.open(row["email_sealed"], _place("email_sealed", admin_id)).decode()
        ),
        name=vault.open(row["name_sealed"], _place("name_sealed", admin_id)).decode(),
        status=AdminStatus(row["status"]),
        roles=tuple(Role(name) for name in row["roles"]),
        password_hash=row["password_hash"],
        password_changed_at=row["password_changed_at"],
        locale=row["locale"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        last_seen_at=row["last_seen_at"],
        version=row["version"],
    )


def _read_session(row: Mapping[Any, Any], prefix: str) -> AdminSession:
    told = {column.name: row[prefix + column.name] for column in _session.c}
    return AdminSession(**{**told, "step": AdminStep(told["step"])})
