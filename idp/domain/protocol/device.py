"""The device flow (RFC 8628): a code shown on one device, entered on another."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.protocol.errors import ProtocolError, access_denied

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:device_code"
#: RFC 8628 §6.1: consonants without look-alikes, so that no word comes out.
ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
CODE_LENGTH: Final = 8
LIFE_SECONDS: Final = 600
INTERVAL_SECONDS: Final = 5
#: What each answer `slow_down` adds (RFC 8628 §3.5).
SLOWER_SECONDS: Final = 5


class PendingStatus(StrEnum):
    """Where a request that waits for a person elsewhere stands; for device and CIBA alike."""

    PENDING = "pending"
    ALLOWED = "allowed"
    DENIED = "denied"
    REDEEMED = "redeemed"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """One device that waits. Digests are of the device code and of the user code.

    `interval`: seconds between polls. `polled_at`: the last poll, 0 before the first.
    """

    digest: bytes
    user_code_digest: bytes
    client_id: str
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    expires_at: int
    details: tuple[Mapping[str, Any], ...] = ()
    interval: int = INTERVAL_SECONDS
    status: PendingStatus = PendingStatus.PENDING
    grant_id: UUID | None = None
    polled_at: int = 0


def write_user_code(letters: str) -> str:
    """Return `BCDF-GHJK` of eight letters."""
    return f"{letters[:4]}-{letters[4:]}"


def read_user_code(text: str) -> str:
    """Return the eight letters of a typed code; case, blanks and hyphens do not matter.

    Refuses with `device.required` or `device.form`.
    """
    letters = "".join(text.split()).replace("-", "").upper()
    if not letters:
        raise Refused("device.required")
    if len(letters) != CODE_LENGTH or any(letter not in ALPHABET for letter in letters):
        raise Refused("device.form")
    return letters


def check_poll(
    status: PendingStatus,
    *,
    polled_at: int,
    interval: int,
    expires_at: int,
    now: int,
) -> None:
    """Refuse a poll unless the person allowed it (RFC 8628 §3.5, CIBA Core §11).

    `polled_at`: before this poll. Refuses with `slow_down`, `authorization_pending`,
    `expired_token`, `access_denied`, each recorded.
    """
    if now >= expires_at and status is not PendingStatus.REDEEMED:
        raise _poll_error("expired_token", "the request has expired")
    if status is PendingStatus.DENIED:
        error = access_denied("the person did not allow it")
        raise ProtocolError(error.error, error.description, recorded=True)
    if status is PendingStatus.REDEEMED:
        raise _poll_error("invalid_grant", "the tokens of this request were already issued")
    if status is PendingStatus.PENDING:
        if polled_at and now - polled_at < interval:
            raise _poll_error("slow_down", f"poll at most every {interval} seconds")
        raise _poll_error("authorization_pending", "the person has not answered yet")


def _poll_error(error: str, description: str) -> ProtocolError:
    return ProtocolError(error, description, recorded=True)
