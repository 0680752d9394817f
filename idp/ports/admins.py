"""Keeping admins, their factors and sessions, and what waits for a second pair of eyes."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from idp.domain.identity.admin import (
    Admin,
    AdminInvitation,
    AdminSession,
)
from idp.domain.identity.approval import ApprovalRequest
from idp.domain.identity.email import EmailAddress


class Admins(Protocol):
    """People of the console and the links that let them in."""

    def find(self, admin_id: UUID) -> Admin | None: ...
    def find_by_email(self, email: EmailAddress) -> Admin | None: ...
    def list_all(self) -> Sequence[Admin]:
        """Return everybody, in the order in which they came."""

    def add(self, admin: Admin) -> None:
        """Keep a new one; `Conflict("admin")` where somebody has the address."""

    def update(self, admin: Admin) -> Admin:
        """Write every field if the version is still that one; `Conflict("version")` otherwise."""

    def note_seen(self, admin_id: UUID, now: int) -> None: ...
    def add_invitation(self, invitation: AdminInvitation) -> None: ...
    def find_invitation(self, digest: bytes) -> AdminInvitation | None: ...
    def use_invitation(self, digest: bytes, now: int) -> bool:
        """Spend one; `False` if another was first."""

    def close_invitations(self, admin_id: UUID, now: int) -> None:
        """Spend every open one of a person."""


class AdminSessions(Protocol):
    """Browsers in which admins signed in."""

    def add(self, session: AdminSession) -> None: ...
    def find(self, digest: bytes) -> tuple[AdminSession, Admin] | None: ...
    def renew(self, session: AdminSession) -> bool:
        """Write cookie, step, factor and times of the session with this `sid` if it lasts."""

    def touch(self, digest: bytes, now: int) -> None: ...
    def end(self, sid: str, now: int) -> bool: ...
    def list_unended(self, admin_id: UUID) -> Sequence[AdminSession]: ...


class Approvals(Protocol):
    """What waits for a second person; nothing of a request ever changes but its outcome."""

    def add(self, request: ApprovalRequest) -> None: ...
    def find(self, request_id: UUID) -> ApprovalRequest | None: ...
    def list_for(self, kind: str, subject: str) -> Sequence[ApprovalRequest]:
        """Return those about one thing that nobody decided."""

    def list_waiting(self) -> Sequence[ApprovalRequest]:
        """Return those that nobody decided, the oldest first; some may have expired."""

    def list_latest(
        self, limit: int, *, now: int, author_id: UUID | None = None
    ) -> Sequence[ApprovalRequest]:
        """Return the newest that are over."""

    def decide(self, request: ApprovalRequest, now: int) -> bool:
        """Write an outcome; `False` if another was first, or it expired."""
