"""What was made of a row, kept for as long as the row says the same.

A token that is shown again leads to the same grant and the same account. Whether they still are as
they were is asked of the database every time; types, sealed values and objects are gone through
again only where the row differs from the last time in any column.
"""

import time
from collections.abc import Callable, Hashable
from typing import Any, Final

#: Rows of a generation, and how long it takes new ones; what nobody asks for goes with the next.
ROWS_MAX: Final = 512
GENERATION_SECONDS: Final = 30.0

#: A row as the driver gave it, and what was made of it. Nobody may change that.
Kept = tuple[Any, Any]


class Readings:
    """What one process made of rows, in two generations: what nobody asks for is gone with its own.

    No lock: a reading that is lost in a race is made again.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._young: dict[Hashable, Kept] = {}
        self._old: dict[Hashable, Kept] = {}
        self._turns_at = monotonic() + GENERATION_SECONDS

    def find(self, name: Hashable, raw: Any) -> Any:
        """Return what was made of this row; `None` if it is new, or was another one."""
        if self._monotonic() >= self._turns_at:
            self._turn()
        kept = self._young.get(name)
        if kept is None:
            kept = self._old.get(name)
            if kept is None:
                return None
            self._young[name] = kept
        return kept[1] if kept[0] == raw else None

    def keep(self, name: Hashable, raw: Any, made: Any) -> None:
        """Keep what was made of a row."""
        if len(self._young) >= ROWS_MAX:
            self._turn()
        self._young[name] = (raw, made)

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def _turn(self) -> None:
        now = self._monotonic()
        # after a pause nothing of the older one is young enough
        is_late = now >= self._turns_at + GENERATION_SECONDS
        self._old, self._young = ({} if is_late else self._young), {}
        self._turns_at = now + GENERATION_SECONDS
