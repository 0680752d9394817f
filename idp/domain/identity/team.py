"""Teams of the partner space: who may do what with a portal that is not theirs alone.

A role is data; `RIGHTS` is the whole matrix, and every page names the right that it asks for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.email import EmailAddress

TEAM_NAME_MAX: Final = 80
#: A letter may lie over a weekend; an old one lets nobody in.
INVITATION_SECONDS: Final = 7 * 86400
MEMBERS_MAX: Final = 50
PORTALS_MAX: Final = 30


class TeamRole(StrEnum):
    """What somebody is in a team, the strongest first."""

    OWNER = "owner"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class Right(StrEnum):
    """What a role may allow."""

    SEE = "see"  # portals, figures, requests, members
    TRY = "try"  # run the sign-in tester on a sandbox client
    REGISTER = "register"  # a new sandbox client
    CHANGE = "change"  # a sandbox client and the draft for production
    RENEW_SECRET = "renew_secret"  # of a sandbox client
    SUBMIT = "submit"  # to review, and take back
    TAKE_LIVE = "take_live"  # an approved release, with its secret
    RENEW_LIVE_SECRET = "renew_live_secret"
    RETIRE = "retire"  # a portal, for good
    INVITE = "invite"  # members, change their role, let them go


_VIEWER: Final = frozenset({Right.SEE})
_DEVELOPER: Final = _VIEWER | {
    Right.TRY,
    Right.REGISTER,
    Right.CHANGE,
    Right.RENEW_SECRET,
    Right.SUBMIT,
}

RIGHTS: Final[Mapping[TeamRole, frozenset[Right]]] = {
    TeamRole.OWNER: frozenset(Right),
    TeamRole.DEVELOPER: _DEVELOPER,
    TeamRole.VIEWER: _VIEWER,
}


@dataclass(frozen=True, slots=True)
class Team:
    """Some people who look after portals together."""

    id: UUID
    name: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Membership:
    """One person in one team."""

    team_id: UUID
    account_id: UUID
    role: TeamRole
    joined_at: int

    def may(self, right: Right) -> bool:
        """Return whether the role allows it."""
        return right in RIGHTS[self.role]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A letter that lets whoever reads it join. `digest`: SHA-256 of the secret in its link."""

    digest: bytes = field(repr=False)
    id: UUID
    team_id: UUID
    role: TeamRole
    email: EmailAddress
    created_at: int
    expires_at: int
    used_at: int | None = None

    def is_open(self, now: int) -> bool:
        """Return whether it still lets somebody in."""
        return self.used_at is None and now < self.expires_at


def parse_team_name(text: str) -> str:
    """Return a name as it is kept; refuses with `team.name` or `team.name_long`."""
    name = " ".join(text.split())
    # it stands in letters to strangers: nothing that a mail program would make a link of
    is_link = "://" in name or "www." in name.lower()
    if is_link or not name.isprintable() or not any(letter.isalnum() for letter in name):
        raise Refused("team.name")
    if len(name) > TEAM_NAME_MAX:
        raise Refused("team.name_long", maximum=TEAM_NAME_MAX)
    return name


def parse_role(text: str) -> TeamRole:
    """Return a role by its word; refuses with `team.role`."""
    try:
        return TeamRole(text)
    except ValueError as error:
        raise Refused("team.role") from error


def check_right(membership: Membership | None, right: Right) -> Membership:
    """Return the membership if it allows `right`.

    Refuses with `team.unknown` for strangers, who must not learn what there is, else with
    `team.right`.
    """
    if membership is None:
        raise Refused("team.unknown")
    if not membership.may(right):
        raise Refused("team.right")
    return membership


def check_stays_owned(
    members: Sequence[Membership], account_id: UUID, role: TeamRole | None
) -> None:
    """Refuse with `team.last_owner` what would leave a team without an owner.

    `role`: what `account_id` is to become; `None` where they go.
    """
    owners = {member.account_id for member in members if member.role is TeamRole.OWNER}
    if owners == {account_id} and role is not TeamRole.OWNER:
        raise Refused("team.last_owner")
