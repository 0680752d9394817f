"""Time, as services ask for it."""

from typing import Protocol


class Signal(Protocol):
    """Something that happens once, such as `threading.Event`."""

    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...


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

    def wait(self, until: Signal, seconds: float) -> bool:
        """Wait until something happened, at most so long; return whether it did."""
