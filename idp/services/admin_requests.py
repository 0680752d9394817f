"""What administrators ask a second person for: letting somebody in, and changing roles (AD-3)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.admin import Admin
from idp.domain.identity.approval import Change
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.roles import Role, parse_roles
from idp.ports.clock import Clock
from idp.ports.store import Transaction
from idp.services.admin_sessions import AdminSessionService
from idp.services.admins import AdminService, get_admin
from idp.services.messages import LetterKind, MessageService

INVITE: Final = "admin.invite"
ROLES: Final = "admin.roles"


def invite_payload(email: EmailAddress, roles: Sequence[Role]) -> dict[str, Any]:
    """Return what a request to let somebody in holds."""
    return {"email": email.address, "roles": list(roles)}


def roles_payload(admin: Admin, roles: Sequence[Role]) -> dict[str, Any]:
    """Return what a request to change somebody's roles holds; it is about this version of them.

    Refuses with `role.same` where they have these already.
    """
    if tuple(roles) == admin.roles:
        raise Refused("role.same")
    return {"admin": admin.id.hex, "version": admin.version, "roles": list(roles)}


@dataclass(frozen=True, slots=True)
class InviteExecutor:
    """Implements `idp.services.approvals.Executor`: the link goes to its address alone."""

    admins: AdminService
    messages: MessageService
    parse_email: Callable[[str], EmailAddress]
    kind: str = INVITE

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        del tx
        return (
            Change("email", "", payload["email"]),
            Change("roles", "", ",".join(payload["roles"])),
        )

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        del approver  # the decision is an event of its own
        email = self.parse_email(payload["email"])
        roles = parse_roles(payload["roles"])
        invited = self.admins.invite_in(email, roles, author, tx=tx)
        self.messages.letter(
            LetterKind.ADMIN_INVITED, email, locale="id", tx=tx, secret=invited.secret
        )

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Nothing waits for the commit."""


@dataclass(frozen=True, slots=True)
class RolesExecutor:
    """Implements `idp.services.approvals.Executor`: sessions end, so that no old right lives on."""

    clock: Clock
    sessions: AdminSessionService
    kind: str = ROLES

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        admin = tx.admins.find(UUID(payload["admin"]))
        if admin is None:
            return ()
        before = ",".join(admin.roles)
        return (
            Change("admin", admin.shown_name, admin.shown_name),
            Change("roles", before, ",".join(payload["roles"])),
        )

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        now = self.clock.now()
        admin = get_admin(tx, UUID(payload["admin"]))
        if admin.version != payload["version"]:
            raise Refused("approval.outdated")
        if admin.id == approver.id:
            # nobody lets their own rights grow, even where somebody else asked for it
            raise Refused("approval.own")
        changed = tx.admins.update(
            replace(admin, roles=parse_roles(payload["roles"]), changed_at=now)
        )
        self.sessions.end_all_in(admin.id, author, reason="roles_changed", now=now, tx=tx)
        tx.audit.record(
            AuditEvent(
                Action.ADMIN_ROLES_CHANGED,
                now,
                actor=author.kind,
                actor_id=author.id,
                origin=author.origin,
                object_id=admin.id.hex,
                details={
                    "admin": admin.id.hex,
                    "before": list(admin.roles),
                    "roles": list(changed.roles),
                    "approved_by": approver.name,
                },
            )
        )

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Nothing waits for the commit."""
