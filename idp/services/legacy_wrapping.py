"""Weak hashes of old portals, wrapped in Argon2id on all cores; until then they open nothing."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.domain.identity.audit import Action, AuditEvent
from idp.ports.clock import Clock
from idp.ports.legacy import LegacyPasswords, LegacySealer, SealedHash
from idp.ports.store import Store
from idp.ports.workers import Workers

#: Rows that a worker takes at once: a second of work or less.
BATCH: Final = 16
_PAGE: Final = 1024
#: How long the machine's limit is measured.
_TRIAL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Wrapped:
    """How far it is. `rate`, `limit`: rows a second, and bare Argon2id hashes a second."""

    done: int
    total: int
    rate: float
    limit: float

    @property
    def share(self) -> float:
        """The rate as a share of the limit: 1 is all that this machine can do."""
        return self.rate / self.limit if self.limit else 0.0


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What a worker does: open, wrap, seal. Touches no database."""

    sealer: LegacySealer
    hashes: LegacyPasswords

    def __call__(self, given: Sequence[SealedHash]) -> list[tuple[SealedHash, bytes]]:
        return [(weak, self._wrapped(weak)) for weak in given]

    def _wrapped(self, weak: SealedHash) -> bytes:
        hash_ = self.sealer.open_hash(weak.legacy_id, weak.sealed)
        return self.sealer.seal_hash(weak.legacy_id, self.hashes.wrap(hash_))


@dataclass(frozen=True, slots=True)
class LegacyWrappingService:
    """Wraps what is weak. Killed at any moment it goes on with what is left."""

    store: Store
    clock: Clock
    sealer: LegacySealer
    hashes: LegacyPasswords
    workers: Workers

    def run(self, told: Callable[[Wrapped], None]) -> Wrapped:
        """Wrap every weak hash; return what this run did."""
        with self.store.read() as tx:
            total = tx.legacy_intake.count_weak()
        if not total:
            return Wrapped(0, 0, 0.0, 0.0)
        limit = self._measure_limit()
        self.sealer.prepare()
        began = self.clock.monotonic()
        done = 0
        work = Wrapper(self.sealer, self.hashes)
        with closing(self.workers.map(work, self._batches())) as results:
            for result in results:
                with self.store.write() as tx:
                    done += tx.legacy_intake.put_wrapped(result)
                told(Wrapped(done, total, self._rate(done, began), limit))
        wrapped = Wrapped(done, total, self._rate(done, began), limit)
        with self.store.write() as tx:
            now = self.clock.now()
            details = {"rows": done}
            tx.audit.record(
                AuditEvent(Action.LEGACY_WRAPPED, now, actor="operator", details=details)
            )
        return wrapped

    def _batches(self) -> Iterator[Sequence[SealedHash]]:
        after: UUID | None = None
        while True:
            with self.store.read() as tx:
                page = tx.legacy_intake.list_weak(after, _PAGE)
            if not page:
                return
            for start in range(0, len(page), BATCH):
                yield page[start : start + BATCH]
            after = page[-1].legacy_id

    def _measure_limit(self) -> float:
        """Return how many bare Argon2id hashes a second all cores do together."""
        began = self.clock.monotonic()
        self.hashes.spend_one()
        one = self.clock.monotonic() - began
        if one <= 0:
            return 0.0
        cores = self.workers.count or 1
        each = max(1, min(BATCH, round(_TRIAL_SECONDS / one / 4)))
        began = self.clock.monotonic()
        rounds = 4 * cores
        for _ in self.workers.map(_Spender(self.hashes), [each] * rounds):
            pass
        return each * rounds / (self.clock.monotonic() - began)

    def _rate(self, done: int, began: float) -> float:
        elapsed = self.clock.monotonic() - began
        return done / elapsed if elapsed > 0 else 0.0


@dataclass(frozen=True, slots=True)
class _Spender:
    """Does hashes for nothing."""

    hashes: LegacyPasswords

    def __call__(self, count: int) -> int:
        for _ in range(count):
            self.hashes.spend_one()
        return count
