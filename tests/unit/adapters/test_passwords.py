"""Argon2id in its lane: parameters in the hash, bounded memory, exactly what was typed (AU-3)."""

import os
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import get_native_id
from time import perf_counter
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from adapters.crypto import argon2id
from adapters.crypto.argon2id import Argon2id
from adapters.crypto.passwords import NICENESS, Argon2idHasher
from idp.ports.passwords import Busy
from tests.racing import at_once

MEBIBYTE = 1024


def a_hasher(
    memory_kib: int = 64,
    passes: int = 1,
    lanes: int = 1,
    concurrency: int = 2,
    wait_seconds: float = 30,
) -> Argon2idHasher:
    argon2id = Argon2id(memory_kib, passes, lanes)
    return Argon2idHasher(argon2id, concurrency=concurrency, wait_seconds=wait_seconds)


def peak_kib() -> int:
    """Return the most memory that this process held since the peak was forgotten."""
    [told] = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(told)


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def test_au_3_the_parameters_stand_in_the_hash() -> None:
    hashed = a_hasher(memory_kib=19 * MEBIBYTE, passes=2).hash("tiga kata acak sekali")

    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.fixture(params=["libsodium", "argon2-cffi"])
def quicker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one of the two libraries be the quicker one here."""
    monkeypatch.setattr(argon2id, "is_libsodium_quicker", lambda: request.param == "libsodium")


@pytest.mark.parametrize("slow", ["libsodium", "argon2-cffi"])
def test_the_quicker_library_is_found_by_trying_both(
    slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = {"libsodium": 0.001, "argon2-cffi": 0.001, slow: 0.002}
    instants = [0.0]
    monkeypatch.setattr(argon2id, "thread_time", lambda: instants[0])

    def working(library: str) -> Callable[..., str]:
        def work(*_: object) -> str:
            instants[0] += taken[library]
            return ""

        return work

    monkeypatch.setattr(argon2id, "_hash_by_libsodium", working("libsodium"))
    monkeypatch.setattr(argon2id.PasswordHasher, "hash", working("argon2-cffi"))

    assert argon2id.is_libsodium_quicker.__wrapped__() is (slow == "argon2-cffi")


@pytest.mark.usefixtures("quicker")
@pytest.mark.parametrize("lanes", [1, 2])
def test_au_3_any_library_that_knows_argon2id_verifies_a_hash(lanes: int) -> None:
    hashed = a_hasher(lanes=lanes).hash("tiga kata acak sekali")

    assert PasswordHasher().verify(hashed, "tiga kata acak sekali")
    with pytest.raises(VerifyMismatchError):
        PasswordHasher().verify(hashed, "tiga kata acak")


@pytest.mark.usefixtures("quicker")
@pytest.mark.parametrize("lanes", [1, 2])
def test_au_3_a_hash_that_another_library_made_is_verified(lanes: int) -> None:
    other = PasswordHasher(
        time_cost=2, memory_cost=128, parallelism=lanes, hash_len=24, salt_len=12
    )
    hashed = other.hash("tiga kata acak sekali")

    assert a_hasher().verify("tiga kata acak sekali", hashed)
    assert not a_hasher().verify("tiga kata acak", hashed)


@pytest.mark.parametrize(
    ("then", "is_outdated"),
    [({}, False), ({"memory_kib": 128}, True), ({"passes": 2}, True), ({"lanes": 2}, True)],
)
def test_au_3_a_hash_is_outdated_when_a_parameter_rises(
    then: dict[str, int], *, is_outdated: bool
) -> None:
    hashed = a_hasher().hash("tiga kata acak sekali")

    assert a_hasher(**then).is_outdated(hashed) is is_outdated


def test_au_3_many_at_once_take_the_memory_of_the_lane_and_no_more() -> None:
    hasher = a_hasher(memory_kib=19 * MEBIBYTE)
    hasher.hash("warm")
    forget_peak()
    before = peak_kib()
    hashed = at_once([lambda: hasher.hash("tiga kata acak sekali") for _ in range(60)])

    assert len(set(hashed)) == 60
    # all of them together would take more than a gibibyte
    assert peak_kib() - before < 150 * MEBIBYTE


def test_au_3_whoever_waits_too_long_is_told_so() -> None:
    hasher = a_hasher(memory_kib=19 * MEBIBYTE, concurrency=1, wait_seconds=0.01)
    began = perf_counter()

    def outcome() -> str:
        try:
            return hasher.hash("tiga kata acak sekali")[:9]
        except Busy:
            return "busy"

    outcomes = at_once([outcome for _ in range(40)])

    assert set(outcomes) == {"$argon2id", "busy"}
    assert perf_counter() - began < 5


@pytest.mark.usefixtures("quicker")
@pytest.mark.parametrize("other", ["Rahasia ", " Rahasia", "rahasia", "Rahasi", "Rahasia\x00", ""])
def test_au_4_a_password_is_compared_as_it_is(other: str) -> None:
    hasher = a_hasher()
    hashed = hasher.hash("Rahasia")

    assert hasher.verify("Rahasia", hashed)
    assert not hasher.verify(other, hashed)


def test_au_4_nothing_is_cut_at_72_bytes() -> None:
    hasher = a_hasher()
    hashed = hasher.hash("a" * 80)

    assert not hasher.verify("a" * 72, hashed)
    assert not hasher.verify("a" * 72 + "b" * 8, hashed)


def test_au_5_nobody_is_compared_with_as_much_work_and_never_enters() -> None:
    hasher = a_hasher()

    assert hasher.verify_nobody("nobody has this password") is False


@pytest.mark.usefixtures("quicker")
@pytest.mark.parametrize("broken", ["", "x", "$argon2id$", "$2b$12$abc", "$argon2id$v=19$m=1$a$b"])
def test_a_broken_hash_lets_nobody_in(broken: str) -> None:
    hasher = a_hasher()

    assert not hasher.verify("apa saja", broken)
    assert hasher.is_outdated(broken)


@pytest.mark.skipif(sys.platform != "linux", reason="niceness and cores of a thread are Linux's")
def test_hashes_give_way_and_may_run_on_any_core_where_a_worker_keeps_to_one() -> None:
    def in_thread() -> tuple[set[int], int]:
        # as a thread of a worker begins
        os.sched_setaffinity(get_native_id(), {min(os.sched_getaffinity(0))})
        hasher = a_hasher()
        there: Any = hasher.in_lane(
            lambda: (
                os.sched_getaffinity(get_native_id()),
                os.getpriority(os.PRIO_PROCESS, get_native_id()),
            )
        )
        return there

    with ThreadPoolExecutor(1) as pool:
        cores, niceness = pool.submit(in_thread).result()

    assert cores == os.sched_getaffinity(0)
    assert niceness >= NICENESS
