"""Teams of the partner space: made by a citizen, joined by a letter, never without an owner."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.limits import DAY, Hit, Limit
from idp.domain.identity.team import (
    INVITATION_SECONDS,
    MEMBERS_MAX,
    Invitation,
    Membership,
    Right,
    Team,
    TeamRole,
    check_right,
    check_stays_owned,
)
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.limits import LimitService
from idp.services.messages import LetterKind, MessageService

TEAMS_OF_ACCOUNT: Final = Limit("team.create", 5, DAY, "limit.tries")
INVITATIONS_OF_ACCOUNT: Final = Limit("team.invite", 20, DAY, "limit.tries")


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a team, as the others see them."""

    membership: Membership
    name: str
    email: EmailAddress | None


@dataclass(frozen=True, slots=True)
class TeamView:
    """A team as one of its members sees it. `invitations`: for those who may invite."""

    team: Team
    mine: Membership
    members: Sequence[Member]
    invitations: Sequence[Invitation]


@dataclass(frozen=True, slots=True)
class TeamService:
    """Every method checks what the person may do; strangers learn of no team."""

    store: Store
    clock: Clock
    entropy: Entropy
    limits: LimitService
    messages: MessageService

    def list_of(self, account_id: UUID) -> Sequence[tuple[Team, Membership]]:
        """Return the teams of a person, oldest first."""
        with self.store.read() as tx:
            return tx.teams.list_of(account_id)

    def get(self, team_id: UUID, account_id: UUID) -> TeamView:
        """Return a team; refuses with `team.unknown`."""
        now = self.clock.now()
        with self.store.read() as tx:
            mine = check_right(tx.teams.membership(team_id, account_id), Right.SEE)
            team = _found(tx, team_id)
            members = tx.teams.members(team_id)
            may_invite = mine.may(Right.INVITE)
            invitations = tx.teams.list_invitations(team_id, now) if may_invite else ()
        shown = [Member(one, account.person.name, account.email) for one, account in members]
        return TeamView(team, mine, shown, invitations)

    def create(self, account: Account, name: str, visitor: Visitor) -> Team:
        """Make a team whose owner is the person.

        Refuses with `team.email` where nothing could be sent to them, or `limit.tries`.
        """
        if account.verified_email is None:
            raise Refused("team.email")
        now = self.clock.now()
        team = Team(self.entropy.uuid7(self.clock.now_ms()), name, now)
        with self.store.write() as tx:
            self.limits.admit([Hit(TEAMS_OF_ACCOUNT, account.id.bytes)], visitor, tx=tx)
            tx.teams.add(team)
            tx.teams.put_member(Membership(team.id, account.id, TeamRole.OWNER, now))
            self._record(Action.TEAM_CREATED, team.id, account.id, visitor, tx=tx)
        return team

    def rename(self, team_id: UUID, account_id: UUID, name: str, visitor: Visitor) -> None:
        """Call a team otherwise; refuses with `team.unknown` or `team.right`."""
        with self.store.write() as tx:
            check_right(tx.teams.membership(team_id, account_id), Right.INVITE)
            tx.teams.rename(team_id, name)
            self._record(Action.TEAM_RENAMED, team_id, account_id, visitor, tx=tx)

    def invite(
        self,
        team_id: UUID,
        account: Account,
        email: EmailAddress,
        role: TeamRole,
        visitor: Visitor,
    ) -> None:
        """Send a letter by which whoever reads it joins, once, within seven days.

        Refuses with `team.unknown`, `team.right`, `team.member`, `team.full` or `limit.tries`.
        """
        now = self.clock.now()
        secret = self.entropy.token()
        invitation = Invitation(
            digest=digest_of(secret),
            id=self.entropy.uuid7(self.clock.now_ms()),
            team_id=team_id,
            role=role,
            email=email,
            created_at=now,
            expires_at=now + INVITATION_SECONDS,
        )
        with self.store.write() as tx:
            check_right(tx.teams.membership(team_id, account.id), Right.INVITE)
            self.limits.admit([Hit(INVITATIONS_OF_ACCOUNT, account.id.bytes)], visitor, tx=tx)
            members = tx.teams.members(team_id)
            if any(_has(other, email) for _, other in members):
                raise Refused("team.member")
            waiting = tx.teams.list_invitations(team_id, now)
            if len(members) + len(waiting) >= MEMBERS_MAX:
                raise Refused("team.full", maximum=MEMBERS_MAX)
            for older in waiting:
                if older.email.normalised == email.normalised:
                    tx.teams.use_invitation(older.id, now)
            tx.teams.add_invitation(invitation)
            self.messages.letter(
                LetterKind.TEAM_INVITATION,
                email,
                locale=account.locale,
                tx=tx,
                team=_found(tx, team_id).name,
                team_role=role,
                secret=secret,
            )
            self._record(Action.TEAM_INVITED, team_id, account.id, visitor, tx=tx, role=role)

    def uninvite(
        self, team_id: UUID, account_id: UUID, invitation_id: UUID, visitor: Visitor
    ) -> None:
        """Take an invitation back; one that is spent already stays so.

        Refuses with `team.unknown` or `team.right`.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            check_right(tx.teams.membership(team_id, account_id), Right.INVITE)
            waiting = {invitation.id for invitation in tx.teams.list_invitations(team_id, now)}
            if invitation_id in waiting and tx.teams.use_invitation(invitation_id, now):
                self._record(Action.TEAM_UNINVITED, team_id, account_id, visitor, tx=tx)

    def read_invitation(self, secret: str) -> tuple[Invitation, Team]:
        """Return what a link offers, without spending it; refuses with `team.invitation`."""
        with self.store.read() as tx:
            invitation = self._open(secret, tx=tx)
            return invitation, _found(tx, invitation.team_id)

    def accept(self, secret: str, account: Account, visitor: Visitor) -> Team:
        """Let the person into the team; whoever is in it keeps their role, and the letter its use.

        The owners are told. Refuses with `team.invitation` or `team.email`.
        """
        if account.verified_email is None:
            raise Refused("team.email")
        now = self.clock.now()
        with self.store.write() as tx:
            invitation = self._open(secret, tx=tx)
            team = _found(tx, invitation.team_id)
            if tx.teams.membership(team.id, account.id) is not None:
                return team
            if not tx.teams.use_invitation(invitation.id, now):
                raise Refused("team.invitation")
            owners = [o for m, o in tx.teams.members(team.id) if m.role is TeamRole.OWNER]
            tx.teams.put_member(Membership(team.id, account.id, invitation.role, now))
            for owner in owners:
                self.messages.notify(
                    owner,
                    LetterKind.TEAM_JOINED,
                    tx=tx,
                    team=team.name,
                    member=account.person.name,
                    team_role=invitation.role,
                )
            self._record(
                Action.TEAM_JOINED, team.id, account.id, visitor, tx=tx, role=invitation.role
            )
        return team

    def set_role(
        self, team_id: UUID, account_id: UUID, member_id: UUID, role: TeamRole, visitor: Visitor
    ) -> None:
        """Give a member another role.

        Refuses with `team.unknown`, `team.right`, `team.no_member` or `team.last_owner`.
        """
        with self.store.write() as tx:
            tx.teams.hold(team_id)
            check_right(tx.teams.membership(team_id, account_id), Right.INVITE)
            check_stays_owned(_memberships(tx, team_id), member_id, role)
            if not tx.teams.set_role(team_id, member_id, role):
                raise Refused("team.no_member")
            self._record(Action.TEAM_ROLE_CHANGED, team_id, member_id, visitor, tx=tx, role=role)

    def remove(self, team_id: UUID, account_id: UUID, member_id: UUID, visitor: Visitor) -> None:
        """Let a member go, or go oneself; what they signed in to for trying out ends.

        Refuses with `team.unknown`, `team.right`, `team.no_member` or `team.last_owner`.
        """
        now = self.clock.now()
        needed = Right.SEE if account_id == member_id else Right.INVITE
        with self.store.write() as tx:
            tx.teams.hold(team_id)
            check_right(tx.teams.membership(team_id, account_id), needed)
            check_stays_owned(_memberships(tx, team_id), member_id, None)
            if not tx.teams.drop_member(team_id, member_id):
                raise Refused("team.no_member")
            for portal in tx.team_portals.list_of([team_id]):
                tx.grants.revoke_for_client(
                    member_id, portal.sandbox_client_id, now, reason="left_team"
                )
            self._record(Action.TEAM_LEFT, team_id, member_id, visitor, tx=tx)

    def _open(self, secret: str, *, tx: Transaction) -> Invitation:
        invitation = tx.teams.find_invitation(digest_of(secret))
        if invitation is None or not invitation.is_open(self.clock.now()):
            raise Refused("team.invitation")
        return invitation

    def _record(
        self,
        action: Action,
        team_id: UUID,
        account_id: UUID,
        visitor: Visitor,
        *,
        tx: Transaction,
        **details: str,
    ) -> None:
        tx.audit.record(
            AuditEvent(
                action,
                self.clock.now(),
                account_id=account_id,
                origin=visitor.origin,
                object_id=team_id.hex,
                details=details,
            )
        )


def _found(tx: Transaction, team_id: UUID) -> Team:
    team = tx.teams.find(team_id)
    if team is None:
        raise Refused("team.unknown")
    return team


def _has(account: Account, email: EmailAddress) -> bool:
    known = account.verified_email
    return known is not None and known.normalised == email.normalised


def _memberships(tx: Transaction, team_id: UUID) -> list[Membership]:
    return [membership for membership, _ in tx.teams.members(team_id)]
