"""Teams, their portals and releases, and what is counted of their clients."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from idp.domain.identity.account import Account
from idp.domain.identity.release import Approval, Release
from idp.domain.identity.team import Invitation, Membership, Team, TeamRole
from idp.domain.protocol.client import Client
from idp.domain.protocol.traffic import SeenRequest


@dataclass(frozen=True, slots=True)
class TeamPortal:
    """What a team calls a portal: a client for trying out, and one in production once it is live.

    `kind`, `library`: words of the wizard, for the guide that the team sees.
    """

    id: UUID
    team_id: UUID
    sandbox_client_id: str
    kind: str
    library: str
    created_at: int
    live_client_id: str | None = None
    retired_at: int | None = None

    @property
    def client_ids(self) -> tuple[str, ...]:
        """Every client that belongs to it."""
        live = () if self.live_client_id is None else (self.live_client_id,)
        return (self.sandbox_client_id, *live)


@dataclass(frozen=True, slots=True)
class EndedPortal:
    """A portal that was given up, or that an officer deleted. `client`: what it was."""

    portal: TeamPortal
    client: Client
    ended_at: int


class Teams(Protocol):
    """Teams, who is in them, and who was invited."""

    def add(self, team: Team) -> None: ...
    def find(self, team_id: UUID) -> Team | None: ...
    def rename(self, team_id: UUID, name: str) -> None: ...
    def list_of(self, account_id: UUID) -> Sequence[tuple[Team, Membership]]:
        """Return the teams of a person, oldest first."""

    def hold(self, team_id: UUID) -> None:
        """Keep others from changing who is in a team until the transaction ends."""

    def membership(self, team_id: UUID, account_id: UUID) -> Membership | None: ...
    def membership_of_client(self, client_id: str, account_id: UUID) -> Membership | None:
        """Return what a person is in the team that a client belongs to: one statement."""

    def members(self, team_id: UUID) -> Sequence[tuple[Membership, Account]]:
        """Return who is in a team, the first one first."""

    def put_member(self, membership: Membership) -> None: ...
    def set_role(self, team_id: UUID, account_id: UUID, role: TeamRole) -> bool: ...
    def drop_member(self, team_id: UUID, account_id: UUID) -> bool: ...
    def add_invitation(self, invitation: Invitation) -> None: ...
    def find_invitation(self, digest: bytes) -> Invitation | None: ...
    def list_invitations(self, team_id: UUID, now: int) -> Sequence[Invitation]:
        """Return those that still let somebody in."""

    def use_invitation(self, invitation_id: UUID, now: int) -> bool:
        """Spend one; `False` if it was used, taken back or over."""


class TeamPortals(Protocol):
    """Portals of teams, and their releases."""

    def add(self, portal: TeamPortal) -> None: ...
    def find(self, portal_id: UUID) -> TeamPortal | None: ...
    def find_by_client(self, client_id: str) -> TeamPortal | None: ...
    def list_of(self, team_ids: Iterable[UUID]) -> Sequence[TeamPortal]: ...
    def list_ended(self, team_ids: Iterable[UUID], *, limit: int) -> Sequence[EndedPortal]:
        """Return the portals whose sandbox client is no more, the newest end first."""

    def set_live(self, portal_id: UUID, client_id: str) -> bool:
        """Name the client in production, once; `False` if there is one."""

    def retire(self, portal_id: UUID, now: int) -> None: ...
    def add_release(self, release: Release) -> None: ...
    def find_release(self, release_id: UUID) -> Release | None: ...
    def releases(self, portal_id: UUID) -> Sequence[Release]:
        """Return a portal's releases with their approvals, newest first."""

    def list_submitted(
        self, *, after: tuple[int, UUID] | None, limit: int
    ) -> Sequence[tuple[Release, TeamPortal, Team]]:
        """Return what waits for officers, oldest first."""

    def count_submitted(self) -> int: ...
    def update_release(self, release: Release) -> Release:
        """Write it if the version is still that one; `Conflict("version")` otherwise."""

    def add_approval(self, release_id: UUID, approval: Approval) -> bool:
        """Keep an officer's yes; `False` if they gave it before for the same thing."""


@dataclass(frozen=True, slots=True)
class Expiring:
    """A secret or key that ends. `what`: tells it apart from the client's others."""

    client_id: str
    what: str
    ends_at: int


class Traffic(Protocol):
    """Counts and redacted requests, by client."""

    def add_counts(self, counts: Mapping[tuple[str, int, str], int]) -> None:
        """Add to totals by client, day and kind."""

    def add_requests(self, requests: Sequence[SeenRequest]) -> None:
        """Keep requests, oldest first, and drop what is beyond each client's share."""

    def counts(self, client_id: str, since_day: int) -> Mapping[tuple[int, str], int]:
        """Return totals by day and kind."""

    def total(self, client_id: str, kind: str) -> int: ...
    def requests(self, client_id: str, *, limit: int) -> Sequence[SeenRequest]:
        """Return the newest first."""

    def expiring_secrets(self, since: int, until: int) -> Sequence[Expiring]:
        """Return the secrets of active and stopped clients that end in a span."""

    def noted_keys(self, now: int) -> Sequence[Expiring]:
        """Return the keys of which somebody was told and that have not ended, the first first."""

    def note_expiry(self, expiring: Expiring, days: int) -> bool:
        """Note that somebody was told; `False` if they were before."""
