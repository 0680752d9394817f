"""Admins: people with a place in the console, their factors, their sessions.

They are no citizens here: an admin has an account of its own, a second factor always, and short
sessions (`security.md` AD-1, SE-3).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.audit import Actor, Origin
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.factors import PASSKEY
from idp.domain.identity.limits import Limit
from idp.domain.identity.roles import Permission, Role, needs_passkey, permissions_of
from idp.domain.identity.session import FRESH_SECONDS, SessionLimits

#: How long an invitation, or a reset of a lost factor, can be opened.
INVITATION_SECONDS: Final = 1800
#: How long somebody may take from the password to the second factor.
HALF_SECONDS: Final = 600
NAME_MAX: Final = 80

SESSION_LIMITS: Final = SessionLimits(idle=900, absolute=8 * 3600)

#: Each try counts before anything is compared, and is given back where it proved right.
TRIES_OF_ADMIN: Final = Limit("admin.account", 5, 900, "admin.throttled")
TRIES_OF_NETWORK: Final = Limit("admin.network", 20, 900, "admin.throttled")
FACTORS_OF_ADMIN: Final = Limit("admin.factor", 5, 900, "admin.throttled")


def read_admin_name(text: str) -> str:
    """Return the name that other admins read; refuses with `admin_name.required`, `.long`."""
    name = " ".join(text.split())
    if not name:
        raise Refused("admin_name.required")
    if len(name) > NAME_MAX:
        raise Refused("admin_name.long", maximum=NAME_MAX)
    return name


class AdminStatus(StrEnum):
    """`INVITED`: has not opened the link yet."""

    INVITED = "invited"
    ACTIVE = "active"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Admin:
    """One person of the console; `version` guards edits."""

    id: UUID
    email: EmailAddress
    status: AdminStatus
    roles: tuple[Role, ...]
    created_at: int
    changed_at: int
    name: str = field(default="", repr=False)
    password_hash: str | None = field(default=None, repr=False)
    password_changed_at: int | None = None
    last_seen_at: int | None = None
    locale: str = "id"
    version: int = 1

    @property
    def is_active(self) -> bool:
        """Whether this person may be in the console at all."""
        return self.status is AdminStatus.ACTIVE

    @property
    def needs_passkey(self) -> bool:
        """Whether nothing less than a passkey opens one of this person's roles."""
        return needs_passkey(self.roles)

    @property
    def shown_name(self) -> str:
        """What other admins read: the name, or the masked address of somebody who has none yet."""
        return self.name or self.email.masked


class InvitationPurpose(StrEnum):
    """`JOIN`: the first time. `RESET`: a lost password or factor, by another administrator."""

    JOIN = "join"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class AdminInvitation:
    """A link that is good once; `digest` of its secret. `invited_by`: `None` for an operator."""

    digest: bytes
    admin_id: UUID
    purpose: InvitationPurpose
    created_at: int
    expires_at: int
    invited_by: UUID | None = None
    used_at: int | None = None

    def is_open(self, now: int) -> bool:
        """Return whether the link still does something."""
        return self.used_at is None and now < self.expires_at


class AdminStep(StrEnum):
    """How far a sign-in came. `PASSWORD`: the second factor is missing, no page opens."""

    PASSWORD = "password"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class AdminSession:
    """A browser in which an admin signed in.

    `digest`: SHA-256 of the cookie. `factor`: `totp`, `passkey` or `recovery`, empty before it.
    `fresh_at`: the last time that a factor was shown. `device`: readable; `network`: truncated.
    """

    digest: bytes
    sid: str
    admin_id: UUID
    step: AdminStep
    factor: str
    created_at: int
    seen_at: int
    fresh_at: int
    expires_at: int
    device: str
    network: str
    ended_at: int | None = None

    def is_alive(self, now: int) -> bool:
        """Return whether the session still counts."""
        if self.ended_at is not None or now >= self.expires_at:
            return False
        return now - self.seen_at <= SESSION_LIMITS.idle

    @property
    def ends_at(self) -> int:
        """When the session ends unless it is used again."""
        return min(self.expires_at, self.seen_at + SESSION_LIMITS.idle)

    def is_fresh(self, now: int) -> bool:
        """Return whether the last factor is recent enough for a dangerous act."""
        return now - self.fresh_at <= FRESH_SECONDS


@dataclass(frozen=True, slots=True)
class AdminHere:
    """Who is signed in in a browser, and by what.

    The highest role counts only in a session that a passkey opened (AD-1).
    """

    admin: Admin
    session: AdminSession

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that count in this session."""
        if self.session.factor == PASSKEY:
            return self.admin.roles
        return tuple(role for role in self.admin.roles if not needs_passkey([role]))

    @property
    def lacks_passkey(self) -> bool:
        """Whether a role sleeps because no passkey opened this session."""
        return len(self.roles) < len(self.admin.roles)

    @property
    def permissions(self) -> frozenset[Permission]:
        """All that this person may do here; what everybody may is left to a sleeping role too."""
        found = permissions_of(self.roles)
        return found | {Permission.CONSOLE_USE} if self.admin.roles else found

    def actor(self, origin: Origin) -> Actor:
        """Return who acts, for the audit; an admin's name there is the id."""
        return Actor("admin", str(self.admin.id), origin, self.admin.id)

    def may(self, permission: Permission) -> bool:
        """Return whether this person may do something in this session."""
        return (
            self.admin.is_active
            and self.session.step is AdminStep.FULL
            and permission in self.permissions
        )
