"""Counters that may be lost: limits by network address and by client (`security.md` section 8).

What must survive a lost cache (codes sent to a phone, failures of an account) is counted in the
store, in the transaction that it limits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from idp.ports.store import Transaction


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


class Knock(Protocol):
    """A hit that goes with a use case: in its transactions where the store counts, else beside."""

    def count_in(self, tx: Transaction) -> tuple[Reading, Reading]:
        """Return the bucket with this hit, and the one that is only looked at.

        Before anything else that the transaction holds, so that two never wait for one another.
        """

    def refund_in(self, tx: Transaction) -> None:
        """Take the hit back, as early in the transaction; `refund_beside` follows its commit."""

    def refund_beside(self) -> None:
        """Take back what no transaction does: after `refund_in`, or where `count_in` was undone."""


class RateLimits(Protocol):
    """Fixed windows, counted atomically for all processes; limits come multiplied by the factor."""

    def hit(self, *buckets: Bucket) -> Sequence[Reading]:
        """Count once in each bucket and return what they now hold."""

    def peek(self, *buckets: Bucket) -> Sequence[Reading]:
        """Return what they hold without counting."""

    def refund(self, *buckets: Bucket) -> None:
        """Take one hit back: the attempt did not count after all."""

    def knock(self, bucket: Bucket, *, beside: Bucket) -> Knock:
        """Return a hit that is counted with a transaction; `beside` is only looked at."""
