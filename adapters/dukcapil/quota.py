"""The contract's calls for a day, of which we leave a fifth for whoever else needs them."""

from threading import Lock
from typing import Final

from idp.ports.clock import Clock
from idp.ports.metrics import Metrics

SHARE_PERCENT: Final = 80

_DAY_SECONDS: Final = 86400
# WIB, by which the registry counts its days
_ZONE_SECONDS: Final = 7 * 3600


class Quota:
    """Counts this process's calls of the day.

    `daily_quota`: calls a day by contract, at least 1; none goes out once 80 % are spent.
    `pause_seconds`: how long to wait after the registry says that nothing is left; until the next
    midnight in Jakarta where it is `None`. Safe for threads.
    """

    def __init__(
        self,
        clock: Clock,
        metrics: Metrics,
        *,
        daily_quota: int,
        pause_seconds: float | None = None,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._allowed = max(1, daily_quota * SHARE_PERCENT // 100)
        self._pause_seconds = pause_seconds
        self._lock = Lock()
        self._day = self._today()
        self._spent = 0
        self._blocked_until = 0.0

    def is_left(self) -> bool:
        """Tell whether one more call fits."""
        with self._lock:
            self._turn_page()
            return self._clock.now() >= self._blocked_until and self._spent < self._allowed

    def spend(self) -> None:
        """Count one call, whatever comes of it: the registry does the same."""
        with self._lock:
            self._turn_page()
            self._spent += 1

    def record(self, left: int | None) -> None:
        """Show the registry's own figure, where an answer has one.

        Nothing stops because of it: that it counts what is left today is inferred, not told.
        """
        if left is not None:
            self._metrics.gauge("registry_quota_left", left)

    def run_out(self) -> None:
        """Stop until midnight, or for the pause: the registry has nothing left for us."""
        with self._lock:
            self._blocked_until = (
                (self._today() + 1) * _DAY_SECONDS - _ZONE_SECONDS
                if self._pause_seconds is None
                else self._clock.now() + self._pause_seconds
            )

    def _today(self) -> int:
        return (self._clock.now() + _ZONE_SECONDS) // _DAY_SECONDS

    def _turn_page(self) -> None:
        today = self._today()
        if today != self._day:
            self._day, self._spent = today, 0
