"""The machine's clock and randomness: the only place that touches them."""

import os
import platform
import random
import secrets
import time
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from idp.domain.ids import Uuid7Sequence
from idp.ports.clock import Signal
from idp.ports.entropy import Entropy


def process_name() -> str:
    """Return machine and process number: where an answer came from."""
    return f"{platform.node()[:64]}:{os.getpid()}"


class ProcessMark:
    """A random name of the process that asks; a fork has another, and holds none of its leases."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._made = (0, "")

    def __call__(self) -> str:
        """Return it, the same one each time, at most 16 characters."""
        pid, name = self._made
        if pid != os.getpid():
            name = self._entropy.token(12)
            self._made = (os.getpid(), name)
        return name


@dataclass(frozen=True, slots=True)
class SystemClock:
    """Implements `idp.ports.clock.Clock`."""

    def now(self) -> int:
        return int(time.time())

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)

    def wait(self, until: Signal, seconds: float) -> bool:
        return until.wait(max(0.0, seconds))


#: For names only. Asking the kernel lets go of the interpreter's lock, and waiting for its return
#: costs more than the rest of a cached answer (`make bench`).
_NAMES: Final = random.Random()  # noqa: S311 - no secret is made of it
# a worker's names are not those of the process that it was forked from
os.register_at_fork(after_in_child=_NAMES.seed)


@dataclass(frozen=True, slots=True)
class SystemEntropy:
    """Implements `idp.ports.entropy.Entropy`."""

    _uuid7s: Uuid7Sequence = field(default_factory=Uuid7Sequence)

    def bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)

    def token(self, count: int = 32) -> str:
        return secrets.token_urlsafe(count)

    def below(self, limit: int) -> int:
        return secrets.randbelow(limit)

    def bits(self, count: int) -> int:
        return _NAMES.getrandbits(count)

    def uuid7(self, now_ms: int) -> UUID:
        return self._uuid7s.next(now_ms, secrets.token_bytes(8))
