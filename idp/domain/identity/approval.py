"""Four eyes: what one admin asks for and another lets happen (`security.md` AD-3).

The stored request is what is carried out; nobody edits it, not even its author.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused

#: A request that nobody decided is over after this time.
APPROVAL_SECONDS: Final = 72 * 3600
REASON_MAX: Final = 500
#: Who asked where nobody can be told: an operator at the command line.
NO_AUTHOR: Final = UUID(int=0)


class ApprovalStatus(StrEnum):
    """`WAITING` ones are over once they expired."""

    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """Something that waits for a second person.

    `kind`: which executor carries it out. `subject`: what it is about, the same word for the same
    thing. `payload`: JSON; all that the executor gets. `digest`: of kind, subject and payload.
    `author_kind`: as in the audit catalogue; `author_id`: of an admin, a program's client or a
    citizen's account, `NO_AUTHOR` for the command line, which can't tell who sits before it.
    """

    id: UUID
    kind: str
    subject: str
    payload: Mapping[str, Any] = field(repr=False)
    digest: bytes
    reason: str = field(repr=False)
    author_kind: str
    author_id: UUID
    created_at: int
    expires_at: int
    status: ApprovalStatus = ApprovalStatus.WAITING
    decided_by: UUID | None = None
    decided_at: int | None = None
    decision_reason: str = field(default="", repr=False)

    def is_open(self, now: int) -> bool:
        """Return whether somebody may still decide."""
        return self.status is ApprovalStatus.WAITING and now < self.expires_at

    def is_expired(self, now: int) -> bool:
        """Return whether nobody decided in time."""
        return self.status is ApprovalStatus.WAITING and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what a request would change. `label`: a stable word; the edge has its words.

    `before`, `after`: as people read them; empty for nothing.
    """

    label: str
    before: str
    after: str


def digest_of_request(kind: str, subject: str, payload: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of what would be carried out; 32 bytes."""
    told = [kind, subject, payload]
    return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()


def read_reason(text: str) -> str:
    """Return a reason; refuses with `reason.required` or `reason.long`."""
    reason = " ".join(text.split())
    if not reason:
        raise Refused("reason.required")
    if len(reason) > REASON_MAX:
        raise Refused("reason.long", maximum=REASON_MAX)
    return reason


def check_decider(request: ApprovalRequest, decider: UUID, *, now: int, seen: bytes) -> None:
    """Refuse a decision that four eyes did not make.

    `seen`: the digest that the decider's page showed. Refuses with `approval.own` for whoever asked
    for it, in whatever role; `approval.over` where it was decided or expired; `approval.changed`
    where the page showed something else than what is stored.
    """
    if decider == request.author_id:
        raise Refused("approval.own")
    if not request.is_open(now):
        raise Refused("approval.over")
    stored = digest_of_request(request.kind, request.subject, request.payload)
    if not stored == request.digest == seen:
        raise Refused("approval.changed")
