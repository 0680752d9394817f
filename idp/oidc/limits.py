"""Limits of clients at our endpoints (RFC 6749 §10.10 leaves the numbers to us).

Totals are counted in the process: a client that floods one floods all. What failed counts against
the caller's address, so that a stranger can't shut a client out by failing in its name.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from idp.domain.protocol.errors import slow_down
from idp.ports.clock import Clock

WINDOW_SECONDS: Final = 60
CALLS_A_MINUTE: Final = 3000
PUSHES_A_MINUTE: Final = 300
FAILURES_A_MINUTE: Final = 20
_KEYS_MAX: Final = 20_000


@dataclass(slots=True)
class ClientLimits:
    """Fixed windows of a minute, in memory.

    `calls_a_minute`: by address of the endpoint, where it differs from the usual. `factor`:
    multiplies every limit.
    """

    clock: Clock
    factor: float
    calls_a_minute: Mapping[str, int]
    _calls: OrderedDict[str, tuple[int, int]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def count_call(self, client_id: str, endpoint: str) -> None:
        """Count a call of a client; 429 where it calls an endpoint too often."""
        most = self.calls_a_minute.get(endpoint, CALLS_A_MINUTE)
        if self._count(f"call {endpoint} {client_id}") > most * self.factor:
            raise slow_down("too many requests from this client, try again later")

    def count_failure(self, address: str) -> None:
        """Count a failed authentication from an address; 429 where there are too many."""
        if self._count(f"failure {address}") > FAILURES_A_MINUTE * self.factor:
            raise slow_down("too many failed attempts, try again later")

    def _count(self, key: str) -> int:
        window = int(self.clock.monotonic()) // WINDOW_SECONDS
        with self._lock:
            began, count = self._calls.get(key, (window, 0))
            count = count + 1 if began == window else 1
            self._calls[key] = (window, count)
            while len(self._calls) > _KEYS_MAX:
                self._calls.popitem(last=False)
        return count
