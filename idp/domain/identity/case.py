"""Cases: doubts about whose an account is, with what speaks for and against, and a decision."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.approval import read_reason

REFERENCE_MAX: Final = 80


class CaseKind(StrEnum):
    """Why somebody doubts. `NIK_TAKEN`: the owner of a NIK says that somebody else uses it.

    `MOVED`: the registry no longer confirms after a move. `DECEASED`: it reports a death.
    `CONTACT_LOST`: somebody whom the registry matched lost phone and address.
    """

    NIK_TAKEN = "nik_taken"
    MOVED = "moved"
    DECEASED = "deceased"
    LEGACY = "legacy"
    CONTACT_LOST = "contact_lost"
    OTHER = "other"


class Decision(StrEnum):
    """`UPHELD`: the account is its owner's; `REJECTED`: it is not, and is locked.

    Of `CONTACT_LOST`: who asks is the owner, or is not, and nothing changes.
    """

    UPHELD = "upheld"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Note:
    """A piece of evidence: text, sealed at rest, and where the original lies."""

    id: UUID
    at: int
    by: UUID
    text: str = field(repr=False)
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One doubt about one account. `reason`: of the decision.

    `opened_by`: which admin; `None`: it opened by itself.
    """

    id: UUID
    account_id: UUID
    kind: CaseKind
    opened_by: UUID | None
    opened_at: int
    decision: Decision | None = None
    decided_by: UUID | None = None
    decided_at: int | None = None
    reason: str = field(default="", repr=False)


def read_evidence(text: str) -> str:
    """Return a piece of evidence; refuses as `read_reason`."""
    return read_reason(text)


def read_reference(text: str) -> str:
    """Return where an original lies; refuses with `case.reference`."""
    reference = " ".join(text.split())
    if len(reference) > REFERENCE_MAX:
        raise Refused("case.reference", maximum=REFERENCE_MAX)
    return reference
