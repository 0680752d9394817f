"""Hashing has a lane of its own: bounded, below all else, never silent (AU-3, AU-5, R-15)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import httpx
import pytest

from adapters.crypto.argon2id import Argon2id
from adapters.crypto.passwords import Argon2idHasher
from bench.proc import memory
from idp.app import Application
from idp.ports.passwords import Busy
from tests.guest import Guest, path_of
from tests.killing import FULL, LiveBrowser, mortal_server
from tests.portal import a_portal, an_account, form_fields, same_origin, sign_in

CROWD = 200
EMAIL = "budi1@contoh.id"


@contextmanager
def kept_busy(hasher: Argon2idHasher) -> Iterator[None]:
    """Fill every place of the lane while the block runs."""
    done, started = threading.Event(), threading.Barrier(hasher.concurrency + 1)

    def hold() -> None:
        started.wait(60)
        done.wait(60)

    with ThreadPoolExecutor(hasher.concurrency) as pool:
        for _ in range(hasher.concurrency):
            pool.submit(hasher.in_lane, hold)
        started.wait(60)
        try:
            yield
        finally:
            done.set()


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    return make_app(
        SIAPKERJA_PASSWORD_CONCURRENCY="2",
        SIAPKERJA_PASSWORD_WAIT_SECONDS="0.05",
        SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none",
        SIAPKERJA_LOGIN_FAILURE_FLOOR_MS="0",
    )


def hasher_of(app: Application) -> Argon2idHasher:
    hasher = app.wiring.services.login.hasher
    assert isinstance(hasher, Argon2idHasher)
    return hasher


def test_au_3_no_more_hashes_run_at_once_than_the_lane_has_places() -> None:
    hasher = Argon2idHasher(Argon2id(64, 1, 1), concurrency=3, wait_seconds=10)
    running, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(3)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        together.wait(60)
        with lock:
            running -= 1

    with ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda _: hasher.in_lane(work), range(24)))

    assert most == 3


def test_au_3_who_waits_too_long_for_the_lane_is_told_to_come_back(app: Application) -> None:
    an_account(app)
    guest = Guest(app)
    page = guest.get("/masuk")
    with kept_busy(hasher_of(app)):
        with pytest.raises(Busy):
            hasher_of(app).hash("tiga kata acak sekali")
        answer = guest.log_in(EMAIL, page=page)
        # AU-5: somebody whom nobody knows hears the same
        stranger = Guest(app).log_in("tidak.ada@contoh.id")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (stranger.status_code, stranger.headers["Retry-After"]) == (503, "5")
    assert path_of(guest.log_in(EMAIL)) == "/akun"


def test_au_3_the_wait_for_the_lane_is_two_seconds_unless_set_otherwise(
    make_app: Callable[..., Application],
) -> None:
    assert hasher_of(make_app()).wait_seconds == 2


def test_au_6_a_try_that_found_the_lane_full_counts_for_nobody(app: Application) -> None:
    an_account(app)
    with kept_busy(hasher_of(app)):
        statuses = [Guest(app).log_in(EMAIL).status_code for _ in range(8)]

    assert statuses == [503] * 8
    assert path_of(Guest(app).log_in(EMAIL)) == "/akun"


def test_r_15_tokens_are_served_while_the_lane_is_full(app: Application) -> None:
    browser = app.test_client()
    portal = a_portal(app, browser)
    sign_in(app, browser, an_account(app))
    portal.tokens()
    with kept_busy(hasher_of(app)):
        assert portal.tokens()["access_token"]
        assert browser.get("/jwks").status_code == 200
        assert browser.get("/daftar").status_code == 200


@pytest.mark.chaos
def test_au_3_two_hundred_sign_ins_at_once_stay_within_the_lanes_memory() -> None:
    real = {"SIAPKERJA_PASSWORD_MEMORY_KIB": "19456", "SIAPKERJA_PASSWORD_PASSES": "2"}
    places = 4
    with mortal_server(SIAPKERJA_PASSWORD_CONCURRENCY=str(places), **real) as server:
        live = server.start()
        person = live.an_account()
        crowd = [LiveBrowser(server.url) for _ in range(CROWD if FULL else 40)]
        pages = [form_fields(browser.get("/masuk")) for browser in crowd]
        before = memory([live.pid]).rss

        def enter(at: int) -> httpx.Response:
            fields = {**pages[at], "identifier": EMAIL, "password": person["password"]}
            with closing(crowd[at]):
                return crowd[at].post("/masuk", data=fields, headers=same_origin(), timeout=60)

        with ThreadPoolExecutor(len(crowd)) as pool:
            waiting = [pool.submit(enter, at) for at in range(len(crowd))]
            most = before
            while not all(one.done() for one in waiting):
                most = max(most, memory([live.pid]).rss)
            answers = [one.result() for one in waiting]

    statuses = {answer.status_code for answer in answers}
    assert 303 in statuses
    assert statuses <= {303, 503}
    assert all("Retry-After" in a.headers for a in answers if a.status_code == 503)
    # 19 MiB for each place, and what threads and pages take
    assert most - before < places * 19 * server.workers + 80, (before, most)
