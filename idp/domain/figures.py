"""Figures of days: which of the metrics are kept for the overview, and by which of their labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DAYS: Final = 14

#: Counters that are kept day by day, by one label of each; everything else stays in `/metrics`.
DAILY: Final[Mapping[str, str]] = {
    "logins": "outcome",
    "registrations": "step",
    "codes_sent": "channel",
    "codes_used": "channel",
    "registry_checks": "outcome",
    "registry_failures": "reason",
}
#: Gauges of which the newest value counts, whichever process told it.
NEWEST: Final = frozenset({"registry_quota_left"})

#: A counter of one day: day since 1970 in Jakarta's time, name, label.
Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Series:
    """One row of a chart: a label, and its numbers day by day, the oldest first."""

    label: str
    numbers: tuple[int, ...]

    @property
    def total(self) -> int:
        """All days together."""
        return sum(self.numbers)


@dataclass(frozen=True, slots=True)
class PortalErrors:
    """How many errors were told to a portal."""

    client_id: str
    number: int


@dataclass(frozen=True, slots=True)
class KeyAge:
    """How long a key has signed."""

    alg: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """How things stand. `days`: since 1970; `daily`: series by the name of their counter.

    `sms_price`: rupiah a message, 0 where nobody told it. `quota_left`: what Dukcapil told last.
    """

    days: tuple[int, ...]
    daily: Mapping[str, tuple[Series, ...]]
    errors: tuple[PortalErrors, ...]
    keys: tuple[KeyAge, ...]
    outbox_oldest_seconds: int | None
    quota_left: int | None
    sms_price: int

    @property
    def sms_cost(self) -> int:
        """Rupiah that the short messages of these days cost."""
        sent = self.daily.get("codes_sent", ())
        return self.sms_price * sum(series.total for series in sent if series.label == "sms")
