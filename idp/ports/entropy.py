"""Randomness, as services ask for it."""

from typing import Protocol
from uuid import UUID


class Entropy(Protocol):
    """A cryptographically strong source."""

    def bytes(self, count: int) -> bytes:
        """Return `count` random bytes."""

    def token(self, count: int = 32) -> str:
        """Return `count` random bytes as base64url without padding."""

    def below(self, limit: int) -> int:
        """Return a uniform number from 0 to `limit` - 1."""

    def bits(self, count: int) -> int:
        """Return `count` bits that differ each time, for names in logs.

        No secret: whoever saw many may guess the next. A system call less than all others.
        """

    def uuid7(self, now_ms: int) -> UUID:
        """Return a UUIDv7 of that instant."""
