"""Time, as services ask for it."""

from typing import Protocol


class Clock(Protocol):
    """Wall-clock time for lifetimes, monotonic time for durations."""

    def now(self) -> int:
        """Return epoch seconds."""

    def now_ms(self) -> int:
        """Return epoch milliseconds."""

    def monotonic(self) -> float:
        """Return seconds that never step, for durations alone."""

    def sleep(self, seconds: float) -> None:
        """Wait; zero or less returns at once."""
