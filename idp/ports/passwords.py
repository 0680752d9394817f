"""Hashing of passwords and judging of new ones."""

from collections.abc import Iterable
from typing import Protocol


class PasswordHasher(Protocol):
    """Argon2id in a bounded lane of its own; a wait over the limit raises `Busy`."""

    def hash(self, password: str) -> str:
        """Return the hash with its parameters."""

    def verify(self, password: str, hash_: str) -> bool:
        """Return whether the password fits."""

    def verify_nobody(self, password: str) -> bool:
        """Do the same work for an identifier that nobody has; always `False`."""

    def is_outdated(self, hash_: str) -> bool:
        """Return whether the settings ask for more than this hash has."""


class PasswordJudge(Protocol):
    """Knows what people choose and attackers try first."""

    def is_common(self, password: str, words: Iterable[str]) -> bool:
        """Return whether a password is on the list of common ones, or easily guessed.

        `words`: the person's own, which make it easier.
        """


class Busy(Exception):  # noqa: N818 - named for what happened
    """The lane is full: answer 503 and ask to come back."""
