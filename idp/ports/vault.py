"""Keeping personal data closed, and finding it again without opening it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class WrongRoot(ValueError):  # noqa: N818 - named for what happened
    """No root that we have opens the data keys: the database was written under another."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value stands; a value moved elsewhere does not open."""

    table: str
    column: str
    row: bytes


@dataclass(frozen=True, slots=True)
class DataKey:
    """A random key, wrapped by a key derived from a root. `id` is named in every sealed value."""

    id: int
    purpose: str
    wrapped: bytes = field(repr=False)
    created_at: int
    retired_at: int | None = None


class DataKeyStore(Protocol):
    """Keeps wrapped data keys."""

    def load(self) -> Sequence[DataKey]:
        """Return all of them."""

    def add(self, key: DataKey) -> bool:
        """Keep a new one; `False` if another process was first with that id."""

    def rewrap(self, key: DataKey) -> None:
        """Replace the wrapping of one."""


class Vault(Protocol):
    """Seals values, makes blind indexes, derives keys by label."""

    def prepare(self) -> None:
        """Make the data keys that are missing: before a transaction, since it writes in its own."""

    def seal(self, value: bytes, place: Place) -> bytes:
        """Encrypt a value for one place."""

    def open(self, sealed: bytes, place: Place) -> bytes:
        """Decrypt it; `ValueError` if it was changed or moved."""

    def blind_index(self, kind: str, value: str) -> bytes:
        """Return the 32 bytes under which a normalised value is found."""

    def blind_indexes(self, kind: str, value: str) -> tuple[bytes, ...]:
        """Return the indexes under every readable root, newest first."""

    def keys(self, label: str) -> tuple[bytes, ...]:
        """Return the 32-byte keys derived for a use, newest first."""

    def rewrap(self) -> int:
        """Wrap every data key under the newest root; return how many."""

    def pairwise_key(self) -> bytes:
        """Return the key of pairwise subjects, the same for ever."""

    def audit_key(self) -> bytes:
        """Return the key of the audit chain, the same for ever: old rows must stay verifiable."""

    def wrapped_audit_key(self) -> DataKey:
        """Return the same key as it is kept: it opens with a root, wherever it is taken."""
