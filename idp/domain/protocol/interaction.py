"""A request that waits for a person (OpenID Connect Core §3.1.2.3).

Only its random id travels, and only in one browser.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Any

from idp.domain.errors import Refused
from idp.domain.protocol.prompt import NOTHING_DONE, Done


@dataclass(frozen=True, slots=True)
class Interaction:
    """A waiting authorization request, as kept. `params`: of the request, already checked."""

    digest: bytes
    client_id: str
    flow_digest: bytes
    params: Mapping[str, Any] = field(repr=False)
    created_at: int
    expires_at: int
    done: Done = NOTHING_DONE
    pushed_digest: bytes | None = None
    answered_at: int | None = None


def check_interaction(
    interaction: Interaction | None, *, flow_digest: bytes | None, now: int
) -> Interaction:
    """Return an interaction that this browser may go on with.

    Refuses with `interaction.unknown` (also for another browser), `interaction.expired` or
    `interaction.answered`.
    """
    if interaction is None or flow_digest is None:
        raise Refused("interaction.unknown")
    if not compare_digest(interaction.flow_digest, flow_digest):
        raise Refused("interaction.unknown")
    if interaction.answered_at is not None:
        raise Refused("interaction.answered")
    if now >= interaction.expires_at:
        raise Refused("interaction.expired")
    return interaction


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """A request that its client pushed (RFC 9126)."""

    digest: bytes
    client_id: str
    params: Mapping[str, Any] = field(repr=False)
    expires_at: int
    opened_at: int | None = None
    used_at: int | None = None
