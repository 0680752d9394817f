"""Factors of citizens: the authenticator app, passkeys, recovery codes (AU-9 to AU-11, AU-14).

A change is allowed by the caller, who asked for a fresh proof by the strongest factor; it is told
to the person. Proofs are taken inside a caller's transaction; a wrong one is counted and recorded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import APP_CODE, RECOVERY_CODE, Authentication
from idp.domain.identity.audit import Action, AuditEvent, Outcome
from idp.domain.identity.factors import (
    PASSKEY,
    PASSKEYS_MAX,
    RECOVERY,
    TOTP,
    Factors,
    Passkey,
    ProvedBy,
    TotpFactor,
)
from idp.domain.identity.limits import FACTOR_STOP, FACTOR_TRIES, Hit
from idp.domain.identity.second_step import proof_by_passkey
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.passkeys import PasskeyRefused
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.limits import LimitService
from idp.services.messages import LetterKind, MessageService, SmsKind
from idp.services.passkey_challenges import Offer, PasskeyChallenges, nobodys_passkey
from idp.services.recovery_codes import new_codes
from idp.services.sessions import SessionService, SignedIn
from idp.services.totp import SEED_BYTES, matching_step, spend_code

_SEEDS: Final = "account-totp-offer"


@dataclass(frozen=True, slots=True)
class PasskeyAnswer:
    """What a passkey's button sent: the token of its challenge, and the browser's JSON."""

    token: str
    answer: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A factor that proved somebody."""

    proof: Authentication
    proved_by: ProvedBy


@dataclass(frozen=True, slots=True)
class FactorService:
    """Enrols, shows and drops factors, and takes their proofs."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    challenges: PasskeyChallenges
    limits: LimitService
    messages: MessageService
    sessions: SessionService

    def of(self, account_id: UUID) -> Factors:
        """Return what somebody can prove themselves by, beside the password."""
        with self.store.read() as tx:
            return tx.account_factors.of(account_id)

    # The authenticator app --------------------------------------------------------------------

    def seed_for(self, session: LoginSession) -> bytes:
        """Return the seed that a session's page offers an app; another one once it was taken.

        Nothing is kept before somebody proved that their app has it.
        """
        with self.store.read() as tx:
            kept = tx.account_factors.find_totp(session.account_id)
        present = digest_of(kept.seed) if kept is not None else b""
        context = session.sid.encode() + present
        return hmac_digest(self.vault.keys(_SEEDS)[0], context, sha256)[:SEED_BYTES]

    def put_totp(
        self, session: LoginSession, account: Account, code: str, visitor: Visitor
    ) -> SignedIn:
        """Keep the offered seed in the place of any other, and spend the code that proved it.

        The session rises by it, so its cookie changes. Refuses with `app.code` or
        `factor.throttled`.
        """
        seed, now = self.seed_for(session), self.clock.now()
        with self.store.write() as tx:
            self._count(account, visitor, tx=tx)
            step = matching_step(seed, code, now=now, after=0)
            if step is None:
                self._fail(account, TOTP, visitor, tx=tx)
                raise Refused("app.code", recorded=True)
            self._forgive(account, tx=tx)
            tx.account_factors.put_totp(TotpFactor(account.id, seed, now, step))
            self._tell(account, TOTP, visitor, is_added=True, tx=tx)
            return self.sessions.step_up(session, account, APP_CODE, tx=tx, proved_by=ProvedBy.APP)

    def drop_totp(self, account: Account, visitor: Visitor) -> None:
        """Forget the app; refuses with `factor.gone`."""
        with self.store.write() as tx:
            if not tx.account_factors.drop_totp(account.id):
                raise Refused("factor.gone")
            self._tell(account, TOTP, visitor, is_added=False, tx=tx)

    # Passkeys ---------------------------------------------------------------------------------

    def offer_creation(self, session: LoginSession, account: Account, name: str) -> Offer:
        """Return what a page asks a browser in order to make a passkey; `name`: on the device."""
        with self.store.read() as tx:
            known = tx.account_factors.list_passkeys(account.id)
        return self.challenges.offer_creation(
            session.sid.encode(),
            owner_id=account.id,
            shown_as=name,
            known=[one.credential_id for one in known],
        )

    def add_passkey(
        self,
        session: LoginSession,
        account: Account,
        sent: PasskeyAnswer,
        label: str,
        visitor: Visitor,
    ) -> SignedIn:
        """Keep a passkey, whose holder the browser verified: the session rises by it.

        Its cookie changes. Refuses with `passkey.failed`, or `passkey.many` where there are ten.
        """
        made, challenge = self.challenges.made(session.sid.encode(), sent.token, sent.answer)
        with nobodys_passkey(), self.store.write() as tx:
            if len(tx.account_factors.list_passkeys(account.id)) >= PASSKEYS_MAX:
                raise Refused("passkey.many")
            passkey = self.challenges.keep(account.id, made, challenge, label, tx=tx)
            tx.account_factors.add_passkey(passkey)
            self._tell(account, PASSKEY, visitor, is_added=True, tx=tx)
            proof = proof_by_passkey(passkey)
            return self.sessions.step_up(session, account, proof, tx=tx, proved_by=ProvedBy.PASSKEY)

    def rename_passkey(
        self, account: Account, passkey_id: UUID, label: str, visitor: Visitor
    ) -> None:
        """Call a passkey something else; refuses with `factor.gone`."""
        with self.store.write() as tx:
            if not tx.account_factors.rename_passkey(account.id, passkey_id, label):
                raise Refused("factor.gone")
            self._record(Action.FACTOR_RENAMED, account, visitor, tx=tx, factor=PASSKEY)

    def drop_passkey(self, account: Account, passkey_id: UUID, visitor: Visitor) -> None:
        """Forget a passkey; refuses with `factor.gone`."""
        with self.store.write() as tx:
            if not tx.account_factors.drop_passkey(account.id, passkey_id):
                raise Refused("factor.gone")
            self._tell(account, PASSKEY, visitor, is_added=False, tx=tx)

    # Recovery codes ---------------------------------------------------------------------------

    def make_recovery_codes(self, account: Account, visitor: Visitor) -> Sequence[str]:
        """Return ten new codes, told this once; the old ones end."""
        codes, digests = new_codes(self.entropy)
        with self.store.write() as tx:
            tx.account_factors.put_recovery_codes(account.id, digests)
            self._tell(account, RECOVERY, visitor, is_added=True, tx=tx)
        return codes

    # Proofs -----------------------------------------------------------------------------------

    def offer_sign_in(self, visitor: Visitor) -> Offer:
        """Return what the sign-in page asks a browser: whichever passkey of ours it has."""
        return self.challenges.offer_proof(_anybody(visitor), ())

    def offer_proof(self, context: bytes, factors: Factors) -> Offer:
        """Return what a page asks a browser to prove; `context`: of the journey."""
        return self.challenges.offer_proof(context, factors.passkeys)

    def take_app_code(
        self, account: Account, code: str, visitor: Visitor, *, tx: Transaction
    ) -> Shown:
        """Take a code of the app, good once (AU-9).

        `code`: six digits. Refuses, recorded, with `app.code` or `factor.throttled`.
        """
        self._count(account, visitor, tx=tx)
        if not spend_code(tx.account_factors, account.id, code, now=self.clock.now()):
            self._fail(account, TOTP, visitor, tx=tx)
            raise Refused("app.code", recorded=True)
        self._forgive(account, tx=tx)
        return Shown(APP_CODE, ProvedBy.APP)

    def take_recovery_code(
        self, account: Account, code: str, visitor: Visitor, *, tx: Transaction
    ) -> Shown:
        """Take a recovery code in the place of a lost factor, and tell the person.

        `code`: from `read_recovery_code`. Refuses, recorded, with `recovery_code.wrong` or
        `factor.throttled`.
        """
        self._count(account, visitor, tx=tx)
        now = self.clock.now()
        if not tx.account_factors.use_recovery_code(account.id, digest_of(code), now):
            self._fail(account, RECOVERY, visitor, tx=tx)
            raise Refused("recovery_code.wrong", recorded=True)
        self._forgive(account, tx=tx)
        left = tx.account_factors.count_recovery_codes(account.id)
        self._record(Action.RECOVERY_CODE_USED, account, visitor, tx=tx, left=left)
        self.messages.tell_of_change(
            account, LetterKind.RECOVERY_USED, SmsKind.FACTOR_CHANGED, visitor, tx=tx, left=left
        )
        return Shown(RECOVERY_CODE, ProvedBy.RECOVERY)

    def take_passkey(
        self,
        context: bytes,
        sent: PasskeyAnswer,
        account: Account,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> Shown:
        """Take the proof of one of somebody's own passkeys.

        Refuses, recorded, with `passkey.failed`.
        """
        try:
            passkey = self._own(sent, account.id, tx=tx)
            return self._prove(context, sent, passkey, tx=tx)
        except PasskeyRefused as refused:
            self._fail(account, PASSKEY, visitor, tx=tx)
            raise Refused("passkey.failed", recorded=True) from refused

    def find_owner(
        self, sent: PasskeyAnswer, visitor: Visitor, *, tx: Transaction
    ) -> tuple[Account, Shown]:
        """Return whose passkey a sign-in page was shown, and what it proves.

        Refuses, recorded, with `passkey.failed`, whatever is wrong.
        """
        owner: Account | None = None
        try:
            found = tx.account_factors.find_passkey(self.challenges.credential_of(sent.answer))
            owner = tx.accounts.find(found.owner_id) if found is not None else None
            if found is None or owner is None or not owner.is_usable:
                raise PasskeyRefused("unknown")  # noqa: TRY301 - all refusals are one
            return owner, self._prove(_anybody(visitor), sent, found, tx=tx)
        except PasskeyRefused as refused:
            if owner is not None:
                self._fail(owner, PASSKEY, visitor, tx=tx)
            raise Refused("passkey.failed", recorded=owner is not None) from refused

    def _own(self, sent: PasskeyAnswer, account_id: UUID, *, tx: Transaction) -> Passkey:
        found = tx.account_factors.find_passkey(self.challenges.credential_of(sent.answer))
        if found is None or found.owner_id != account_id:
            raise PasskeyRefused("unknown")
        return found

    def _prove(
        self, context: bytes, sent: PasskeyAnswer, passkey: Passkey, *, tx: Transaction
    ) -> Shown:
        shown = self.challenges.prove(context, sent.token, sent.answer, passkey, tx=tx)
        now = self.clock.now()
        tx.account_factors.note_use(passkey.id, sign_count=shown.sign_count, now=now)
        return Shown(proof_by_passkey(passkey), ProvedBy.PASSKEY)

    def _count(self, account: Account, visitor: Visitor, *, tx: Transaction) -> None:
        """Count a try before anything is compared."""
        self.limits.check([Hit(FACTOR_STOP, account.id.bytes)], tx=tx)
        self.limits.admit([Hit(FACTOR_TRIES, account.id.bytes)], visitor, tx=tx)

    def _forgive(self, account: Account, *, tx: Transaction) -> None:
        self.limits.refund([Hit(FACTOR_TRIES, account.id.bytes)], tx=tx)

    def _fail(self, account: Account, factor: str, visitor: Visitor, *, tx: Transaction) -> None:
        is_code = factor != PASSKEY
        if is_code and not self.limits.left(Hit(FACTOR_TRIES, account.id.bytes), tx=tx):
            self.limits.count(Hit(FACTOR_STOP, account.id.bytes), tx=tx)
        self._record(
            Action.FACTOR_FAILED, account, visitor, tx=tx, outcome=Outcome.REFUSED, factor=factor
        )

    def _tell(
        self,
        account: Account,
        factor: str,
        visitor: Visitor,
        *,
        is_added: bool,
        tx: Transaction,
    ) -> None:
        """Write a change down, and tell the person (AU-14)."""
        action = Action.FACTOR_ADDED if is_added else Action.FACTOR_REMOVED
        self._record(action, account, visitor, tx=tx, factor=factor)
        letter = LetterKind.FACTOR_ADDED if is_added else LetterKind.FACTOR_REMOVED
        self.messages.tell_of_change(
            account, letter, SmsKind.FACTOR_CHANGED, visitor, tx=tx, factor=factor
        )

    def _record(
        self,
        action: Action,
        account: Account,
        visitor: Visitor,
        *,
        tx: Transaction,
        outcome: Outcome = Outcome.DONE,
        **details: object,
    ) -> None:
        tx.audit.record(
            AuditEvent(
                action,
                self.clock.now(),
                outcome,
                account_id=account.id,
                origin=visitor.origin,
                details=details,
            )
        )


def _anybody(visitor: Visitor) -> bytes:
    """Return the context of a challenge for whoever is before this browser."""
    return b"sign-in" + visitor.flow_digest
