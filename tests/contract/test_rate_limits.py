"""What the rate limits promise, in the database (`--database`) and in a real Redis.

R-5: Redis may be killed, paused, emptied or full at any time.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
import redis

from adapters.metrics import PrometheusMetrics
from adapters.redis.ephemeral import RETRY_SECONDS, RedisRateLimits
from adapters.sql.ephemeral import SqlRateLimits
from idp.app import Application
from idp.domain.errors import Refused
from idp.ports.ephemeral import Bucket, RateLimits
from tests.fakes import FixedClock
from tests.portal import a_portal, an_account, sign_in
from tests.servers import running_redis

BUCKET = Bucket("test", "somebody", 3, 60)


@pytest.fixture(scope="module")
def real_redis() -> Iterator[str]:
    with running_redis() as url:
        yield url


@pytest.fixture
def database(app: Application, clock: FixedClock) -> SqlRateLimits:
    return SqlRateLimits(app.wiring.services.store, clock, 1)


@pytest.fixture(params=["database", "redis"])
def limits(
    request: pytest.FixtureRequest, database: SqlRateLimits, real_redis: str, clock: FixedClock
) -> Iterator[RateLimits]:
    if request.param == "database":
        yield database
        return
    with closing(redis.Redis.from_url(real_redis)) as client:
        client.flushall()
    with closing(_over(real_redis, database, clock)) as over:
        yield over


def _over(url: str, fallback: RateLimits, clock: FixedClock, factor: float = 1) -> RedisRateLimits:
    return RedisRateLimits(url, fallback, factor=factor, clock=clock, metrics=PrometheusMetrics())


def test_hits_are_counted_up_to_and_beyond_the_limit(limits: RateLimits) -> None:
    readings = [limits.hit(BUCKET)[0] for _ in range(4)]

    assert [reading.count for reading in readings] == [1, 2, 3, 4]
    assert [reading.is_over for reading in readings] == [False, False, False, True]


def test_a_window_is_fixed_and_ends_by_itself(limits: RateLimits, clock: FixedClock) -> None:
    first = limits.hit(BUCKET)[0]
    clock.move(59)
    within = limits.hit(BUCKET)[0]
    clock.move(1)
    after = limits.hit(BUCKET)[0]

    assert first.resets_at == within.resets_at == clock.now()
    assert (within.count, after.count) == (2, 1)
    assert after.resets_at == clock.now() + 60


def test_looking_counts_nothing(limits: RateLimits) -> None:
    limits.hit(BUCKET)

    assert [limits.peek(BUCKET)[0].count for _ in range(3)] == [1, 1, 1]
    assert limits.peek(Bucket("test", "nobody", 3, 60))[0].count == 0


def test_a_hit_is_taken_back_and_never_below_nothing(limits: RateLimits) -> None:
    limits.refund(BUCKET)
    limits.hit(BUCKET)
    limits.refund(BUCKET)
    limits.refund(BUCKET)

    assert limits.peek(BUCKET)[0].count == 0
    assert limits.hit(BUCKET)[0].count == 1


def test_buckets_of_one_call_are_read_in_their_order(limits: RateLimits) -> None:
    other = Bucket("test", "somebody else", 7, 600)
    limits.hit(other)

    readings = limits.hit(BUCKET, other)

    assert [(reading.count, reading.limit) for reading in readings] == [(1, 3), (2, 7)]


def test_a_knock_is_counted_with_a_transaction_and_reads_the_bucket_beside_it(
    limits: RateLimits, database: SqlRateLimits
) -> None:
    other = Bucket("test", "somebody else", 7, 600)
    limits.hit(other)
    limits.hit(BUCKET)

    knock = limits.knock(BUCKET, beside=other)
    with database.store.write() as tx:
        hit, seen = knock.count_in(tx)

    assert (hit.count, hit.limit) == (2, 3)
    assert (seen.count, seen.limit) == (1, 7)
    assert [reading.count for reading in limits.peek(BUCKET, other)] == [2, 1]


def test_a_bucket_beside_a_knock_whose_window_ended_holds_nothing(
    limits: RateLimits, database: SqlRateLimits, clock: FixedClock
) -> None:
    other = Bucket("test", "somebody else", 7, 10)
    limits.hit(other)
    clock.move(10)

    knock = limits.knock(BUCKET, beside=other)
    with database.store.write() as tx:
        assert knock.count_in(tx)[1].count == 0


def test_a_knock_whose_transaction_is_undone_counts_for_nothing(
    limits: RateLimits, database: SqlRateLimits
) -> None:
    limits.hit(BUCKET)

    knock = limits.knock(BUCKET, beside=BUCKET)
    with suppress(Refused), database.store.write() as tx:
        knock.count_in(tx)
        raise Refused("puzzle.required")
    knock.refund_beside()

    assert limits.peek(BUCKET)[0].count == 1


def test_a_knock_is_taken_back_by_a_later_transaction(
    limits: RateLimits, database: SqlRateLimits
) -> None:
    knock = limits.knock(BUCKET, beside=BUCKET)
    with database.store.write() as tx:
        knock.count_in(tx)
    with database.store.write() as tx:
        knock.refund_in(tx)
    knock.refund_beside()

    assert limits.peek(BUCKET)[0].count == 0


def test_names_and_keys_are_apart(limits: RateLimits) -> None:
    limits.hit(Bucket("a", "b", 3, 60))

    assert limits.peek(Bucket("a\nb", "", 3, 60), Bucket("b", "a", 3, 60))[0].count == 0


def test_hits_at_once_are_all_counted(limits: RateLimits) -> None:
    with ThreadPoolExecutor(8) as pool:
        counts = [reading[0].count for reading in pool.map(lambda _: limits.hit(BUCKET), range(40))]

    assert sorted(counts) == list(range(1, 41))


def test_the_operators_factor_multiplies_limits(
    database: SqlRateLimits, real_redis: str, clock: FixedClock
) -> None:
    with closing(_over(real_redis, database, clock, factor=10)) as over:
        assert over.peek(BUCKET)[0].limit == 30


def test_no_address_can_be_read_in_redis(real_redis: str, database: SqlRateLimits) -> None:
    clock = FixedClock()
    with closing(_over(real_redis, database, clock)) as over:
        over.hit(Bucket("login.failures", "203.0.113.7", 3, 60))
    with closing(redis.Redis.from_url(real_redis)) as client:
        dump = b"".join(client.scan_iter())

    assert dump
    assert b"203.0.113" not in dump
    assert b"login" not in dump


def test_r_5_without_redis_the_database_counts_and_redis_is_asked_again(
    database: SqlRateLimits, clock: FixedClock
) -> None:
    with running_redis() as url, closing(_over(url, database, clock)) as over:
        over.hit(BUCKET)
        port = int(url.rpartition(":")[2].partition("/")[0])
        with _stopped(port):
            fallen_back = [over.hit(BUCKET)[0].count for _ in range(3)]
        still_alone = over.hit(BUCKET)[0].count
        clock.move(RETRY_SECONDS)
        back = over.hit(BUCKET)[0].count

    assert fallen_back == [1, 2, 3]
    assert still_alone == 4
    # a Redis that was only slow may still have counted the call that nobody waited for
    assert back in {2, 3}


def test_r_5_an_emptied_redis_only_forgets(
    real_redis: str, database: SqlRateLimits, clock: FixedClock
) -> None:
    with closing(_over(real_redis, database, clock)) as over:
        over.hit(BUCKET)
        with closing(redis.Redis.from_url(real_redis)) as client:
            client.flushall()

        assert over.hit(BUCKET)[0].count == 1


def test_r_5_a_full_redis_falls_back(database: SqlRateLimits, clock: FixedClock) -> None:
    with running_redis() as url, closing(_over(url, database, clock)) as over:
        with closing(redis.Redis.from_url(url)) as client:
            client.config_set("maxmemory", "1")
            client.config_set("maxmemory-policy", "noeviction")

        assert [over.hit(BUCKET)[0].count for _ in range(3)] == [1, 2, 3]


def test_r_5_with_redis_killed_sessions_live_and_tokens_are_issued(
    make_app: Callable[..., Application], real_redis: str
) -> None:
    with running_redis() as url:
        app = make_app(SIAPKERJA_REDIS_URL=url)
        browser = app.test_client()
        portal = a_portal(app, browser)
        sign_in(app, browser, an_account(app))
        before = portal.authorize()
    # Redis is gone now

    assert portal.redeem(before).status_code == 200
    assert browser.get("/akun").status_code == 200
    assert "code" in portal.answer(portal.start(prompt="none"))


class _stopped:  # noqa: N801 - reads as a statement
    """Keep the Redis on a port from answering for a while."""

    def __init__(self, port: int) -> None:
        with closing(redis.Redis(port=port)) as client:
            self.pid = int(client.info("server")["process_id"])

    def __enter__(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        os.kill(self.pid, signal.SIGCONT)
        # what it was asked meanwhile is answered before anything new is
        threading.Event().wait(0.05)
