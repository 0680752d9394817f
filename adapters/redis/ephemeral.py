"""Rate limits in Redis: one script a call, and the database wherever Redis is away.

Nothing else is kept there, so losing it lets nobody in twice: it only forgets how often an address
or a client has knocked. Instants are the application's, as everywhere.
"""

import logging
from collections.abc import Callable, Sequence
from hashlib import sha256
from threading import Lock
from typing import Any, Final, TypeVar

import redis

from idp.domain.identity.limits import scaled
from idp.ports.clock import Clock
from idp.ports.ephemeral import Bucket, RateLimits, Reading
from idp.ports.metrics import Metrics

logger = logging.getLogger(__name__)

T = TypeVar("T")

#: A limit must not cost more than what it protects.
TIMEOUT_SECONDS: Final = 0.25
#: How long the database counts alone after Redis failed.
RETRY_SECONDS: Final = 5.0

_PREFIX: Final = "siapkerja:rate:"

# KEYS: counters. ARGV: now, then what to add (1, 0, -1), then the window of each in seconds.
# A counter is a hash of `n` hits and `e`, the end of the window; an old one counts as none.
_SCRIPT: Final = """
local now, add, told = tonumber(ARGV[1]), tonumber(ARGV[2]), {}
for i, key in ipairs(KEYS) do
  local window = tonumber(ARGV[2 + i])
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

    `fallback`: counts while Redis is away. `factor`: multiplies every limit.
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

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _run(self, buckets: Sequence[Bucket], add: int) -> Sequence[Reading]:
        keys = [_key(bucket) for bucket in buckets]
        windows = [bucket.window_seconds for bucket in buckets]
        told: Any = self._script(keys=keys, args=[self._clock.now(), add, *windows])
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


def _key(bucket: Bucket) -> str:
    """Return a name in which no address can be read."""
    named = f"{bucket.name}\n{bucket.key}".encode()
    return _PREFIX + sha256(named).hexdigest()[:40]
