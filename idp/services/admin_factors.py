"""Factors of admins: passkeys, the authenticator app, recovery codes (AD-1, AU-10, AU-11).

A challenge of a passkey is for one session or link and purpose.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.admin import FACTORS_OF_ADMIN, Admin, AdminHere, AdminStep
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.factors import (
    PASSKEY,
    PASSKEYS_MAX,
    RECOVERY,
    TOTP,
    Factors,
    TotpFactor,
)
from idp.domain.identity.limits import Hit
from idp.domain.identity.password import personal_words
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.passkeys import NewPasskey, PasskeyRefused
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.admin_login import AdminLoginService, OpenInvitation
from idp.services.admin_sessions import AdminEntered, AdminSessionService
from idp.services.limits import LimitService
from idp.services.passkey_challenges import Offer, PasskeyChallenges, nobodys_passkey
from idp.services.passwords import PasswordService
from idp.services.recovery_codes import new_codes
from idp.services.totp import matching_step


@dataclass(frozen=True, slots=True)
class PasskeyJoining:
    """What somebody sets through a link by passkey; `password`: normalised."""

    name: str
    password: str
    token: str
    answer: str


@dataclass(frozen=True, slots=True)
class AdminFactorService:
    """Enrols, shows and drops factors; opens and freshens sessions by them."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    challenges: PasskeyChallenges
    limits: LimitService
    passwords: PasswordService
    sessions: AdminSessionService
    login: AdminLoginService

    def factors_of(self, admin_id: UUID) -> Factors:
        """Return what somebody can prove themselves by."""
        with self.store.read() as tx:
            return tx.admin_factors.of(admin_id)

    # Passkeys ---------------------------------------------------------------------------------

    def offer_joining(self, opened: OpenInvitation) -> Offer:
        """Return what the page of a link asks a browser, in order to make a passkey."""
        return self._offer_creation(opened.admin, opened.invitation.digest, ())

    def offer_creation(self, here: AdminHere) -> Offer:
        """Return what one's own page asks a browser, in order to make a further passkey."""
        with self.store.read() as tx:
            known = tx.admin_factors.list_passkeys(here.admin.id)
        return self._offer_creation(
            here.admin, here.session.sid.encode(), [one.credential_id for one in known]
        )

    def offer_proof(self, here: AdminHere) -> Offer | None:
        """Return what a page asks a browser to prove, `None` for somebody without a passkey."""
        with self.store.read() as tx:
            known = tx.admin_factors.list_passkeys(here.admin.id)
        if not known:
            return None
        return self.challenges.offer_proof(here.session.sid.encode(), known)

    def join(self, secret: str, joining: PasskeyJoining, visitor: Visitor) -> AdminEntered:
        """Set name, password and passkey through a link, and be signed in by them.

        Refuses with `admin.link`, `passkey.failed`, or the codes of a new password.
        """
        opened = self.login.open_invitation(secret)
        personal = personal_words(joining.name, email=opened.admin.email)
        self.passwords.check(joining.password, personal)
        made, challenge = self.challenges.made(
            opened.invitation.digest, joining.token, joining.answer
        )
        hashed = self.passwords.hash(joining.password)
        with nobodys_passkey(), self.store.write() as tx:
            opened = self.login.reopen(secret, tx=tx)
            self._keep(opened.admin, made, challenge, visitor.origin.device, tx=tx)
            return self.login.settle(opened, joining.name, hashed, PASSKEY, visitor, tx=tx)

    def enter_passkey(
        self, here: AdminHere, token: str, answer: str, visitor: Visitor
    ) -> AdminEntered:
        """Take a passkey's proof: a sign-in ends, or a session is fresh again.

        Refuses with `passkey.failed`, `admin.throttled`, or `admin.ended`.
        """
        hits = (Hit(FACTORS_OF_ADMIN, here.admin.id.bytes),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
            try:
                self._prove(here, token, answer, tx=tx)
            except PasskeyRefused as refused:
                self.login.note_failure(here.admin, visitor, step=PASSKEY, tx=tx)
                raise Refused("passkey.failed", recorded=True) from refused
            self.limits.refund(hits, tx=tx)
            return self.login.enter_in(here, PASSKEY, visitor, tx=tx)

    def add_passkey(
        self, here: AdminHere, token: str, answer: str, label: str, visitor: Visitor
    ) -> None:
        """Keep a further passkey.

        Refuses with `passkey.failed`, `passkey.many` where there are ten, or
        `admin.passkey_needed` where only a passkey may change factors.
        """
        made, challenge = self.challenges.made(here.session.sid.encode(), token, answer)
        with nobodys_passkey(), self.store.write() as tx:
            self._check_may_change(here, tx=tx)
            self._keep(here.admin, made, challenge, label, tx=tx)
            self._record(Action.ADMIN_FACTOR_ADDED, here, visitor, tx=tx, factor=PASSKEY)

    def drop_passkey(self, here: AdminHere, passkey_id: UUID, visitor: Visitor) -> None:
        """Forget a passkey; refuses with `admin.passkey_needed`, `admin.last_factor` or `.gone`."""
        with self.store.write() as tx:
            self._check_may_change(here, tx=tx)
            factors = tx.admin_factors.of(here.admin.id)
            if factors.totp is None and len(factors.passkeys) == 1:
                raise Refused("admin.last_factor")
            if not tx.admin_factors.drop_passkey(here.admin.id, passkey_id):
                raise Refused("admin.gone")
            self._record(Action.ADMIN_FACTOR_REMOVED, here, visitor, tx=tx, factor=PASSKEY)

    # The authenticator app --------------------------------------------------------------------

    def seed_for(self, here: AdminHere) -> bytes:
        """Return the seed that one's own page offers an app; another one once it was taken."""
        with self.store.read() as tx:
            kept = tx.admin_factors.find_totp(here.admin.id)
        present = digest_of(kept.seed) if kept is not None else b""
        return self.login.seed_for(b"own" + here.session.sid.encode() + present)

    def put_totp(self, here: AdminHere, code: str, visitor: Visitor) -> None:
        """Keep the offered seed in the place of any other.

        Refuses with `app.code`, `admin.throttled` or `admin.passkey_needed`.
        """
        seed = self.seed_for(here)
        now = self.clock.now()
        hits = (Hit(FACTORS_OF_ADMIN, here.admin.id.bytes),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
            self._check_may_change(here, tx=tx)
            step = matching_step(seed, code, now=now, after=0)
            if step is None:
                raise Refused("app.code", recorded=True)
            self.limits.refund(hits, tx=tx)
            tx.admin_factors.put_totp(TotpFactor(here.admin.id, seed, now, step))
            self._record(Action.ADMIN_FACTOR_ADDED, here, visitor, tx=tx, factor=TOTP)

    def drop_totp(self, here: AdminHere, visitor: Visitor) -> None:
        """Forget the app; refuses with `admin.passkey_needed`, `admin.last_factor`, `.gone`."""
        with self.store.write() as tx:
            self._check_may_change(here, tx=tx)
            if not tx.admin_factors.list_passkeys(here.admin.id):
                raise Refused("admin.last_factor")
            if not tx.admin_factors.drop_totp(here.admin.id):
                raise Refused("admin.gone")
            self._record(Action.ADMIN_FACTOR_REMOVED, here, visitor, tx=tx, factor=TOTP)

    # Recovery codes ---------------------------------------------------------------------------

    def make_recovery_codes(self, here: AdminHere, visitor: Visitor) -> Sequence[str]:
        """Return ten new codes, told this once; the old ones end."""
        codes, digests = new_codes(self.entropy)
        with self.store.write() as tx:
            self._check_may_change(here, tx=tx)
            tx.admin_factors.put_recovery_codes(here.admin.id, digests)
            self._record(Action.ADMIN_FACTOR_ADDED, here, visitor, tx=tx, factor=RECOVERY)
        return codes

    def enter_recovery_code(self, here: AdminHere, code: str, visitor: Visitor) -> AdminEntered:
        """Take a recovery code in the place of a lost factor; each is good once.

        `code`: from `read_recovery_code`. Refuses with `recovery_code.wrong` or `admin.throttled`.
        """
        if here.session.step is not AdminStep.PASSWORD:
            raise Refused("recovery_code.wrong")
        hits = (Hit(FACTORS_OF_ADMIN, here.admin.id.bytes),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
            digest, now = digest_of(code), self.clock.now()
            if not tx.admin_factors.use_recovery_code(here.admin.id, digest, now):
                self.login.note_failure(here.admin, visitor, step=RECOVERY, tx=tx)
                raise Refused("recovery_code.wrong", recorded=True)
            self.limits.refund(hits, tx=tx)
            return self.login.enter_in(here, RECOVERY, visitor, tx=tx)

    # ------------------------------------------------------------------------------------------

    def _offer_creation(self, admin: Admin, context: bytes, known: Sequence[bytes]) -> Offer:
        return self.challenges.offer_creation(
            context, owner_id=admin.id, shown_as=admin.email.address, known=known
        )

    def _keep(
        self, admin: Admin, made: NewPasskey, challenge: bytes, label: str, *, tx: Transaction
    ) -> None:
        if len(tx.admin_factors.list_passkeys(admin.id)) >= PASSKEYS_MAX:
            raise Refused("passkey.many")
        passkey = self.challenges.keep(admin.id, made, challenge, label, tx=tx)
        tx.admin_factors.add_passkey(passkey)

    def _prove(self, here: AdminHere, token: str, answer: str, *, tx: Transaction) -> None:
        """Check a proof against the person's own passkeys, and note that it was used."""
        passkey = tx.admin_factors.find_passkey(self.challenges.credential_of(answer))
        if passkey is None or passkey.owner_id != here.admin.id:
            raise PasskeyRefused("unknown")
        context = here.session.sid.encode()
        proof = self.challenges.prove(context, token, answer, passkey, tx=tx)
        now = self.clock.now()
        tx.admin_factors.note_use(passkey.id, sign_count=proof.sign_count, now=now)

    def _check_may_change(self, here: AdminHere, *, tx: Transaction) -> None:
        """Refuse where a weaker factor would change what a stronger one protects."""
        if here.session.factor != PASSKEY and tx.admin_factors.list_passkeys(here.admin.id):
            raise Refused("admin.passkey_needed")

    def _record(
        self,
        action: Action,
        here: AdminHere,
        visitor: Visitor,
        *,
        tx: Transaction,
        factor: str,
    ) -> None:
        """Write a change down, and tell its owner."""
        tx.audit.record(
            AuditEvent(
                action,
                self.clock.now(),
                actor="admin",
                actor_id=here.admin.id,
                origin=visitor.origin,
                details={"factor": factor},
            )
        )
        self.login.tell_of_change(here.admin, tx=tx)
