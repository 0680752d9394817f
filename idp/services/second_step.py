"""What is asked beside the password: on an unknown browser, and where more proof is needed.

A journey, which belongs to one browser, keeps the order of the steps (AU-12) and the way that was
chosen: a code by letter or short message, the authenticator app, a passkey, a recovery code. A code
that is sent is bound to purpose, account and browser, so that whoever begins again within the wait
of the last message goes on with the code that they have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import Authentication
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.factors import NO_FACTORS, Factors, ProvedBy
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.messages import LOST_STATES
from idp.domain.identity.otp import Challenge, Channel, Purpose
from idp.domain.identity.phone import Phone
from idp.domain.identity.second_step import Method, contacts_of, methods_of, proof_by
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.factors import FactorService, PasskeyAnswer
from idp.services.otp import OtpService
from idp.services.passkey_challenges import Offer
from idp.services.puzzle import Solution

PURPOSES: Final[Mapping[JourneyKind, Purpose]] = {
    JourneyKind.LOGIN: Purpose.LOGIN,
    JourneyKind.CONFIRM: Purpose.STEP_UP,
}


@dataclass(frozen=True, slots=True)
class RecoveryCode:
    """A recovery code, from `read_recovery_code`."""

    code: str


#: What somebody brings: six digits, a recovery code, or the answer of a passkey.
Given = str | RecoveryCode | PasskeyAnswer


@dataclass(frozen=True, slots=True)
class Step:
    """What the pages show: who is on the way, by which ways, and the newest code sent.

    `contacts`: where a code may go. `method`: the way that was chosen. `is_lost`: the newest short
    message will not reach the phone.
    """

    journey: Journey
    account: Account
    contacts: Mapping[Channel, EmailAddress | Phone]
    challenge: Challenge | None
    is_lost: bool = False
    factors: Factors = NO_FACTORS
    methods: Sequence[Method] = ()
    method: Method | None = None

    @property
    def sent_to(self) -> EmailAddress | Phone | None:
        """The contact that got the newest code."""
        return self.contacts.get(self.challenge.channel) if self.challenge is not None else None


@dataclass(frozen=True, slots=True)
class Passed:
    """A step that ended well. `channel`: how its code travelled, if one was sent."""

    journey: Journey
    account: Account
    channel: Channel | None
    proof: Authentication
    proved_by: ProvedBy = ProvedBy.NOTHING


@dataclass(frozen=True, slots=True)
class SecondStepService:
    """Begins journeys, sends their codes and takes them."""

    store: Store
    clock: Clock
    entropy: Entropy
    otp: OtpService
    factors: FactorService

    def begin(
        self,
        account: Account,
        kind: JourneyKind,
        visitor: Visitor,
        *,
        without: Channel | None = None,
        only: Sequence[Method] = (),
        tx: Transaction,
    ) -> str:
        """Begin a journey and return its id.

        `without`: the contact that proves nothing new. `only`: the ways that prove enough; none
        named: any.
        """
        journey_id = self.entropy.token()
        state: dict[str, object] = {} if without is None else {"without": without}
        if only:
            state["only"] = list(only)
        tx.journeys.put(
            Journey(
                digest=digest_of(journey_id),
                kind=kind,
                flow_digest=visitor.flow_digest,
                account_id=account.id,
                expires_at=self.clock.now() + JOURNEY_SECONDS,
                state=state,
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
            factors = tx.account_factors.of(account.id)
            methods = _methods(journey, account, factors)
            return Step(
                journey,
                account,
                _contacts(journey, account, methods),
                challenge,
                _is_lost(challenge, tx=tx),
                factors,
                methods,
                _chosen(journey, challenge, methods),
            )

    def offer_proof(self, step: Step) -> Offer:
        """Return what the page of a journey asks a browser to prove."""
        return self.factors.offer_proof(_context(step.journey), step.factors)

    def send(
        self,
        journey_id: str,
        visitor: Visitor,
        *,
        method: Method | None = None,
        again: bool = False,
        puzzle: Solution | None = None,
    ) -> None:
        """Go by the chosen way, else by that of last time, else by the first; send its code.

        Unless `again`, a code that went there a moment ago still counts and none is sent. Refuses
        with `journey.expired`, `method.unknown`, or as `OtpService.send`.
        """
        with self.store.write() as tx:
            journey, account = self._going(journey_id, visitor, tx=tx)
            methods = _methods(journey, account, tx.account_factors.of(account.id))
            former = tx.challenges.find(_subject(journey, account))
            method = method or _chosen(journey, former, methods) or next(iter(methods), None)
            if method is None or method not in methods:
                raise Refused("method.unknown")
            if journey.state.get("method") != method:
                tx.journeys.put(journey.having(method=method))
            channel = method.channel
            if channel is None:
                return
            to = _contacts(journey, account, methods)[channel]
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

    def redeem_in(
        self, journey_id: str, given: Given, visitor: Visitor, *, tx: Transaction
    ) -> Passed:
        """Take what somebody brings and end the journey.

        Refuses with `journey.expired`, `method.unknown`, or as `OtpService.redeem` and the
        `take_…` of `FactorService`: recorded, so let it through.
        """
        journey, account = self._going(journey_id, visitor, tx=tx)
        passed = self._passed(journey, account, given, visitor, tx=tx)
        if not tx.journeys.finish(journey.digest, self.clock.now()):
            raise Refused("journey.expired")
        return passed

    def _passed(
        self, journey: Journey, account: Account, given: Given, visitor: Visitor, *, tx: Transaction
    ) -> Passed:
        methods = _methods(journey, account, tx.account_factors.of(account.id))
        method = (
            Method.PASSKEY
            if isinstance(given, PasskeyAnswer)
            else Method.RECOVERY
            if isinstance(given, RecoveryCode)
            else _chosen(journey, tx.challenges.find(_subject(journey, account)), methods)
        )
        if method not in methods:
            raise Refused("method.unknown")
        if isinstance(given, str) and method is not Method.APP:
            challenge = self._redeem(journey, account, given, visitor, tx=tx)
            return Passed(journey, account, challenge.channel, proof_by(challenge.channel))
        if isinstance(given, PasskeyAnswer):
            context = _context(journey)
            shown = self.factors.take_passkey(context, given, account, visitor, tx=tx)
        elif isinstance(given, RecoveryCode):
            shown = self.factors.take_recovery_code(account, given.code, visitor, tx=tx)
        else:
            shown = self.factors.take_app_code(account, given, visitor, tx=tx)
        return Passed(journey, account, None, shown.proof, shown.proved_by)

    def _redeem(
        self, journey: Journey, account: Account, code: str, visitor: Visitor, *, tx: Transaction
    ) -> Challenge:
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
        return challenge

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


def _methods(journey: Journey, account: Account, factors: Factors) -> Sequence[Method]:
    only = journey.state.get("only")
    found = methods_of(account, factors, without=_without(journey))
    return [one for one in found if one in only] if isinstance(only, list) else found


def _contacts(
    journey: Journey, account: Account, methods: Sequence[Method]
) -> Mapping[Channel, EmailAddress | Phone]:
    contacts = contacts_of(account, without=_without(journey))
    return {channel: to for channel, to in contacts.items() if Method(channel) in methods}


def _without(journey: Journey) -> Channel | None:
    without = journey.state.get("without")
    return Channel(str(without)) if without else None


def _chosen(
    journey: Journey, challenge: Challenge | None, methods: Sequence[Method]
) -> Method | None:
    """Return the way that a journey goes; one that began before by a code that was sent goes on."""
    chosen = journey.state.get("method") or (challenge.channel if challenge is not None else None)
    found = Method(str(chosen)) if chosen is not None else None
    return found if found in methods else None


def _context(journey: Journey) -> bytes:
    """Return what the passkey's challenge of a journey is bound to."""
    return b"step" + journey.digest


def _is_lost(challenge: Challenge | None, *, tx: Transaction) -> bool:
    if challenge is None or challenge.channel is not Channel.SMS:
        return False
    record = tx.sms_records.find(challenge.message_id)
    return record is not None and record.state in LOST_STATES
