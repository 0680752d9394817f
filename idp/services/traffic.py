"""What portals do here, counted and kept for their teams without costing them anything.

Requests only add to a buffer in memory; each process writes its own every few seconds. What a
process that is killed had not written yet is lost: these are figures, no evidence.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count as numbers_from
from operator import itemgetter
from threading import Lock
from typing import Final

from idp.domain.protocol.traffic import KEPT_FAILED, KEPT_REQUESTS, SeenRequest, day_of
from idp.ports.clock import Clock
from idp.ports.metrics import Metrics
from idp.ports.store import Store, StoreUnavailable

SIGN_IN: Final = "sign_in"
TOKEN: Final = "token"
ERROR: Final = "error"
KINDS: Final = (SIGN_IN, TOKEN, ERROR)

FLUSH_SECONDS: Final = 5.0
#: Clients whose requests are kept between two writes; those of further ones are only counted.
CLIENTS_MAX: Final = 1000
#: Good answers that are kept between two writes: a rush of them must not become one of rows.
ANSWERED_MAX: Final = 2000
DAYS_SHOWN: Final = 30
#: A request with its place among all that came.
_Numbered = tuple[int, SeenRequest]


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One day's totals; `day` counts from 1970 in Jakarta's time."""

    day: int
    sign_ins: int
    tokens: int
    errors: int


@dataclass(slots=True)
class TrafficService:
    """Counts, keeps and tells; safe for threads."""

    store: Store
    clock: Clock
    metrics: Metrics | None = None
    _counts: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    _failed: dict[str, deque[_Numbered]] = field(default_factory=dict)
    _answered: dict[str, deque[_Numbered]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=numbers_from)
    _free: int = ANSWERED_MAX
    _lock: Lock = field(default_factory=Lock)
    _written_at: float = 0.0

    def count(self, client_id: str, kind: str, now: int) -> None:
        """Add one to a client's total of today."""
        if kind == ERROR and self.metrics is not None:
            self.metrics.count("portal_errors", client=client_id)
        key = (client_id, day_of(now), kind)
        with self._lock:
            self._counts[key] += 1

    def keep(self, request: SeenRequest) -> None:
        """Keep a request for its client's team; older ones than the last 200 go.

        Failures wait apart: however many good answers come between two writes, they are kept.
        """
        with self._lock:
            if request.error:
                _append(self._failed, next(self._numbers), request)
            elif self._free > 0:
                self._free -= 1
                _append(self._answered, next(self._numbers), request)

    def flush_if_due(self) -> None:
        """Write what came in, every few seconds; while the store is away it waits."""
        now = self.clock.monotonic()
        waits = self._counts or self._failed or self._answered
        if now - self._written_at < FLUSH_SECONDS or not waits:
            return
        self._written_at = now
        self.flush()

    def flush(self) -> None:
        """Write what came in, in one transaction; counts survive where that fails."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            requests = _in_order(self._failed, self._answered)
            self._failed, self._answered, self._free = {}, {}, ANSWERED_MAX
        if not counts and not requests:
            return
        try:
            with self.store.write() as tx:
                tx.traffic.add_counts(counts)
                tx.traffic.add_requests(requests)
        except StoreUnavailable:
            with self._lock:
                self._counts.update(counts)

    def usage(self, client_id: str) -> Sequence[UsageDay]:
        """Return a client's last thirty days, the newest first."""
        self.flush()
        today = day_of(self.clock.now())
        with self.store.read() as tx:
            found = tx.traffic.counts(client_id, today - DAYS_SHOWN + 1)
        return tuple(
            UsageDay(day, *(found.get((day, kind), 0) for kind in KINDS))
            for day in range(today, today - DAYS_SHOWN, -1)
        )

    def recent(self, client_id: str) -> Sequence[SeenRequest]:
        """Return a client's last requests, the newest first."""
        self.flush()
        with self.store.read() as tx:
            return tx.traffic.requests(client_id, limit=KEPT_REQUESTS + KEPT_FAILED)


def _append(kept: dict[str, deque[_Numbered]], number: int, request: SeenRequest) -> None:
    mine = kept.get(request.client_id)
    if mine is None:
        if len(kept) >= CLIENTS_MAX:
            return
        mine = kept[request.client_id] = deque(maxlen=KEPT_REQUESTS)
    mine.append((number, request))


def _in_order(*kept: Mapping[str, deque[_Numbered]]) -> list[SeenRequest]:
    """Return the requests as they came."""
    waiting = [entry for by_client in kept for mine in by_client.values() for entry in mine]
    return [request for _, request in sorted(waiting, key=itemgetter(0))]
