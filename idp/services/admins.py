"""Admins: let in by a link that is good once, listed, suspended (`security.md` AD-1, AU-15)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.admin import (
    INVITATION_SECONDS,
    Admin,
    AdminInvitation,
    AdminStatus,
    InvitationPurpose,
)
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.roles import Role
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.admin_sessions import AdminSessionService
from idp.services.messages import LetterKind, MessageService


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody who may come in; `secret` of the link, told this once."""

    admin: Admin
    secret: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class AdminService:
    """`parse_email`: the edge's reading of an address."""

    store: Store
    clock: Clock
    entropy: Entropy
    messages: MessageService
    sessions: AdminSessionService
    parse_email: Callable[[str], EmailAddress]

    def invite(self, email: str, roles: Sequence[Role], actor: Actor) -> Invited:
        """Let somebody join with these roles; a second invitation ends the link of the first.

        Refuses with `email.invalid`, or `admin.exists` where they joined already.
        """
        try:
            with self.store.write() as tx:
                return self.invite_in(self.parse_email(email), roles, actor, tx=tx)
        except Conflict as conflict:
            raise Refused("admin.exists") from conflict

    def invite_in(
        self, email: EmailAddress, roles: Sequence[Role], actor: Actor, *, tx: Transaction
    ) -> Invited:
        """Do the same inside a caller's transaction, which may end with `Conflict`."""
        now = self.clock.now()
        known = tx.admins.find_by_email(email)
        if known is not None and known.status is not AdminStatus.INVITED:
            raise Refused("admin.exists")
        if known is None:
            admin = Admin(
                id=self.entropy.uuid7(self.clock.now_ms()),
                email=email,
                status=AdminStatus.INVITED,
                roles=tuple(roles),
                created_at=now,
                changed_at=now,
            )
            tx.admins.add(admin)
        else:
            admin = tx.admins.update(replace(known, roles=tuple(roles), changed_at=now))
        invited = self._open_link(admin, InvitationPurpose.JOIN, actor, tx=tx)
        _record(tx, Action.ADMIN_INVITED, admin, actor, now)
        return invited

    def reset(self, admin_id: UUID, actor: Actor, reason: str = "") -> Invited:
        """Let somebody who lost a factor set everything anew; what they have ends at once.

        Where an admin does it, the link goes by letter to its owner.

        Refuses with `admin.unknown`, or `admin.own` for oneself.
        """
        now = self.clock.now()
        if admin_id == actor.id:
            raise Refused("admin.own")
        with self.store.write() as tx:
            admin = get_admin(tx, admin_id)
            if admin.status is AdminStatus.SUSPENDED:
                raise Refused("admin.suspended")
            tx.admin_factors.drop_all(admin.id)
            changed = replace(admin, password_hash=None, changed_at=now)
            admin = tx.admins.update(changed)
            self.sessions.end_all_in(admin.id, actor, reason="reset", now=now, tx=tx)
            invited = self._open_link(admin, InvitationPurpose.RESET, actor, tx=tx)
            _record(tx, Action.ADMIN_RESET, admin, actor, now, reason)
            if actor.id is not None:
                # whoever holds the link becomes this person: no other admin sees it
                self.messages.letter(
                    LetterKind.ADMIN_RESET,
                    admin.email,
                    locale=admin.locale,
                    tx=tx,
                    secret=invited.secret,
                )
            return invited

    def list_all(self) -> Sequence[Admin]:
        """Return everybody."""
        with self.store.read() as tx:
            return tx.admins.list_all()

    def get(self, admin_id: UUID) -> Admin:
        """Return somebody; refuses with `admin.unknown`."""
        with self.store.read() as tx:
            return get_admin(tx, admin_id)

    def get_by_email(self, email: str) -> Admin:
        """Return who has an address; refuses with `email.invalid` or `admin.unknown`."""
        with self.store.read() as tx:
            admin = tx.admins.find_by_email(self.parse_email(email))
        if admin is None:
            raise Refused("admin.unknown")
        return admin

    def suspend(self, admin_id: UUID, actor: Actor, reason: str = "") -> Admin:
        """Shut somebody out at once: sessions and links end.

        Refuses with `admin.unknown`, or `admin.own` for oneself.
        """
        now = self.clock.now()
        if admin_id == actor.id:
            raise Refused("admin.own")
        with self.store.write() as tx:
            admin = get_admin(tx, admin_id)
            changed = replace(admin, status=AdminStatus.SUSPENDED, changed_at=now)
            admin = tx.admins.update(changed)
            tx.admins.close_invitations(admin.id, now)
            self.sessions.end_all_in(admin.id, actor, reason="suspended", now=now, tx=tx)
            _record(tx, Action.ADMIN_SUSPENDED, admin, actor, now, reason)
            return admin

    def resume(self, admin_id: UUID, actor: Actor, reason: str = "") -> Admin:
        """Let somebody in again who was suspended, with the factors that they had.

        Refuses with `admin.unknown`, or `admin.own` for oneself.
        """
        now = self.clock.now()
        if admin_id == actor.id:
            raise Refused("admin.own")
        with self.store.write() as tx:
            admin = get_admin(tx, admin_id)
            if admin.status is not AdminStatus.SUSPENDED:
                return admin
            joined = admin.password_hash is not None
            status = AdminStatus.ACTIVE if joined else AdminStatus.INVITED
            admin = tx.admins.update(replace(admin, status=status, changed_at=now))
            _record(tx, Action.ADMIN_RESUMED, admin, actor, now, reason)
            return admin

    def _open_link(
        self, admin: Admin, purpose: InvitationPurpose, actor: Actor, *, tx: Transaction
    ) -> Invited:
        now = self.clock.now()
        secret = self.entropy.token()
        tx.admins.close_invitations(admin.id, now)
        expires_at = now + INVITATION_SECONDS
        tx.admins.add_invitation(
            AdminInvitation(
                digest=digest_of(secret),
                admin_id=admin.id,
                purpose=purpose,
                created_at=now,
                expires_at=expires_at,
                invited_by=actor.id,
            )
        )
        return Invited(admin, secret, expires_at)


def get_admin(tx: Transaction, admin_id: UUID) -> Admin:
    """Return somebody of the console; refuses with `admin.unknown`."""
    admin = tx.admins.find(admin_id)
    if admin is None:
        raise Refused("admin.unknown")
    return admin


def _record(
    tx: Transaction, action: Action, admin: Admin, actor: Actor, now: int, reason: str = ""
) -> None:
    details: dict[str, object] = {"admin": admin.id.hex, "roles": list(admin.roles)}
    if reason:
        details["reason"] = reason
    tx.audit.record(
        AuditEvent(
            action,
            now,
            actor=actor.kind,
            actor_id=actor.id,
            origin=actor.origin,
            object_id=admin.id.hex,
            details=details,
        )
    )
