"""Codes of authenticator apps (RFC 6238): six digits, thirty seconds, SHA-1, as all apps do."""

from base64 import b32encode
from hmac import compare_digest
from typing import Final
from uuid import UUID

import pyotp

from idp.ports.factors import KeptFactors

SEED_BYTES: Final = 20
STEP_SECONDS: Final = 30
#: How many steps before and after the present one count: clocks of phones differ.
WINDOW: Final = 1
_ISSUER: Final = "SIAPkerja ID"


def matching_step(seed: bytes, code: str, *, now: int, after: int) -> int | None:
    """Return the time step whose code this is, `None` where it is none that may be used.

    `after`: the newest step that was spent; nothing up to it counts again (RFC 6238 §5.2).
    """
    generator = _generator(seed)
    present = now // STEP_SECONDS
    for step in range(present - WINDOW, present + WINDOW + 1):
        if step > after and compare_digest(generator.generate_otp(step), code):
            return step
    return None


def spend_code(kept: KeptFactors, owner_id: UUID, code: str, *, now: int) -> bool:
    """Return whether it is a code of this person's app that nobody spent, and spend it (AU-9)."""
    factor = kept.find_totp(owner_id)
    if factor is None:
        return False
    step = matching_step(factor.seed, code, now=now, after=factor.last_step)
    return step is not None and kept.spend_step(owner_id, step)


def code_at(seed: bytes, now: int) -> str:
    """Return what the app shows at an instant."""
    code: str = _generator(seed).at(now)
    return code


def written_seed(seed: bytes) -> str:
    """Return the seed as people type it: base32 in groups of four."""
    text = b32encode(seed).decode()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def provisioning_uri(seed: bytes, name: str) -> str:
    """Return what the QR code says; `name`: how the app lists it."""
    uri: str = _generator(seed).provisioning_uri(name=name, issuer_name=_ISSUER)
    return uri


def _generator(seed: bytes) -> pyotp.TOTP:
    return pyotp.TOTP(b32encode(seed).decode(), interval=STEP_SECONDS)
