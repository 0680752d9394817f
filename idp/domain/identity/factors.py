"""Factors beside the password: the authenticator app, passkeys, recovery codes (AU-9 to AU-11).

Citizens and admins have the same kinds; each of them keeps their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused

LABEL_MAX: Final = 40
PASSKEYS_MAX: Final = 10

#: Names of factors, as sessions and the audit keep them.
TOTP: Final = "totp"
PASSKEY: Final = "passkey"
RECOVERY: Final = "recovery"
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class TotpFactor:
    """The seed of an authenticator app; `last_step`: the newest time step that was spent."""

    owner_id: UUID
    seed: bytes = field(repr=False)
    created_at: int = 0
    last_step: int = 0


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey (WebAuthn). `sign_count`: the highest seen.

    `is_synced`: it may be on further devices too ("backup eligible" in WebAuthn Level 3).
    """

    id: UUID
    owner_id: UUID
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    label: str
    created_at: int
    last_used_at: int | None = None
    is_synced: bool = True


@dataclass(frozen=True, slots=True)
class Factors:
    """What somebody can prove themselves by, beside the password."""

    totp: TotpFactor | None = None
    passkeys: Sequence[Passkey] = ()
    recovery_codes_left: int = 0

    @property
    def is_enrolled(self) -> bool:
        """Whether there is an app or a passkey: recovery codes alone are none."""
        return self.totp is not None or bool(self.passkeys)

    @property
    def has_own_device(self) -> bool:
        """Whether one of the passkeys never leaves its device: such a one reaches level 3."""
        return any(not one.is_synced for one in self.passkeys)


NO_FACTORS: Final = Factors()


class ProvedBy(StrEnum):
    """Which enrolled factor the newest proof of a session was by; codes by message are none."""

    NOTHING = ""
    APP = "app"
    RECOVERY = "recovery"
    PASSKEY = "passkey"


def strongest_of(factors: Factors) -> frozenset[ProvedBy]:
    """Return what counts as the strongest proof that somebody enrolled (AU-14).

    Empty where nothing is enrolled. A recovery code stands in for what was lost, else nobody could
    replace a passkey that is gone.
    """
    if factors.passkeys:
        return frozenset({ProvedBy.PASSKEY, ProvedBy.RECOVERY})
    if factors.totp is not None:
        return frozenset({ProvedBy.APP, ProvedBy.RECOVERY})
    return frozenset()


def read_label(text: str) -> str:
    """Return what its owner calls a passkey; refuses with `passkey.label`."""
    label = " ".join(text.split())
    if not 1 <= len(label) <= LABEL_MAX:
        raise Refused("passkey.label", maximum=LABEL_MAX)
    return label


def read_recovery_code(text: str) -> str:
    """Return a code as it is kept: dashes, blanks and case do not count.

    Refuses with `recovery_code.required`.
    """
    code = "".join(sign for sign in text.upper() if sign not in "- ")
    if not code:
        raise Refused("recovery_code.required")
    return code
