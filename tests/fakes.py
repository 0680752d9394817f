"""What tests put in the place of time and chance."""

from dataclasses import dataclass, field
from threading import Lock

from idp.ports.clock import Signal
from idp.ports.passwords import Busy, PasswordHasher

#: 24 November 2026, 09:00 WIB.
NOW = 1_795_485_600


@dataclass
class FixedClock:
    """A clock that stands until a test moves it; waiting moves it too.

    `is_hasty`: whatever is waited for comes too late.
    """

    at: float = NOW
    slept: float = 0.0
    is_hasty: bool = False
    _lock: Lock = field(default_factory=Lock)

    def now(self) -> int:
        return int(self.at)

    def now_ms(self) -> int:
        return int(self.at * 1000)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept += max(0.0, seconds)
            self.at += max(0.0, seconds)

    def wait(self, until: Signal, seconds: float) -> bool:
        if not self.is_hasty:
            return until.wait(60)
        self.sleep(seconds)
        return False

    def move(self, seconds: float) -> None:
        with self._lock:
            self.at += seconds


@dataclass(frozen=True, slots=True)
class NoPlaceToHash:
    """A `PasswordHasher` that compares, and has no place for a new hash."""

    inner: PasswordHasher

    def hash(self, password: str) -> str:
        raise Busy

    def verify(self, password: str, hash_: str) -> bool:
        return self.inner.verify(password, hash_)

    def verify_nobody(self, password: str) -> bool:
        return self.inner.verify_nobody(password)

    def is_outdated(self, hash_: str) -> bool:
        return self.inner.is_outdated(hash_)
