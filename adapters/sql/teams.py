"""Teams, members and invitations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.accounts import ACCOUNT_COLUMNS, read_account
from adapters.sql.upserts import first_only
from idp.domain.identity.account import Account
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.team import Invitation, Membership, Team, TeamRole
from idp.ports.vault import Place, Vault

_team = tables.team
_member = tables.team_member
_invitation = tables.team_invitation
_portal = tables.team_portal

_INSERT: Final = sa.insert(_team)
_FIND: Final = sa.select(_team).where(_team.c.id == sa.bindparam("which"))
_RENAME: Final = (
    sa.update(_team).where(_team.c.id == sa.bindparam("which")).values(name=sa.bindparam("new"))
)
# an update that changes nothing locks the row on PostgreSQL; SQLite has one writer anyway
_HOLD: Final = sa.update(_team).where(_team.c.id == sa.bindparam("which")).values(name=_team.c.name)
_LIST_OF: Final = (
    sa.select(_team, _member.c.account_id, _member.c.role, _member.c.joined_at)
    .join(_member, _member.c.team_id == _team.c.id)
    .where(_member.c.account_id == sa.bindparam("account"))
    .order_by(_team.c.created_at, _team.c.id)
)
_MEMBERSHIP: Final = sa.select(_member).where(
    _member.c.team_id == sa.bindparam("team"), _member.c.account_id == sa.bindparam("account")
)
_MEMBERSHIP_OF_CLIENT: Final = (
    sa.select(_member)
    .join(_portal, _portal.c.team_id == _member.c.team_id)
    .where(
        _member.c.account_id == sa.bindparam("account"),
        sa.or_(
            _portal.c.sandbox_client_id == sa.bindparam("client"),
            _portal.c.live_client_id == sa.bindparam("client"),
        ),
    )
)
_MEMBERS: Final = (
    sa.select(*(column.label(f"m_{column.name}") for column in _member.c), *ACCOUNT_COLUMNS)
    .join(tables.account, tables.account.c.id == _member.c.account_id)
    .where(_member.c.team_id == sa.bindparam("team"))
    .order_by(_member.c.joined_at, _member.c.account_id)
)
_PUT_MEMBER: Final = first_only(_member, "team_id", "account_id")
_SET_ROLE: Final = (
    sa.update(_member)
    .where(
        _member.c.team_id == sa.bindparam("team"), _member.c.account_id == sa.bindparam("account")
    )
    .values(role=sa.bindparam("new_role"))
)
_DROP_MEMBER: Final = sa.delete(_member).where(
    _member.c.team_id == sa.bindparam("team"), _member.c.account_id == sa.bindparam("account")
)
_INSERT_INVITATION: Final = sa.insert(_invitation)
_FIND_INVITATION: Final = sa.select(_invitation).where(
    _invitation.c.digest == sa.bindparam("digest")
)
_LIST_INVITATIONS: Final = (
    sa.select(_invitation)
    .where(
        _invitation.c.team_id == sa.bindparam("team"),
        _invitation.c.used_at.is_(None),
        _invitation.c.expires_at > sa.bindparam("now"),
    )
    .order_by(_invitation.c.id)
)
_USE_INVITATION: Final = (
    sa.update(_invitation)
    .where(
        _invitation.c.id == sa.bindparam("which"),
        _invitation.c.used_at.is_(None),
        _invitation.c.expires_at > sa.bindparam("now"),
    )
    .values(used_at=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class SqlTeams:
    """Implements `idp.ports.partners.Teams`; addresses of invitations are sealed."""

    connection: Connection
    vault: Vault

    def add(self, team: Team) -> None:
        self.connection.execute(
            _INSERT, {"id": team.id, "name": team.name, "created_at": team.created_at}
        )

    def find(self, team_id: UUID) -> Team | None:
        row = self.connection.execute(_FIND, {"which": team_id}).first()
        return None if row is None else _read_team(row)

    def rename(self, team_id: UUID, name: str) -> None:
        self.connection.execute(_RENAME, {"which": team_id, "new": name})

    def hold(self, team_id: UUID) -> None:
        self.connection.execute(_HOLD, {"which": team_id})

    def list_of(self, account_id: UUID) -> Sequence[tuple[Team, Membership]]:
        rows = self.connection.execute(_LIST_OF, {"account": account_id})
        return tuple(
            (_read_team(r), Membership(r.id, r.account_id, TeamRole(r.role), r.joined_at))
            for r in rows
        )

    def membership(self, team_id: UUID, account_id: UUID) -> Membership | None:
        return self._membership(_MEMBERSHIP, {"team": team_id, "account": account_id})

    def membership_of_client(self, client_id: str, account_id: UUID) -> Membership | None:
        given = {"client": client_id, "account": account_id}
        return self._membership(_MEMBERSHIP_OF_CLIENT, given)

    def members(self, team_id: UUID) -> Sequence[tuple[Membership, Account]]:
        rows = self.connection.execute(_MEMBERS, {"team": team_id})
        return tuple(
            (
                Membership(r.m_team_id, r.m_account_id, TeamRole(r.m_role), r.m_joined_at),
                read_account(r._mapping, self.vault),
            )
            for r in rows
        )

    def put_member(self, membership: Membership) -> None:
        self.connection.execute(
            _PUT_MEMBER.on(self.connection),
            {
                "team_id": membership.team_id,
                "account_id": membership.account_id,
                "role": membership.role,
                "joined_at": membership.joined_at,
            },
        )

    def set_role(self, team_id: UUID, account_id: UUID, role: TeamRole) -> bool:
        given = {"team": team_id, "account": account_id, "new_role": role}
        return self.connection.execute(_SET_ROLE, given).rowcount == 1

    def drop_member(self, team_id: UUID, account_id: UUID) -> bool:
        given = {"team": team_id, "account": account_id}
        return self.connection.execute(_DROP_MEMBER, given).rowcount == 1

    def add_invitation(self, invitation: Invitation) -> None:
        sealed = self.vault.seal(invitation.email.address.encode(), _place(invitation.id))
        self.connection.execute(
            _INSERT_INVITATION,
            {
                "id": invitation.id,
                "digest": invitation.digest,
                "team_id": invitation.team_id,
                "role": invitation.role,
                "email_sealed": sealed,
                "created_at": invitation.created_at,
                "expires_at": invitation.expires_at,
                "used_at": invitation.used_at,
            },
        )

    def find_invitation(self, digest: bytes) -> Invitation | None:
        row = self.connection.execute(_FIND_INVITATION, {"digest": digest}).first()
        return None if row is None else self._read_invitation(row)

    def list_invitations(self, team_id: UUID, now: int) -> Sequence[Invitation]:
        rows = self.connection.execute(_LIST_INVITATIONS, {"team": team_id, "now": now})
        return tuple(self._read_invitation(row) for row in rows)

    def use_invitation(self, invitation_id: UUID, now: int) -> bool:
        given = {"which": invitation_id, "now": now}
        return self.connection.execute(_USE_INVITATION, given).rowcount == 1

    def _membership(self, statement: sa.Select[Any], given: dict[str, object]) -> Membership | None:
        row = self.connection.execute(statement, given).first()
        if row is None:
            return None
        return Membership(row.team_id, row.account_id, TeamRole(row.role), row.joined_at)

    def _read_invitation(self, row: Any) -> Invitation:
        address = self.vault.open(row.email_sealed, _place(row.id)).decode()
        return Invitation(
            digest=row.digest,
            id=row.id,
            team_id=row.team_id,
            role=TeamRole(row.role),
            email=EmailAddress(address),
            created_at=row.created_at,
            expires_at=row.expires_at,
            used_at=row.used_at,
        )


def _read_team(row: Any) -> Team:
    return Team(row.id, row.name, row.created_at)


def _place(invitation_id: UUID) -> Place:
    return Place("team_invitation", "email_sealed", invitation_id.bytes)
