"""Changing a proved contact: a journey of one session, in which the new one answers a code."""

from abc import ABC, abstractmethod
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, Generic, TypeVar
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.messages import LOST_STATES
from idp.domain.identity.otp import Challenge, Purpose
from idp.domain.identity.phone import Phone
from idp.domain.identity.second_step import is_email_held, is_phone_held
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.ports.vault import Place, Vault
from idp.services.login import LoginService
from idp.services.messages import MessageService
from idp.services.otp import OtpService
from idp.services.puzzle import Solution

#: How often a change is tried again when somebody else moves the same contact at that moment.
_TRIES: Final = 3

C = TypeVar("C", Phone, EmailAddress)


@dataclass(frozen=True, slots=True)
class ContactKind(Generic[C]):
    """What differs between phone and address.

    `name`: of the blind index, the journey's state and the refusals. `of`: what the account has
    proved. `text`: what is sealed; `read` makes the contact of it; `looked_up`: what is indexed.
    `taken`: the refusal where another account keeps the contact; empty where it gives it up.
    """

    name: str
    purpose: Purpose
    journey: JourneyKind
    of: Callable[[Account], C | None]
    text: Callable[[C], str]
    read: Callable[[str], C]
    looked_up: Callable[[C], str]
    taken: str = ""


@dataclass(frozen=True, slots=True)
class SentCode(Generic[C]):
    """What the code page shows. `is_lost`: the newest message will not reach the phone."""

    contact: C
    challenge: Challenge
    is_lost: bool


@dataclass(frozen=True, slots=True)
class SecondProof:
    """Tells what stands behind a fresh confirmation (OT-7)."""

    clock: Clock
    login: LoginService

    def is_behind(self, session: LoginSession, account: Account, *, tx: Transaction) -> bool:
        """Return whether it is more than a password.

        The contact that recovered the password is no second factor until another has answered; nor
        is one beside a contact that is held, else two changes would undo the hold of one.
        """
        if session.proved_by:
            return True
        now = self.clock.now()
        if is_phone_held(account, now) or is_email_held(account, now):
            return False
        credential = tx.credentials.find(account.id)
        if credential is not None and credential.recovered_by is not None:
            return False
        return session.aal >= 2 and self.login.needs_code(account, is_known=False)


@dataclass(frozen=True, slots=True)
class ContactChangeService(ABC, Generic[C]):
    """One change is a journey of one session: the contact is given, then its code."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    otp: OtpService
    proof: SecondProof
    messages: MessageService

    kind: ClassVar[ContactKind]  # type: ignore[type-arg]  # of C, which no class variable may name

    def start(
        self,
        session: LoginSession,
        account: Account,
        contact: C,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
    ) -> str:
        """Send a code to the new contact; return the id of the journey.

        `session`: freshly confirmed, which the caller has checked (AU-14). A code that went there
        a moment ago still counts and none is sent. Whether somebody else has the contact is told to
        nobody here. Refuses with `phone.same` or `email.same`, or as `OtpService.send`.
        """
        journey_id = self.entropy.token()
        digest = digest_of(journey_id)
        with self.store.write() as tx:
            current = tx.accounts.find(account.id)
            if current is None or self._has(current, contact):
                raise Refused(f"{self.kind.name}.same")
            former = self.otp.find(self._subject(account.id, contact, visitor), tx=tx)
            if former is None or not self._still_counts(former):
                self._send(account.id, contact, visitor, puzzle, tx=tx)
            sealed = self.vault.seal(self.kind.text(contact).encode(), self._place(digest))
            tx.journeys.put(
                Journey(
                    digest=digest,
                    kind=self.kind.journey,
                    flow_digest=visitor.flow_digest,
                    account_id=account.id,
                    expires_at=self.clock.now() + JOURNEY_SECONDS,
                    state={
                        self.kind.name: b64encode(sealed).decode(),
                        "sid": session.sid,
                        "held": not self.proof.is_behind(session, current, tx=tx),
                    },
                )
            )
            self._begun(current, contact, visitor, tx=tx)
        return journey_id

    def sent_code(self, journey_id: str, session: LoginSession, visitor: Visitor) -> SentCode[C]:
        """Return what was sent; refuses with `journey.expired`."""
        with self.store.read() as tx:
            _, contact = self._going(journey_id, session, visitor, tx=tx)
            challenge = self.otp.find(self._subject(session.account_id, contact, visitor), tx=tx)
            if challenge is None or challenge.consumed_at is not None:
                raise Refused("journey.expired")
            record = tx.sms_records.find(challenge.message_id)
        return SentCode(contact, challenge, record is not None and record.state in LOST_STATES)

    def resend(
        self,
        journey_id: str,
        session: LoginSession,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
    ) -> None:
        """Send another code; refuses with `journey.expired`, or as `OtpService.send`."""
        with self.store.write() as tx:
            _, contact = self._going(journey_id, session, visitor, tx=tx)
            self._send(session.account_id, contact, visitor, puzzle, tx=tx)

    def confirm(
        self, journey_id: str, code: str, session: LoginSession, visitor: Visitor
    ) -> Account:
        """Change the contact if the code is the one sent; the old contacts are told.

        Refuses with `journey.expired`, `busy`, `email.proved_elsewhere` (the code is good still),
        or as `OtpService.redeem`.
        """
        for _ in range(_TRIES):
            try:
                with self.store.write() as tx:
                    return self._change(journey_id, code, session, visitor, tx=tx)
            except Conflict as conflict:
                # nothing was kept of it, the code is good still
                if self.kind.taken and conflict.what == self.kind.name:
                    raise Refused(self.kind.taken) from conflict
        raise Refused("busy")

    @abstractmethod
    def _apply(
        self, account: Account, contact: C, visitor: Visitor, *, is_held: bool, tx: Transaction
    ) -> Account:
        """Write the account with its new contact, record it and tell the old ones."""

    def _begun(self, account: Account, contact: C, visitor: Visitor, *, tx: Transaction) -> None:
        """Do what else belongs to the start of a change; nothing as a rule."""

    def _change(
        self,
        journey_id: str,
        code: str,
        session: LoginSession,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> Account:
        journey, contact = self._going(journey_id, session, visitor, tx=tx)
        account = tx.accounts.find(session.account_id)
        if account is None or not account.is_usable:
            raise Refused("journey.expired")
        self.otp.redeem(
            subject=self._subject(session.account_id, contact, visitor),
            purpose=self.kind.purpose,
            code=code,
            tx=tx,
            visitor=visitor,
            counted=(account.id.bytes,),
            account_id=account.id,
        )
        if not tx.journeys.finish(journey.digest, self.clock.now()):
            raise Refused("journey.expired")
        return self._apply(account, contact, visitor, is_held=bool(journey.state["held"]), tx=tx)

    def _has(self, account: Account, contact: C) -> bool:
        current = self.kind.of(account)
        if current is None:
            return False
        return bool(self.kind.looked_up(current) == self.kind.looked_up(contact))

    def _send(
        self,
        account_id: UUID,
        contact: C,
        visitor: Visitor,
        puzzle: Solution | None,
        *,
        tx: Transaction,
    ) -> None:
        self.otp.send(
            purpose=self.kind.purpose,
            subject=self._subject(account_id, contact, visitor),
            to=contact,
            visitor=visitor,
            tx=tx,
            counted=(account_id.bytes,),
            account_id=account_id,
            puzzle=puzzle,
        )

    def _still_counts(self, former: Challenge) -> bool:
        now = self.clock.now()
        return now < former.resend_at and former.may_be_used(now)

    def _going(
        self, journey_id: str, session: LoginSession, visitor: Visitor, *, tx: Transaction
    ) -> tuple[Journey, C]:
        digest = digest_of(journey_id)
        journey = check_journey(
            tx.journeys.find(digest),
            self.kind.journey,
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )
        # what was confirmed freshly is one session, not whoever signed in here since
        if journey.account_id != session.account_id or journey.state["sid"] != session.sid:
            raise Refused("journey.expired")
        sealed = b64decode(str(journey.state[self.kind.name]))
        contact: C = self.kind.read(self.vault.open(sealed, self._place(digest)).decode())
        return journey, contact

    def _subject(self, account_id: UUID, contact: C, visitor: Visitor) -> bytes:
        """Return what a code is bound to: account, browser and contact."""
        name = self.kind.name
        index = self.vault.blind_index(name, self.kind.looked_up(contact))
        bound = f"{name}\n".encode() + visitor.flow_digest + account_id.bytes + index
        return sha256(bound).digest()

    def _place(self, digest: bytes) -> Place:
        return Place("journey", self.kind.name, digest)
