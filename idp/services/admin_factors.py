"""Factors of admins: passkeys, the authenticator app, recovery codes (AD-1, AU-10, AU-11).

A challenge travels in the page that asks it, under a MAC; it is good for five minutes, for one
session or link and purpose, and once.
"""

from base64 import b32encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.admin import (
    FACTORS_OF_ADMIN,
    LABEL_MAX,
    PASSKEY,
    RECOVERY,
    TOTP,
    Admin,
    AdminHere,
    AdminPasskey,
    AdminStep,
    Factors,
    TotpFactor,
)
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.limits import Hit
from idp.domain.identity.password import personal_words
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import decode_base64url, digest_of, encode_base64url
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.passkeys import NewPasskey, PasskeyRefused, Passkeys
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.admin_login import AdminLoginService, OpenInvitation
from idp.services.admin_sessions import AdminEntered, AdminSessionService
from idp.services.limits import LimitService
from idp.services.passwords import PasswordService
from idp.services.totp import matching_step

CHALLENGE_SECONDS: Final = 300
RECOVERY_CODES: Final = 10
#: 80 bits: sixteen letters and digits, shown in groups of four.
_CODE_BYTES: Final = 10
_CODE_LETTERS: Final = 16
PASSKEYS_MAX: Final = 10

_CHALLENGES: Final = "admin-challenge"
_CHALLENGE_BYTES: Final = 32
_AT_BYTES: Final = 8
_BODY: Final = _CHALLENGE_BYTES + _AT_BYTES


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page asks the browser. `token` comes back with the answer; `options`: JSON."""

    token: str
    options: str


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
    passkeys: Passkeys
    limits: LimitService
    passwords: PasswordService
    sessions: AdminSessionService
    login: AdminLoginService

    def factors_of(self, admin_id: UUID) -> Factors:
        """Return what somebody can prove themselves by."""
        with self.store.read() as tx:
            return _factors(tx, admin_id)

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
        token, challenge = self._issue(b"get" + here.session.sid.encode())
        allowed = [(one.credential_id, one.transports) for one in known]
        return Offer(token, self.passkeys.request_options(challenge=challenge, allowed=allowed))

    def join(self, secret: str, joining: PasskeyJoining, visitor: Visitor) -> AdminEntered:
        """Set name, password and passkey through a link, and be signed in by them.

        Refuses with `admin.link`, `admin.passkey`, or the codes of a new password.
        """
        opened = self.login.open_invitation(secret)
        personal = personal_words(joining.name, email=opened.admin.email)
        self.passwords.check(joining.password, personal)
        challenge = self._read(joining.token, b"create" + opened.invitation.digest)
        made = self._made(joining.answer, challenge)
        hashed = self.passwords.hash(joining.password)
        with _own_passkeys(), self.store.write() as tx:
            self._spend(challenge, tx=tx)
            opened = self.login.reopen(secret, tx=tx)
            self._keep(opened.admin, made, visitor.origin.device, tx=tx)
            return self.login.settle(opened, joining.name, hashed, PASSKEY, visitor, tx=tx)

    def enter_passkey(
        self, here: AdminHere, token: str, answer: str, visitor: Visitor
    ) -> AdminEntered:
        """Take a passkey's proof: a sign-in ends, or a session is fresh again.

        Refuses with `admin.passkey`, `admin.throttled`, or `admin.ended`.
        """
        hits = (Hit(FACTORS_OF_ADMIN, here.admin.id.bytes),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
            try:
                self._prove(here, token, answer, tx=tx)
            except PasskeyRefused as refused:
                self.login.note_failure(here.admin, visitor, step=PASSKEY, tx=tx)
                raise Refused("admin.passkey", recorded=True) from refused
            self.limits.refund(hits, tx=tx)
            return self.login.enter_in(here, PASSKEY, visitor, tx=tx)

    def add_passkey(
        self, here: AdminHere, token: str, answer: str, label: str, visitor: Visitor
    ) -> None:
        """Keep a further passkey.

        Refuses with `admin.passkey`, `admin.passkeys` where there are ten, or
        `admin.passkey_needed` where only a passkey may change factors.
        """
        challenge = self._read(token, b"create" + here.session.sid.encode())
        made = self._made(answer, challenge)
        with _own_passkeys(), self.store.write() as tx:
            self._check_may_change(here, tx=tx)
            self._spend(challenge, tx=tx)
            self._keep(here.admin, made, label, tx=tx)
            self._record(Action.ADMIN_FACTOR_ADDED, here, visitor, tx=tx, factor=PASSKEY)

    def drop_passkey(self, here: AdminHere, passkey_id: UUID, visitor: Visitor) -> None:
        """Forget a passkey; refuses with `admin.passkey_needed`, `admin.last_factor` or `.gone`."""
        with self.store.write() as tx:
            self._check_may_change(here, tx=tx)
            factors = _factors(tx, here.admin.id)
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

        Refuses with `admin.code`, `admin.throttled` or `admin.passkey_needed`.
        """
        seed = self.seed_for(here)
        now = self.clock.now()
        hits = (Hit(FACTORS_OF_ADMIN, here.admin.id.bytes),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
            self._check_may_change(here, tx=tx)
            step = matching_step(seed, code, now=now, after=0)
            if step is None:
                raise Refused("admin.code", recorded=True)
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
        codes = [b32encode(self.entropy.bytes(_CODE_BYTES)).decode() for _ in range(RECOVERY_CODES)]
        with self.store.write() as tx:
            self._check_may_change(here, tx=tx)
            tx.admin_factors.put_recovery_codes(here.admin.id, [digest_of(code) for code in codes])
            self._record(Action.ADMIN_FACTOR_ADDED, here, visitor, tx=tx, factor=RECOVERY)
        return ["-".join(code[at : at + 4] for at in range(0, _CODE_LETTERS, 4)) for code in codes]

    def enter_recovery_code(self, here: AdminHere, code: str, visitor: Visitor) -> AdminEntered:
        """Take a recovery code in the place of a lost factor; each is good once.

        `code`: from `read_recovery_code`. Refuses with `admin.recovery` or `admin.throttled`.
        """
        if here.session.step is not AdminStep.PASSWORD:
            raise Refused("admin.recovery")
        hits = (Hit(FACTORS_OF_ADMIN, here.admin.id.bytes),)
        with self.store.write() as tx:
            self.limits.admit(hits, visitor, tx=tx)
            digest, now = digest_of(code), self.clock.now()
            if not tx.admin_factors.use_recovery_code(here.admin.id, digest, now):
                self.login.note_failure(here.admin, visitor, step=RECOVERY, tx=tx)
                raise Refused("admin.recovery", recorded=True)
            self.limits.refund(hits, tx=tx)
            return self.login.enter_in(here, RECOVERY, visitor, tx=tx)

    # ------------------------------------------------------------------------------------------

    def _offer_creation(self, admin: Admin, context: bytes, known: Sequence[bytes]) -> Offer:
        token, challenge = self._issue(b"create" + context)
        # random by its making, and no part of the address
        handle = digest_of(b"admin" + admin.id.bytes)
        options = self.passkeys.creation_options(
            challenge=challenge, handle=handle, name=admin.email.address, known=known
        )
        return Offer(token, options)

    def _issue(self, context: bytes) -> tuple[str, bytes]:
        challenge = self.entropy.bytes(_CHALLENGE_BYTES)
        expires_at = self.clock.now() + CHALLENGE_SECONDS
        body = challenge + expires_at.to_bytes(_AT_BYTES, "big")
        mac = _mac(self.vault.keys(_CHALLENGES)[0], context, body)
        return encode_base64url(body + mac), challenge

    def _read(self, token: str, context: bytes) -> bytes:
        """Return the challenge of a token of ours that still counts."""
        try:
            value = decode_base64url(token)
        except ValueError as error:
            raise Refused("admin.passkey") from error
        body, mac = value[:_BODY], value[_BODY:]
        keys = self.vault.keys(_CHALLENGES)
        if not any(compare_digest(mac, _mac(key, context, body)) for key in keys):
            raise Refused("admin.passkey")
        if self.clock.now() >= int.from_bytes(body[_CHALLENGE_BYTES:], "big"):
            raise Refused("admin.passkey")
        return body[:_CHALLENGE_BYTES]

    def _spend(self, challenge: bytes, *, tx: Transaction) -> None:
        now = self.clock.now()
        digest = digest_of(b"admin challenge\n" + challenge)
        if not tx.replays.add_once(digest, expires_at=now + CHALLENGE_SECONDS, now=now):
            raise Refused("admin.passkey")

    def _made(self, answer: str, challenge: bytes) -> NewPasskey:
        try:
            return self.passkeys.check_creation(answer, challenge=challenge)
        except PasskeyRefused as refused:
            raise Refused("admin.passkey") from refused

    def _keep(self, admin: Admin, made: NewPasskey, label: str, *, tx: Transaction) -> None:
        if len(tx.admin_factors.list_passkeys(admin.id)) >= PASSKEYS_MAX:
            raise Refused("admin.passkeys")
        tx.admin_factors.add_passkey(
            AdminPasskey(
                id=self.entropy.uuid7(self.clock.now_ms()),
                admin_id=admin.id,
                credential_id=made.credential_id,
                public_key=made.public_key,
                sign_count=made.sign_count,
                transports=made.transports,
                label=label[:LABEL_MAX],
                created_at=self.clock.now(),
            )
        )

    def _prove(self, here: AdminHere, token: str, answer: str, *, tx: Transaction) -> None:
        """Check a proof against the person's own passkeys, and note that it was used."""
        challenge = self._challenge_of(here, token)
        credential_id = self.passkeys.credential_of(answer)
        known = tx.admin_factors.list_passkeys(here.admin.id)
        passkey = next((one for one in known if one.credential_id == credential_id), None)
        if passkey is None:
            raise PasskeyRefused("unknown")
        count = self.passkeys.check_request(
            answer,
            challenge=challenge,
            public_key=passkey.public_key,
            sign_count=passkey.sign_count,
        )
        now = self.clock.now()
        digest = digest_of(b"admin challenge\n" + challenge)
        if not tx.replays.add_once(digest, expires_at=now + CHALLENGE_SECONDS, now=now):
            raise PasskeyRefused("replayed")
        tx.admin_factors.note_use(passkey.id, sign_count=count, now=now)

    def _challenge_of(self, here: AdminHere, token: str) -> bytes:
        try:
            return self._read(token, b"get" + here.session.sid.encode())
        except Refused as refused:
            raise PasskeyRefused("challenge") from refused

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


def read_recovery_code(text: str) -> str:
    """Return a code as it is kept: dashes, blanks and case do not count.

    Refuses with `admin.recovery_required`.
    """
    code = "".join(sign for sign in text.upper() if sign not in "- ")
    if not code:
        raise Refused("admin.recovery_required")
    return code


@contextmanager
def _own_passkeys() -> Iterator[None]:
    """Refuse a passkey that is somebody's already."""
    try:
        yield
    except Conflict as conflict:
        raise Refused("admin.passkey") from conflict


def _factors(tx: Transaction, admin_id: UUID) -> Factors:
    return Factors(
        totp=tx.admin_factors.find_totp(admin_id),
        passkeys=tuple(tx.admin_factors.list_passkeys(admin_id)),
        recovery_codes_left=tx.admin_factors.count_recovery_codes(admin_id),
    )


def _mac(key: bytes, context: bytes, body: bytes) -> bytes:
    return hmac_digest(key, body + b"\n" + context, sha256)
