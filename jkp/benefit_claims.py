"""The benefit claim (klaim JKP): its states and the one step that this slice knows, filing it."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

#: Asia/Jakarta: dates of a claim are those of western Indonesia, which has no summer time.
WIB: Final = timezone(timedelta(hours=7))
#: PP 6/2025 art. 40.
FILING_MONTHS: Final = 6


class State(StrEnum):
    """Where a benefit claim stands. `DRAFT`: the layoff report was accepted, nothing is filed."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    VERIFYING = "verifying"
    RETURNED = "returned"
    REJECTED = "rejected"
    ACTIVE = "active"
    COMPLETED = "completed"
    LAPSED = "lapsed"
    TERMINATED = "terminated"
    WITHDRAWN = "withdrawn"


#: States that nothing leaves any more; a person has at most one claim in any other.
FINAL: Final = frozenset({State.COMPLETED, State.LAPSED, State.TERMINATED, State.WITHDRAWN})


class ClaimRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A step can't be taken with `claim`; `code` says why, the words are chosen at the edge."""

    def __init__(self, code: str, claim: "BenefitClaim | None" = None) -> None:
        super().__init__(code)
        self.code, self.claim = code, claim


@dataclass(frozen=True, slots=True)
class BenefitClaim:
    """One claim of one person, who is known by `sub` alone.

    `filed_on`: the reference date of month 1. `month`, `reason`, `due_on`: of the latest verdict.
    """

    id: str
    sub: str
    state: State
    layoff_on: date
    filed_on: date | None = None
    month: int | None = None
    reason: str | None = None
    due_on: date | None = None

    @property
    def file_by(self) -> date:
        """The last day on which the claim may be filed."""
        return add_months(self.layoff_on, FILING_MONTHS)


def check_may_file(
    claim: BenefitClaim | None, *, accepts_commitment: bool, today: date
) -> BenefitClaim:
    """Return the claim that may be filed now.

    Refuses with `claim.no_report`, `claim.filed`, `claim.late` or `claim.commitment`.
    """
    if claim is None or claim.state in FINAL:
        raise ClaimRefused("claim.no_report")
    if claim.state is not State.DRAFT:
        raise ClaimRefused("claim.filed", claim)
    if today > claim.file_by:
        raise ClaimRefused("claim.late", claim)
    if not accepts_commitment:
        raise ClaimRefused("claim.commitment", claim)
    return claim


def day_of(now: int) -> date:
    """Return the day in western Indonesia of an instant in epoch seconds."""
    return datetime.fromtimestamp(now, WIB).date()


def add_months(day: date, months: int) -> date:
    """Return the same day number some months on, clipped to the month's last day."""
    whole = day.year * 12 + day.month - 1 + months
    year, month = divmod(whole, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
