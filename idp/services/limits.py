"""Durable limits: counted in the transaction of what they limit, all of them or none."""

from collections.abc import Iterable
from dataclasses import dataclass

from idp.domain.errors import Refused
from idp.domain.identity.audit import Action, AuditEvent, Outcome
from idp.domain.identity.limits import HOUR, Hit, in_order, scaled
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.metrics import Metrics
from idp.ports.store import Transaction


@dataclass(frozen=True, slots=True)
class LimitService:
    """`factor`: multiplies every limit."""

    clock: Clock
    metrics: Metrics
    factor: float

    def admit(
        self, hits: Iterable[Hit], visitor: Visitor, *, tx: Transaction, is_solved: bool = False
    ) -> None:
        """Count every hit, or refuse and count none.

        Refuses with the limit's own code and `until_at`, `seconds`, `hours`, or with
        `puzzle.required` unless `is_solved`. A full window is recorded, and nothing else may have
        been written before: ask first.
        """
        now = self.clock.now()
        ordered = in_order(hits)
        for hit in ordered:
            window = tx.limits.peek(hit.key, now)
            if window.count >= self._most(hit):
                self.note(hit, visitor, tx=tx)
                raise self._refusal(hit, window.expires_at, now, recorded=True)
        for hit in ordered:
            window = tx.limits.hit(hit.key, window_seconds=hit.limit.window_seconds, now=now)
            # another transaction may have been faster since the look
            if window.count > self._most(hit):
                raise self._refusal(hit, window.expires_at, now)
            free = hit.limit.free
            if free is not None and window.count > scaled(free, self.factor) and not is_solved:
                raise Refused("puzzle.required")

    def refund(self, hits: Iterable[Hit], *, tx: Transaction) -> None:
        """Take the hits back: what was tried did not count after all."""
        for hit in in_order(hits):
            tx.limits.refund(hit.key)

    def left(self, hit: Hit, *, tx: Transaction) -> int:
        """Return how often it may still happen in this window."""
        return max(0, self._most(hit) - tx.limits.peek(hit.key, self.clock.now()).count)

    def check(self, hits: Iterable[Hit], *, tx: Transaction) -> None:
        """Refuse, recorded, if one of the windows is full; count nothing."""
        now = self.clock.now()
        for hit in hits:
            window = tx.limits.peek(hit.key, now)
            if window.count >= self._most(hit):
                raise self._refusal(hit, window.expires_at, now, recorded=True)

    def count(self, hit: Hit, *, tx: Transaction) -> bool:
        """Count one that has happened; return whether the window is full now."""
        now = self.clock.now()
        window = tx.limits.hit(hit.key, window_seconds=hit.limit.window_seconds, now=now)
        return window.count >= self._most(hit)

    def _most(self, hit: Hit) -> int:
        return hit.limit.most if hit.limit.is_pace else scaled(hit.limit.most, self.factor)

    def _refusal(self, hit: Hit, until_at: int, now: int, *, recorded: bool = False) -> Refused:
        seconds = max(1, until_at - now)
        return Refused(
            hit.limit.refusal,
            recorded=recorded,
            until_at=until_at,
            seconds=seconds,
            hours=-(-seconds // HOUR),
        )

    def note(self, hit: Hit, visitor: Visitor, *, tx: Transaction) -> None:
        """Tell figures each time and the audit once a window: knocking must not fill it."""
        now = self.clock.now()
        self.metrics.count("limits_reached", limit=hit.limit.name)
        told = tx.limits.hit(hit.key[::-1], window_seconds=hit.limit.window_seconds, now=now)
        if told.count == 1:
            tx.audit.record(
                AuditEvent(
                    Action.LIMIT_REACHED,
                    now,
                    Outcome.REFUSED,
                    origin=visitor.origin,
                    details={"limit": hit.limit.name},
                )
            )
