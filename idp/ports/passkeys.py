"""Passkeys (WebAuthn): what the browser is asked, and whether its answer is good."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that a browser made for us; nothing vouches for its maker.

    `is_synced`: it may be on further devices too ("backup eligible" in WebAuthn Level 3).
    """

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    is_synced: bool = True


@dataclass(frozen=True, slots=True)
class Proof:
    """What a good proof says. `handle`: whose passkey it is, where the device told it."""

    sign_count: int
    handle: bytes | None


class PasskeyRefused(Exception):  # noqa: N818 - named for what happened
    """The answer is none to our challenge, from elsewhere, or by another key.

    `reason`: a stable word for the audit.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Passkeys(Protocol):
    """Options and answers are JSON as browsers take and give it (WebAuthn Level 3)."""

    def creation_options(
        self, *, challenge: bytes, handle: bytes, name: str, known: Sequence[bytes]
    ) -> str:
        """Return what a browser is asked in order to make a passkey.

        `handle`: random name of the account. `known`: credential ids that must not be made again.
        """

    def check_creation(self, answer: str, *, challenge: bytes) -> NewPasskey:
        """Return what was made; the person was verified. Raises `PasskeyRefused`."""

    def request_options(
        self, *, challenge: bytes, allowed: Sequence[tuple[bytes, Sequence[str]]]
    ) -> str:
        """Return what a browser is asked to prove.

        `allowed`: credential ids and transports; none: whichever passkey of ours it has.
        """

    def credential_of(self, answer: str) -> bytes:
        """Return which credential an answer says it is by. Raises `PasskeyRefused`."""

    def check_request(
        self, answer: str, *, challenge: bytes, public_key: bytes, sign_count: int
    ) -> Proof:
        """Return what a good proof says; the person was verified. Raises `PasskeyRefused`."""
