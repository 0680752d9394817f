"""Database, Redis and disk that break under the server (R-4, R-5, R-8)."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from idp.app import Application
from tests.guest import Guest
from tests.killing import FULL
from tests.portal import Portal, a_portal, an_account, sign_in
from tests.selfcheck import selfcheck
from tests.servers import StoppablePostgres, running_redis, stoppable_postgres

pytestmark = pytest.mark.chaos

OFFLINE = "openid profile offline_access"
STOPS = 20 if FULL else 2
FILLINGS = 20 if FULL else 2
#: R-4: from the database's return until writes work again.
HEAL_SECONDS = 10


@pytest.fixture
def postgres(make_database: Callable[[], str]) -> Iterator[StoppablePostgres]:
    """A cluster of this test's own, which it may stop."""
    with stoppable_postgres() as running:
        yield running


@pytest.fixture
def shop(postgres: StoppablePostgres, make_app: Callable[..., Application]) -> Iterator[Portal]:
    """A portal with a signed-in person, on that cluster."""
    from adapters.sql import schema

    schema.upgrade(postgres.url)
    app = make_app(SIAPKERJA_DATABASE_URL=postgres.url, SIAPKERJA_REDIS_URL="")
    app.wiring.services.keys.ensure()
    browser = app.test_client()
    portal = a_portal(app, browser)
    sign_in(app, browser, an_account(app))
    yield portal
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def test_r_4_a_database_that_takes_no_writes_is_a_503_and_not_ready(
    shop: Portal, postgres: StoppablePostgres
) -> None:
    """As the one that was left behind by a failover is."""
    tokens = shop.tokens(scope=OFFLINE)
    code = shop.authorize()
    _take_writes(postgres, "off")
    try:
        refused = [shop.redeem(code), shop.refresh(tokens["refresh_token"]), shop.start()]
        problems = shop.app.wiring.services.health.problems()
        seen = shop.userinfo(tokens["access_token"]).status_code
    finally:
        _take_writes(postgres, "on")

    assert [answer.status_code for answer in refused[:1]] == [503]
    assert refused[0].headers["Retry-After"] == "5"
    assert 500 not in {answer.status_code for answer in refused}
    assert seen == 200
    assert "database_read_only" in problems
    until_it_works(lambda: shop.redeem(code).status_code)
    assert "database_read_only" not in shop.app.wiring.services.health.problems()


def _take_writes(postgres: StoppablePostgres, word: str) -> None:
    """Let the database take writes or not; who is connected must come anew."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        read_only = "off" if word == "on" else "on"
        connection.execute(
            f"ALTER DATABASE postgres SET default_transaction_read_only = {read_only}"
        )
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = 'postgres'"
        )


def test_r_4_a_stopped_database_is_a_503_and_heals_without_a_restart(
    shop: Portal, postgres: StoppablePostgres
) -> None:
    tokens = shop.tokens(scope=OFFLINE)
    for _ in range(STOPS):
        code = shop.authorize()
        postgres.stop()
        refused = [
            shop.redeem(code),
            shop.refresh(tokens["refresh_token"]),
            shop.userinfo(tokens["access_token"]),
            shop.start(),
        ]
        assert [answer.status_code for answer in refused] == [503] * 4
        assert {answer.headers["Retry-After"] for answer in refused} == {"5"}
        # what needs no database goes on
        assert shop.browser.get("/jwks").status_code == 200
        assert shop.browser.get("/livez").status_code == 200
        assert shop.browser.get("/readyz").status_code == 503
        postgres.start()
        seconds = until_it_works(lambda: shop.refresh(tokens["refresh_token"]).status_code)

        assert seconds < HEAL_SECONDS
        # the code was not spent by what failed
        assert shop.redeem(code).status_code == 200
    assert selfcheck(shop.app) == []


def until_it_works(ask: Callable[[], int]) -> float:
    """Ask until the answer is 200 and return how long that took; anything but 503 fails."""
    began = time.monotonic()
    while (status := ask()) != 200:
        assert status == 503
        assert time.monotonic() - began < 2 * HEAL_SECONDS
    return time.monotonic() - began


# ---


@pytest.fixture
def own_redis() -> Iterator[str]:
    with running_redis() as url:
        yield url


def test_r_5_an_emptied_redis_logs_nobody_out_and_lets_nothing_be_replayed(
    make_app: Callable[..., Application], own_redis: str
) -> None:
    app = make_app(SIAPKERJA_REDIS_URL=own_redis)
    browser = app.test_client()
    portal = a_portal(app, browser)
    sign_in(app, browser, an_account(app))
    code = portal.authorize()
    assert portal.redeem(code).status_code == 200

    with redis.Redis.from_url(own_redis) as connection:
        connection.flushall()

    assert portal.redeem(code).status_code == 400
    assert "code" in portal.answer(portal.start(prompt="none"))


def test_r_5_a_redis_that_died_leaves_limits_in_the_database(
    make_app: Callable[..., Application],
) -> None:
    with running_redis() as url:
        app = make_app(SIAPKERJA_REDIS_URL=url)
        account = an_account(app)
        browser = app.test_client()
        portal = a_portal(app, browser)
        sign_in(app, browser, account)
        assert portal.tokens()
    # it is gone now
    assert "code" in portal.answer(portal.start(prompt="none"))
    began = time.monotonic()
    guests = [Guest(app, address=f"203.0.113.{number}") for number in range(7)]
    statuses = [guest.log_in("budi1@contoh.id", "salah sekali ini").status_code for guest in guests]

    assert statuses == [422] * 5 + [429] * 2
    # each waits for Redis a tenth of a second at most, and not again within five
    assert time.monotonic() - began < 20
    assert app.test_client().get("/livez").status_code == 200


# ---


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 6 MiB of its own."""
    folder = Path(tempfile.mkdtemp(prefix="siapkerja-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=0777", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        folder.rmdir()
        pytest.skip("mounting a small file system needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
        folder.rmdir()


def test_r_8_a_full_disk_refuses_writes_and_nothing_else(
    small_disk: Path, make_app: Callable[..., Application]
) -> None:
    from adapters.sql import schema

    url = f"sqlite:///{small_disk}/siapkerja.db"
    schema.upgrade(url)
    app = make_app(SIAPKERJA_DATABASE_URL=url, SIAPKERJA_REDIS_URL="")
    app.wiring.services.keys.ensure()
    browser = app.test_client()
    portal = a_portal(app, browser)
    sign_in(app, browser, an_account(app))
    tokens = portal.tokens(scope=OFFLINE)
    for _ in range(FILLINGS):
        fill(small_disk)
        answers = [portal.start() for _ in range(30)]
        assert {answer.status_code for answer in answers} <= {303, 503}
        assert answers[-1].status_code == 503
        assert answers[-1].headers["Retry-After"] == "5"
        page = Guest(app).log_in("budi1@contoh.id")
        assert page.status_code == 503
        # reading and verifying go on: the tokens of other portals work
        assert portal.userinfo(tokens["access_token"]).status_code == 200
        assert portal.introspect(tokens["access_token"])["active"] is True
        assert portal.refresh(tokens["refresh_token"]).status_code == 200
        assert browser.get("/jwks").status_code == 200
        (small_disk / "filling").unlink()

        assert portal.tokens()["access_token"]
        assert selfcheck(app) == []
    assert shutil.disk_usage(small_disk).free > 0


def fill(folder: Path) -> None:
    """Take all room that is left."""
    with (folder / "filling").open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))
