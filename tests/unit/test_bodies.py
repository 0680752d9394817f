"""Bodies are read whole, in their own time, and by a part of the threads only (R-16, IN-1)."""

import io
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import Any

import pytest

from idp.web.bodies import (
    BODY_SECONDS,
    DROPPED_MAX,
    PLACES,
    PLACES_OF_ONE,
    SILENT_SECONDS,
    WHOLE_SECONDS,
    Bodies,
)
from tests.fakes import FixedClock
from tests.waiting_for import until


class Dripping(io.RawIOBase):
    """A body that does not come before somebody lets it."""

    def __init__(self) -> None:
        self.is_asked, self.is_over = Event(), Event()

    def read(self, size: int = -1) -> bytes:
        del size
        self.is_asked.set()
        self.is_over.wait(30)
        return b"abc"


def environ(body: Any, *, address: str = "192.0.2.1", **more: str) -> dict[str, Any]:
    return {
        "wsgi.input": body,
        "siapkerja.address": address,
        "REMOTE_ADDR": "127.0.0.1",
        **more,
    }


class Waiting:
    """Bodies that are waited for, each in a thread of its own."""

    def __init__(self, bodies: Bodies) -> None:
        self.bodies = bodies
        self.refusals: list[int | None] = []
        self._begun: list[tuple[Dripping, Thread]] = []

    def begin(self, address: str) -> None:
        body = Dripping()
        asked = environ(body, address=address, CONTENT_LENGTH="100")
        thread = Thread(target=lambda: self.refusals.append(self.bodies.read(asked, 1000)))
        self._begun.append((body, thread))
        thread.start()
        assert body.is_asked.wait(10)

    def end(self) -> None:
        for body, thread in self._begun:
            body.is_over.set()
            thread.join(10)


Cut = list[tuple[str, float]]


@pytest.fixture
def cut() -> Cut:
    return []


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def bodies(clock: FixedClock, cut: Cut) -> Bodies:
    return Bodies(clock, lambda remote, silent: cut.append((remote, silent)))


@pytest.fixture
def waiting(bodies: Bodies) -> Iterator[Waiting]:
    found = Waiting(bodies)
    yield found
    found.end()


def answer(bodies: Bodies, address: str) -> int | None:
    return bodies.read(environ(io.BytesIO(b"a=b"), address=address, CONTENT_LENGTH="3"), 1000)


def test_a_body_can_be_read_again(bodies: Bodies) -> None:
    asked = environ(io.BytesIO(b"a=b&c=d"), CONTENT_LENGTH="3")

    assert bodies.read(asked, 1000) is None
    assert (asked["wsgi.input"].read(), asked["CONTENT_LENGTH"]) == (b"a=b", "3")


@pytest.mark.parametrize("size", [70_000, 300_000])
def test_a_large_body_comes_whole(bodies: Bodies, size: int) -> None:
    sent = bytes(range(256)) * (size // 256)
    asked = environ(io.BytesIO(sent), CONTENT_LENGTH=str(len(sent)))

    assert bodies.read(asked, 10**6) is None
    assert asked["wsgi.input"].read() == sent
    bodies.forget(asked)


def test_a_chunked_body_counts_as_any_other(bodies: Bodies) -> None:
    asked = environ(io.BytesIO(b"a=b"), HTTP_TRANSFER_ENCODING="chunked")

    assert bodies.read(asked, 3) is None
    assert (asked["wsgi.input"].read(), asked["CONTENT_LENGTH"]) == (b"a=b", "3")
    assert "HTTP_TRANSFER_ENCODING" not in asked


def test_in_1_a_chunked_body_has_the_same_limit(bodies: Bodies) -> None:
    asked = environ(io.BytesIO(b"a=bc"), HTTP_TRANSFER_ENCODING="chunked")

    assert bodies.read(asked, 3) == 413


@pytest.mark.parametrize(
    "more", [{"CONTENT_LENGTH": "70000"}, {"HTTP_TRANSFER_ENCODING": "chunked"}]
)
def test_in_1_a_body_that_is_too_large_is_taken_off_the_line_before_it_is_refused(
    bodies: Bodies, more: dict[str, str]
) -> None:
    """RFC 9112 §9.6: a proxy that still sends it would tell of a bad gateway."""
    sent = io.BytesIO(b"a" * 70_000)

    assert bodies.read(environ(sent, **more), 1000) == 413
    assert sent.read() == b""


def test_in_1_of_a_body_without_end_a_part_alone_is_read(bodies: Bodies) -> None:
    sent = io.BytesIO(bytes(DROPPED_MAX + 5000))
    asked = environ(sent, HTTP_TRANSFER_ENCODING="chunked")

    assert bodies.read(asked, 1000) == 413
    assert len(sent.read()) == 5000 - 1001


def test_in_1_a_body_far_too_large_is_refused_unread(bodies: Bodies) -> None:
    sent = io.BytesIO(b"abc")

    assert bodies.read(environ(sent, CONTENT_LENGTH=str(DROPPED_MAX + 1)), 1000) == 413
    assert sent.tell() == 0


def test_a_body_that_ends_early_is_refused(bodies: Bodies) -> None:
    assert bodies.read(environ(io.BytesIO(b"a="), CONTENT_LENGTH="3"), 1000) == 400


def test_without_a_body_nothing_is_read(bodies: Bodies) -> None:
    for more in ({}, {"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}):
        assert bodies.read(environ(None, **more), 1000) is None


def test_r_16_one_caller_takes_a_part_of_the_places(bodies: Bodies, waiting: Waiting) -> None:
    for _ in range(PLACES_OF_ONE):
        waiting.begin("192.0.2.1")

    assert answer(bodies, "192.0.2.1") == 503
    assert answer(bodies, "192.0.2.2") is None


def test_r_16_all_callers_take_no_more_than_the_places(bodies: Bodies, waiting: Waiting) -> None:
    for number in range(PLACES):
        waiting.begin(f"192.0.2.{number}")
    assert answer(bodies, "198.51.100.1") == 503

    waiting.end()

    assert answer(bodies, "198.51.100.1") is None
    assert waiting.refusals == [400] * PLACES


def test_r_16_whoever_is_silent_for_too_long_is_cut_off(
    bodies: Bodies, waiting: Waiting, clock: FixedClock, cut: Cut
) -> None:
    waiting.begin("192.0.2.1")
    clock.at += BODY_SECONDS - 1
    bodies.cut_slow_ones()
    assert cut == []

    clock.at += 1
    bodies.cut_slow_ones()
    clock.at += WHOLE_SECONDS - BODY_SECONDS
    bodies.cut_slow_ones()
    waiting.end()

    assert cut == [("127.0.0.1", SILENT_SECONDS), ("127.0.0.1", 0.0)]
    assert waiting.refusals == [408]


def test_r_16_nobody_is_cut_off_whose_body_is_there(
    bodies: Bodies, clock: FixedClock, cut: Cut
) -> None:
    assert answer(bodies, "192.0.2.1") is None
    clock.at += WHOLE_SECONDS
    bodies.cut_slow_ones()

    assert cut == []


def test_a_body_that_breaks_off_gives_its_place_back(bodies: Bodies) -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise OSError(size)

    for _ in range(PLACES + 1):
        with pytest.raises(OSError, match="3"):
            bodies.read(environ(Broken(), CONTENT_LENGTH="3"), 1000)

    assert answer(bodies, "192.0.2.1") is None


def test_r_16_a_thread_looks_for_them_until_it_is_stopped(
    bodies: Bodies, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Callable[[], None]] = []
    monkeypatch.setattr("idp.web.bodies._LOOK_SECONDS", 0.01)
    monkeypatch.setattr(bodies, "cut_slow_ones", lambda: looked.append(bodies.cut_slow_ones))

    bodies.start()
    until(lambda: len(looked) > 1)
    bodies.stop()
