"""A forgotten password: by a link to the proved address, or a code to the proved phone.

Whoever asks gets the same answer after the same time, whether or not there is an account; a code
that does not fit says no more than that. Recovery never stands in for the second step (AU-11).
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.limits import HOUR, Hit, Limit
from idp.domain.identity.otp import Channel, Purpose
from idp.domain.identity.password import personal_words
from idp.domain.identity.phone import Phone
from idp.domain.identity.second_step import contacts_of, recovery_contacts_of
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.ephemeral import Bucket, RateLimits
from idp.ports.passwords import PasswordHasher
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.credentials import CredentialService
from idp.services.devices import DeviceService
from idp.services.identifiers import Identifiers, holder_of, index_of
from idp.services.limits import LimitService
from idp.services.login import CodeNeeded, Entered, LoginService
from idp.services.otp import OtpService
from idp.services.passwords import PasswordService
from idp.services.proof_links import RECOVERY, ProofLinks
from idp.services.puzzle import PuzzleService, Solution

#: What puzzles for recovery are made for.
PUZZLE: Final = "recovery"

RECOVERIES_OF_IDENTIFIER: Final = Limit("recovery.identifier", 3, HOUR, "limit.tries")
RECOVERIES_OF_ACCOUNT: Final = Limit("recovery.account", 3, HOUR, "limit.tries")
RECOVERIES_OF_NETWORK: Final = 10


@dataclass(frozen=True, slots=True)
class Way:
    """What allows a new password: a journey whose code came back, or the secret of a link."""

    journey_id: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class RecoveryService:
    """Starts recoveries, takes their codes, sets the new password."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    rate_limits: RateLimits
    hasher: PasswordHasher
    identifiers: Identifiers
    limits: LimitService
    puzzles: PuzzleService
    otp: OtpService
    links: ProofLinks
    passwords: PasswordService
    credentials: CredentialService
    devices: DeviceService
    login: LoginService

    def start(
        self,
        typed: str,
        visitor: Visitor,
        *,
        channel: Channel | None = None,
        interaction_id: str | None = None,
        puzzle: Solution | None = None,
    ) -> str:
        """Send what recovers an account, if there is one; return the id of the journey.

        `interaction_id`: the portal's request that waits in this browser, looked up by the caller.
        `channel`: the person's wish; else an e-mail address asks for a letter, anything else for a
        short message. Refuses with `limit.tries` (`until_at`), `puzzle.required`, `puzzle.early`.
        """
        began = self.clock.monotonic()
        identifier = self.identifiers.read(typed)
        whose = index_of(typed if identifier is None else identifier, self.vault)
        if channel is None:
            channel = Channel.EMAIL if isinstance(identifier, EmailAddress) else Channel.SMS
        network = Bucket("recovery", visitor.address, RECOVERIES_OF_NETWORK, HOUR)
        is_crowded = self.rate_limits.hit(network)[0].is_over
        journey_id = self.entropy.token()
        with self.store.write() as tx:
            is_solved = self.puzzles.redeem(puzzle, PUZZLE, visitor, tx=tx)
            if not is_solved and (is_crowded or self.otp.is_pumped(tx=tx)):
                raise Refused("puzzle.required")
            self.limits.admit([Hit(RECOVERIES_OF_IDENTIFIER, whose)], visitor, tx=tx)
            account = holder_of(identifier, tx)
            if account is not None and not account.is_usable:
                account = None
            self._put(journey_id, account, visitor, tx=tx)
        if account is not None:
            self._send(account, channel, visitor, interaction_id, is_solved=is_solved)
        self.login.wait_for_floor(began)
        return journey_id

    def check_started(self, journey_id: str, visitor: Visitor) -> None:
        """Refuse with `journey.expired` unless this browser's recovery goes on."""
        with self.store.read() as tx:
            self._going(journey_id, visitor, tx=tx)

    def take_code(self, journey_id: str, code: str, visitor: Visitor) -> None:
        """Take the code of a short message; the journey then allows a new password.

        Refuses with `journey.expired`, or with `recovery.code` whatever is wrong with the code,
        also where none was ever sent.
        """
        began = self.clock.monotonic()
        try:
            with self.store.write() as tx:
                journey = self._going(journey_id, visitor, tx=tx)
                account_id = journey.account_id
                account = tx.accounts.find(account_id) if account_id is not None else None
                if account is None or _has_new_phone(account, journey):
                    raise Refused("recovery.code")  # noqa: TRY301 - the floor holds for it as well
                self._redeem(account.id, code, visitor, tx=tx)
                tx.journeys.put(journey.having(proved=Channel.SMS))
        except Refused as refusal:
            if refusal.code == "recovery.code":
                self.login.wait_for_floor(began)
            raise

    def check(self, way: Way, visitor: Visitor) -> None:
        """Refuse with `recovery.invalid` unless `way` allows a new password."""
        with self.store.read() as tx:
            self._open(way, visitor, tx=tx)

    def set_password(
        self, way: Way, password: str, visitor: Visitor, *, interaction_id: str | None = None
    ) -> Entered | CodeNeeded:
        """Set the new password, end every other session, and let the person in.

        `password`: normalised. On an unknown browser another contact must still answer, if there is
        one; an app or a passkey that the person enrolled is asked for on every browser. Refuses
        with `recovery.invalid`, `password....` or `password.same`; `Busy`.
        """
        with self.store.read() as tx:
            account, _, _ = self._open(way, visitor, tx=tx)
            credential = tx.credentials.find(account.id)
        personal = personal_words(
            account.person.name, nik=account.nik, phone=account.phone, email=account.email
        )
        self.passwords.check(password, personal)
        if credential is not None and self.hasher.verify(password, credential.hash):
            raise Refused("password.same")
        password_hash = self.passwords.hash(password)
        with self.store.write() as tx:
            account, channel, spend = self._open(way, visitor, tx=tx)
            if not spend():
                raise Refused("recovery.invalid")
            is_known = self.devices.is_known(account.id, visitor, tx=tx)
            self.credentials.replace(account, password_hash, visitor, recovered_by=channel, tx=tx)
            tx.audit.record(
                AuditEvent(
                    Action.RECOVERY_FINISHED,
                    self.clock.now(),
                    account_id=account.id,
                    origin=visitor.origin,
                    details={"channel": channel},
                )
            )
            has_factor = tx.account_factors.of(account.id).is_enrolled
            has_other = channel not in contacts_of(account, without=channel)
            if has_factor or (has_other and self.login.needs_code(account, is_known=is_known)):
                return CodeNeeded(
                    self.login.steps.begin(
                        account, JourneyKind.LOGIN, visitor, without=channel, tx=tx
                    )
                )
            return Entered(
                self.login.enter(
                    account, visitor, interaction_id=interaction_id, is_known=is_known, tx=tx
                )
            )

    def _send(
        self,
        account: Account,
        channel: Channel,
        visitor: Visitor,
        interaction_id: str | None,
        *,
        is_solved: bool,
    ) -> None:
        """Send to the wished contact if it was proved, else to the other; never to one unproved.

        What refuses here is kept from the visitor: it would tell that there is an account.
        """
        contacts: dict[Channel, EmailAddress | Phone] = recovery_contacts_of(
            account, self.clock.now()
        )
        to = contacts.get(channel) or next(iter(contacts.values()), None)
        if to is None:
            return
        try:
            with self.store.write() as tx:
                self.limits.admit([Hit(RECOVERIES_OF_ACCOUNT, account.id.bytes)], visitor, tx=tx)
                if isinstance(to, Phone):
                    self.otp.send(
                        purpose=Purpose.RECOVERY,
                        subject=_subject(account.id, visitor),
                        to=to,
                        visitor=visitor,
                        tx=tx,
                        counted=(account.id.bytes,),
                        account_id=account.id,
                        is_solved=is_solved,
                    )
                else:
                    self.links.send_recovery(account, interaction_id=interaction_id, tx=tx)
                tx.audit.record(
                    AuditEvent(
                        Action.RECOVERY_STARTED,
                        self.clock.now(),
                        account_id=account.id,
                        origin=visitor.origin,
                        details={"channel": channel},
                    )
                )
        except Refused:
            return

    def _redeem(self, account_id: UUID, code: str, visitor: Visitor, *, tx: Transaction) -> None:
        try:
            self.otp.redeem(
                subject=_subject(account_id, visitor),
                purpose=Purpose.RECOVERY,
                code=code,
                tx=tx,
                visitor=visitor,
                counted=(account_id.bytes,),
                account_id=account_id,
            )
        except Refused as refusal:
            # which of them it was would tell whether a code was sent at all
            raise Refused("recovery.code", recorded=refusal.recorded) from refusal

    def _put(
        self, journey_id: str, account: Account | None, visitor: Visitor, *, tx: Transaction
    ) -> None:
        tx.journeys.put(
            Journey(
                digest=digest_of(journey_id),
                kind=JourneyKind.RECOVERY,
                flow_digest=visitor.flow_digest,
                account_id=account.id if account is not None else None,
                expires_at=self.clock.now() + JOURNEY_SECONDS,
            )
        )

    def _going(self, journey_id: str, visitor: Visitor, *, tx: Transaction) -> Journey:
        return check_journey(
            tx.journeys.find(digest_of(journey_id)),
            JourneyKind.RECOVERY,
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )

    def _open(
        self, way: Way, visitor: Visitor, *, tx: Transaction
    ) -> tuple[Account, Channel, Callable[[], bool]]:
        """Return whose password `way` sets, by which contact, and what spends it."""
        now = self.clock.now()
        if way.secret:
            link, account = self.links.open(way.secret, RECOVERY, tx=tx)
            if not account.is_usable:
                raise Refused("recovery.invalid")
            return account, Channel.EMAIL, lambda: tx.journeys.use_link(link.digest, now)
        try:
            journey = self._going(way.journey_id, visitor, tx=tx)
        except Refused as refusal:
            raise Refused("recovery.invalid") from refusal
        found = tx.accounts.find(journey.account_id) if journey.account_id is not None else None
        if found is None or not found.is_usable or journey.state.get("proved") != Channel.SMS:
            raise Refused("recovery.invalid")
        if _has_new_phone(found, journey):
            raise Refused("recovery.invalid")
        credential = tx.credentials.find(found.id)
        if credential is not None and credential.changed_at > journey.begun_at:
            raise Refused("recovery.invalid")
        return found, Channel.SMS, lambda: tx.journeys.finish(journey.digest, now)


def _has_new_phone(account: Account, journey: Journey) -> bool:
    """Return whether the phone that took a recovery's code is the account's no more (OT-7)."""
    return account.phone_verified_at is None or account.phone_verified_at > journey.begun_at


def _subject(account_id: UUID, visitor: Visitor) -> bytes:
    """Return what a recovery's code is bound to: account and browser.

    Asking again within the wait of the last message sends none, and its code still counts.
    """
    return sha256(b"recovery\n" + visitor.flow_digest + account_id.bytes).digest()
