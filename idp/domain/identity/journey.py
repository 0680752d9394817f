"""A person on the way through several pages: sign-in, recovery, confirmation.

The order of steps is kept on the server, in a row that belongs to one browser for 15 minutes; its
id travels in the URL, so that two tabs each go their own way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hmac import compare_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused

JOURNEY_SECONDS: Final = 900


class JourneyKind(StrEnum):
    """What the pages are for."""

    LOGIN = "login"
    RECOVERY = "recovery"
    CONFIRM = "confirm"
    DEVICE = "device"
    LOGOUT = "logout"
    SIGNED_OUT = "signed_out"
    LEGACY = "legacy"
    PHONE = "phone"
    EMAIL = "email"
    UPSTREAM = "upstream"
    JOIN = "join"
    NIK_REPORT = "nik_report"
    LOST = "lost_contact"


@dataclass(frozen=True, slots=True)
class Journey:
    """One way through. `state`: words and numbers of what was done, nothing personal."""

    digest: bytes
    kind: JourneyKind
    flow_digest: bytes
    account_id: UUID | None
    expires_at: int
    state: Mapping[str, object] = field(default_factory=dict)
    done_at: int | None = None

    @property
    def begun_at(self) -> int:
        """When the first step was done."""
        return self.expires_at - JOURNEY_SECONDS

    def having(self, **done: object) -> "Journey":
        """Return the journey after further steps."""
        return replace(self, state={**self.state, **done})


def check_journey(
    journey: Journey | None, kind: JourneyKind, *, flow_digest: bytes, now: int
) -> Journey:
    """Return a journey that this browser may go on with; refuses with `journey.expired`."""
    if journey is None or journey.kind is not kind or journey.done_at is not None:
        raise Refused("journey.expired")
    if now >= journey.expires_at or not compare_digest(journey.flow_digest, flow_digest):
        raise Refused("journey.expired")
    return journey


@dataclass(frozen=True, slots=True)
class ProofLink:
    """A secret sent by e-mail, good once. `purpose`: `email` or `recovery`."""

    digest: bytes
    purpose: str
    account_id: UUID
    contact_index: bytes
    expires_at: int
    used_at: int | None = None
