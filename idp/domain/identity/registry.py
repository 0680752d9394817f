"""What the civil registry (Dukcapil) says about a person, in our words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from idp.domain.identity.nik import Nik


class RegistryOutcome(StrEnum):
    """The outcomes of a check; only `MATCH` opens an account."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NOT_FOUND = "not_found"
    INACTIVE = "inactive"
    DUPLICATE = "duplicate"
    DECEASED = "deceased"
    NOT_VERIFIABLE = "not_verifiable"
    QUOTA_EXHAUSTED = "quota_exhausted"
    OUTSIDE_HOURS = "outside_hours"
    UNAVAILABLE = "unavailable"
    BAD_ANSWER = "bad_answer"
    CONFIG_ERROR = "config_error"
    REQUEST_ERROR = "request_error"
    UNKNOWN = "unknown"


#: The registry said no about this person: one page, counted as a try.
REFUSALS: Final = frozenset(
    {
        RegistryOutcome.MISMATCH,
        RegistryOutcome.NOT_FOUND,
        RegistryOutcome.INACTIVE,
        RegistryOutcome.DUPLICATE,
        RegistryOutcome.DECEASED,
        RegistryOutcome.NOT_VERIFIABLE,
    }
)

#: Answers after which the holder of an old account may go on unproved and mend it later: anything
#: but that the person is dead.
MENDABLE: Final = REFUSALS - {RegistryOutcome.DECEASED}

#: The registry is out of calls or out of hours: come back later.
PAUSES: Final = frozenset({RegistryOutcome.QUOTA_EXHAUSTED, RegistryOutcome.OUTSIDE_HOURS})


class ElementAnswer(StrEnum):
    """What the registry says of one element that was sent."""

    MATCH = "match"
    MISMATCH = "mismatch"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class RegistryQuery:
    """What is asked. `names` by element (`NAMA_LGKP`, `NAMA_LGKP_IBU`), as typed."""

    nik: Nik
    names: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RegistryAnswer:
    """One answer; it never contains the names that were sent.

    `score_buckets`: per free-text element the lower bound of its ten-point bucket, for metrics.
    `quota_left`: calls left today as the registry counts them. `latency_ms`: of the whole call.
    """

    outcome: RegistryOutcome
    elements: Mapping[str, ElementAnswer] = field(default_factory=dict)
    score_buckets: Mapping[str, int] = field(default_factory=dict)
    raw_code: str | None = None
    quota_left: int | None = None
    latency_ms: int = 0
    request_id: str = ""
