"""Retention: what has expired is deleted, or counted first (`security.md` PD-9)."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from idp.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class SweepingService:
    """`count` and `delete`: by table, for an instant; deleting resumes where it was killed."""

    clock: Clock
    count: Callable[[int], Mapping[str, int]]
    delete: Callable[[int], Iterable[tuple[str, int]]]

    def plan(self) -> Mapping[str, int]:
        """Return how many rows of each table have expired."""
        return self.count(self.clock.now())

    def sweep(self) -> Mapping[str, int]:
        """Delete them; return how many of each table went."""
        gone: Counter[str] = Counter()
        for table, rows in self.delete(self.clock.now()):
            gone[table] += rows
        return gone
