"""Rate limits in Redis: one script a call, and the database wherever Redis is away.

Nothing else is kept there, so losing it lets nobody in twice: it only forgets how often an address
or a client has knocked. Instants are the application's, as everywhere.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import Any, Final, TypeVar

import redis

from idp.domain.identity.limits import scaled
from idp.ports.clock import Clock
from idp.ports.ephemeral import Bucket, Knock, RateLimits, Reading
from idp.ports.metrics import Metrics
from idp.ports.store import Transaction

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: A limit must not cost more than what it protects.
TIMEOUT_SECONDS: Final = 0.25
#: How long the database counts alone after Redis failed.
RETRY_SECONDS: Final = 5.0

UNKNOWN_OPTION: Final = "an option in the address is unknown"

_PREFIX: Final = "siapkerja:rate:"

# KEYS: counters. ARGV: now, then of each what to add (1, 0, -1) and its window in seconds.
# A counter is a hash of `n` hits and `e`, the end of the window; an old one counts as none.
_SCRIPT: Final = """
local now, told = tonumber(ARGV[1]), {}
for i, key in ipairs(KEYS) do
  local add, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local kept = redis.call('HMGET', key, 'n', 'e')
  local hits, ends = tonumber(kept[1] or '0'), tonumber(kept[2] or '0')
  if ends <= now then hits, ends = 0, 0 end
  if add == 1 then
    if ends == 0 then ends = now + window end
    hits = hits + 1
    redis.call('HSET', key, 'n', hits, 'e', ends)
    redis.call('EXPIRE', key, window + 1)
  elseif add == -1 and hits > 0 then
    hits = hits - 1
    redis.call('HSET', key, 'n', hits)
  end
  told[2 * i - 1], told[2 * i] = hits, ends
end
return told
"""


class RedisRateLimits:
    """Implements `idp.ports.ephemeral.RateLimits`.

    `fallback`: counts while Redis is away. `factor`: multiplies every limit. Raises `ValueError`
    for an address that can't be used.
    """

    def __init__(
        self, url: str, fallback: RateLimits, *, factor: float, clock: Clock, metrics: Metrics
    ) -> None:
        self._client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            retry=None,
        )
        try:
            # an option of the address that nobody knows would show at the first call alone
            self._client.connection_pool.make_connection()
        except TypeError as error:
            raise ValueError(UNKNOWN_OPTION) from error
        self._script = self._client.register_script(_SCRIPT)
        self._fallback = fallback
        self._factor = factor
        self._clock = clock
        self._metrics = metrics
        self._lock = Lock()
        self._away_until = 0.0

    def hit(self, *buckets: Bucket) -> Sequence[Reading]:
        return self._either(lambda: self._run(buckets, 1), lambda: self._fallback.hit(*buckets))

    def peek(self, *buckets: Bucket) -> Sequence[Reading]:
        return self._either(lambda: self._run(buckets, 0), lambda: self._fallback.peek(*buckets))

    def refund(self, *buckets: Bucket) -> None:
        self._either(lambda: self._run(buckets, -1), lambda: self._fallback.refund(*buckets))

    def knock(self, bucket: Bucket, *, beside: Bucket) -> Knock:
        """Count at once: a transaction must not wait for another server."""

        def ours() -> Knock:
            hit, seen = self._run((bucket, beside), 1, 0)
            return RedisKnock(self, bucket, hit, seen)

        return self._either(ours, lambda: self._fallback.knock(bucket, beside=beside))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _run(self, buckets: Sequence[Bucket], *adds: int) -> Sequence[Reading]:
        """Add to each bucket; the last of `adds` goes for all that follow."""
        each = (*adds, *[adds[-1]] * (len(buckets) - len(adds)))
        keys = [_key(bucket) for bucket in buckets]
        asked = [n for b, add in zip(buckets, each, strict=True) for n in (add, b.window_seconds)]
        told: Any = self._script(keys=keys, args=[self._clock.now(), *asked])
        return tuple(
            Reading(int(told[2 * at]), scaled(bucket.limit, self._factor), int(told[2 * at + 1]))
            for at, bucket in enumerate(buckets)
        )

    def _either(self, ours: Callable[[], T], theirs: Callable[[], T]) -> T:
        if self._clock.monotonic() < self._away_until:
            return theirs()
        try:
            answer = ours()
        except redis.RedisError as failure:
            self._note_away(failure)
            return theirs()
        if self._away_until:
            self._note_back()
        return answer

    def _note_away(self, failure: redis.RedisError) -> None:
        with self._lock:
            was_back = not self._away_until
            self._away_until = self._clock.monotonic() + RETRY_SECONDS
        self._metrics.gauge("redis_away", 1)
        self._metrics.count("redis_failures", cause=type(failure).__name__)
        if was_back:
            logger.warning("redis.away", extra={"cause": type(failure).__name__})

    def _note_back(self) -> None:
        with self._lock:
            self._away_until = 0.0
        self._metrics.gauge("redis_away", 0)
        logger.warning("redis.back")


@dataclass(frozen=True, slots=True)
class RedisKnock:
    """Implements `idp.ports.ephemeral.Knock`: counted before any transaction, taken back after."""

    limits: RedisRateLimits
    bucket: Bucket
    hit: Reading
    seen: Reading

    def count_in(self, tx: Transaction) -> tuple[Reading, Reading]:
        del tx
        return self.hit, self.seen

    def refund_in(self, tx: Transaction) -> None:
        """Do nothing yet: a transaction must not wait for another server."""

    def refund_beside(self) -> None:
        self.limits.refund(self.bucket)


def _key(bucket: Bucket) -> str:
    """Return a name in which no address can be read."""
    named = f"{bucket.name}\n{bucket.key}".encode()
    return _PREFIX + sha256(named).hexdigest()[:40]
