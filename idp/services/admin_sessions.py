"""Sessions of the console: short, in the store, under the digest of their cookie (SE-3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from idp.domain.identity.admin import (
    HALF_SECONDS,
    SESSION_LIMITS,
    Admin,
    AdminHere,
    AdminSession,
    AdminStep,
)
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.session import SEEN_EVERY_SECONDS
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction


@dataclass(frozen=True, slots=True)
class AdminEntered:
    """A session as it stands after a step; `cookie` is its new secret, told to the browser once."""

    here: AdminHere
    cookie: str


@dataclass(frozen=True, slots=True)
class AdminSessionService:
    """Begins, renews, finds and ends them."""

    store: Store
    clock: Clock
    entropy: Entropy

    def begin_half(self, admin: Admin, visitor: Visitor, *, tx: Transaction) -> AdminEntered:
        """Begin a session that opens nothing yet: the password was right."""
        return self._begin(admin, AdminStep.PASSWORD, "", HALF_SECONDS, visitor, tx=tx)

    def begin_full(
        self, admin: Admin, factor: str, visitor: Visitor, *, tx: Transaction
    ) -> AdminEntered:
        """Begin a session by password and factor at once, where both were just set."""
        return self._begin(admin, AdminStep.FULL, factor, SESSION_LIMITS.absolute, visitor, tx=tx)

    def raise_in(self, here: AdminHere, factor: str, *, tx: Transaction) -> AdminEntered | None:
        """Let a factor open or freshen a session: its cookie changes (SE-2); `None` if it ended.

        Its life counts from the sign-in.
        """
        now = self.clock.now()
        cookie = self.entropy.token()
        session = here.session
        is_new = session.step is AdminStep.PASSWORD
        renewed = replace(
            session,
            digest=digest_of(cookie),
            step=AdminStep.FULL,
            factor=factor,
            seen_at=now,
            fresh_at=now,
            expires_at=now + SESSION_LIMITS.absolute if is_new else session.expires_at,
        )
        if not tx.admin_sessions.renew(renewed):
            return None
        return AdminEntered(AdminHere(here.admin, renewed), cookie)

    def find(self, digest: bytes | None) -> AdminHere | None:
        """Return who is there by a cookie, `None` where nobody is; note that they were seen."""
        if digest is None:
            return None
        now = self.clock.now()
        with self.store.read() as tx:
            found = tx.admin_sessions.find(digest)
        if found is None:
            return None
        session, admin = found
        if not session.is_alive(now) or not admin.is_active:
            return None
        if now - session.seen_at >= SEEN_EVERY_SECONDS:
            with self.store.write() as tx:
                tx.admin_sessions.touch(digest, now)
            session = replace(session, seen_at=now)
        return AdminHere(admin, session)

    def list_alive(self, admin_id: UUID) -> Sequence[AdminSession]:
        """Return where somebody is signed in, newest seen first."""
        now = self.clock.now()
        with self.store.read() as tx:
            found = tx.admin_sessions.list_unended(admin_id)
        return tuple(session for session in found if session.is_alive(now))

    def end(self, here: AdminHere, visitor: Visitor) -> None:
        """Sign somebody out of this browser."""
        now = self.clock.now()
        actor = here.actor(visitor.origin)
        with self.store.write() as tx:
            self._end_in(here.session, actor, reason="signed_out", now=now, tx=tx)

    def end_all(self, admin_id: UUID, actor: Actor, *, kept_sid: str | None = None) -> int:
        """End every session of somebody, but one; return how many ended."""
        now = self.clock.now()
        with self.store.write() as tx:
            return self.end_all_in(
                admin_id, actor, reason="ended", now=now, tx=tx, kept_sid=kept_sid
            )

    def end_all_in(
        self,
        admin_id: UUID,
        actor: Actor,
        *,
        reason: str,
        now: int,
        tx: Transaction,
        kept_sid: str | None = None,
    ) -> int:
        """End sessions inside a caller's transaction; return how many were alive."""
        found = [s for s in tx.admin_sessions.list_unended(admin_id) if s.sid != kept_sid]
        for session in found:
            self._end_in(session, actor, reason=reason, now=now, tx=tx)
        return sum(session.is_alive(now) for session in found)

    def _begin(
        self,
        admin: Admin,
        step: AdminStep,
        factor: str,
        seconds: int,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> AdminEntered:
        now = self.clock.now()
        cookie = self.entropy.token()
        session = AdminSession(
            digest=digest_of(cookie),
            sid=self.entropy.token(16),
            admin_id=admin.id,
            step=step,
            factor=factor,
            created_at=now,
            seen_at=now,
            fresh_at=now if step is AdminStep.FULL else 0,
            expires_at=now + seconds,
            device=visitor.origin.device,
            network=visitor.origin.network,
        )
        tx.admin_sessions.add(session)
        return AdminEntered(AdminHere(admin, session), cookie)

    def _end_in(
        self, session: AdminSession, actor: Actor, *, reason: str, now: int, tx: Transaction
    ) -> None:
        if not tx.admin_sessions.end(session.sid, now):
            return
        tx.audit.record(
            AuditEvent(
                Action.ADMIN_SESSION_ENDED,
                now,
                actor=actor.kind,
                actor_id=actor.id,
                origin=actor.origin,
                object_id=session.admin_id.hex,
                details={"admin": session.admin_id.hex, "reason": reason},
            )
        )
