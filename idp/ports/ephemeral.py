"""Counters that may be lost: limits by network address and by client (`security.md` section 8).

What must survive a lost cache (codes sent to a phone, failures of an account) is counted in the
store, in the transaction that it limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Bucket:
    """What is counted. `name`: which limit; `key`: whose, as a digest or a network address."""

    name: str
    key: str
    limit: int
    window_seconds: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A bucket after a hit. `resets_at`: epoch seconds."""

    count: int
    limit: int
    resets_at: int

    @property
    def is_over(self) -> bool:
        """Whether the limit is passed."""
        return self.count > self.limit


class RateLimits(Protocol):
    """Fixed windows, counted atomically for all processes; limits come multiplied by the factor."""

    def hit(self, *buckets: Bucket) -> Sequence[Reading]:
        """Count once in each bucket and return what they now hold."""

    def peek(self, *buckets: Bucket) -> Sequence[Reading]:
        """Return what they hold without counting."""

    def refund(self, *buckets: Bucket) -> None:
        """Take one hit back: the attempt did not count after all."""
