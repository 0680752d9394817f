"""Challenges of passkeys (WebAuthn): made for a page, good for five minutes, once.

A challenge travels in the page that asks it, under a MAC over what it is for; nothing is kept
before it is answered.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.factors import LABEL_MAX, Passkey
from idp.domain.ids import decode_base64url, digest_of, encode_base64url
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.passkeys import NewPasskey, PasskeyRefused, Passkeys, Proof
from idp.ports.store import Transaction
from idp.ports.vault import Vault

CHALLENGE_SECONDS: Final = 300

_CHALLENGE_BYTES: Final = 32
_AT_BYTES: Final = 8
_BODY: Final = _CHALLENGE_BYTES + _AT_BYTES


@dataclass(frozen=True, slots=True)
class Offer:
    """What a page asks the browser. `token` comes back with the answer; `options`: JSON."""

    token: str
    options: str


@dataclass(frozen=True, slots=True)
class PasskeyChallenges:
    """Asks browsers to make or to show a passkey, and checks what they answer.

    `name`: whose challenges they are, so that none of a citizen's page counts in the console.
    A `context` names what a challenge is for: a session, a link, a journey.
    """

    name: str
    clock: Clock
    entropy: Entropy
    vault: Vault
    passkeys: Passkeys

    def offer_creation(
        self, context: bytes, *, owner_id: UUID, shown_as: str, known: Sequence[bytes]
    ) -> Offer:
        """Ask for a new passkey. `shown_as`: how the device lists it; `known`: not made again."""
        token, challenge = self._issue(b"create" + context)
        options = self.passkeys.creation_options(
            challenge=challenge, handle=self.handle_of(owner_id), name=shown_as, known=known
        )
        return Offer(token, options)

    def offer_proof(self, context: bytes, known: Sequence[Passkey]) -> Offer:
        """Ask for the proof of one of these passkeys, of whichever the browser has for none."""
        token, challenge = self._issue(b"get" + context)
        allowed = [(one.credential_id, one.transports) for one in known]
        return Offer(token, self.passkeys.request_options(challenge=challenge, allowed=allowed))

    def handle_of(self, owner_id: UUID) -> bytes:
        """Return an owner's name on devices: random by its making, and nothing personal (AU-10)."""
        return digest_of(self.name.encode() + owner_id.bytes)

    def made(self, context: bytes, token: str, answer: str) -> tuple[NewPasskey, bytes]:
        """Return a passkey that a browser made, and the challenge to `spend` with keeping it.

        Refuses with `passkey.failed`.
        """
        try:
            challenge = self._read(token, b"create" + context)
            return self.passkeys.check_creation(answer, challenge=challenge), challenge
        except PasskeyRefused as refused:
            raise Refused("passkey.failed") from refused

    def credential_of(self, answer: str) -> bytes:
        """Return which credential an answer says it is by. Raises `PasskeyRefused`."""
        return self.passkeys.credential_of(answer)

    def prove(
        self, context: bytes, token: str, answer: str, passkey: Passkey, *, tx: Transaction
    ) -> Proof:
        """Check a proof by this passkey, and spend its challenge. Raises `PasskeyRefused`."""
        challenge = self._read(token, b"get" + context)
        proof = self.passkeys.check_request(
            answer,
            challenge=challenge,
            public_key=passkey.public_key,
            sign_count=passkey.sign_count,
        )
        if proof.handle is not None and proof.handle != self.handle_of(passkey.owner_id):
            raise PasskeyRefused("handle")
        self._spend(challenge, tx=tx)
        return proof

    def keep(
        self,
        owner_id: UUID,
        made: NewPasskey,
        challenge: bytes,
        label: str,
        *,
        tx: Transaction,
    ) -> Passkey:
        """Spend the challenge of a passkey that was made, and return the row to keep."""
        try:
            self._spend(challenge, tx=tx)
        except PasskeyRefused as refused:
            raise Refused("passkey.failed") from refused
        return Passkey(
            id=self.entropy.uuid7(self.clock.now_ms()),
            owner_id=owner_id,
            credential_id=made.credential_id,
            public_key=made.public_key,
            sign_count=made.sign_count,
            transports=made.transports,
            label=label[:LABEL_MAX],
            created_at=self.clock.now(),
            is_synced=made.is_synced,
        )

    def _issue(self, context: bytes) -> tuple[str, bytes]:
        challenge = self.entropy.bytes(_CHALLENGE_BYTES)
        expires_at = self.clock.now() + CHALLENGE_SECONDS
        body = challenge + expires_at.to_bytes(_AT_BYTES, "big")
        mac = _mac(self.vault.keys(self._keys)[0], context, body)
        return encode_base64url(body + mac), challenge

    def _read(self, token: str, context: bytes) -> bytes:
        """Return the challenge of a token of ours that still counts. Raises `PasskeyRefused`."""
        try:
            value = decode_base64url(token)
        except ValueError as error:
            raise PasskeyRefused("challenge") from error
        body, mac = value[:_BODY], value[_BODY:]
        keys = self.vault.keys(self._keys)
        if not any(compare_digest(mac, _mac(key, context, body)) for key in keys):
            raise PasskeyRefused("challenge")
        if self.clock.now() >= int.from_bytes(body[_CHALLENGE_BYTES:], "big"):
            raise PasskeyRefused("challenge")
        return body[:_CHALLENGE_BYTES]

    @property
    def _keys(self) -> str:
        return f"{self.name}-challenge"

    def _spend(self, challenge: bytes, *, tx: Transaction) -> None:
        now = self.clock.now()
        digest = digest_of(f"{self.name} challenge\n".encode() + challenge)
        if not tx.replays.add_once(digest, expires_at=now + CHALLENGE_SECONDS, now=now):
            raise PasskeyRefused("replayed")


@contextmanager
def nobodys_passkey() -> Iterator[None]:
    """Refuse with `passkey.failed` a new passkey that is somebody's already."""
    try:
        yield
    except Conflict as conflict:
        raise Refused("passkey.failed") from conflict


def _mac(key: bytes, context: bytes, body: bytes) -> bytes:
    return hmac_digest(key, body + b"\n" + context, sha256)
