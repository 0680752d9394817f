"""Phone and address both lost: the registry matches the person, officers let the new ones in.

Whoever was matched proves a new phone and gets a ticket; the owner's contacts are told at once. Two
officers decide. The new contacts then stand in the place of the old ones, and recover nothing for
two days more: time for the owner, whom the old contacts told (OT-7).
"""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.approval import Change
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.case import Case, CaseKind, Decision
from idp.domain.identity.contact_change import with_phone, with_unproved_email
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.limits import DAY, HOUR, Hit, Limit
from idp.domain.identity.lost_contact import (
    REQUEST_SECONDS,
    Ticket,
    TicketState,
    case_to_stop,
    stop_secret,
    ticket_number,
)
from idp.domain.identity.messages import LOST_STATES
from idp.domain.identity.nik import Nik
from idp.domain.identity.otp import Purpose
from idp.domain.identity.phone import Phone
from idp.domain.identity.regions import DEFAULT_ZONE
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import Bucket, RateLimits
from idp.ports.store import Store, Transaction
from idp.ports.vault import Place, Vault
from idp.services.contact_change import SentCode
from idp.services.identity_check import Applicant, IdentityCheck
from idp.services.limits import LimitService
from idp.services.messages import MessageService
from idp.services.otp import OtpService
from idp.services.phone_change import PhoneMoves
from idp.services.proof_links import ProofLinks
from idp.services.puzzle import Solution
from idp.services.sessions import SessionService

#: What the request for a second officer is called.
REPLACE: Final = "people.contact"

#: Whoever knows the data of a KTP must not keep officers, or the owner's inbox, busy.
REQUESTS_OF_ACCOUNT: Final = Limit("lost.account", 3, DAY, "limit.tries")
#: How many tickets a network address may try in an hour.
LOOKS_OF_NETWORK: Final = 30

_CASES: Final = 50
_STOPS: Final = "lost-stop"
_NOBODY: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class LostContactRequests:
    """Keeps the contacts that a case is about, sealed, beside the case."""

    clock: Clock
    vault: Vault

    def put(self, case: Case, phone: Phone, email: EmailAddress, tx: Transaction) -> None:
        """Keep what is asked for until the case is decided, a month at most."""
        digest = _digest_of(case.id)
        tx.journeys.put(
            Journey(
                digest=digest,
                kind=JourneyKind.LOST,
                flow_digest=bytes(32),
                account_id=case.account_id,
                expires_at=self.clock.now() + REQUEST_SECONDS,
                state=self.sealed(digest, phone, email),
            )
        )

    def find(self, case_id: UUID, tx: Transaction) -> tuple[Phone, EmailAddress] | None:
        """Return what a case asks for, as long as it waits."""
        journey = tx.journeys.find(_digest_of(case_id))
        if journey is None or journey.done_at is not None:
            return None
        if self.clock.now() >= journey.expires_at:
            return None
        return self.opened(journey)

    def finish(
        self,
        case_id: UUID,
        tx: Transaction,
        *,
        recovers_at: int | None = None,
        is_stopped: bool = False,
    ) -> None:
        """Forget what a case asked for; `recovers_at`: of the phone that was let in.

        `is_stopped`: by whoever has the old contacts.
        """
        journey = tx.journeys.find(_digest_of(case_id))
        if journey is None:
            return
        state: dict[str, object] = {} if recovers_at is None else {"recovers_at": recovers_at}
        if is_stopped:
            state["is_stopped"] = True
        tx.journeys.put(replace(journey, state=state, done_at=self.clock.now()))

    def sealed(self, digest: bytes, phone: Phone, email: EmailAddress) -> dict[str, object]:
        """Return the two contacts as a journey with this digest keeps them."""
        return {
            name: b64encode(self.vault.seal(text.encode(), Place("journey", name, digest))).decode()
            for name, text in (("phone", phone.e164), ("email", email.address))
        }

    def opened(self, journey: Journey) -> tuple[Phone, EmailAddress]:
        """Return the two contacts that a journey keeps."""
        told = {
            name: self.vault.open(
                b64decode(str(journey.state[name])), Place("journey", name, journey.digest)
            ).decode()
            for name in ("phone", "email")
        }
        return Phone(told["phone"]), EmailAddress(told["email"])


@dataclass(frozen=True, slots=True)
class LostContactService:
    """One request is a journey of one browser: the match, the new contacts, the code."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    rate_limits: RateLimits
    limits: LimitService
    identity: IdentityCheck
    otp: OtpService
    messages: MessageService
    requests: LostContactRequests

    def begin(
        self, applicant: Applicant, visitor: Visitor, *, puzzle: Solution | None = None
    ) -> str:
        """Have the registry match who asks; return the id of the journey.

        Refuses as `IdentityCheck.ask` and `settle`, and only after a match with `lost.no_account`
        or `lost.waiting`: told to who knows all that was asked (`contract.md` 6.5).
        """
        answer = self.identity.ask(applicant, visitor, puzzle=puzzle)
        journey_id = self.entropy.token()
        with self.store.write() as tx:
            self.identity.settle(answer, applicant.nik, visitor, tx=tx)
            owner = tx.accounts.find_by_nik(applicant.nik)
            if owner is None or not owner.is_usable:
                raise Refused("lost.no_account", recorded=True)
            if self._waiting(owner.id, tx) is not None:
                raise Refused("lost.waiting", recorded=True)
            self._put(journey_id, visitor, {}, account_id=owner.id, tx=tx)
        return journey_id

    def check(self, journey_id: str, visitor: Visitor) -> None:
        """Refuse with `journey.expired` unless this browser was matched a moment ago."""
        with self.store.read() as tx:
            self._going(journey_id, visitor, tx=tx)

    def time_zone(self, journey_id: str, visitor: Visitor) -> str:
        """Return the zone of the NIK that this browser gave; refuses with `journey.expired`."""
        with self.store.read() as tx:
            journey = self._found(journey_id, visitor, tx=tx)
            account_id = journey.account_id or self._case_of(journey, tx=tx).account_id
            account = tx.accounts.find(account_id)
        return account.time_zone if account is not None else DEFAULT_ZONE

    def give(
        self,
        journey_id: str,
        phone: Phone,
        email: EmailAddress,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
    ) -> None:
        """Send a code to the new phone; refuses with `journey.expired` or as `OtpService.send`."""
        with self.store.write() as tx:
            journey, account_id = self._going(journey_id, visitor, tx=tx)
            self._send(account_id, phone, visitor, puzzle, tx=tx)
            state = self.requests.sealed(journey.digest, phone, email)
            tx.journeys.put(journey.having(**state))

    def sent_code(self, journey_id: str, visitor: Visitor) -> SentCode[Phone]:
        """Return what was sent; refuses with `journey.expired`."""
        with self.store.read() as tx:
            journey, account_id = self._going(journey_id, visitor, tx=tx)
            phone, _ = self._contacts(journey)
            challenge = self.otp.find(self._subject(account_id, phone, visitor), tx=tx)
            if challenge is None or challenge.consumed_at is not None:
                raise Refused("journey.expired")
            record = tx.sms_records.find(challenge.message_id)
        return SentCode(phone, challenge, record is not None and record.state in LOST_STATES)

    def resend(self, journey_id: str, visitor: Visitor, *, puzzle: Solution | None = None) -> None:
        """Send another code; refuses with `journey.expired`, or as `OtpService.send`."""
        with self.store.write() as tx:
            journey, account_id = self._going(journey_id, visitor, tx=tx)
            phone, _ = self._contacts(journey)
            self._send(account_id, phone, visitor, puzzle, tx=tx)

    def confirm(self, journey_id: str, code: str, visitor: Visitor) -> str:
        """Put the request before officers if the code is the one sent; tell the old contacts.

        Returns the id of a journey in which this browser sees the ticket. Refuses with
        `journey.expired`, `lost.waiting`, `limit.tries`, or as `OtpService.redeem`.
        """
        with self.store.write() as tx:
            journey, account_id = self._going(journey_id, visitor, tx=tx)
            phone, email = self._contacts(journey)
            self.otp.redeem(
                subject=self._subject(account_id, phone, visitor),
                purpose=Purpose.PHONE_CHANGE,
                code=code,
                tx=tx,
                visitor=visitor,
                counted=(account_id.bytes,),
                account_id=account_id,
            )
            if not tx.journeys.finish(journey.digest, self.clock.now()):
                raise Refused("journey.expired")
            # the row of this count also makes requests of one account wait for each other
            self.limits.admit([Hit(REQUESTS_OF_ACCOUNT, account_id.bytes)], visitor, tx=tx)
            owner = tx.accounts.find(account_id)
            if owner is None or not owner.is_usable:
                raise Refused("journey.expired")
            case = self.identity.open_case(account_id, CaseKind.CONTACT_LOST, visitor, tx=tx)
            if case is None:
                raise Refused("lost.waiting", recorded=True)
            self.requests.put(case, phone, email, tx)
            secret = stop_secret(case.id, self.vault.keys(_STOPS)[0])
            self.messages.tell_of_contact_request(owner, secret, tx=tx)
            return self._show(case.id, visitor, tx=tx)

    def check_stop(self, secret: str) -> None:
        """Refuse with `lost.over` unless the secret of a letter still stops a request."""
        with self.store.read() as tx:
            self._stoppable(secret, tx)

    def stop(self, secret: str, visitor: Visitor) -> None:
        """Stop a request, on the word of whoever has the old contacts; refuses with `lost.over`.

        Nothing tells an owner from a thief here but the contacts that nobody lost.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            case = self._stoppable(secret, tx)
            tx.cases.decide(case.id, Decision.REJECTED, "", by=None, now=now)
            self.requests.finish(case.id, tx, is_stopped=True)
            tx.audit.record(
                AuditEvent(
                    Action.CONTACT_STOPPED,
                    now,
                    account_id=case.account_id,
                    origin=visitor.origin,
                    object_id=case.id.hex,
                )
            )

    def _stoppable(self, secret: str, tx: Transaction) -> Case:
        case_id = case_to_stop(secret, self.vault.keys(_STOPS))
        case = tx.cases.find(case_id) if case_id is not None else None
        if case is None or self.requests.find(case.id, tx) is None:
            raise Refused("lost.over")
        return case

    def ask(self, nik: Nik, number: str, visitor: Visitor) -> str:
        """Return the id of a journey in which this browser sees the ticket.

        `number`: as `read_ticket` returned it. Refuses with `lost.unknown`, the same for a NIK
        without an account and a ticket of somebody else, or with `limit.address`.
        """
        bucket = Bucket("lost-ticket", visitor.address, LOOKS_OF_NETWORK, HOUR)
        reading = self.rate_limits.hit(bucket)[0]
        if reading.is_over:
            raise Refused("limit.address", until_at=reading.resets_at)
        with self.store.write() as tx:
            account = tx.accounts.find_by_nik(nik)
            # as much is done for nobody, so that time does not tell either
            account_id = account.id if account is not None else _NOBODY
            asked = [
                case.id
                for case in tx.cases.list_for_account(account_id, _CASES)
                if case.kind is CaseKind.CONTACT_LOST
            ]
            for case_id in asked or [_NOBODY]:
                if self._fits(case_id, number) and asked:
                    return self._show(case_id, visitor, tx=tx)
        raise Refused("lost.unknown")

    def ticket(self, journey_id: str, visitor: Visitor) -> Ticket:
        """Return what this browser may see; refuses with `journey.expired`."""
        with self.store.read() as tx:
            case = self._case_of(self._found(journey_id, visitor, tx=tx), tx=tx)
            number = ticket_number(case.id, self.vault.keys("lost-ticket")[0])
            state, recovers_at = self._state(case, tx)
        return Ticket(number, state, case.opened_at, recovers_at)

    def _case_of(self, journey: Journey, *, tx: Transaction) -> Case:
        case = tx.cases.find(UUID(hex=str(journey.state.get("case", "")) or bytes(16).hex()))
        if case is None:
            raise Refused("journey.expired")
        return case

    def _state(self, case: Case, tx: Transaction) -> tuple[TicketState, int | None]:
        kept = tx.journeys.find(_digest_of(case.id))
        if kept is not None and kept.state.get("is_stopped"):
            return TicketState.STOPPED, None
        if case.decision is Decision.REJECTED:
            return TicketState.REFUSED, None
        if case.decision is None:
            asked = self.requests.find(case.id, tx)
            return (TicketState.WAITING if asked is not None else TicketState.OVER), None
        journey = tx.journeys.find(_digest_of(case.id))
        recovers_at = journey.state.get("recovers_at") if journey is not None else None
        if recovers_at is not None:
            return TicketState.GRANTED, int(str(recovers_at))
        now = self.clock.now()
        open_requests = tx.approvals.list_for(REPLACE, case.account_id.hex)
        if any(one.is_open(now) and one.payload["case"] == case.id.hex for one in open_requests):
            return TicketState.SECOND, None
        return TicketState.OVER, None

    def _fits(self, case_id: UUID, number: str) -> bool:
        keys = self.vault.keys("lost-ticket")
        return any(compare_digest(ticket_number(case_id, key), number) for key in keys)

    def _show(self, case_id: UUID, visitor: Visitor, *, tx: Transaction) -> str:
        journey_id = self.entropy.token()
        self._put(journey_id, visitor, {"case": case_id.hex}, account_id=None, tx=tx)
        return journey_id

    def _waiting(self, account_id: UUID, tx: Transaction) -> Case | None:
        """Return the case of this kind that waits for a decision."""
        for case in tx.cases.list_for_account(account_id, _CASES):
            if case.kind is CaseKind.CONTACT_LOST and case.decided_at is None:
                return case
        return None

    def _put(
        self,
        journey_id: str,
        visitor: Visitor,
        state: Mapping[str, object],
        *,
        account_id: UUID | None,
        tx: Transaction,
    ) -> None:
        tx.journeys.put(
            Journey(
                digest=digest_of(journey_id),
                kind=JourneyKind.LOST,
                flow_digest=visitor.flow_digest,
                account_id=account_id,
                expires_at=self.clock.now() + JOURNEY_SECONDS,
                state=state,
            )
        )

    def _found(self, journey_id: str, visitor: Visitor, *, tx: Transaction) -> Journey:
        return check_journey(
            tx.journeys.find(digest_of(journey_id)),
            JourneyKind.LOST,
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )

    def _going(self, journey_id: str, visitor: Visitor, *, tx: Transaction) -> tuple[Journey, UUID]:
        journey = self._found(journey_id, visitor, tx=tx)
        if journey.account_id is None:
            raise Refused("journey.expired")
        return journey, journey.account_id

    def _contacts(self, journey: Journey) -> tuple[Phone, EmailAddress]:
        if "phone" not in journey.state:
            raise Refused("journey.expired")
        return self.requests.opened(journey)

    def _send(
        self,
        account_id: UUID,
        phone: Phone,
        visitor: Visitor,
        puzzle: Solution | None,
        *,
        tx: Transaction,
    ) -> None:
        self.otp.send(
            purpose=Purpose.PHONE_CHANGE,
            subject=self._subject(account_id, phone, visitor),
            to=phone,
            visitor=visitor,
            tx=tx,
            counted=(account_id.bytes,),
            account_id=account_id,
            puzzle=puzzle,
        )

    def _subject(self, account_id: UUID, phone: Phone, visitor: Visitor) -> bytes:
        """Return what a code is bound to: this errand, account, browser and phone."""
        index = self.vault.blind_index("phone", phone.e164)
        return sha256(b"lost\n" + visitor.flow_digest + account_id.bytes + index).digest()


@dataclass(frozen=True, slots=True)
class ReplaceContactExecutor:
    """Implements `idp.services.approvals.Executor`: contacts that the owner lost give way."""

    clock: Clock
    sessions: SessionService
    messages: MessageService
    moves: PhoneMoves
    links: ProofLinks
    requests: LostContactRequests
    kind: str = REPLACE

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        account = tx.accounts.find(UUID(payload["account"]))
        asked = self.requests.find(UUID(payload["case"]), tx)
        if account is None or asked is None:
            return ()
        phone, email = asked
        old_phone = account.verified_phone
        return (
            Change("account", str(account.id), str(account.id)),
            Change("phone", old_phone.masked if old_phone else "", phone.masked),
            Change("email", account.email.masked if account.email else "", email.masked),
        )

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        now = self.clock.now()
        account = tx.accounts.find(UUID(payload["account"]))
        case_id = UUID(payload["case"])
        asked = self.requests.find(case_id, tx)
        if account is None or asked is None or account.version != payload["version"]:
            raise Refused("approval.outdated")
        phone, email = asked
        self.moves.take(phone, account.id, author.origin, tx=tx)
        changed = with_unproved_email(
            with_phone(account, phone, now=now, is_held=True), email, now=now, is_held=True
        )
        changed = tx.accounts.update(changed)
        self.sessions.end_all_in(
            account.id, kept_sid=None, reason="contact", now=now, tx=tx, actor=author
        )
        tx.grants.revoke_for_account(account.id, now, reason="contact")
        event = AuditEvent(
            Action.CONTACT_REPLACED,
            now,
            actor=author.kind,
            actor_id=author.id,
            account_id=account.id,
            origin=author.origin,
            object_id=case_id.hex,
            details={"approved_by": approver.name},
        )
        tx.audit.record(event)
        self.messages.tell_of_contact_replaced(account, tx=tx)
        self.links.send_email_proof(changed, tx=tx)
        self.requests.finish(case_id, tx, recovers_at=changed.phone_recovers_at)

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Nothing waits for the commit."""


def replace_payload(account: Account, case: Case) -> dict[str, Any]:
    """Return what a request for a second officer holds: this version of the account."""
    return {"account": account.id.hex, "version": account.version, "case": case.id.hex}


def _digest_of(case_id: UUID) -> bytes:
    """Return where a case's request is kept: no address names it."""
    return digest_of(b"lost contact\n" + case_id.bytes)
