"""Opening an account: KTP data, contact and password, SMS code (issue 3, contract 6.1 to 6.7).

Each step is one method. Nothing exists of a person before the registry says match, and no account
before the phone answered.
"""

from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account, PasswordCredential
from idp.domain.identity.assurance import PASSWORD, SMS_CODE, combine
from idp.domain.identity.audit import Action, AuditEvent, Outcome
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.messages import LOST_STATES
from idp.domain.identity.otp import Challenge, Purpose
from idp.domain.identity.password import personal_words
from idp.domain.identity.person import Person
from idp.domain.identity.phone import Phone
from idp.domain.identity.registration import RESUME_SECONDS, Registration, Step, check_alive
from idp.domain.identity.registry import MENDABLE, RegistryAnswer
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.metrics import Metrics
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.devices import DeviceService
from idp.services.identity_check import Applicant, IdentityCheck
from idp.services.interactions import InteractionService
from idp.services.legacy_upgrade import LegacyUpgradeService, Proved
from idp.services.messages import MessageService
from idp.services.nik_reports import NikReportService
from idp.services.otp import OtpService
from idp.services.passwords import PasswordService
from idp.services.phone_change import PhoneMoves
from idp.services.proof_links import ProofLinks
from idp.services.puzzle import Solution
from idp.services.sessions import SessionService, SignedIn

#: How often opening is tried again when somebody else moves the same phone at that moment.
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class ContactDetails:
    """What step 2 asks for.

    `password`: normalised, not yet judged; `None`: the one that was proved stays.
    """

    email: EmailAddress
    phone: Phone
    password: str | None


@dataclass(frozen=True, slots=True)
class SentCode:
    """What the code page shows. `is_lost`: the newest message did not reach the phone."""

    registration: Registration
    challenge: Challenge
    is_lost: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A new account, signed in; `device_cookie` names the browser to it."""

    signed_in: SignedIn
    device_cookie: str


@dataclass(frozen=True, slots=True)
class RegistrationService:
    """One registration for a browser, kept for 30 minutes after its last step."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    metrics: Metrics
    identity: IdentityCheck
    passwords: PasswordService
    otp: OtpService
    messages: MessageService
    links: ProofLinks
    sessions: SessionService
    devices: DeviceService
    interactions: InteractionService
    upgrade: LegacyUpgradeService
    phones: PhoneMoves
    reports: NikReportService

    def find(self, visitor: Visitor) -> Registration | None:
        """Return this browser's registration if it can be gone on with."""
        with self.store.read() as tx:
            found = tx.registrations.find(visitor.flow_digest)
        return found if found is not None and found.may_go_on(self.clock.now()) else None

    def get(self, visitor: Visitor, *steps: Step) -> Registration:
        """Return this browser's registration in one of `steps`.

        Refuses with `registration.unknown`, `registration.expired`, `registration.step` or
        `registration.done`.
        """
        with self.store.read() as tx:
            return self._get(visitor, *steps, tx=tx)

    def begin(
        self,
        applicant: Applicant,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
        legacy: str | None = None,
    ) -> Registration:
        """Have the registry check the KTP data and remember that they match.

        `legacy`: the journey in which an old account was proved. Refuses as `IdentityCheck.ask` and
        `settle`, as `LegacyUpgradeService.check_nik`, or with `registration.exists` where the NIK
        has an account: told only to who knows all that was asked; `legacy.exists` where an old
        account can be linked to it. After `registry.no` the holder of a proved old account has a
        registration that goes on unconfirmed.
        """
        if legacy is not None:
            self.upgrade.check_nik(legacy, applicant.nik, visitor)
        answer = self.identity.ask(applicant, visitor, puzzle=puzzle)
        with self.store.write() as tx:
            proved = self.upgrade.proved_in(legacy, visitor, tx=tx) if legacy is not None else None
            self._settle(answer, applicant, visitor, proved, tx=tx)
            owner = tx.accounts.find_by_nik(applicant.nik)
            if owner is not None and proved is not None:
                raise Refused("legacy.exists", recorded=True)
            if owner is not None:
                self._tell_owner(owner, visitor, tx=tx)
                self.reports.allow(owner, visitor, tx=tx)
                raise Refused("registration.exists", recorded=True)
            registration = self._begun(applicant, visitor, tx=tx)
            if proved is not None:
                registration = _with_old(registration, proved)
            tx.registrations.put(registration)
        self.metrics.count("registrations", step="matched")
        return registration

    def _settle(
        self,
        answer: RegistryAnswer,
        applicant: Applicant,
        visitor: Visitor,
        proved: Proved | None,
        *,
        tx: Transaction,
    ) -> None:
        """Settle an answer; a no is kept with the old account that did not come home by it."""
        try:
            self.identity.settle(answer, applicant.nik, visitor, tx=tx)
        except Refused as refusal:
            if proved is not None:
                tx.legacy_accounts.note_failure(proved.legacy.id, refusal.code)
                if answer.outcome in MENDABLE:
                    self._begin_unmatched(applicant, visitor, proved, tx=tx)
            raise

    def _begin_unmatched(
        self, applicant: Applicant, visitor: Visitor, proved: Proved, *, tx: Transaction
    ) -> None:
        """Let the holder of an old account go on without a match, unless one is under way."""
        former = tx.registrations.find(visitor.flow_digest)
        if former is not None and former.may_go_on(self.clock.now()) and former.is_matched:
            return
        begun = replace(self._begun(applicant, visitor, tx=tx), matched_at=None)
        tx.registrations.put(_with_old(begun, proved))

    def _begun(self, applicant: Applicant, visitor: Visitor, *, tx: Transaction) -> Registration:
        """Return a new registration, or the one under way where the same person came back."""
        now = self.clock.now()
        former = tx.registrations.find(visitor.flow_digest)
        if former is not None and former.may_go_on(now) and former.nik == applicant.nik:
            registration = former
        else:
            registration_id = self.entropy.uuid7(self.clock.now_ms())
            registration = Registration(
                id=registration_id,
                flow_digest=visitor.flow_digest,
                nik=applicant.nik,
                person=Person(applicant.full_name),
                step=Step.CONTACT,
                challenge_subject=digest_of(b"registration\n" + registration_id.bytes),
                locale=visitor.locale,
                matched_at=now,
                expires_at=now,
            )
        return replace(
            registration,
            person=Person(applicant.full_name),
            locale=visitor.locale,
            matched_at=now,
            expires_at=now + RESUME_SECONDS,
        )

    def give_contact(
        self,
        details: ContactDetails,
        visitor: Visitor,
        *,
        expected: UUID | None = None,
        puzzle: Solution | None = None,
    ) -> Challenge:
        """Keep contact and password and send the code.

        The same phone within the wait of its last message gets no second one: the page was sent
        again. `expected`: the registration that the page was made for. Refuses with
        `registration....`, `password....` or as `OtpService.send`; `Busy` where hashing has no
        place.
        """
        registration = self.get(visitor, Step.CONTACT, Step.CODE)
        _check_expected(registration, expected)
        password_hash = self._new_hash(registration, details)
        with self.store.write() as tx:
            registration = self._get(visitor, Step.CONTACT, Step.CODE, tx=tx)
            _check_expected(registration, expected)
            challenge = self._unused_code(registration, details.phone, tx=tx)
            if challenge is None:
                challenge = self.otp.send(
                    purpose=Purpose.SIGNUP,
                    subject=registration.challenge_subject,
                    to=details.phone,
                    visitor=visitor,
                    tx=tx,
                    counted=[self._index_of(registration)],
                    puzzle=puzzle,
                )
            tx.registrations.put(
                replace(
                    registration.with_contact(
                        details.email, details.phone, password_hash, now=self.clock.now()
                    ),
                    locale=visitor.locale,
                )
            )
        self.metrics.count("registrations", step="contact")
        return challenge

    def _new_hash(self, registration: Registration, details: ContactDetails) -> str:
        """Return the hash of the password that the account begins with."""
        if details.password is None:
            if not registration.keeps_password or registration.password_hash is None:
                raise Refused("password.required")
            return registration.password_hash
        self.check_password(
            registration, details.password, email=details.email, phone=details.phone
        )
        return self.passwords.hash(details.password)

    def check_password(
        self,
        registration: Registration,
        password: str,
        *,
        email: EmailAddress | None,
        phone: Phone | None,
    ) -> None:
        """Refuse a password as `PasswordService.check`, by what is known of the person so far."""
        name, nik = registration.person.name, registration.nik
        self.passwords.check(password, personal_words(name, nik=nik, phone=phone, email=email))

    def resend(self, visitor: Visitor, *, puzzle: Solution | None = None) -> Challenge:
        """Send another code; refuses with `registration....` or as `OtpService.resend`."""
        with self.store.write() as tx:
            registration = self._get(visitor, Step.CODE, tx=tx)
            if registration.phone is None:
                raise Refused("registration.step")
            challenge = self.otp.resend(
                subject=registration.challenge_subject,
                to=registration.phone,
                visitor=visitor,
                tx=tx,
                counted=[self._index_of(registration)],
                puzzle=puzzle,
            )
            tx.registrations.put(
                replace(registration, expires_at=self.clock.now() + RESUME_SECONDS)
            )
        return challenge

    def sent_code(self, visitor: Visitor) -> SentCode:
        """Return what was sent; refuses with `registration....`."""
        with self.store.read() as tx:
            registration = self._get(visitor, Step.CODE, tx=tx)
            challenge = self.otp.find(registration.challenge_subject, tx=tx)
            if challenge is None:
                raise Refused("registration.step", step=registration.step)
            record = tx.sms_records.find(challenge.message_id)
        return SentCode(registration, challenge, record is not None and record.state in LOST_STATES)

    def confirm(self, code: str, visitor: Visitor, *, interaction_id: str | None = None) -> Opened:
        """Open the account if the code is the one sent, and sign the citizen in.

        Refuses with `registration....` or as `OtpService.redeem`; with `registration.done` where
        the account was opened before, with `registration.exists` where another browser was faster
        with this NIK.
        """
        for _ in range(_TRIES):
            try:
                with self.store.write() as tx:
                    opened = self._open(code, visitor, interaction_id, tx=tx)
            except Conflict as conflict:
                if conflict.what == "nik":
                    raise self._give_up(visitor) from conflict
                continue
            except Refused as refusal:
                self._check_done(visitor, refusal)
                raise
            self.metrics.count("registrations", step="opened")
            return opened
        raise Refused("busy")

    def _open(
        self, code: str, visitor: Visitor, interaction_id: str | None, *, tx: Transaction
    ) -> Opened:
        now = self.clock.now()
        registration = self._get(visitor, Step.CODE, tx=tx)
        self.otp.redeem(
            subject=registration.challenge_subject,
            purpose=Purpose.SIGNUP,
            code=code,
            tx=tx,
            visitor=visitor,
            counted=[self._index_of(registration)],
        )
        account = registration.open_account(
            self.entropy.uuid7(self.clock.now_ms()), self.entropy.token(16), now=now
        )
        if account.phone is not None:
            self.phones.take(account.phone, account.id, visitor.origin, tx=tx)
        self._tell_carrier(account, visitor, tx=tx)
        tx.accounts.add(account)
        tx.credentials.put(PasswordCredential(account.id, registration.password_hash or "", now))
        if not tx.registrations.finish(registration.id, account.id):
            raise Refused("registration.done")
        if registration.is_matched:
            tx.registry_checks.assign(registration.nik, account.id)
        if registration.legacy_id is not None:
            self._bring_home(registration.legacy_id, account, visitor, tx=tx)
        tx.audit.record(
            AuditEvent(
                Action.ACCOUNT_OPENED,
                now,
                account_id=account.id,
                origin=visitor.origin,
                details={"ial": account.ial},
            )
        )
        signed_in = self.sessions.start(account, combine(PASSWORD, SMS_CODE), visitor, tx=tx)
        self.interactions.note_signed_in(interaction_id, signed_in.session.sid, visitor, tx=tx)
        device_cookie = self.devices.remember(account.id, visitor, tx=tx)
        self.links.send_email_proof(account, tx=tx)
        return Opened(signed_in, device_cookie)

    def _bring_home(
        self, legacy_id: UUID, account: Account, visitor: Visitor, *, tx: Transaction
    ) -> None:
        """Link the old account, unless another was faster: the person is proved all the same."""
        try:
            self.upgrade.link_in(legacy_id, account, visitor, tx=tx)
        except Refused:
            self.metrics.count("registrations", step="legacy_taken")

    def _tell_carrier(self, account: Account, visitor: Visitor, *, tx: Transaction) -> None:
        """Tell whoever proved the address that somebody else gave it."""
        owner = tx.accounts.find_by_email(account.email) if account.email is not None else None
        if owner is not None and owner.email_verified_at is not None:
            self.messages.warn_of_contact(owner, visitor, tx=tx)

    def _tell_owner(self, owner: Account, visitor: Visitor, *, tx: Transaction) -> None:
        """Tell the holder of a NIK that somebody tried to open an account with it."""
        self.messages.warn_of_nik(owner, visitor, tx=tx)
        tx.audit.record(
            AuditEvent(
                Action.ACCOUNT_TAKEN,
                self.clock.now(),
                Outcome.REFUSED,
                account_id=owner.id,
                origin=visitor.origin,
            )
        )

    def _give_up(self, visitor: Visitor) -> Refused:
        """End a registration whose NIK got an account meanwhile, and tell the holder."""
        now = self.clock.now()
        with self.store.write() as tx:
            registration = tx.registrations.find(visitor.flow_digest)
            if registration is not None:
                tx.registrations.put(replace(registration, expires_at=now))
                owner = tx.accounts.find_by_nik(registration.nik)
                if owner is not None:
                    self._tell_owner(owner, visitor, tx=tx)
                    if registration.is_matched:
                        self.reports.allow(owner, visitor, tx=tx)
        return Refused("registration.exists")

    def _unused_code(
        self, registration: Registration, phone: Phone, *, tx: Transaction
    ) -> Challenge | None:
        """Return the code that was sent to this phone a moment ago, if it is still good."""
        now = self.clock.now()
        if registration.step is not Step.CODE or registration.phone != phone:
            return None
        challenge = self.otp.find(registration.challenge_subject, tx=tx)
        if challenge is None or now >= challenge.resend_at or not challenge.may_be_used(now):
            return None
        return challenge

    def _get(self, visitor: Visitor, *steps: Step, tx: Transaction) -> Registration:
        found = tx.registrations.find(visitor.flow_digest)
        if found is not None and found.step is Step.DONE:
            raise Refused("registration.done")
        return check_alive(found, self.clock.now(), *steps)

    def _check_done(self, visitor: Visitor, refusal: Refused) -> None:
        """Refuse with `registration.done` where another tab spent the code a moment ago."""
        if refusal.code == "otp.expired":
            self.get(visitor, *Step)

    def _index_of(self, registration: Registration) -> bytes:
        return self.vault.blind_index("nik", registration.nik.digits)


def _with_old(registration: Registration, proved: Proved) -> Registration:
    """Return the registration with what is known of the old account."""
    record = proved.legacy.record
    email = record.emails[0].address if record.emails else None
    phone = record.phones[0].number if record.phones else None
    return replace(
        registration,
        legacy_id=proved.legacy.id,
        email=registration.email or email,
        phone=registration.phone or phone,
        password_hash=proved.password_hash or registration.password_hash,
    )


def _check_expected(registration: Registration, expected: UUID | None) -> None:
    """Refuse a page that another registration of this browser has overtaken."""
    if expected is not None and expected != registration.id:
        raise Refused("registration.replaced")
