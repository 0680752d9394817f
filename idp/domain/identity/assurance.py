"""How sure we are of who somebody is (`ial`) and of how they signed in (`aal`).

`acr` is `urn:kemnaker:aal:<n>`; `amr` values are those of RFC 8176.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ACR_PREFIX: Final = "urn:kemnaker:aal:"
LEVELS: Final = (1, 2, 3)
ACR_VALUES: Final = tuple(f"{ACR_PREFIX}{level}" for level in LEVELS)

IAL_UNPROVED: Final = 0
IAL_MATCHED: Final = 1


@dataclass(frozen=True, slots=True)
class Authentication:
    """How somebody proved who they are, in one event or several of one session."""

    aal: int
    amr: tuple[str, ...]


PASSWORD: Final = Authentication(1, ("pwd",))
SMS_CODE: Final = Authentication(1, ("otp", "sms"))
EMAIL_CODE: Final = Authentication(1, ("otp",))
#: Another OpenID provider vouches; how it found out is its own matter, so it raises no level.
FEDERATED: Final = Authentication(1, ("fed",))
APP_CODE: Final = Authentication(1, ("otp",))
#: A code from a list is something that the person has, as an app is.
RECOVERY_CODE: Final = APP_CODE
#: Passkeys whose holder was verified: one that may be on further devices, one that never leaves its
#: own (`contract.md` 6.9).
SYNCED_PASSKEY: Final = Authentication(2, ("swk", "user", "mfa"))
DEVICE_PASSKEY: Final = Authentication(3, ("hwk", "user", "mfa"))

_KNOWLEDGE: Final = frozenset({"pwd"})
_POSSESSION: Final = frozenset({"otp", "hwk", "swk"})


def combine(*proofs: Authentication) -> Authentication:
    """Return what several proofs in one session are worth together.

    A password with a code is level 2 and gains `mfa` (RFC 8176 §2).
    """
    names = list(dict.fromkeys(name for proof in proofs for name in proof.amr if name != "mfa"))
    level = max(proof.aal for proof in proofs)
    if _KNOWLEDGE & set(names) and _POSSESSION & set(names):
        level = max(level, 2)
    if level >= 2:
        names.append("mfa")
    return Authentication(level, tuple(names))


def acr_of(aal: int) -> str:
    """Return the `acr` value of a level."""
    return f"{ACR_PREFIX}{aal}"


def level_of(acr: str) -> int | None:
    """Return the level that an `acr` value names, `None` for one we don't know."""
    return LEVELS[ACR_VALUES.index(acr)] if acr in ACR_VALUES else None


def least_level(acr_values: Iterable[str]) -> int | None:
    """Return the lowest level among the values that we know, `None` if we know none of them."""
    known = [level for acr in acr_values if (level := level_of(acr)) is not None]
    return min(known) if known else None
