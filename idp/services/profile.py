"""What people see of their own account, and the password that they change themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, PasswordCredential
from idp.domain.identity.assurance import PASSWORD
from idp.domain.identity.audit import AuditEvent
from idp.domain.identity.factors import strongest_of
from idp.domain.identity.password import personal_words
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import Client
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.services.credentials import CredentialService
from idp.services.login import LoginService
from idp.services.messages import LetterKind, MessageService
from idp.services.passwords import PasswordService
from idp.services.sessions import SessionService, SignedIn

PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class Happening:
    """One event of the account, with the portal that it is about."""

    event: AuditEvent
    client: Client | None


@dataclass(frozen=True, slots=True)
class ActivityPage:
    """Events, newest first. `next`: from where the next page goes on, `None` at the end."""

    happenings: Sequence[Happening]
    next: tuple[int, UUID] | None


@dataclass(frozen=True, slots=True)
class ProfileService:
    """The account's own pages."""

    store: Store
    clock: Clock
    login: LoginService
    sessions: SessionService
    passwords: PasswordService
    credentials: CredentialService
    messages: MessageService

    def password_of(self, account_id: UUID) -> PasswordCredential | None:
        """Return what is known of the password, for the page that tells its age."""
        with self.store.read() as tx:
            return tx.credentials.find(account_id)

    def activity(
        self, account_id: UUID, *, before: tuple[int, UUID] | None = None, limit: int = PAGE
    ) -> ActivityPage:
        """Return a page of what happened to the account."""
        with self.store.read() as tx:
            events = tx.audit.list_visible(account_id, before=before, limit=limit + 1)
            shown = events[:limit]
            names = {event.client_id for event in shown if event.client_id is not None}
            clients = {name: tx.clients.find(name) for name in sorted(names)}
        following = None
        if len(events) > limit and (last := shown[-1]).id is not None:
            following = (last.at, last.id)
        return ActivityPage(
            tuple(Happening(event, clients.get(event.client_id or "")) for event in shown),
            following,
        )

    def is_confirmed(self, session: LoginSession, account: Account) -> bool:
        """Return whether a risky change may be made: a fresh proof by the strongest way (AU-14)."""
        if not session.is_fresh(self.clock.now()):
            return False
        strongest = strongest_of(self.login.factors.of(account.id))
        if strongest:
            return session.proved_by in strongest
        return session.aal >= 2 or not self.login.needs_code(account, is_known=False)

    def end_other_sessions(self, session: LoginSession, account: Account, visitor: Visitor) -> None:
        """End every session of the account but this one, and tell the person if there was any."""
        now = self.clock.now()
        with self.store.write() as tx:
            ended = self.sessions.end_all_in(
                account.id,
                kept_sid=session.sid,
                reason="others",
                now=now,
                tx=tx,
                visitor=visitor,
            )
            if ended:
                self.messages.notify(account, LetterKind.SESSIONS_ENDED, tx=tx, at=now)

    def change_password(
        self, session: LoginSession, account: Account, current: str, new: str, visitor: Visitor
    ) -> SignedIn:
        """Change the password; everything but this session ends, and its cookie changes.

        Both normalised. Refuses with `password.wrong`, `login.throttled`, the codes of
        `PasswordService.check`, or `password.same`; `Busy` where the lane is full.
        """
        self.login.check_password(session, account, current, visitor)
        if compare_digest(current.encode(), new.encode()):
            raise Refused("password.same")
        personal = personal_words(
            account.person.name, nik=account.nik, phone=account.phone, email=account.email
        )
        self.passwords.check(new, personal)
        password_hash = self.passwords.hash(new)
        with self.store.write() as tx:
            self.credentials.replace(account, password_hash, visitor, kept_sid=session.sid, tx=tx)
            # whoever came this far was confirmed by the strongest factor a moment ago
            return self.sessions.step_up(
                session, account, PASSWORD, tx=tx, proved_by=session.proved_by
            )
