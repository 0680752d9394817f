"""Our signing keys and how one follows another (OpenID Connect Core §10.1.1).

Three states: next (published), active (signs), retired (verifies).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

#: How long a key is published before it signs, so that every cached key set has it.
PUBLISH_BEFORE_SECONDS: Final = 86400
#: How long a retired key stays published: the longest token life and a day.
KEEP_AFTER_SECONDS: Final = 3600 + 86400


class KeyStatus(StrEnum):
    """`NEXT` signs from `active_at` on; `RETIRED` leaves the key set at `retired_at`."""

    NEXT = "next"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair. `kid`: RFC 7638 thumbprint. `private_pem`: PKCS #8, sealed where it is kept."""

    kid: str
    alg: str
    status: KeyStatus
    public_jwk: Mapping[str, Any]
    private_pem: bytes = field(repr=False)
    created_at: int
    active_at: int
    retired_at: int | None = None

    def is_published(self, now: int) -> bool:
        """Return whether the key stands in the key set."""
        return self.retired_at is None or now < self.retired_at

    def may_sign(self, now: int) -> bool:
        """Return whether the key may sign now."""
        return self.status is not KeyStatus.RETIRED and now >= self.active_at
