"""Signing in to the console: a password, then always a second factor (`security.md` AD-1, AU-9).

A try is counted first, compared outside any transaction, and settled in a second write; whatever is
wrong, the answer is the same and comes no earlier than a floor.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Final

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.admin import (
    FACTORS_OF_ADMIN,
    TRIES_OF_ADMIN,
    TRIES_OF_NETWORK,
    Admin,
    AdminHere,
    AdminInvitation,
    AdminStatus,
    AdminStep,
    InvitationPurpose,
)
from idp.domain.identity.audit import Action, AuditEvent, Outcome
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.factors import PASSKEY, TOTP, TotpFactor
from idp.domain.identity.limits import Hit
from idp.domain.identity.password import personal_words
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.passwords import Busy, PasswordHasher
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.admin_sessions import AdminEntered, AdminSessionService
from idp.services.limits import LimitService
from idp.services.messages import LetterKind, MessageService
from idp.services.passwords import PasswordService
from idp.services.totp import SEED_BYTES, matching_step, spend_code

_SEEDS: Final = "admin-totp-seed"


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """A link that still does something. `seed`: what the app would be given through it."""

    admin: Admin
    invitation: AdminInvitation
    seed: bytes


@dataclass(frozen=True, slots=True)
class Joining:
    """What somebody sets through a link; `password`: normalised, `code`: of their app."""

    name: str
    password: str
    code: str


@dataclass(frozen=True, slots=True)
class AdminLoginService:
    """`floor_seconds`: no failure answers earlier. `passwords`: with the length of admins."""

    store: Store
    clock: Clock
    vault: Vault
    hasher: PasswordHasher
    limits: LimitService
    passwords: PasswordService
    sessions: AdminSessionService
    messages: MessageService
    parse_email: Callable[[str], EmailAddress]
    floor_seconds: float

    def sign_in(self, typed: str, password: str, visitor: Visitor) -> AdminEntered:
        """Take the first step; the session opens no page before the second.

        `password`: normalised. Refuses with `admin.failed` or `admin.throttled` (`until_at`,
        `seconds`); `Busy` where the lane is full.
        """
        began = self.clock.monotonic()
        email = self._read(typed)
        hits = self._hits(email, typed, visitor)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
            admin = tx.admins.find_by_email(email) if email is not None else None
        if self._is_right(admin, password, hits) and admin is not None:
            entered = self._begin_half(admin, hits, visitor)
            if entered is not None:
                self._rehash(admin, password)
                return entered
        with self.store.write() as tx:
            self.note_failure(admin, visitor, step="password", tx=tx)
        self.clock.sleep(self.floor_seconds - (self.clock.monotonic() - began))
        raise Refused("admin.failed")

    def _begin_half(
        self, admin: Admin, hits: Iterable[Hit], visitor: Visitor
    ) -> AdminEntered | None:
        """Begin a session, `None` where the password changed while it was compared."""
        with self.store.write() as tx:
            fresh = tx.admins.find(admin.id)
            if fresh is None or fresh.password_hash != admin.password_hash:
                return None
            self.limits.refund(hits, tx=tx)
            return self.sessions.begin_half(fresh, visitor, tx=tx)

    def enter_code(self, here: AdminHere, code: str, visitor: Visitor) -> AdminEntered:
        """Take the code of an authenticator app: a sign-in ends, or a session is fresh again.

        Refuses with `app.code`, `admin.throttled`, `admin.passkey_needed` where only a passkey
        freshens, or `admin.ended` where the session ended meanwhile.
        """
        if here.session.factor == PASSKEY:
            raise Refused("admin.passkey_needed")
        admin = here.admin
        with self.store.write() as tx:
            hits = (Hit(FACTORS_OF_ADMIN, admin.id.bytes),)
            self.limits.admit(hits, visitor, tx=tx)
            if not spend_code(tx.admin_factors, admin.id, code, now=self.clock.now()):
                self.note_failure(admin, visitor, step=TOTP, tx=tx)
                raise Refused("app.code", recorded=True)
            self.limits.refund(hits, tx=tx)
            return self.enter_in(here, TOTP, visitor, tx=tx)

    def enter_in(
        self, here: AdminHere, factor: str, visitor: Visitor, *, tx: Transaction
    ) -> AdminEntered:
        """Let a factor that proved right open or freshen a session, in a caller's transaction."""
        is_new = here.session.step is AdminStep.PASSWORD
        entered = self.sessions.raise_in(here, factor, tx=tx)
        if entered is None:
            raise Refused("admin.ended")
        action = Action.ADMIN_SIGNED_IN if is_new else Action.ADMIN_CONFIRMED
        self._record(action, here.admin, visitor, tx=tx, factor=factor)
        if is_new:
            tx.admins.note_seen(here.admin.id, self.clock.now())
        return entered

    def change_password(
        self, here: AdminHere, current: str, password: str, visitor: Visitor
    ) -> None:
        """Set another password; everything but this session ends.

        Both normalised. Refuses with `password.wrong`, `admin.throttled`, or the codes of a new
        password; `Busy` where the lane is full.
        """
        admin = here.admin
        hits = (Hit(FACTORS_OF_ADMIN, admin.id.bytes),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
        if not self._is_right(admin, current, hits):
            raise Refused("password.wrong")
        with self.store.write() as tx:
            self.limits.refund(hits, tx=tx)
        if password == current:
            raise Refused("password.same")
        self.passwords.check(password, personal_words(admin.name, email=admin.email))
        hashed = self.passwords.hash(password)
        now = self.clock.now()
        with self.store.write() as tx:
            changed = replace(admin, password_hash=hashed, password_changed_at=now, changed_at=now)
            tx.admins.update(changed)
            self.sessions.end_all_in(
                admin.id,
                here.actor(visitor.origin),
                reason="password_changed",
                now=now,
                tx=tx,
                kept_sid=here.session.sid,
            )
            self._record(Action.ADMIN_PASSWORD_CHANGED, admin, visitor, tx=tx)
            self.tell_of_change(admin, tx=tx)

    def tell_of_change(self, admin: Admin, *, tx: Transaction) -> None:
        """Tell somebody that their password or a factor changed (AU-14)."""
        now = self.clock.now()
        self.messages.letter(
            LetterKind.ADMIN_CHANGED, admin.email, locale=admin.locale, tx=tx, at=now
        )

    def open_invitation(self, secret: str) -> OpenInvitation:
        """Return what a link is for; it stays good. Refuses with `admin.link`."""
        with self.store.read() as tx:
            return self._open(secret, tx=tx)

    def join(self, secret: str, joining: Joining, visitor: Visitor) -> AdminEntered:
        """Set name, password and authenticator app through a link, and be signed in by them.

        Refuses with `admin.link`, `app.code`, `admin.throttled`, or the codes of a new password.
        """
        opened = self.open_invitation(secret)
        personal = personal_words(joining.name, email=opened.admin.email)
        self.passwords.check(joining.password, personal)
        now = self.clock.now()
        step = self._try_code(opened, joining.code, visitor)
        hashed = self.passwords.hash(joining.password)
        with self.store.write() as tx:
            opened = self.reopen(secret, tx=tx)
            tx.admin_factors.put_totp(TotpFactor(opened.admin.id, opened.seed, now, step))
            return self.settle(opened, joining.name, hashed, TOTP, visitor, tx=tx)

    def reopen(self, secret: str, *, tx: Transaction) -> OpenInvitation:
        """Return what a link is for, and spend it; refuses with `admin.link`."""
        opened = self._open(secret, tx=tx)
        if not tx.admins.use_invitation(opened.invitation.digest, self.clock.now()):
            raise Refused("admin.link")
        return opened

    def settle(
        self,
        opened: OpenInvitation,
        name: str,
        hashed: str,
        factor: str,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> AdminEntered:
        """Make somebody active whose factor was just kept, and sign them in."""
        now = self.clock.now()
        admin = tx.admins.update(
            replace(
                opened.admin,
                name=name,
                status=AdminStatus.ACTIVE,
                password_hash=hashed,
                password_changed_at=now,
                locale=visitor.locale,
                changed_at=now,
            )
        )
        tx.admins.note_seen(admin.id, now)
        entered = self.sessions.begin_full(admin, factor, visitor, tx=tx)
        is_first = opened.invitation.purpose is InvitationPurpose.JOIN
        purpose = "join" if is_first else "reset"
        self._record(Action.ADMIN_JOINED, admin, visitor, tx=tx, factor=factor, purpose=purpose)
        self._record(Action.ADMIN_SIGNED_IN, admin, visitor, tx=tx, factor=factor)
        return entered

    def _open(self, secret: str, *, tx: Transaction) -> OpenInvitation:
        invitation = tx.admins.find_invitation(digest_of(secret))
        if invitation is None or not invitation.is_open(self.clock.now()):
            raise Refused("admin.link")
        admin = tx.admins.find(invitation.admin_id)
        if admin is None or admin.status is AdminStatus.SUSPENDED:
            raise Refused("admin.link")
        return OpenInvitation(admin, invitation, self.seed_for(invitation.digest))

    def seed_for(self, context: bytes) -> bytes:
        """Return the seed that an app is offered in a context, the same each time it is looked at.

        Nothing is kept before somebody proved that their app has it.
        """
        return hmac_digest(self.vault.keys(_SEEDS)[0], context, sha256)[:SEED_BYTES]

    def _try_code(self, opened: OpenInvitation, code: str, visitor: Visitor) -> int:
        hits = (Hit(FACTORS_OF_ADMIN, opened.invitation.digest),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
        step = matching_step(opened.seed, code, now=self.clock.now(), after=0)
        if step is None:
            raise Refused("app.code")
        return step

    def _is_right(self, admin: Admin | None, password: str, hits: Iterable[Hit]) -> bool:
        """Compare, outside any transaction; as much work for nobody as for somebody.

        `hits`: what was counted for it, taken back where the lane has no place.
        """
        try:
            if admin is None or not admin.is_active or admin.password_hash is None:
                return self.hasher.verify_nobody(password)
            return self.hasher.verify(password, admin.password_hash)
        except Busy:
            with self.store.write() as tx:
                self.limits.refund(hits, tx=tx)
            raise

    def _rehash(self, admin: Admin, password: str) -> None:
        """Keep the password under the parameters of today (AU-3).

        The next sign-in does where the lane has no place now, or somebody else changed the admin.
        """
        if admin.password_hash is None or not self.hasher.is_outdated(admin.password_hash):
            return
        with suppress(Busy, Conflict):
            renewed = self.hasher.hash(password)
            with self.store.write() as tx:
                fresh = tx.admins.find(admin.id)
                if fresh is not None and fresh.password_hash == admin.password_hash:
                    tx.admins.update(replace(fresh, password_hash=renewed))

    def _read(self, typed: str) -> EmailAddress | None:
        try:
            return self.parse_email(typed)
        except Refused:
            return None

    def _hits(self, email: EmailAddress | None, typed: str, visitor: Visitor) -> tuple[Hit, ...]:
        name = typed.strip().casefold() if email is None else email.normalised
        whose = self.vault.blind_index("admin-email", name)
        return (Hit(TRIES_OF_ADMIN, whose), Hit(TRIES_OF_NETWORK, visitor.address.encode()))

    def note_failure(
        self, admin: Admin | None, visitor: Visitor, *, step: str, tx: Transaction
    ) -> None:
        """Write down that a step of a sign-in failed."""
        tx.audit.record(
            AuditEvent(
                Action.ADMIN_SIGN_IN_FAILED,
                self.clock.now(),
                Outcome.REFUSED,
                actor="admin",
                actor_id=admin.id if admin is not None else None,
                origin=visitor.origin,
                details={"step": step},
            )
        )

    def _record(
        self, action: Action, admin: Admin, visitor: Visitor, *, tx: Transaction, **details: object
    ) -> None:
        tx.audit.record(
            AuditEvent(
                action,
                self.clock.now(),
                actor="admin",
                actor_id=admin.id,
                origin=visitor.origin,
                details=details,
            )
        )
