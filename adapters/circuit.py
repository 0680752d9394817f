"""The breaker: who fails again and again is left alone for a while."""

from collections import deque
from enum import StrEnum
from threading import Lock
from typing import Final

from idp.ports.clock import Clock

FAILURES: Final = 5
WINDOW_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 30.0
LONG_PAUSE_SECONDS: Final = 300.0


class Admission(StrEnum):
    """Whether a call may go out, and whether it decides over the next ones."""

    FREE = "free"
    TRIAL = "trial"
    REFUSED = "refused"


class Circuit:
    """Opens at five failures within 30 s, lets one call try after a pause, closes on its success.

    `long_pause_seconds`: after `trip`, for what trying again makes worse. Safe for threads; every
    call that was admitted reports once, by `succeeded`, `failed`, `trip` or `withdraw`.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        failures: int = FAILURES,
        window_seconds: float = WINDOW_SECONDS,
        pause_seconds: float = PAUSE_SECONDS,
        long_pause_seconds: float = LONG_PAUSE_SECONDS,
    ) -> None:
        self._clock = clock
        self._failures = failures
        self._window_seconds = window_seconds
        self._pause_seconds = pause_seconds
        self._long_pause_seconds = long_pause_seconds
        self._lock = Lock()
        self._failed_at: deque[float] = deque(maxlen=failures)
        self._opens_until: float | None = None
        self._trial_ends_at: float | None = None

    def is_refusing(self) -> bool:
        """Tell whether a call would be refused now, without taking the trial."""
        with self._lock:
            return self._answer() is Admission.REFUSED

    def admit(self) -> Admission:
        """Let a call out or not; a trial is given to one caller alone."""
        with self._lock:
            answer = self._answer()
            if answer is Admission.TRIAL:
                # a caller that never reports must not keep the circuit open for ever
                self._trial_ends_at = self._clock.monotonic() + self._pause_seconds
            return answer

    def succeeded(self, admission: Admission) -> None:
        """Close after a good trial; a late success from before the opening proves nothing."""
        with self._lock:
            if admission is Admission.TRIAL:
                self._opens_until = self._trial_ends_at = None
                self._failed_at.clear()

    def failed(self, admission: Admission) -> None:
        """Count a failure; the fifth in the window opens, and so does a failed trial."""
        now = self._clock.monotonic()
        with self._lock:
            self._failed_at.append(now)
            is_full = len(self._failed_at) == self._failures
            is_dense = is_full and now - self._failed_at[0] <= self._window_seconds
            if admission is Admission.TRIAL or (self._opens_until is None and is_dense):
                self._open(now + self._pause_seconds)

    def trip(self) -> None:
        """Open at once and for long."""
        with self._lock:
            self._open(self._clock.monotonic() + self._long_pause_seconds)

    def withdraw(self, admission: Admission) -> None:
        """Give a trial back that never went out."""
        with self._lock:
            if admission is Admission.TRIAL:
                self._trial_ends_at = None

    def _answer(self) -> Admission:
        if self._opens_until is None:
            return Admission.FREE
        now = self._clock.monotonic()
        is_trial_out = self._trial_ends_at is not None and now < self._trial_ends_at
        return Admission.REFUSED if now < self._opens_until or is_trial_out else Admission.TRIAL

    def _open(self, until: float) -> None:
        # a call from before the trip must not shorten it
        self._opens_until = max(until, self._opens_until or until)
        self._trial_ends_at = None
