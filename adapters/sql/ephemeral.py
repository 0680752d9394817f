"""Rate limits in the database, in transactions of their own: the default without Redis."""

from collections.abc import Sequence
from dataclasses import dataclass

from idp.domain.identity.limits import scaled
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.ephemeral import Bucket, Reading
from idp.ports.store import Store, Transaction, Window


@dataclass(frozen=True, slots=True)
class SqlRateLimits:
    """Implements `idp.ports.ephemeral.RateLimits`; `factor` multiplies every limit."""

    store: Store
    clock: Clock
    factor: float

    def hit(self, *buckets: Bucket) -> Sequence[Reading]:
        now = self.clock.now()
        with self.store.write(brief=True, alone=len(buckets) == 1) as tx:
            return tuple(
                self.reading(b, tx.limits.hit(_key(b), window_seconds=b.window_seconds, now=now))
                for b in buckets
            )

    def peek(self, *buckets: Bucket) -> Sequence[Reading]:
        now = self.clock.now()
        with self.store.read() as tx:
            return tuple(self.reading(b, tx.limits.peek(_key(b), now)) for b in buckets)

    def refund(self, *buckets: Bucket) -> None:
        with self.store.write(brief=True, alone=len(buckets) == 1) as tx:
            for bucket in buckets:
                tx.limits.refund(_key(bucket))

    def knock(self, bucket: Bucket, *, beside: Bucket) -> "SqlKnock":
        return SqlKnock(self, bucket, beside)

    def reading(self, bucket: Bucket, window: Window) -> Reading:
        """Return what a window says of a bucket."""
        return Reading(window.count, scaled(bucket.limit, self.factor), window.expires_at)


@dataclass(frozen=True, slots=True)
class SqlKnock:
    """Implements `idp.ports.ephemeral.Knock`: all of it in the transactions."""

    limits: SqlRateLimits
    bucket: Bucket
    beside: Bucket

    def count_in(self, tx: Transaction) -> tuple[Reading, Reading]:
        hit, seen = tx.limits.hit_beside(
            _key(self.bucket),
            _key(self.beside),
            window_seconds=self.bucket.window_seconds,
            now=self.limits.clock.now(),
        )
        return self.limits.reading(self.bucket, hit), self.limits.reading(self.beside, seen)

    def refund_in(self, tx: Transaction) -> None:
        tx.limits.refund(_key(self.bucket))

    def refund_beside(self) -> None:
        """Do nothing: what is undone in the store is undone with its transaction."""


def _key(bucket: Bucket) -> bytes:
    return digest_of(f"rate\n{bucket.name}\n{bucket.key}")
