"""What the next answers shall be, as somebody outside decides."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from threading import Lock
from typing import Final

EVERYBODY: Final = ""


class BadSwitchError(ValueError):
    """What was posted is no switch; the text says why, in English."""


@dataclass(slots=True)
class Switch:
    """`kind` for the next `times` answers; `seconds`: how long a silent one stays silent."""

    kind: str
    times: int
    seconds: float | None = None


class Switches:
    """Queues of answers by whom they are about, and one for everybody; used up in order."""

    def __init__(self, kinds: Collection[str]) -> None:
        self.kinds = tuple(kinds)
        self._lock = Lock()
        self._queues: dict[str, deque[Switch]] = {}

    def set(
        self, kind: str, *, target: str = EVERYBODY, times: int = 1, seconds: float | None = None
    ) -> None:
        """Queue `times` answers of `kind` about `target`; zero times forgets what is queued there.

        Raises `BadSwitchError` for a kind that nobody knows or a number below zero.
        """
        if kind not in self.kinds:
            raise BadSwitchError(f"kind must be one of {', '.join(self.kinds)}")
        if times < 0 or (seconds is not None and seconds < 0):
            raise BadSwitchError("times and seconds can't be below zero")
        with self._lock:
            if times == 0:
                self._queues.pop(target, None)
            else:
                self._queues.setdefault(target, deque()).append(Switch(kind, times, seconds))

    def take(self, target: str) -> Switch | None:
        """Return the switch for this answer about `target` and use it up once."""
        with self._lock:
            for name in (target, EVERYBODY):
                queue = self._queues.get(name)
                if not queue:
                    continue
                switch = queue[0]
                switch.times -= 1
                if switch.times == 0:
                    queue.popleft()
                return switch
        return None

    def waiting(self) -> list[dict[str, object]]:
        """Return what is queued, for the page."""
        with self._lock:
            return [
                {"target": target, "kind": switch.kind, "times": switch.times}
                for target, queue in self._queues.items()
                for switch in queue
            ]

    def clear(self) -> None:
        """Forget everything that is queued."""
        with self._lock:
            self._queues.clear()
