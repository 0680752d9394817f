"""One-time codes: made, paced, sent, redeemed (`security.md` OT-1 to OT-5).

A code belongs to one purpose, one subject (a row of one browser) and one contact. Only a keyed
digest of it is kept; the code itself leaves in a sealed outbox row.
"""

import logging
from base64 import b32encode
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

import pyotp

from idp.domain.errors import Refused
from idp.domain.identity import limits as rules
from idp.domain.identity.audit import NOWHERE, Action, AuditEvent, Outcome
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.limits import DAY, Hit, Limit, scaled
from idp.domain.identity.otp import (
    ATTEMPTS,
    CODE_SECONDS,
    SENDS_PER_CHALLENGE,
    Challenge,
    Channel,
    Purpose,
    check_code,
    resend_wait,
)
from idp.domain.identity.phone import Phone
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.metrics import Metrics
from idp.ports.store import Transaction
from idp.ports.vault import Vault
from idp.services.limits import LimitService
from idp.services.messages import LetterKind, MessageService, SmsKind
from idp.services.puzzle import PuzzleService, Solution

logger = logging.getLogger(__name__)

#: What puzzles for sending are made for.
PUZZLE: Final = "code"

_SECRET_BYTES: Final = 20
_SENT: Final = b"sent"
_USED: Final = b"used"
_GUESSES: Final = frozenset({"otp.wrong", "otp.attempts"})
_CARRIERS: Final = {Phone: Channel.SMS, EmailAddress: Channel.EMAIL}


@dataclass(frozen=True, slots=True)
class SendingBudget:
    """How many short messages all citizens together may cost."""

    per_second: int
    per_day: int


@dataclass(frozen=True, slots=True)
class OtpService:
    """Codes for whoever asks in a transaction of their own."""

    clock: Clock
    entropy: Entropy
    vault: Vault
    limits: LimitService
    puzzles: PuzzleService
    messages: MessageService
    metrics: Metrics
    budget: SendingBudget

    def send(
        self,
        *,
        purpose: Purpose,
        subject: bytes,
        to: Phone | EmailAddress,
        visitor: Visitor,
        tx: Transaction,
        counted: Iterable[bytes] = (),
        account_id: UUID | None = None,
        puzzle: Solution | None = None,
        is_solved: bool = False,
    ) -> Challenge:
        """Send a code; the one sent before for this subject dies.

        `subject`: digest of the row that asks. `counted`: further keys whose sends are limited (the
        blind index of a NIK, an account's id). `is_solved`: the caller took a puzzle. Refuses with
        `otp.wait` (`seconds`), `otp.limit`, `otp.stopped` (`until_at`), `limit.address`, `busy`,
        `puzzle.required` or `puzzle.early`; some of these are recorded, so send before anything
        else is written.
        """
        now = self.clock.now()
        channel = _CARRIERS[type(to)]
        contact = self._index_of(to)
        former = tx.challenges.find(subject)
        goes_on = former is not None and _continues(former, purpose, contact, now)
        stops = [Hit(rules.STOP, _stopped(purpose, whose)) for whose in (contact, *counted)]
        self.limits.check(stops, tx=tx)
        if former is not None and goes_on and former.sends >= SENDS_PER_CHALLENGE:
            raise Refused(
                "otp.limit", until_at=former.expires_at, seconds=max(1, former.expires_at - now)
            )
        is_solved = is_solved or self.puzzles.redeem(puzzle, PUZZLE, visitor, tx=tx)
        if channel is Channel.SMS and not is_solved and self.is_pumped(tx=tx):
            raise Refused("puzzle.required")
        hits = self._hits(to, contact, visitor, tuple(counted), tx=tx)
        self.limits.admit(hits, visitor, tx=tx, is_solved=is_solved)
        wait = next(hit for hit in hits if hit.limit.name == "otp.wait")

        code = self._make_code()
        challenge = self._challenge(
            former if goes_on else None,
            code,
            purpose=purpose,
            channel=channel,
            subject=subject,
            contact=contact,
            resend_at=now + wait.limit.window_seconds,
        )
        tx.challenges.put(challenge)
        self._enqueue(challenge, code, to, visitor, hits, tx=tx)
        if channel is Channel.SMS:
            self._count_span(_SENT, tx=tx)
        self.metrics.count("codes_sent", purpose=purpose, channel=channel)
        tx.audit.record(
            AuditEvent(
                Action.CODE_SENT,
                now,
                account_id=account_id,
                origin=visitor.origin,
                details={"purpose": purpose, "channel": channel},
            )
        )
        return challenge

    def resend(
        self,
        *,
        subject: bytes,
        to: Phone | EmailAddress,
        visitor: Visitor,
        tx: Transaction,
        counted: Iterable[bytes] = (),
        account_id: UUID | None = None,
        puzzle: Solution | None = None,
    ) -> Challenge:
        """Send another code for what was asked before.

        Refuses as `send`, and with `otp.expired` where nothing was ever sent. An early press does
        nothing but refuse with `otp.wait`.
        """
        former = tx.challenges.find(subject)
        if former is None or former.consumed_at is not None:
            raise Refused("otp.expired")
        return self.send(
            purpose=former.purpose,
            subject=subject,
            to=to,
            visitor=visitor,
            tx=tx,
            counted=counted,
            account_id=account_id,
            puzzle=puzzle,
        )

    def redeem(
        self,
        *,
        subject: bytes,
        purpose: Purpose,
        code: str,
        tx: Transaction,
        visitor: Visitor | None = None,
        counted: Iterable[bytes] = (),
        account_id: UUID | None = None,
    ) -> Challenge:
        """Spend a code: the try is counted first, by one statement, then compared.

        `code`: six digits. Refuses, recorded, with `otp.expired`, `otp.attempts`, `otp.older`,
        `otp.older_letter`, `otp.wrong` (`left`) or `otp.stopped` (`until_at`): commit it.
        """
        now = self.clock.now()
        challenge = tx.challenges.count_attempt(subject)
        if challenge is None or challenge.purpose is not purpose:
            raise Refused("otp.expired", recorded=True)
        whose = [_stopped(purpose, key) for key in (challenge.contact_index, *counted)]
        self.limits.check((Hit(rules.STOP, key) for key in whose), tx=tx)
        try:
            check_code(challenge, self._digests(challenge.id, code), now)
        except Refused as refusal:
            self._note_failure(
                refusal, challenge, whose, visitor=visitor, account_id=account_id, tx=tx
            )
            raise
        if not tx.challenges.consume(challenge.id, now):
            raise Refused("otp.expired", recorded=True)
        if challenge.channel is Channel.SMS:
            self._count_span(_USED, tx=tx)
        self.metrics.count("codes_used", purpose=purpose, channel=challenge.channel)
        return challenge

    def find(self, subject: bytes, *, tx: Transaction) -> Challenge | None:
        """Return what was sent for a subject, for the page that asks for the code."""
        return tx.challenges.find(subject)

    def is_pumped(self, *, tx: Transaction) -> bool:
        """Return whether too few of the last quarter of an hour's codes came back.

        The newest ones count although nobody had time to type them: a false alarm costs a puzzle.
        """
        sent, used = (self._sum_of_spans(kind, tx=tx) for kind in (_SENT, _USED))
        least = scaled(rules.PUMP_LEAST, self.limits.factor)
        is_pumped = sent >= least and used * 100 < sent * rules.PUMP_SHARE_PERCENT
        self.metrics.gauge("sms_pumping", float(is_pumped))
        if is_pumped:
            logger.error("sms pumping suspected", extra={"sent": sent, "used": used})
        return is_pumped

    def _hits(
        self,
        to: Phone | EmailAddress,
        contact: bytes,
        visitor: Visitor,
        counted: tuple[bytes, ...],
        *,
        tx: Transaction,
    ) -> list[Hit]:
        now = self.clock.now()
        is_phone = isinstance(to, Phone)
        of_contact = Hit(rules.SENDS_OF_CONTACT if is_phone else rules.SENDS_OF_MAILBOX, contact)
        sent = tx.limits.peek(of_contact.key, now).count
        pace = Limit("otp.wait", 1, resend_wait(sent + 1), "otp.wait", is_pace=True)
        hits = [
            of_contact,
            Hit(pace, contact),
            Hit(rules.SENDS_OF_NETWORK, visitor.address.encode()),
            *(Hit(rules.SENDS_OF_PERSON, key) for key in (visitor.flow_digest, *counted)),
        ]
        if isinstance(to, Phone):
            hits += [
                Hit(rules.SENDS_OF_BLOCK, self.vault.blind_index("block", to.block)),
                Hit(Limit("otp.second", self.budget.per_second, 1, "busy"), b"all"),
                Hit(Limit("otp.total", self.budget.per_day, DAY, "busy"), b"all"),
            ]
        return hits

    def _challenge(
        self,
        former: Challenge | None,
        code: str,
        *,
        purpose: Purpose,
        channel: Channel,
        subject: bytes,
        contact: bytes,
        resend_at: int,
    ) -> Challenge:
        now = self.clock.now()
        if former is not None:
            digest = self._digests(former.id, code)[0]
            return former.renewed(digest, now=now, resend_at=resend_at)
        challenge_id = self.entropy.uuid7(self.clock.now_ms())
        return Challenge(
            id=challenge_id,
            purpose=purpose,
            channel=channel,
            subject=subject,
            contact_index=contact,
            code_digest=self._digests(challenge_id, code)[0],
            sent_at=now,
            expires_at=now + CODE_SECONDS,
            resend_at=resend_at,
        )

    def _enqueue(
        self,
        challenge: Challenge,
        code: str,
        to: Phone | EmailAddress,
        visitor: Visitor,
        hits: Iterable[Hit],
        *,
        tx: Transaction,
    ) -> None:
        if isinstance(to, Phone):
            self.messages.sms(
                SmsKind.CODE,
                to,
                purpose=challenge.purpose,
                locale=visitor.locale,
                tx=tx,
                message_id=challenge.message_id,
                refunds=hits,
                code=code,
            )
            return
        self.messages.letter(
            LetterKind.CODE,
            to,
            locale=visitor.locale,
            tx=tx,
            message_id=challenge.message_id,
            purpose=challenge.purpose,
            code=code,
        )

    def _note_failure(
        self,
        refusal: Refused,
        challenge: Challenge,
        whose: Iterable[bytes],
        *,
        visitor: Visitor | None,
        account_id: UUID | None,
        tx: Transaction,
    ) -> None:
        """Count a guess; a typed older code is none, and neither is a try at a dead one."""
        self.metrics.count("codes_refused", purpose=challenge.purpose, reason=refusal.code)
        if refusal.code not in _GUESSES or challenge.attempts > ATTEMPTS:
            return
        for key in whose:
            if self.limits.count(Hit(rules.WRONG_CODES, key), tx=tx):
                self.limits.count(Hit(rules.STOP, key), tx=tx)
        tx.audit.record(
            AuditEvent(
                Action.CODE_FAILED,
                self.clock.now(),
                Outcome.REFUSED,
                account_id=account_id,
                origin=visitor.origin if visitor is not None else NOWHERE,
                details={"purpose": challenge.purpose, "reason": refusal.code},
            )
        )

    def _make_code(self) -> str:
        """Return six digits, leading zeros kept, from a secret of their own that nobody keeps."""
        return pyotp.HOTP(b32encode(self.entropy.bytes(_SECRET_BYTES)).decode()).at(0)

    def _digests(self, challenge_id: UUID, code: str) -> tuple[bytes, ...]:
        given = challenge_id.bytes + code.encode()
        return tuple(hmac_digest(key, given, sha256) for key in self.vault.keys("otp"))

    def _index_of(self, to: Phone | EmailAddress) -> bytes:
        if isinstance(to, Phone):
            return self.vault.blind_index("phone", to.e164)
        return self.vault.blind_index("email", to.normalised)

    def _count_span(self, kind: bytes, *, tx: Transaction) -> None:
        now = self.clock.now()
        window = rules.PUMP_SPAN_SECONDS * (rules.PUMP_SPANS + 1)
        tx.limits.hit(_span(kind, now, 0), window_seconds=window, now=now)

    def _sum_of_spans(self, kind: bytes, *, tx: Transaction) -> int:
        now = self.clock.now()
        spans = (_span(kind, now, back) for back in range(rules.PUMP_SPANS))
        return sum(tx.limits.peek(key, now).count for key in spans)


def _continues(former: Challenge, purpose: Purpose, contact: bytes, now: int) -> bool:
    """Return whether a send renews a challenge rather than beginning another."""
    return (
        former.purpose is purpose
        and former.contact_index == contact
        and former.consumed_at is None
        and now < former.expires_at
    )


def _stopped(purpose: Purpose, whose: bytes) -> bytes:
    return purpose.encode() + b"\n" + whose


def _span(kind: bytes, now: int, back: int) -> bytes:
    number = now // rules.PUMP_SPAN_SECONDS - back
    return sha256(b"otp\n" + kind + b"\n" + str(number).encode()).digest()
