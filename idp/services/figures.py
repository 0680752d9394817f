"""The figures of the overview: counted in memory where they happen, added up in the database.

A request only adds to a counter of its process; each process writes its own every few seconds. What
a process that is killed had not written yet is lost: these are figures, no evidence.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from idp.domain.figures import DAILY, DAYS, NEWEST, Key, KeyAge, Numbers, Series
from idp.domain.protocol.signing_key import KeyStatus
from idp.domain.protocol.traffic import day_of
from idp.ports.clock import Clock
from idp.ports.metrics import Metrics
from idp.ports.store import Store, StoreUnavailable
from idp.services.key_rotation import KeyRotation

FLUSH_SECONDS: Final = 10.0
PORTALS_SHOWN: Final = 10


@dataclass
class CountedMetrics:
    """Implements `idp.ports.metrics.Metrics`: tells another, and keeps what the overview shows."""

    told: Metrics
    clock: Clock
    _counts: Counter[Key] = field(default_factory=Counter)
    _values: dict[Key, int] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, name: str, /, **labels: str) -> None:
        self.told.count(name, **labels)
        label = DAILY.get(name)
        if label is not None:
            key = (day_of(self.clock.now()), name, labels[label])
            with self._lock:
                self._counts[key] += 1

    def gauge(self, name: str, value: float, /, **labels: str) -> None:
        self.told.gauge(name, value, **labels)
        if name in NEWEST:
            with self._lock:
                self._values[day_of(self.clock.now()), name, ""] = int(value)

    def observe(self, name: str, seconds: float, /, **labels: str) -> None:
        self.told.observe(name, seconds, **labels)

    def take(self) -> tuple[Counter[Key], dict[Key, int]]:
        """Return what was counted since the last time, and begin anew."""
        with self._lock:
            taken = self._counts, self._values
            self._counts, self._values = Counter(), {}
        return taken

    def give_back(self, counts: Counter[Key], values: Mapping[Key, int]) -> None:
        """Count again what could not be written; a newer value stays."""
        with self._lock:
            self._counts.update(counts)
            self._values = {**values, **self._values}


@dataclass(slots=True)
class FigureService:
    """Writes what this process counted, and reads what all did. `sms_price`: rupiah a message."""

    store: Store
    clock: Clock
    metrics: CountedMetrics
    keys: KeyRotation
    sms_price: int
    _written_at: float = -FLUSH_SECONDS

    def flush_if_due(self) -> None:
        """Write every few seconds; while the store is away it waits."""
        now = self.clock.monotonic()
        if now - self._written_at >= FLUSH_SECONDS:
            self._written_at = now
            self.flush()
            self._tell_ages()

    def flush(self) -> None:
        """Write what was counted, in one transaction; it survives where that fails."""
        counts, values = self.metrics.take()
        if not counts and not values:
            return
        try:
            with self.store.write() as tx:
                tx.figures.add(counts)
                tx.figures.put(values)
        except StoreUnavailable:
            self.metrics.give_back(counts, values)

    def read(self) -> Numbers:
        """Return how things stand, over the last fourteen days."""
        self.flush()
        now = self.clock.now()
        today = day_of(now)
        days = tuple(range(today - DAYS + 1, today + 1))
        with self.store.read() as tx:
            found = tx.figures.since(days[0])
            errors = tx.figures.errors_by_client(days[0], limit=PORTALS_SHOWN)
            oldest = tx.outbox.oldest_due(now)
        quota = [(day, value) for (day, name, _), value in found.items() if name in NEWEST]
        return Numbers(
            days=days,
            daily={name: _series(name, found, days) for name in DAILY},
            errors=tuple(errors),
            keys=tuple(self._ages(now)),
            outbox_oldest_seconds=oldest,
            quota_left=max(quota)[1] if quota else None,
            sms_price=self.sms_price,
        )

    def _ages(self, now: int) -> list[KeyAge]:
        return [
            KeyAge(shown.key.alg, now - shown.key.active_at)
            for shown in self.keys.list_shown()
            if shown.status is KeyStatus.ACTIVE
        ]

    def _tell_ages(self) -> None:
        """Tell `/metrics` what only the database knows."""
        for age in self._ages(self.clock.now()):
            self.metrics.gauge("signing_key_age_seconds", age.seconds, alg=age.alg)
        self.metrics.gauge("codes_price_rupiah", self.sms_price)


def _series(name: str, found: Mapping[Key, int], days: Sequence[int]) -> tuple[Series, ...]:
    labels = sorted({label for _, told, label in found if told == name})
    rows = [
        Series(label, tuple(found.get((day, name, label), 0) for day in days)) for label in labels
    ]
    return tuple(sorted(rows, key=lambda row: (-row.total, row.label)))
