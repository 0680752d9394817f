"""Changing the phone of an account: the new one answers a code, the old contacts are told.

A number belongs to whoever answered a code on it last, and to one account alone.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.messages import LOST_STATES
from idp.domain.identity.otp import Challenge, Purpose
from idp.domain.identity.phone import Phone
from idp.domain.identity.phone_change import with_phone, without_phone
from idp.domain.identity.second_step import is_phone_held
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.ports.vault import Place, Vault
from idp.services.login import LoginService
from idp.services.messages import LetterKind, MessageService
from idp.services.otp import OtpService
from idp.services.puzzle import Solution

#: How often a change is tried again when somebody else moves the same phone at that moment.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class PhoneMoves:
    """Lets a proved number leave the account that had it."""

    clock: Clock
    messages: MessageService

    def take(self, phone: Phone, taker: UUID, visitor: Visitor, *, tx: Transaction) -> None:
        """Take a proved number from whoever had it before: who answers it, has it."""
        former = tx.accounts.find_by_phone(phone)
        if former is None or former.id == taker:
            return
        now = self.clock.now()
        tx.accounts.update(without_phone(former, now=now))
        tx.audit.record(
            AuditEvent(
                Action.PHONE_MOVED,
                now,
                actor="system",
                account_id=former.id,
                origin=visitor.origin,
            )
        )
        self.messages.notify(former, LetterKind.PHONE_MOVED, tx=tx)


@dataclass(frozen=True, slots=True)
class SentPhoneCode:
    """What the code page shows. `is_lost`: the newest message will not reach the phone."""

    phone: Phone
    challenge: Challenge
    is_lost: bool


@dataclass(frozen=True, slots=True)
class PhoneChangeService:
    """One change is a journey of one session: the number is given, then its code."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    otp: OtpService
    login: LoginService
    messages: MessageService
    moves: PhoneMoves

    def start(
        self,
        session: LoginSession,
        account: Account,
        phone: Phone,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
    ) -> str:
        """Send a code to the new number; return the id of the journey.

        `session`: freshly confirmed, which the caller has checked (AU-14). A code that went there
        a moment ago still counts and none is sent. Whether somebody else has the number is told to
        nobody. Refuses with `phone.same`, or as `OtpService.send`.
        """
        journey_id = self.entropy.token()
        digest = digest_of(journey_id)
        with self.store.write() as tx:
            current = tx.accounts.find(account.id)
            if current is None or current.verified_phone == phone:
                raise Refused("phone.same")
            former = self.otp.find(self._subject(account.id, phone, visitor), tx=tx)
            if former is None or not self._still_counts(former):
                self._send(account.id, phone, visitor, puzzle, tx=tx)
            sealed = self.vault.seal(phone.e164.encode(), _phone_at(digest))
            tx.journeys.put(
                Journey(
                    digest=digest,
                    kind=JourneyKind.PHONE,
                    flow_digest=visitor.flow_digest,
                    account_id=account.id,
                    expires_at=self.clock.now() + JOURNEY_SECONDS,
                    state={
                        "phone": b64encode(sealed).decode(),
                        "sid": session.sid,
                        "held": not self._has_second_proof(session, current, tx=tx),
                    },
                )
            )
        return journey_id

    def sent_code(self, journey_id: str, session: LoginSession, visitor: Visitor) -> SentPhoneCode:
        """Return what was sent; refuses with `journey.expired`."""
        with self.store.read() as tx:
            _, phone = self._going(journey_id, session, visitor, tx=tx)
            challenge = self.otp.find(self._subject(session.account_id, phone, visitor), tx=tx)
            if challenge is None or challenge.consumed_at is not None:
                raise Refused("journey.expired")
            record = tx.sms_records.find(challenge.message_id)
        return SentPhoneCode(phone, challenge, record is not None and record.state in LOST_STATES)

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
            _, phone = self._going(journey_id, session, visitor, tx=tx)
            self._send(session.account_id, phone, visitor, puzzle, tx=tx)

    def confirm(
        self, journey_id: str, code: str, session: LoginSession, visitor: Visitor
    ) -> Account:
        """Change the phone if the code is the one sent; the old phone and the address are told.

        Refuses with `journey.expired`, `busy`, or as `OtpService.redeem`.
        """
        for _ in range(_TRIES):
            try:
                with self.store.write() as tx:
                    return self._change(journey_id, code, session, visitor, tx=tx)
            except Conflict:
                # nothing was kept of it, the code is good still
                continue
        raise Refused("busy")

    def _change(
        self,
        journey_id: str,
        code: str,
        session: LoginSession,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> Account:
        now = self.clock.now()
        journey, phone = self._going(journey_id, session, visitor, tx=tx)
        account = tx.accounts.find(session.account_id)
        if account is None or not account.is_usable:
            raise Refused("journey.expired")
        self.otp.redeem(
            subject=self._subject(session.account_id, phone, visitor),
            purpose=Purpose.PHONE_CHANGE,
            code=code,
            tx=tx,
            visitor=visitor,
            counted=(account.id.bytes,),
            account_id=account.id,
        )
        if not tx.journeys.finish(journey.digest, now):
            raise Refused("journey.expired")
        is_held = bool(journey.state["held"])
        self.moves.take(phone, account.id, visitor, tx=tx)
        changed = tx.accounts.update(with_phone(account, phone, now=now, is_held=is_held))
        tx.audit.record(
            AuditEvent(
                Action.PHONE_CHANGED,
                now,
                account_id=account.id,
                origin=visitor.origin,
                details={"held": is_held},
            )
        )
        self.messages.tell_of_phone_change(account, tx=tx)
        return changed

    def _has_second_proof(
        self, session: LoginSession, account: Account, *, tx: Transaction
    ) -> bool:
        """Return whether more than a password stands behind the confirmation (OT-7).

        The contact that recovered the password is no second factor until another has answered; nor
        is a phone that is held itself, else two changes would undo the hold of one.
        """
        if is_phone_held(account, self.clock.now()):
            return False
        credential = tx.credentials.find(account.id)
        if credential is not None and credential.recovered_by is not None:
            return False
        return session.aal >= 2 and self.login.needs_code(account, is_known=False)

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

    def _still_counts(self, former: Challenge) -> bool:
        now = self.clock.now()
        return now < former.resend_at and former.may_be_used(now)

    def _going(
        self, journey_id: str, session: LoginSession, visitor: Visitor, *, tx: Transaction
    ) -> tuple[Journey, Phone]:
        digest = digest_of(journey_id)
        journey = check_journey(
            tx.journeys.find(digest),
            JourneyKind.PHONE,
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )
        # what was confirmed freshly is one session, not whoever signed in here since
        if journey.account_id != session.account_id or journey.state["sid"] != session.sid:
            raise Refused("journey.expired")
        sealed = b64decode(str(journey.state["phone"]))
        return journey, Phone(self.vault.open(sealed, _phone_at(digest)).decode())

    def _subject(self, account_id: UUID, phone: Phone, visitor: Visitor) -> bytes:
        """Return what a code is bound to: account, browser and number."""
        index = self.vault.blind_index("phone", phone.e164)
        return sha256(b"phone\n" + visitor.flow_digest + account_id.bytes + index).digest()


def _phone_at(digest: bytes) -> Place:
    return Place("journey", "phone", digest)
