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

    def uuid7(self, now_ms: int) -> UUID:
        """Return a UUIDv7 of that instant."""
