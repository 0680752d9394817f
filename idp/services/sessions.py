"""Login sessions: begin, look up, list, end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import Authentication, combine
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.factors import ProvedBy
from idp.domain.identity.session import SEEN_EVERY_SECONDS, LoginSession, SessionLimits
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.logout_notices import LogoutNotices


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session that began; `cookie` is its secret, told to the browser once."""

    session: LoginSession
    account: Account
    cookie: str


@dataclass(frozen=True, slots=True)
class SessionService:
    """Sessions live in the store, under the digest of their cookie."""

    store: Store
    clock: Clock
    entropy: Entropy
    limits: SessionLimits
    notices: LogoutNotices

    def start(
        self,
        account: Account,
        proof: Authentication,
        visitor: Visitor,
        *,
        tx: Transaction,
        proved_by: ProvedBy = ProvedBy.NOTHING,
    ) -> SignedIn:
        """Begin a session, or renew the browser's own one of the same account.

        A renewal keeps the `sid`, so that portals stay signed in, and changes the cookie; another
        account's session in this browser ends.
        """
        now = self.clock.now()
        cookie = self.entropy.token()
        former = tx.sessions.find(visitor.session_digest) if visitor.session_digest else None
        if former is not None and not former.is_alive(now, self.limits):
            former = None
        if former is not None and former.account_id != account.id:
            self.end_in(former, reason="other_account", now=now, tx=tx)
            former = None
        if former is not None:
            session = replace(
                former,
                digest=digest_of(cookie),
                aal=proof.aal,
                amr=proof.amr,
                auth_time=now,
                seen_at=now,
                expires_at=now + self.limits.absolute,
                proved_by=proved_by,
            )
            tx.sessions.renew(session)
        else:
            session = LoginSession(
                digest=digest_of(cookie),
                sid=self.entropy.token(16),
                account_id=account.id,
                aal=proof.aal,
                amr=proof.amr,
                auth_time=now,
                created_at=now,
                seen_at=now,
                expires_at=now + self.limits.absolute,
                device=visitor.origin.device,
                network=visitor.origin.network,
                proved_by=proved_by,
            )
            tx.sessions.add(session)
        return SignedIn(session, account, cookie)

    def step_up(
        self,
        session: LoginSession,
        account: Account,
        proof: Authentication,
        *,
        tx: Transaction,
        proved_by: ProvedBy = ProvedBy.NOTHING,
    ) -> SignedIn:
        """Add a proof to a session: its level rises, its cookie changes.

        `proved_by`: of this proof; what an older one was by says nothing of now.
        """
        now = self.clock.now()
        together = combine(Authentication(session.aal, session.amr), proof)
        cookie = self.entropy.token()
        renewed = replace(
            session,
            digest=digest_of(cookie),
            aal=together.aal,
            amr=together.amr,
            auth_time=now,
            seen_at=now,
            proved_by=proved_by,
        )
        tx.sessions.renew(renewed)
        return SignedIn(renewed, account, cookie)

    def find(self, digest: bytes | None) -> tuple[LoginSession, Account] | None:
        """Return the live session of a cookie and its usable account, and note that it was seen."""
        if digest is None:
            return None
        now = self.clock.now()
        with self.store.read() as tx:
            found = tx.sessions.find_with_account(digest)
        if found is None:
            return None
        session, account = found
        if not session.is_alive(now, self.limits) or not account.is_usable:
            return None
        if now - session.seen_at >= SEEN_EVERY_SECONDS:
            with self.store.write() as tx:
                tx.sessions.touch(session.digest, now)
            session = replace(session, seen_at=now)
        return session, account

    def list_alive(self, account_id: UUID) -> Sequence[LoginSession]:
        """Return the account's sessions, newest seen first."""
        now = self.clock.now()
        with self.store.read() as tx:
            found = tx.sessions.list_alive(account_id, now)
        return tuple(session for session in found if session.is_alive(now, self.limits))

    def end(self, account_id: UUID, sid: str, visitor: Visitor, *, reason: str) -> None:
        """End one of the account's sessions; refuses with `session.unknown`."""
        now = self.clock.now()
        with self.store.write() as tx:
            sessions = tx.sessions.list_alive(account_id, now)
            session = next((s for s in sessions if s.sid == sid), None)
            if session is None:
                raise Refused("session.unknown")
            self.end_in(session, reason=reason, now=now, tx=tx, visitor=visitor)

    def end_all_in(
        self,
        account_id: UUID,
        *,
        kept_sid: str | None,
        reason: str,
        now: int,
        tx: Transaction,
        visitor: Visitor | None = None,
        actor: Actor | None = None,
    ) -> int:
        """End sessions inside a caller's transaction; return how many were alive.

        Those that merely ran out end too, so that their portals hear of it.
        """
        ended = [s for s in tx.sessions.list_unended(account_id) if s.sid != kept_sid]
        for session in ended:
            self.end_in(session, reason=reason, now=now, tx=tx, visitor=visitor, actor=actor)
        return sum(session.is_alive(now, self.limits) for session in ended)

    def end_in(
        self,
        session: LoginSession,
        *,
        reason: str,
        now: int,
        tx: Transaction,
        visitor: Visitor | None = None,
        actor: Actor | None = None,
    ) -> None:
        """End a session: its cookie dies, and every token that does not outlive it.

        `actor`: who ends it, where it is not the person.
        """
        if not tx.sessions.end(session.sid, now):
            return
        self.notices.tell_all(session, now=now, tx=tx)
        tx.grants.revoke_for_session(session.sid, now, reason="session_ended")
        event = AuditEvent(
            Action.SESSION_ENDED,
            now,
            account_id=session.account_id,
            details={"reason": reason},
        )
        if visitor is not None:
            event = replace(event, origin=visitor.origin)
        if actor is not None:
            event = replace(event, actor=actor.kind, actor_id=actor.id, origin=actor.origin)
        tx.audit.record(event)
