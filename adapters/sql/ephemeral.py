"""Rate limits in the database, in transactions of their own: the default without Redis."""

from collections.abc import Sequence
from dataclasses import dataclass

from idp.domain.identity.limits import scaled
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.ephemeral import Bucket, Reading
from idp.ports.store import Store, Window


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
                self._reading(b, tx.limits.hit(_key(b), window_seconds=b.window_seconds, now=now))
                for b in buckets
            )

    def peek(self, *buckets: Bucket) -> Sequence[Reading]:
        now = self.clock.now()
        with self.store.read() as tx:
            return tuple(self._reading(b, tx.limits.peek(_key(b), now)) for b in buckets)

    def refund(self, *buckets: Bucket) -> None:
        with self.store.write(brief=True, alone=len(buckets) == 1) as tx:
            for bucket in buckets:
                tx.limits.refund(_key(bucket))

    def _reading(self, bucket: Bucket, window: Window) -> Reading:
        return Reading(window.count, scaled(bucket.limit, self.factor), window.expires_at)


def _key(bucket: Bucket) -> bytes:
    return digest_of(f"rate\n{bucket.name}\n{bucket.key}")
