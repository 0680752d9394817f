"""Keeping admins, their factors and sessions, and what waits for a second pair of eyes."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from idp.domain.identity.admin import (
    Admin,
    AdminInvitation,
    AdminPasskey,
    AdminSession,
    TotpFactor,
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


class AdminFactors(Protocol):
    """What admins prove themselves by, beside the password."""

    def find_totp(self, admin_id: UUID) -> TotpFactor | None: ...
    def put_totp(self, factor: TotpFactor) -> None:
        """Keep it in the place of any other."""

    def drop_totp(self, admin_id: UUID) -> bool: ...
    def spend_step(self, admin_id: UUID, step: int) -> bool:
        """Note a time step as used; `False` if it, or a later one, was used before."""

    def list_passkeys(self, admin_id: UUID) -> Sequence[AdminPasskey]: ...
    def add_passkey(self, passkey: AdminPasskey) -> None:
        """Keep a new one; `Conflict("passkey")` where it is somebody's."""

    def note_use(self, passkey_id: UUID, *, sign_count: int, now: int) -> None: ...
    def drop_passkey(self, admin_id: UUID, passkey_id: UUID) -> bool: ...
    def put_recovery_codes(self, admin_id: UUID, digests: Sequence[bytes]) -> None:
        """Keep these in the place of all others."""

    def count_recovery_codes(self, admin_id: UUID) -> int: ...
    def use_recovery_code(self, admin_id: UUID, digest: bytes, now: int) -> bool: ...
    def drop_all(self, admin_id: UUID) -> None:
        """Forget every factor and code of a person."""


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
