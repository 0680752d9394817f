"""Grants with their codes, refresh token families, revoked access tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.accounts import ACCOUNT_COLUMNS, read_account
from adapters.sql.connections import KeptConnection
from adapters.sql.upserts import first_only
from idp.domain.identity.account import USABLE, Account, AccountStatus
from idp.domain.protocol.grant import (
    AuthorizationCode,
    ClientGrant,
    Confirmation,
    GrantHolder,
    RefreshFamily,
)
from idp.ports.vault import Vault

_grant = tables.client_grant
_family = tables.refresh_token
_opaque = tables.access_token
_revoked = tables.revoked_token
_account = tables.account
_session = tables.login_session

_GRANT_COLUMNS: Final = tuple(column.label(f"g_{column.name}") for column in _grant.c)
_HOLDER_COLUMNS: Final = (
    _account.c.subject.label("h_subject"),
    _account.c.ial.label("h_ial"),
    _account.c.status.label("h_status"),
    sa.case((_session.c.ended_at.is_not(None), 0), else_=_session.c.expires_at).label("h_until"),
)
_HELD: Final = _grant.outerjoin(_account, _account.c.id == _grant.c.account_id).outerjoin(
    _session, _session.c.sid == _grant.c.session_sid
)

_INSERT: Final = sa.insert(_grant)
_FIND: Final = (
    sa.select(*_GRANT_COLUMNS, *_HOLDER_COLUMNS)
    .select_from(_HELD)
    .where(_grant.c.id == sa.bindparam("id"))
)
_FIND_WITH_ACCOUNT: Final = (
    sa.select(*_GRANT_COLUMNS, *_HOLDER_COLUMNS, *ACCOUNT_COLUMNS)
    .select_from(_HELD)
    .where(_grant.c.id == sa.bindparam("id"))
)
_FIND_CODE: Final = (
    sa.select(*_GRANT_COLUMNS, *_HOLDER_COLUMNS)
    .select_from(_HELD)
    .where(_grant.c.code_digest == sa.bindparam("digest"))
)
_REDEEM: Final = (
    sa.update(_grant)
    .where(_grant.c.code_digest == sa.bindparam("which"), _grant.c.redeemed_at.is_(None))
    .values(redeemed_at=sa.bindparam("now"))
)
_END: Final = (
    sa.update(_grant)
    .where(_grant.c.revoked_at.is_(None))
    .values(revoked_at=sa.bindparam("now"), revoked_reason=sa.bindparam("reason"))
)
_REVOKE: Final = _END.where(_grant.c.id == sa.bindparam("which"))
_REVOKE_FOR_CLIENT: Final = _END.where(
    _grant.c.account_id == sa.bindparam("who"), _grant.c.client_id == sa.bindparam("whom")
)
_REVOKE_FOR_ACCOUNT: Final = _END.where(_grant.c.account_id == sa.bindparam("who"))
_REVOKE_FOR_ACCOUNT_BUT: Final = _REVOKE_FOR_ACCOUNT.where(
    sa.or_(
        _grant.c.session_sid.is_(None),
        _grant.c.session_sid != sa.bindparam("kept"),
        _grant.c.is_offline.is_(True),
    )
)
_REVOKE_FOR_SESSION: Final = _END.where(
    _grant.c.session_sid == sa.bindparam("which"), _grant.c.is_offline.is_(False)
)
_CLIENTS_OF_SESSION: Final = (
    sa.select(_grant.c.client_id).where(_grant.c.session_sid == sa.bindparam("sid")).distinct()
)
_LAST_USED: Final = (
    sa.select(_grant.c.client_id, sa.func.max(_grant.c.created_at))
    .where(_grant.c.account_id == sa.bindparam("account_id"))
    .group_by(_grant.c.client_id)
)
_ACCESS_OF: Final = (
    sa.select(_grant.c.client_id, _grant.c.scope)
    .where(
        _grant.c.account_id == sa.bindparam("account_id"),
        _grant.c.revoked_at.is_(None),
        _grant.c.expires_at > sa.bindparam("now"),
    )
    .distinct()
)

_INSERT_FAMILY: Final = sa.insert(_family)
_FIND_FAMILY: Final = (
    sa.select(
        *(column.label(f"f_{column.name}") for column in _family.c),
        *_GRANT_COLUMNS,
        *_HOLDER_COLUMNS,
    )
    .select_from(_HELD.join(_family, _family.c.grant_id == _grant.c.id))
    .where(_family.c.id == sa.bindparam("id"))
)
_ROTATE: Final = (
    sa.update(_family)
    .where(_family.c.id == sa.bindparam("which"), _family.c.generation == sa.bindparam("was"))
    .values(
        generation=_family.c.generation + 1,
        rotated_at=sa.bindparam("now"),
        idle_expires_at=sa.bindparam("idle"),
    )
)

_ADD_OPAQUE: Final = sa.insert(_opaque)
_FIND_OPAQUE: Final = sa.select(_opaque.c.body).where(_opaque.c.digest == sa.bindparam("digest"))

_ADD_REVOKED: Final = first_only(_revoked, "digest")
_FIND_REVOKED: Final = sa.select(sa.literal(1)).where(_revoked.c.digest == sa.bindparam("digest"))


@dataclass(frozen=True, slots=True)
class SqlGrants:
    """Implements `idp.ports.store.Grants`."""

    connection: KeptConnection
    vault: Vault

    def add(self, grant: ClientGrant, code: AuthorizationCode | None) -> None:
        row: dict[str, object] = {
            "id": grant.id,
            "account_id": grant.account_id,
            "client_id": grant.client_id,
            "session_sid": grant.session_sid,
            "scope": " ".join(grant.scopes),
            "resources": list(grant.resources),
            "claims": dict(grant.claims),
            "details": [dict(detail) for detail in grant.details],
            "aal": grant.aal,
            "amr": list(grant.amr),
            "auth_time": grant.auth_time,
            "is_offline": grant.is_offline,
            "created_at": grant.created_at,
            "expires_at": grant.expires_at,
            "revoked_at": None,
            "revoked_reason": None,
            "code_digest": code and code.digest,
            "code_expires_at": code and code.expires_at,
            "redirect_uri": code and code.redirect_uri,
            "code_challenge": code and code.code_challenge,
            "nonce": code and code.nonce,
            "jkt": code and code.jkt,
            "redeemed_at": None,
        }
        self.connection.execute(_INSERT, row)

    def find(self, grant_id: UUID) -> tuple[ClientGrant, GrantHolder] | None:
        return self.connection.read_one(
            _FIND, {"id": grant_id}, _held_of, name=("grant", grant_id.int)
        )

    def find_with_account(self, grant_id: UUID) -> tuple[ClientGrant, GrantHolder, Account] | None:
        def made(row: Any) -> tuple[ClientGrant, GrantHolder, Account] | None:
            if row.subject is None:
                return None
            return *_held_of(row), read_account(row._mapping, self.vault)

        return self.connection.read_one(
            _FIND_WITH_ACCOUNT, {"id": grant_id}, made, name=("grant with account", grant_id.int)
        )

    def find_code(self, digest: bytes) -> tuple[AuthorizationCode, ClientGrant, GrantHolder] | None:
        row = self.connection.execute(_FIND_CODE, {"digest": digest}).first()
        if row is None:
            return None
        code = AuthorizationCode(
            digest=row.g_code_digest,
            expires_at=row.g_code_expires_at,
            redirect_uri=row.g_redirect_uri,
            code_challenge=row.g_code_challenge,
            nonce=row.g_nonce,
            jkt=row.g_jkt,
            redeemed_at=row.g_redeemed_at,
        )
        return code, _grant_of(row), _holder_of(row)

    def redeem_code(self, digest: bytes, now: int) -> bool:
        return bool(self.connection.execute(_REDEEM, {"which": digest, "now": now}).rowcount == 1)

    def revoke(self, grant_id: UUID, now: int, *, reason: str) -> bool:
        given = {"which": grant_id, "now": now, "reason": reason}
        return bool(self.connection.execute(_REVOKE, given).rowcount == 1)

    def revoke_for_client(self, account_id: UUID, client_id: str, now: int, *, reason: str) -> None:
        given = {"who": account_id, "whom": client_id, "now": now, "reason": reason}
        self.connection.execute(_REVOKE_FOR_CLIENT, given)

    def revoke_for_account(
        self, account_id: UUID, now: int, *, reason: str, except_sid: str | None = None
    ) -> None:
        given = {"who": account_id, "now": now, "reason": reason}
        if except_sid is None:
            self.connection.execute(_REVOKE_FOR_ACCOUNT, given)
        else:
            self.connection.execute(_REVOKE_FOR_ACCOUNT_BUT, {**given, "kept": except_sid})

    def revoke_for_session(self, sid: str, now: int, *, reason: str) -> None:
        given = {"which": sid, "now": now, "reason": reason}
        self.connection.execute(_REVOKE_FOR_SESSION, given)

    def clients_of_session(self, sid: str) -> Sequence[str]:
        return tuple(self.connection.execute(_CLIENTS_OF_SESSION, {"sid": sid}).scalars())

    def last_used(self, account_id: UUID) -> Mapping[str, int]:
        rows = self.connection.execute(_LAST_USED, {"account_id": account_id})
        return {row[0]: row[1] for row in rows}

    def access_of(self, account_id: UUID, now: int) -> Mapping[str, frozenset[str]]:
        given = {"account_id": account_id, "now": now}
        found: dict[str, frozenset[str]] = {}
        for client_id, scope in self.connection.execute(_ACCESS_OF, given):
            found[client_id] = found.get(client_id, frozenset()) | frozenset(scope.split())
        return found


def _grant_of(row: Any) -> ClientGrant:
    return ClientGrant(
        id=row.g_id,
        client_id=row.g_client_id,
        account_id=row.g_account_id,
        session_sid=row.g_session_sid,
        scopes=tuple(row.g_scope.split()),
        created_at=row.g_created_at,
        expires_at=row.g_expires_at,
        resources=tuple(row.g_resources),
        claims=row.g_claims,
        details=tuple(row.g_details),
        aal=row.g_aal,
        amr=tuple(row.g_amr),
        auth_time=row.g_auth_time,
        is_offline=row.g_is_offline,
        revoked_at=row.g_revoked_at,
    )


def _held_of(row: Any) -> tuple[ClientGrant, GrantHolder]:
    return _grant_of(row), _holder_of(row)


def _holder_of(row: Any) -> GrantHolder:
    usable = row.h_status is not None and AccountStatus(row.h_status) in USABLE
    return GrantHolder(row.h_subject or "", row.h_ial or 0, usable, row.h_until or 0)


@dataclass(frozen=True, slots=True)
class SqlRefreshFamilies:
    """Implements `idp.ports.store.RefreshFamilies`."""

    connection: KeptConnection

    def add(self, family: RefreshFamily) -> None:
        self.connection.execute(
            _INSERT_FAMILY,
            {
                "id": family.id,
                "grant_id": family.grant_id,
                "generation": family.generation,
                "rotated_at": family.rotated_at,
                "jkt": family.confirmation.jkt,
                "x5t": family.confirmation.x5t,
                "scope": " ".join(family.scopes),
                "resources": list(family.resources),
                "issued_at": family.issued_at,
                "idle_expires_at": family.idle_expires_at,
                "expires_at": family.expires_at,
            },
        )

    def find(self, family_id: UUID) -> tuple[RefreshFamily, ClientGrant, GrantHolder] | None:
        return self.connection.read_one(
            _FIND_FAMILY, {"id": family_id}, _family_of, name=("family", family_id.int)
        )

    def rotate(self, family_id: UUID, *, generation: int, now: int, idle_until: int) -> bool:
        given = {"which": family_id, "was": generation, "now": now, "idle": idle_until}
        return bool(self.connection.execute(_ROTATE, given).rowcount == 1)


def _family_of(row: Any) -> tuple[RefreshFamily, ClientGrant, GrantHolder]:
    family = RefreshFamily(
        id=row.f_id,
        grant_id=row.f_grant_id,
        generation=row.f_generation,
        rotated_at=row.f_rotated_at,
        confirmation=Confirmation(row.f_jkt, row.f_x5t),
        scopes=tuple(row.f_scope.split()),
        resources=tuple(row.f_resources),
        issued_at=row.f_issued_at,
        idle_expires_at=row.f_idle_expires_at,
        expires_at=row.f_expires_at,
    )
    return family, *_held_of(row)


@dataclass(frozen=True, slots=True)
class SqlRevokedTokens:
    """Implements `idp.ports.store.RevokedTokens`."""

    connection: Connection

    def add(self, digest: bytes, expires_at: int) -> None:
        given = {"digest": digest, "expires_at": expires_at}
        self.connection.execute(_ADD_REVOKED.on(self.connection), given)

    def contains(self, digest: bytes) -> bool:
        return self.connection.execute(_FIND_REVOKED, {"digest": digest}).first() is not None


@dataclass(frozen=True, slots=True)
class SqlOpaqueTokens:
    """Implements `idp.ports.store.OpaqueTokens`."""

    connection: Connection

    def add(
        self,
        digest: bytes,
        claims: Mapping[str, object],
        *,
        grant_id: UUID | None,
        expires_at: int,
    ) -> None:
        row = {
            "digest": digest,
            "grant_id": grant_id,
            "body": dict(claims),
            "expires_at": expires_at,
        }
        self.connection.execute(_ADD_OPAQUE, row)

    def find(self, digest: bytes) -> Mapping[str, object] | None:
        row = self.connection.execute(_FIND_OPAQUE, {"digest": digest}).first()
        return None if row is None else row.body
