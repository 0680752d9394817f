"""Citizens as officers of support meet them: found by what is exact, looked at with a trace.

Nobody looks quietly: opening an account and reading its personal data are events that the citizen
sees. Nothing here sets, shows or sends a credential to anybody but the citizen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus, PasswordCredential
from idp.domain.identity.approval import Change
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.factors import Factors
from idp.domain.identity.limits import HELP_BY_SMS, Hit
from idp.domain.identity.otp import Channel
from idp.domain.identity.people import (
    APPROVED_LOOK_SECONDS,
    LOCKABLE,
    LOOKS_OF_OFFICER,
    SAME_LOOK_SECONDS,
    SEARCHES_OF_OFFICER,
    UNLOCKABLE,
    Revealed,
    reveal,
)
from idp.domain.identity.second_step import contacts_of, recovery_contacts_of
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import Client
from idp.domain.protocol.subject import subject_behind
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.account_status import lock_in, set_status_in
from idp.services.consents import ConnectedPortal, ConsentService
from idp.services.identifiers import Identifiers, holder_of
from idp.services.limits import LimitService
from idp.services.messages import MessageService
from idp.services.proof_links import ProofLinks
from idp.services.recovery import RECOVERIES_OF_ACCOUNT
from idp.services.sessions import SessionService

#: Kinds of approvals (AD-3, AD-6).
UNLOCK: Final = "people.unlock"
LOOK: Final = "people.look"

PAGE: Final = 25
#: What a person page shows of the timeline.
GLIMPSE: Final = 8
_SUBJECT_LENGTH: Final = 22


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, newest first. `next`: from where the next page goes on, `None` at the end."""

    events: Sequence[AuditEvent]
    next: tuple[int, UUID] | None


@dataclass(frozen=True, slots=True)
class PersonPage:
    """What an officer sees of an account; its personal data are for masking only."""

    account: Account
    credential: PasswordCredential | None
    factors: Factors
    sessions: Sequence[LoginSession]
    portals: Sequence[ConnectedPortal]
    latest: Sequence[AuditEvent]
    looks_left: int
    has_approved_look: bool


@dataclass(frozen=True, slots=True)
class PeopleService:
    """Finds accounts, shows them, locks them, helps their owners back in."""

    store: Store
    clock: Clock
    vault: Vault
    limits: LimitService
    identifiers: Identifiers
    sessions: SessionService
    consents: ConsentService
    links: ProofLinks
    messages: MessageService

    def search(
        self, typed: str, actor: Actor, visitor: Visitor, *, client_id: str = ""
    ) -> Account | None:
        """Return the account of an exact NIK, phone number, e-mail address or `sub`.

        `client_id`: whose `sub` it is, where it is a pairwise one. Refuses with `people.searches`
        (`until_at`), `people.query` or `client.unknown`.
        """
        text = typed.strip()
        identifier = self.identifiers.read(text)
        if identifier is None and len(text) != _SUBJECT_LENGTH:
            raise Refused("people.query")
        with self.store.write() as tx:
            self.limits.admit([Hit(SEARCHES_OF_OFFICER, _id_of(actor).bytes)], visitor, tx=tx)
            if identifier is not None:
                found, kind = holder_of(identifier, tx), type(identifier).__name__.lower()
            else:
                subject = self._subject(text, client_id, tx)
                found = tx.accounts.find_by_subject(subject) if subject is not None else None
                kind = "sub"
            event = AuditEvent(
                Action.PERSON_SEARCHED,
                self.clock.now(),
                account_id=found.id if found is not None else None,
                client_id=client_id or None,
                details={"by": kind, "found": found is not None},
            )
            tx.audit.record(_by(actor, event))
        return found

    def open(self, account_id: UUID, actor: Actor) -> PersonPage:
        """Return an account's page, and tell the citizen that it was opened.

        Refuses with `account.unknown`.
        """
        now = self.clock.now()
        officer = _id_of(actor)
        with self.store.write() as tx:
            account = _get(account_id, tx)
            look = tx.limits.hit(
                _key(b"open", officer, account_id), window_seconds=SAME_LOOK_SECONDS, now=now
            )
            if look.count == 1:
                event = AuditEvent(Action.PERSON_OPENED, now, account_id=account_id)
                tx.audit.record(_by(actor, event))
            latest = tx.audit.list_all_of(account_id, limit=GLIMPSE)
            credential = tx.credentials.find(account_id)
            factors = tx.account_factors.of(account_id)
            looks_left = self.limits.left(Hit(LOOKS_OF_OFFICER, officer.bytes), tx=tx)
            approved = tx.limits.peek(_key(b"look", officer, account_id), now).count > 0
        return PersonPage(
            account,
            credential,
            factors,
            self.sessions.list_alive(account_id),
            self.consents.list_connected(account_id),
            latest,
            looks_left,
            approved,
        )

    def show(self, subject: str, actor: Actor) -> tuple[Account, int]:
        """Return the account of a local subject and how many sessions it has; the citizen sees it.

        Refuses with `account.unknown`.
        """
        with self.store.write() as tx:
            account = tx.accounts.find_by_subject(subject)
            if account is None:
                raise Refused("account.unknown")
            event = AuditEvent(Action.PERSON_OPENED, self.clock.now(), account_id=account.id)
            tx.audit.record(_by(actor, event))
        return account, len(self.sessions.list_alive(account.id))

    def timeline(
        self, account_id: UUID, *, before: tuple[int, UUID] | None = None
    ) -> tuple[Account, EventPage]:
        """Return a page of all that happened to an account; refuses with `account.unknown`."""
        with self.store.read() as tx:
            account = _get(account_id, tx)
            events = tx.audit.list_all_of(account_id, before=before, limit=PAGE + 1)
        shown = events[:PAGE]
        last = shown[-1] if len(events) > PAGE else None
        following = (last.at, last.id) if last is not None and last.id is not None else None
        return account, EventPage(shown, following)

    def look(self, account_id: UUID, reason: str, actor: Actor, visitor: Visitor) -> Revealed:
        """Return an account's personal data, once; the citizen sees that somebody looked.

        Refuses with `people.quota` (`until_at`) beyond twenty a day without an approved look.
        """
        now = self.clock.now()
        officer = _id_of(actor)
        with self.store.write() as tx:
            account = _get(account_id, tx)
            approved = _key(b"look", officer, account_id)
            if tx.limits.peek(approved, now).count > 0:
                tx.limits.refund(approved)
            else:
                self.limits.admit([Hit(LOOKS_OF_OFFICER, officer.bytes)], visitor, tx=tx)
            event = AuditEvent(
                Action.PERSON_UNMASKED, now, account_id=account_id, details={"reason": reason}
            )
            tx.audit.record(_by(actor, event))
        return reveal(account)

    def lock(self, account_id: UUID, reason: str, actor: Actor) -> None:
        """Let an account sign in no more, anywhere, from now on.

        Refuses with `people.status` where it is locked or closed.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            account = _get(account_id, tx)
            if account.status not in LOCKABLE:
                raise Refused("people.status")
            lock_in(account, self.sessions, self.messages, actor, reason=reason, now=now, tx=tx)

    def end_sessions(self, account_id: UUID, reason: str, actor: Actor) -> int:
        """End every session of an account; return how many were alive."""
        now = self.clock.now()
        with self.store.write() as tx:
            _get(account_id, tx)
            ended = self.sessions.end_all_in(
                account_id, kept_sid=None, reason="officer", now=now, tx=tx, actor=actor
            )
            event = AuditEvent(
                Action.PERSON_SIGNED_OUT,
                now,
                account_id=account_id,
                details={"reason": reason, "sessions": ended},
            )
            tx.audit.record(_by(actor, event))
        return ended

    def start_recovery(self, account_id: UUID, reason: str, actor: Actor, visitor: Visitor) -> None:
        """Send the citizen the ordinary recovery, to a contact that was proved (AD-4).

        A letter with its link, or a short message that says where to ask for a code: a code is
        bound to the browser that asked for it, which is the citizen's. Refuses with
        `people.status`, `people.no_address`, `people.address_held`, or `limit.tries` (`until_at`).
        """
        now = self.clock.now()
        with self.store.write() as tx:
            account = _get(account_id, tx)
            if not account.is_usable:
                raise Refused("people.status")
            if not contacts_of(account):
                raise Refused("people.no_address")
            able = recovery_contacts_of(account, now)
            if Channel.EMAIL in able:
                channel = Channel.EMAIL
                self.limits.admit([Hit(RECOVERIES_OF_ACCOUNT, account_id.bytes)], visitor, tx=tx)
                self.links.send_recovery(account, interaction_id=None, tx=tx)
            elif Channel.SMS in able:
                channel = Channel.SMS
                # beside the citizen's own tries, which this is to lead to
                self.limits.admit([Hit(HELP_BY_SMS, account_id.bytes)], visitor, tx=tx)
                self.messages.tell_where_to_recover(account, tx=tx)
            else:
                raise Refused("people.address_held")
            event = AuditEvent(
                Action.PERSON_HELPED,
                now,
                account_id=account_id,
                details={"reason": reason, "channel": channel},
            )
            tx.audit.record(_by(actor, event))

    def unlock_payload(self, account_id: UUID) -> dict[str, Any]:
        """Return what a request to lift a lock holds; it is about this version of the account.

        Refuses with `account.unknown` or `people.status`.
        """
        with self.store.read() as tx:
            account = _get(account_id, tx)
        if account.status not in UNLOCKABLE:
            raise Refused("people.status")
        return {"account": account_id.hex, "version": account.version}

    def _subject(self, text: str, client_id: str, tx: Transaction) -> str | None:
        """Return the account's own subject of what a client calls its `sub`."""
        if not client_id:
            return text
        client: Client | None = tx.clients.find(client_id)
        if client is None:
            raise Refused("client.unknown")
        return subject_behind(client, text, self.vault.pairwise_key())


@dataclass(frozen=True, slots=True)
class UnlockExecutor:
    """Implements `idp.services.approvals.Executor`: a lock put on by hand, or by the registry."""

    clock: Clock
    messages: MessageService
    kind: str = UNLOCK

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        account = tx.accounts.find(UUID(payload["account"]))
        if account is None:
            return ()
        return (
            Change("account", str(account.id), str(account.id)),
            Change("account_status", account.status, AccountStatus.ACTIVE),
        )

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        now = self.clock.now()
        account = _get(UUID(payload["account"]), tx)
        if account.version != payload["version"] or account.status not in UNLOCKABLE:
            raise Refused("approval.outdated")
        set_status_in(account, AccountStatus.ACTIVE, now=now, tx=tx)
        event = AuditEvent(
            Action.ACCOUNT_UNLOCKED,
            now,
            account_id=account.id,
            details={"approved_by": approver.name},
        )
        tx.audit.record(_by(author, event))
        self.messages.tell_of_lock(account, is_locked=False, tx=tx)

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Nothing waits for the commit."""


@dataclass(frozen=True, slots=True)
class LookExecutor:
    """Implements `idp.services.approvals.Executor`: one look more than a day's twenty.

    Nothing is shown yet: its author may look once, within a day, and that is an event of its own.
    """

    clock: Clock
    kind: str = LOOK

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        del tx
        account = str(UUID(payload["account"]))
        return (Change("account", account, account),)

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        now = self.clock.now()
        account = _get(UUID(payload["account"]), tx)
        key = _key(b"look", _id_of(author), account.id)
        tx.limits.hit(key, window_seconds=APPROVED_LOOK_SECONDS, now=now)
        event = AuditEvent(
            Action.PERSON_LOOK_ALLOWED,
            now,
            account_id=account.id,
            details={"approved_by": approver.name},
        )
        tx.audit.record(_by(author, event))

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Nothing waits for the commit."""


def look_payload(account_id: UUID) -> dict[str, Any]:
    """Return what a request for one look more holds."""
    return {"account": account_id.hex}


def _get(account_id: UUID, tx: Transaction) -> Account:
    account = tx.accounts.find(account_id)
    if account is None:
        raise Refused("account.unknown")
    return account


def _id_of(actor: Actor) -> UUID:
    if actor.id is None:
        raise LookupError("only an admin looks at people")
    return actor.id


def _by(actor: Actor, event: AuditEvent) -> AuditEvent:
    return replace(event, actor=actor.kind, actor_id=actor.id, origin=actor.origin)


def _key(what: bytes, officer: UUID, account_id: UUID) -> bytes:
    return sha256(b"people\n" + what + b"\n" + officer.bytes + account_id.bytes).digest()
