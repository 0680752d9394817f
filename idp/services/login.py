"""Signing in: a password, on an unknown browser a code as well (`security.md` AU-3 to AU-8, AU-12).

A try is counted first, compared outside any transaction, and settled in a second write; whatever
is wrong, the answer is the same and comes no earlier than a floor.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, PasswordCredential
from idp.domain.identity.assurance import PASSWORD, Authentication, combine
from idp.domain.identity.audit import Action, AuditEvent, Outcome
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.factors import ProvedBy
from idp.domain.identity.journey import JourneyKind
from idp.domain.identity.legacy import LegacyAccount
from idp.domain.identity.lockout import FAILURE_WINDOW_SECONDS
from idp.domain.identity.nik import Nik
from idp.domain.identity.second_step import Method
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.ephemeral import Bucket, Knock, RateLimits
from idp.ports.metrics import Metrics
from idp.ports.passwords import Busy, PasswordHasher
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.devices import DeviceService
from idp.services.factors import FactorService, PasskeyAnswer
from idp.services.identifiers import Identifiers, index_of, password_holder_of
from idp.services.interactions import InteractionService
from idp.services.legacy_upgrade import Comparison, LegacyProven, LegacyUpgradeService
from idp.services.lockout import CountedTry, LockoutService
from idp.services.messages import LetterKind, MessageService
from idp.services.puzzle import PuzzleService, Solution
from idp.services.second_step import Given, Passed, SecondStepService
from idp.services.sessions import SessionService, SignedIn

#: What puzzles for signing in are made for.
PUZZLE: Final = "login"
FAILURES_OF_NETWORK: Final = 50
ACCOUNTS_OF_NETWORK: Final = 20
#: What is left of the floor for writing down a failure once portals were waited for: whoever has an
#: old account there must not be told by the time that an answer takes.
SETTLING_SECONDS: Final = 0.1
#: What a failure takes beside the slowest old hash (our own hash, the page, two writes), and how
#: much longer that hash takes on a busy machine than in the CPU's own time.
SLOW_SETTLING_SECONDS: Final = 0.2
SLOW_SHARE: Final = 1.15
NO_CAUSES: Final[Mapping[UUID, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LoginPolicy:
    """`floor_seconds`: no failure answers earlier. `asks_code`: of browsers that are not known."""

    floor_seconds: float
    asks_code: bool


@dataclass(frozen=True, slots=True)
class Entered:
    """Somebody is in. `device_cookie`: where the browser is to be remembered."""

    signed_in: SignedIn
    device_cookie: str | None = None


@dataclass(frozen=True, slots=True)
class CodeNeeded:
    """The password was right; this browser's journey goes on at the code page."""

    journey_id: str


@dataclass(frozen=True, slots=True)
class _Found:
    """Whom a try may be of: an account with its password, and old accounts."""

    account: Account | None
    credential: PasswordCredential | None
    old: Sequence[LegacyAccount]


#: Finds in the first write whom a try may be of.
_Find = Callable[[Transaction], _Found]


@dataclass(frozen=True, slots=True)
class _Try:
    """One try between its two writes. `knock`: how its address was counted."""

    whose: bytes
    account: Account | None
    credential: PasswordCredential | None
    counted: CountedTry
    is_known: bool = False
    old: tuple[LegacyAccount, ...] = ()
    knock: Knock | None = None

    @property
    def comparable(self) -> PasswordCredential | None:
        """What the password is compared with, `None` where it fails whatever it is."""
        if self.account is None or not self.account.is_usable or self.counted.is_barred:
            return None
        if self.credential is None or self.credential.disabled_at is not None:
            return None
        return self.credential


@dataclass(frozen=True, slots=True)
class LoginService:
    """Password sign-in, its second step, and proving oneself again inside a session."""

    store: Store
    clock: Clock
    vault: Vault
    metrics: Metrics
    hasher: PasswordHasher
    rate_limits: RateLimits
    identifiers: Identifiers
    lockout: LockoutService
    puzzles: PuzzleService
    devices: DeviceService
    steps: SecondStepService
    sessions: SessionService
    interactions: InteractionService
    messages: MessageService
    upgrade: LegacyUpgradeService
    factors: FactorService
    policy: LoginPolicy

    def sign_in(
        self,
        typed: str,
        password: str,
        visitor: Visitor,
        *,
        interaction_id: str | None = None,
        puzzle: Solution | None = None,
        as_typed: str | None = None,
    ) -> Entered | CodeNeeded | LegacyProven:
        """Sign in with an e-mail address, a phone number or a NIK, in any spelling.

        `password`: normalised; `as_typed`: as it came, for hashes of old portals. Refuses with
        `login.failed`, `login.throttled` (`minutes`, `seconds`), `puzzle.required` or
        `puzzle.early`; `Busy` where the lane is full.
        """
        identifier = self.identifiers.read(typed)
        whose = index_of(typed if identifier is None else identifier, self.vault)

        def find(tx: Transaction) -> _Found:
            holder, credential = password_holder_of(identifier, tx)
            # what signs somebody in here is no user name of a portal
            name = typed if holder is None else ""
            return _Found(holder, credential, self.upgrade.find(identifier, tx, typed=name))

        return self._attempt(
            whose,
            find,
            (password, as_typed if as_typed is not None else password),
            visitor,
            interaction_id,
            puzzle,
        )

    def prove_old(
        self,
        email: EmailAddress,
        nik: Nik,
        password: str,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
        as_typed: str | None = None,
    ) -> LegacyProven:
        """Prove an old account by its address, its NIK and its password; refuses as `sign_in`."""

        def find(tx: Transaction) -> _Found:
            return _Found(None, None, self.upgrade.find_both(email, nik, tx))

        outcome = self._attempt(
            index_of(nik, self.vault),
            find,
            (password, as_typed if as_typed is not None else password),
            visitor,
            None,
            puzzle,
        )
        if not isinstance(outcome, LegacyProven):
            raise Refused("login.failed")
        return outcome

    def prove_offered(
        self, legacy_id: UUID, password: str, visitor: Visitor, *, as_typed: str | None = None
    ) -> LegacyProven:
        """Prove an old account that the person in this session was offered; as `sign_in`."""

        def find(tx: Transaction) -> _Found:
            row = tx.legacy_accounts.find(legacy_id)
            is_good = row is not None and self.upgrade.may_be_proved(row)
            return _Found(None, None, [row] if row is not None and is_good else [])

        outcome = self._attempt(
            legacy_id.bytes,
            find,
            (password, as_typed if as_typed is not None else password),
            visitor,
            None,
            None,
            is_patient=True,
        )
        if not isinstance(outcome, LegacyProven):
            raise Refused("login.failed")
        return outcome

    def _attempt(
        self,
        whose: bytes,
        find: _Find,
        passwords: tuple[str, str],
        visitor: Visitor,
        interaction_id: str | None,
        puzzle: Solution | None,
        *,
        is_patient: bool = False,
    ) -> Entered | CodeNeeded | LegacyProven:
        """Count a try, compare, settle. `passwords`: normalised, and as typed.

        `is_patient`: portals are waited for beyond the floor: who is asked about is no secret here.
        """
        began = self.clock.monotonic()
        try_ = self._begin(whose, find, visitor, puzzle)
        is_right = self._is_right(try_, passwords[0])
        compared = (
            Comparison(None)
            if is_right
            else self._compared(
                try_,
                passwords[1],
                visitor,
                until=None if is_patient else began + self._portal_seconds,
            )
        )
        outcome: Entered | CodeNeeded | LegacyProven | None = None
        if is_right:
            outcome = self._succeed(try_, visitor, interaction_id)
        elif compared.legacy is not None:
            outcome = self._prove(try_, compared.legacy, passwords[0], visitor)
        if outcome is not None:
            return outcome
        self._fail(try_, visitor, compared.causes)
        self._count_account(try_, visitor)
        for legacy, answer in compared.late:
            answer.when_late(partial(self._hear_late, try_, legacy, passwords[0], visitor))
        self.wait_for_floor(began)
        raise Refused("login.failed")

    @property
    def _portal_seconds(self) -> float:
        """How long after a try began portals are waited for."""
        return max(0.0, self.policy.floor_seconds - SETTLING_SECONDS)

    def _hear_late(
        self,
        try_: _Try,
        legacy: LegacyAccount,
        password: str,
        visitor: Visitor,
        is_right: bool | None,
    ) -> None:
        """Keep what a portal said after the page had answered; `None`: nothing usable."""
        if is_right:
            self._prove(try_, legacy, password, visitor, is_late=True)
            return
        cause = "portal.unavailable" if is_right is None else "password.wrong"
        with self.store.write() as tx:
            tx.legacy_accounts.note_failure(legacy.id, cause)

    def sign_in_by_passkey(
        self, sent: PasskeyAnswer, visitor: Visitor, *, interaction_id: str | None = None
    ) -> Entered:
        """Sign in with a passkey alone: it is two factors, so no browser needs a code beside it.

        Refuses with `passkey.failed`.
        """
        with self.store.write() as tx:
            account, shown = self.factors.find_owner(sent, visitor, tx=tx)
            is_known = self.devices.is_known(account.id, visitor, tx=tx)
            signed_in = self.sessions.start(
                account, shown.proof, visitor, tx=tx, proved_by=shown.proved_by
            )
            self.tell_in(signed_in, visitor, interaction_id, is_known=is_known, tx=tx)
            return Entered(signed_in)

    def finish(
        self,
        journey_id: str,
        given: Given,
        visitor: Visitor,
        *,
        remember: bool,
        interaction_id: str | None = None,
    ) -> Entered:
        """Take what a second step asks for; refuses as `SecondStepService.redeem_in`.

        A sign-in begins its session, `remember` the browser; inside a session the level rises.
        """
        with self.store.write() as tx:
            passed = self.steps.redeem_in(journey_id, given, visitor, tx=tx)
            if passed.journey.kind is JourneyKind.CONFIRM:
                return Entered(self._step_up(passed, visitor, tx=tx))
            return self._enter_by_code(passed, visitor, interaction_id, remember=remember, tx=tx)

    def begin_step_up(
        self, account: Account, visitor: Visitor, *, only: Sequence[Method] = ()
    ) -> str:
        """Begin a journey that ends with a further proof for a session that lasts already.

        `only`: the ways that prove enough; none named: any.
        """
        with self.store.write() as tx:
            return self.steps.begin(account, JourneyKind.CONFIRM, visitor, only=only, tx=tx)

    def confirm(
        self, session: LoginSession, account: Account, password: str, visitor: Visitor
    ) -> SignedIn:
        """Prove a session's person again by the password; the cookie changes.

        Refuses with `password.wrong` or `login.throttled`; `Busy` where the lane is full.
        """
        self.check_password(session, account, password, visitor)
        with self.store.write() as tx:
            return self._raise(session, account, PASSWORD, visitor, tx=tx)

    def check_password(
        self, session: LoginSession, account: Account, password: str, visitor: Visitor
    ) -> None:
        """Refuse unless it is the account's password; wrong ones count for the session."""
        with self.store.write() as tx:
            counted = self.lockout.count(
                b"", account, known_as=b"sid" + session.sid.encode(), tx=tx
            )
            try_ = _Try(b"", account, tx.credentials.find(account.id), counted)
        if not self._is_right(try_, password):
            self._fail(try_, visitor)
            raise Refused("password.wrong")
        with self.store.write() as tx:
            self.lockout.forgive(account, counted, tx=tx)

    def enter(
        self,
        account: Account,
        visitor: Visitor,
        *,
        interaction_id: str | None,
        is_known: bool,
        tx: Transaction,
    ) -> SignedIn:
        """Begin a session by the password alone: nothing more is asked of this browser."""
        signed_in = self.sessions.start(account, PASSWORD, visitor, tx=tx)
        self.tell_in(signed_in, visitor, interaction_id, is_known=is_known, tx=tx)
        return signed_in

    def needs_code(self, account: Account, *, is_known: bool, has_factor: bool = False) -> bool:
        """Return whether a browser must bring more than the password: unless it is known.

        `has_factor`: whether the person enrolled an app or a passkey, which is then asked for
        whatever the operator's policy is; a code needs a contact to which it can be sent.
        """
        if has_factor:
            return not is_known
        has_contact = account.verified_email is not None or account.verified_phone is not None
        return self.policy.asks_code and not is_known and has_contact

    def wait_for_floor(self, began: float) -> None:
        """Wait until a failure may answer; `began`: monotonic.

        Where an old hash took longer than the floor leaves room for, all failures take as long.
        """
        slow = SLOW_SHARE * self.upgrade.slowest.seconds + SLOW_SETTLING_SECONDS
        floor = max(self.policy.floor_seconds, slow)
        self.clock.sleep(floor - (self.clock.monotonic() - began))

    def _begin(
        self,
        whose: bytes,
        find: _Find,
        visitor: Visitor,
        puzzle: Solution | None,
    ) -> _Try:
        """Find whom it may be, and count the try as failed: first write."""
        knock = self.rate_limits.knock(_failures(visitor), beside=_accounts(visitor))
        try:
            with self.store.write(brief=True) as tx:
                failures, accounts = knock.count_in(tx)
                is_crowded = failures.is_over or accounts.count >= accounts.limit
                if is_crowded and not self.puzzles.redeem(puzzle, PUZZLE, visitor, tx=tx):
                    raise Refused("puzzle.required")  # noqa: TRY301 - undoes the transaction
                found = find(tx)
                account = found.account
                is_known = account is not None and self.devices.is_known(account.id, visitor, tx=tx)
                known_as = visitor.device_digest if is_known else None
                return _Try(
                    whose,
                    account,
                    found.credential,
                    self.lockout.count(
                        whose,
                        account,
                        known_as=known_as,
                        tx=tx,
                        behind=self.upgrade.index_behind(found.old),
                    ),
                    is_known,
                    tuple(found.old),
                    knock,
                )
        except Refused as refusal:
            knock.refund_beside()
            self.metrics.count("logins", outcome=refusal.code)
            raise

    def _is_right(self, try_: _Try, password: str) -> bool:
        """Compare, outside any transaction; as much work for nobody as for somebody."""
        credential = try_.comparable
        try:
            if credential is None:
                # the hash of an old account is as much work; a portal has it do elsewhere
                has_hash = any(row.record.hash is not None for row in try_.old)
                return False if has_hash else self.hasher.verify_nobody(password)
            if not self.hasher.verify(password, credential.hash):
                return False
            if self.hasher.is_outdated(credential.hash):
                # the next sign-in does, where there is no place for it now
                with suppress(Busy):
                    self._rehash(credential, password)
        except Busy:
            self._take_back(try_)
            raise
        return True

    def _compared(
        self, try_: _Try, as_typed: str, visitor: Visitor, *, until: float | None
    ) -> Comparison:
        """Return the old account whose password it is, compared outside any transaction."""
        try:
            found = self.upgrade.compare(try_.old, as_typed, visitor, until=until)
        except Busy:
            self._take_back(try_)
            raise
        # compared all the same: a bar must not be told by the time that an answer takes
        is_barred = try_.counted.is_barred or self.lockout.is_over(try_.counted)
        return Comparison(None) if is_barred else found

    def _prove(
        self,
        try_: _Try,
        legacy: LegacyAccount,
        password: str,
        visitor: Visitor,
        *,
        is_late: bool = False,
    ) -> LegacyProven | None:
        """Settle an old password: second write. `None` where the row went meanwhile."""
        try:
            kept = self.upgrade.hash_if_good(legacy, password)
        except Busy:
            if not is_late:
                self._take_back(try_)
                raise
            # nobody is there to be told to come back: a new password is chosen on the way
            kept = None
        with self.store.write() as tx:
            proven = self.upgrade.begin(legacy.id, kept, visitor, is_late=is_late, tx=tx)
            if proven is not None:
                _refund_in(try_, tx)
                self.lockout.clear(try_.counted, tx=tx)
        if proven is not None:
            _refund_beside(try_)
            self.metrics.count("logins", outcome="legacy")
        return proven

    def _take_back(self, try_: _Try) -> None:
        """Undo a count: the lane had no place, so nothing came of the try."""
        with self.store.write(brief=True) as tx:
            _refund_in(try_, tx)
            self.lockout.take_back(try_.counted, tx=tx)
        _refund_beside(try_)
        self.metrics.count("logins", outcome="busy")

    def _rehash(self, credential: PasswordCredential, password: str) -> None:
        """Keep the password under the parameters of today (AU-3)."""
        renewed = self.hasher.hash(password)
        with self.store.write() as tx:
            tx.credentials.replace_hash(credential.account_id, old=credential.hash, new=renewed)

    def _succeed(
        self, try_: _Try, visitor: Visitor, interaction_id: str | None
    ) -> Entered | CodeNeeded | None:
        """Settle a right password: second write. `None` where it ended while it was compared."""
        outcome = self._settle(try_, visitor, interaction_id)
        if outcome is not None:
            _refund_beside(try_)
        return outcome

    def _settle(
        self, try_: _Try, visitor: Visitor, interaction_id: str | None
    ) -> Entered | CodeNeeded | None:
        with self.store.write() as tx:
            account, credential = _still_good(try_, tx=tx)
            if account is None or credential is None:
                return None
            _refund_in(try_, tx)
            self.lockout.forgive(account, try_.counted, tx=tx)
            if self.needs_code(account, is_known=try_.is_known, has_factor=credential.has_factor):
                journey_id = self.steps.begin(
                    account, JourneyKind.LOGIN, visitor, without=credential.recovered_by, tx=tx
                )
                return CodeNeeded(journey_id)
            return Entered(
                self.enter(
                    account,
                    visitor,
                    interaction_id=interaction_id,
                    is_known=try_.is_known,
                    tx=tx,
                )
            )

    def _fail(self, try_: _Try, visitor: Visitor, causes: Mapping[UUID, str] = NO_CAUSES) -> None:
        """Settle a wrong password: second write; the hundredth in a row ends the password.

        `causes`: why an old account was not proved, where it is another reason than the password.
        """
        now = self.clock.now()
        account, credential = try_.account, try_.credential
        account_id = account.id if account is not None else None
        with self.store.write() as tx:
            _record(
                Action.LOGIN_FAILED,
                account_id,
                visitor,
                now=now,
                tx=tx,
                is_known=try_.is_known,
            )
            for legacy in try_.old:
                cause = causes.get(legacy.id, "password.wrong")
                tx.legacy_accounts.note_failure(legacy.id, cause)
            if credential is None or account is None or not self.lockout.is_over(try_.counted):
                pass
            elif credential.disabled_at is None:
                tx.credentials.disable(account.id, now)
                _record(Action.PASSWORD_DISABLED, account_id, visitor, now=now, tx=tx)
                self.messages.notify(account, LetterKind.PASSWORD_DISABLED, tx=tx)
        self.metrics.count("logins", outcome="failed")

    def _count_account(self, try_: _Try, visitor: Visitor) -> None:
        """Count how many different identifiers an address failed with."""
        pair = Bucket(
            "login.pair", f"{visitor.address} {try_.whose.hex()}", 1, FAILURE_WINDOW_SECONDS
        )
        if self.rate_limits.hit(pair)[0].count == 1:
            self.rate_limits.hit(_accounts(visitor))

    def _enter_by_code(
        self,
        passed: Passed,
        visitor: Visitor,
        interaction_id: str | None,
        *,
        remember: bool,
        tx: Transaction,
    ) -> Entered:
        account = passed.account
        if passed.journey.state.get("without") not in {None, passed.channel}:
            tx.credentials.settle_recovery(account.id)
        proof = combine(PASSWORD, passed.proof)
        signed_in = self.sessions.start(account, proof, visitor, tx=tx, proved_by=passed.proved_by)
        cookie = self.devices.remember(account.id, visitor, tx=tx) if remember else None
        self.tell_in(signed_in, visitor, interaction_id, is_known=False, tx=tx)
        return Entered(signed_in, cookie)

    def _step_up(self, passed: Passed, visitor: Visitor, *, tx: Transaction) -> SignedIn:
        session = tx.sessions.find(visitor.session_digest) if visitor.session_digest else None
        now = self.clock.now()
        if session is None or not session.is_alive(now, self.sessions.limits):
            raise Refused("journey.expired")
        if session.account_id != passed.account.id:
            raise Refused("journey.expired")
        return self._raise(
            session, passed.account, passed.proof, visitor, tx=tx, proved_by=passed.proved_by
        )

    def _raise(
        self,
        session: LoginSession,
        account: Account,
        proof: Authentication,
        visitor: Visitor,
        *,
        tx: Transaction,
        proved_by: ProvedBy = ProvedBy.NOTHING,
    ) -> SignedIn:
        """Let a session's level rise by what its person proved just now."""
        signed_in = self.sessions.step_up(session, account, proof, tx=tx, proved_by=proved_by)
        _record(
            Action.LOGIN_CONFIRMED,
            account.id,
            visitor,
            now=self.clock.now(),
            tx=tx,
            amr=list(signed_in.session.amr),
        )
        return signed_in

    def tell_in(
        self,
        signed_in: SignedIn,
        visitor: Visitor,
        interaction_id: str | None,
        *,
        is_known: bool,
        tx: Transaction,
    ) -> None:
        """Note a sign-in for the portal that waits, the audit, and the person."""
        account, now = signed_in.account, self.clock.now()
        self.interactions.note_signed_in(interaction_id, signed_in.session.sid, visitor, tx=tx)
        _record(
            Action.LOGIN_SUCCEEDED,
            account.id,
            visitor,
            now=now,
            tx=tx,
            is_known=is_known,
            amr=list(signed_in.session.amr),
        )
        if not is_known:
            self.messages.notify(
                account,
                LetterKind.NEW_DEVICE,
                tx=tx,
                device=visitor.origin.device,
                network=visitor.origin.network,
                at=now,
            )
        self.metrics.count("logins", outcome="known" if is_known else "new")


def _failures(visitor: Visitor) -> Bucket:
    return Bucket("login.failures", visitor.address, FAILURES_OF_NETWORK, FAILURE_WINDOW_SECONDS)


def _accounts(visitor: Visitor) -> Bucket:
    return Bucket("login.accounts", visitor.address, ACCOUNTS_OF_NETWORK, FAILURE_WINDOW_SECONDS)


def _refund_in(try_: _Try, tx: Transaction) -> None:
    """Take the address's hit back in a transaction, before it holds what others count in."""
    if try_.knock is not None:
        try_.knock.refund_in(tx)


def _refund_beside(try_: _Try) -> None:
    if try_.knock is not None:
        try_.knock.refund_beside()


def _still_good(try_: _Try, *, tx: Transaction) -> tuple[Account | None, PasswordCredential | None]:
    """Return account and password if neither changed while the password was compared."""
    before, compared = try_.account, try_.comparable
    if before is None or compared is None:
        return None, None
    account, credential = tx.password_holders.find(before.id) or (None, None)
    if account is None or not account.is_usable or credential is None:
        return None, None
    if credential.changed_at != compared.changed_at or credential.disabled_at is not None:
        return None, None
    return account, credential


def _record(
    action: Action,
    account_id: UUID | None,
    visitor: Visitor,
    *,
    now: int,
    tx: Transaction,
    **details: object,
) -> None:
    outcome = Outcome.REFUSED if action is Action.LOGIN_FAILED else Outcome.DONE
    tx.audit.record(
        AuditEvent(
            action, now, outcome, account_id=account_id, origin=visitor.origin, details=details
        )
    )
