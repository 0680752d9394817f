"""Codes beside the password: on an unknown browser, and where more proof is asked for.

A journey, which belongs to one browser, keeps the order of the steps (AU-12). Its code is bound to
purpose, account and browser, so that whoever begins again within the wait of the last message goes
on with the code that they have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import Authentication
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.messages import LOST_STATES
from idp.domain.identity.otp import Challenge, Channel, Purpose
from idp.domain.identity.phone import Phone
from idp.domain.identity.second_step import contacts_of, proof_by
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.otp import OtpService
from idp.services.puzzle import Solution

PURPOSES: Final[Mapping[JourneyKind, Purpose]] = {
    JourneyKind.LOGIN: Purpose.LOGIN,
    JourneyKind.CONFIRM: Purpose.STEP_UP,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What the pages show: who is on the way, where a code may go, and the newest one sent.

    `is_lost`: the newest short message will not reach the phone.
    """

    journey: Journey
    account: Account
    contacts: Mapping[Channel, EmailAddress | Phone]
    challenge: Challenge | None
    is_lost: bool = False

    @property
    def sent_to(self) -> EmailAddress | Phone | None:
        """The contact that got the newest code."""
        return self.contacts.get(self.challenge.channel) if self.challenge is not None else None


@dataclass(frozen=True, slots=True)
class Passed:
    """A step that a right code ended."""

    journey: Journey
    account: Account
    channel: Channel
    proof: Authentication


@dataclass(frozen=True, slots=True)
class SecondStepService:
    """Begins journeys, sends their codes and takes them."""

    store: Store
    clock: Clock
    entropy: Entropy
    otp: OtpService

    def begin(
        self,
        account: Account,
        kind: JourneyKind,
        visitor: Visitor,
        *,
        without: Channel | None = None,
        tx: Transaction,
    ) -> str:
        """Begin a journey and return its id. `without`: the contact that proves nothing new."""
        journey_id = self.entropy.token()
        tx.journeys.put(
            Journey(
                digest=digest_of(journey_id),
                kind=kind,
                flow_digest=visitor.flow_digest,
                account_id=account.id,
                expires_at=self.clock.now() + JOURNEY_SECONDS,
                state={} if without is None else {"without": without},
            )
        )
        return journey_id

    def find(self, journey_id: str, visitor: Visitor) -> Step:
        """Return how far this browser's journey is; refuses with `journey.expired`."""
        with self.store.read() as tx:
            journey, account = self._going(journey_id, visitor, tx=tx)
            challenge = tx.challenges.find(_subject(journey, account))
            if challenge is not None and challenge.consumed_at is not None:
                challenge = None
            contacts = _contacts(journey, account)
            return Step(journey, account, contacts, challenge, _is_lost(challenge, tx=tx))

    def send(
        self,
        journey_id: str,
        visitor: Visitor,
        *,
        channel: Channel | None = None,
        again: bool = False,
        puzzle: Solution | None = None,
    ) -> None:
        """Send a code to the chosen contact, else to the one that got the last, else to the first.

        Unless `again`, a code that went there a moment ago still counts and none is sent. Refuses
        with `journey.expired`, `method.unknown`, or as `OtpService.send`.
        """
        with self.store.write() as tx:
            journey, account = self._going(journey_id, visitor, tx=tx)
            contacts = _contacts(journey, account)
            former = tx.challenges.find(_subject(journey, account))
            if channel is None and former is not None and former.channel in contacts:
                channel = former.channel
            channel = channel or next(iter(contacts), None)
            to = contacts.get(channel) if channel is not None else None
            if to is None:
                raise Refused("method.unknown")
            if former is not None and not again and self._still_counts(former, channel):
                return
            self.otp.send(
                purpose=PURPOSES[journey.kind],
                subject=_subject(journey, account),
                to=to,
                visitor=visitor,
                tx=tx,
                counted=(account.id.bytes,),
                account_id=account.id,
                puzzle=puzzle,
            )

    def redeem_in(self, journey_id: str, code: str, visitor: Visitor, *, tx: Transaction) -> Passed:
        """Take the code and end the journey.

        Refuses with `journey.expired`, or as `OtpService.redeem`: recorded, so let it through.
        """
        journey, account = self._going(journey_id, visitor, tx=tx)
        challenge = self.otp.redeem(
            subject=_subject(journey, account),
            purpose=PURPOSES[journey.kind],
            code=code,
            tx=tx,
            visitor=visitor,
            counted=(account.id.bytes,),
            account_id=account.id,
        )
        if _has_new_contact(account, challenge):
            raise Refused("otp.expired", recorded=True)
        if not tx.journeys.finish(journey.digest, self.clock.now()):
            raise Refused("journey.expired")
        return Passed(journey, account, challenge.channel, proof_by(challenge.channel))

    def _still_counts(self, former: Challenge, channel: Channel | None) -> bool:
        now = self.clock.now()
        if former.channel is not channel or now >= former.resend_at:
            return False
        return former.may_be_used(now)

    def _going(
        self, journey_id: str, visitor: Visitor, *, tx: Transaction
    ) -> tuple[Journey, Account]:
        found = tx.journeys.find(digest_of(journey_id))
        kind = found.kind if found is not None and found.kind in PURPOSES else JourneyKind.LOGIN
        journey = check_journey(found, kind, flow_digest=visitor.flow_digest, now=self.clock.now())
        account = tx.accounts.find(journey.account_id) if journey.account_id is not None else None
        if account is None or not account.is_usable:
            raise Refused("journey.expired")
        if journey.kind is JourneyKind.LOGIN:
            # it began with a password: one that was changed or disabled since opens nothing
            credential = tx.credentials.find(account.id)
            if credential is None or credential.disabled_at is not None:
                raise Refused("journey.expired")
            if credential.changed_at > journey.begun_at:
                raise Refused("journey.expired")
        return journey, account


def _subject(journey: Journey, account: Account) -> bytes:
    """Return what the codes of an account's journeys of one kind in one browser are bound to."""
    bound = f"step\n{journey.kind}\n".encode() + journey.flow_digest + account.id.bytes
    return sha256(bound).digest()


def _has_new_contact(account: Account, challenge: Challenge) -> bool:
    """Return whether the code went to a phone or an address that is the account's no more."""
    is_sms = challenge.channel is Channel.SMS
    proved_at = account.phone_verified_at if is_sms else account.email_verified_at
    return proved_at is None or proved_at > challenge.sent_at


def _contacts(journey: Journey, account: Account) -> Mapping[Channel, EmailAddress | Phone]:
    without = journey.state.get("without")
    return contacts_of(account, without=Channel(str(without)) if without else None)


def _is_lost(challenge: Challenge | None, *, tx: Transaction) -> bool:
    if challenge is None or challenge.channel is not Channel.SMS:
        return False
    record = tx.sms_records.find(challenge.message_id)
    return record is not None and record.state in LOST_STATES
