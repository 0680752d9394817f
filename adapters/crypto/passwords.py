"""Argon2id (RFC 9106) in a bounded lane whose threads give way to token traffic."""

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import BoundedSemaphore, Event, Thread, get_native_id
from typing import Final

from adapters.crypto.argon2id import Argon2id
from idp.ports.passwords import Busy

#: How far a hashing thread steps back behind the threads that serve tokens.
NICENESS: Final = 5

#: How long the lane is still before the memory of its hashes goes back to the system.
REST_SECONDS: Final = 3.0

#: Where a hash may run: a worker that keeps to one core for its requests came to that later.
_CORES: Final = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset()

_NOBODY: Final = "nobody has this password"


@dataclass(frozen=True)
class Argon2idHasher:
    """Implements `idp.ports.passwords.PasswordHasher`.

    `concurrency`: hashes at once in this process. `wait_seconds`: longest wait for a place, then
    `Busy`.
    """

    argon2id: Argon2id
    concurrency: int
    wait_seconds: float

    def hash(self, password: str) -> str:
        return str(self.in_lane(lambda: self.argon2id.hash(password)))

    def verify(self, password: str, hash_: str) -> bool:
        return bool(self.in_lane(lambda: self.argon2id.verify(password, hash_)))

    def verify_nobody(self, password: str) -> bool:
        self.verify(password, self._nobody)
        return False

    def is_outdated(self, hash_: str) -> bool:
        return self.argon2id.is_outdated(hash_)

    def in_lane(self, work: Callable[[], object]) -> object:
        """Run one hashing of any kind in this lane and return what it returns."""
        if not self._places.acquire(timeout=self.wait_seconds):
            raise Busy
        future: Future[object] = self._lane.submit(work)
        future.add_done_callback(lambda _: self._leave())
        try:
            return future.result(timeout=self.wait_seconds + 10)
        except FutureTimeoutError as error:
            raise Busy from error

    def _leave(self) -> None:
        self._places.release()
        _used(os.getpid()).set()

    @cached_property
    def _nobody(self) -> str:
        return self.argon2id.hash(_NOBODY)

    @cached_property
    def _places(self) -> BoundedSemaphore:
        return BoundedSemaphore(self.concurrency)

    @cached_property
    def _lane(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.concurrency, "argon2", initializer=_step_back)


def _step_back() -> None:
    """Lower this thread's own priority and let it have any core; Linux keeps both by thread."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, get_native_id(), NICENESS)
    if sys.platform == "linux":
        with suppress(OSError):
            os.sched_setaffinity(get_native_id(), _CORES)


@lru_cache(maxsize=1)
def _used(pid: int) -> Event:
    """Return what tells this process's one thread of `_give_back` that somebody hashed."""
    del pid
    used = Event()
    Thread(target=_give_back, args=(used,), name="argon2-rest", daemon=True).start()
    return used


def _give_back(used: Event) -> None:
    """Return what hashing took, once nobody has hashed for a while.

    libsodium maps its memory anew for each hash and returns it. What argon2-cffi and the hashes of
    old accounts took, 19 MiB a thread and more, the C library would keep otherwise.
    """
    while used.wait():
        used.clear()
        if not used.wait(REST_SECONDS):
            trim_memory()


def trim_memory() -> None:
    """Hand freed memory back where the C library knows how (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


_M_ARENA_MAX: Final = -8


def use_one_arena() -> None:
    """Let all threads take memory from one place, which alone can be trimmed (glibc).

    Call it before there are threads. Python's own small objects are not concerned.
    """
    choose = getattr(ctypes.CDLL(None), "mallopt", None)
    if choose is not None:
        choose(_M_ARENA_MAX, 1)
