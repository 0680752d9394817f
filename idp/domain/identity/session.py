"""Login sessions: a browser in which somebody signed in, and how long that holds."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from idp.domain.identity.factors import ProvedBy
from idp.domain.ids import encode_base64url

#: A session's `seen_at` is written at most once in this time.
SEEN_EVERY_SECONDS: Final = 60
#: How long a proof counts as fresh for a risky action.
FRESH_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """When a session ends by itself: seconds since last seen, and since sign-in."""

    idle: int
    absolute: int


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A signed-in browser.

    `digest`: SHA-256 of the cookie. `sid`: its name towards ourselves. `auth_time`: when the person
    last proved who they are, also inside the session. `device`: a readable name. `network`:
    truncated address. `proved_by`: see there.
    """

    digest: bytes
    sid: str
    account_id: UUID
    aal: int
    amr: tuple[str, ...]
    auth_time: int
    created_at: int
    seen_at: int
    expires_at: int
    device: str
    network: str
    ended_at: int | None = None
    proved_by: ProvedBy = ProvedBy.NOTHING

    def is_alive(self, now: int, limits: SessionLimits) -> bool:
        """Return whether the session still counts."""
        if self.ended_at is not None or now >= self.expires_at:
            return False
        return now - self.seen_at <= limits.idle

    def ends_at(self, limits: SessionLimits) -> int:
        """Return when the session ends unless it is used again."""
        return min(self.expires_at, self.seen_at + limits.idle)

    def is_fresh(self, now: int) -> bool:
        """Return whether the last proof is recent enough for a risky action."""
        return now - self.auth_time <= FRESH_SECONDS


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A browser in which an account once passed a second step; `digest` of its cookie."""

    account_id: UUID
    digest: bytes
    name: str
    created_at: int
    seen_at: int
    expires_at: int


def sid_for_client(sid: str, client_id: str) -> str:
    """Return the `sid` that one client sees: portals can't join their records by it."""
    return encode_base64url(sha256(f"{sid} {client_id}".encode()).digest()[:16])
