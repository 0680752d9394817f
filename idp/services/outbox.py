"""Delivering what the outbox holds: leased, tried outside any transaction, settled in another.

At least once, with the row's id as idempotency key; how a kind is delivered, and when it is tried
again, is its deliverer's affair.
"""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.messages import SmsState
from idp.ports.clock import Clock
from idp.ports.metrics import Metrics
from idp.ports.store import OutboxMessage, QueuedMessage, Store, Transaction

logger = logging.getLogger(__name__)

#: Longer than any try may take; a sender that died gives its rows back after that.
LEASE_SECONDS: Final = 120
#: Rows taken at once where they are delivered one after another.
BATCH: Final = 20
#: How far back the figures of short messages go.
SMS_FIGURES_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one try.

    `error`: stable word, `None` where it was delivered. `retry_seconds`: until the next try, `None`
    where there is none. `settle`: further writes, in the transaction that settles the row.
    """

    error: str | None = None
    retry_seconds: int | None = None
    settle: Callable[[Transaction], None] | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits to leave, for whoever looks after it; nothing says what or to whom.

    `counts`: by kind. `oldest_seconds`: how long the oldest is overdue, `None` where nothing waits.
    `sms`: gateway, state and number of the last hour's short messages.
    """

    counts: Mapping[str, int]
    oldest_seconds: int | None
    rows: tuple[QueuedMessage, ...]
    sms: tuple[tuple[str | None, SmsState, int], ...]


class Deliverer(Protocol):
    """Takes one kind of message out of the house."""

    def begin(self, message: OutboxMessage, *, tx: Transaction) -> str | None:
        """Note, in the leasing transaction, that a try begins; a word to give it up instead."""

    def deliver(self, message: OutboxMessage) -> Attempt:
        """Try once, outside any transaction; never raises for what the receiver does."""

    def drop(self, message: OutboxMessage, *, tx: Transaction) -> None:
        """Note that the message became worthless before it left."""


@dataclass(frozen=True, slots=True)
class OutboxService:
    """`deliverers` by the kind of row; rows of other kinds wait for who knows them.

    `worker`: tells this process's name in leases.
    """

    store: Store
    clock: Clock
    metrics: Metrics
    deliverers: Mapping[str, Deliverer]
    worker: Callable[[], str]

    @property
    def kinds(self) -> Sequence[str]:
        """What can be delivered."""
        return tuple(self.deliverers)

    def due_kinds(self) -> frozenset[str]:
        """Return the kinds of which a claim would find anything, and tell how old the oldest is."""
        now = self.clock.now()
        due: frozenset[str] = frozenset()
        age = None
        with self.store.read() as tx:
            if tx.outbox.is_any_due(now):
                due = tx.outbox.due_among(self.kinds, now)
                age = tx.outbox.oldest_due(now)
        self.metrics.gauge("outbox_oldest_seconds", age or 0)
        return due

    def claim(self, kinds: Collection[str], limit: int) -> Sequence[OutboxMessage]:
        """Lease what is due and still worth sending; what is not is settled at once."""
        now = self.clock.now()
        begun = []
        with self.store.write() as tx:
            for message in tx.outbox.claim(
                kinds=kinds, worker=self.worker(), now=now, lease_seconds=LEASE_SECONDS, limit=limit
            ):
                deliverer = self.deliverers[message.kind]
                if now >= message.expires_at:
                    deliverer.drop(message, tx=tx)
                    error: str | None = "expired"
                else:
                    error = deliverer.begin(message, tx=tx)
                if error is None:
                    begun.append(message)
                else:
                    self._settle(message, error, now=now, tx=tx)
        return begun

    def deliver(self, message: OutboxMessage) -> Attempt:
        """Try a leased message and settle it; return what came of it."""
        deliverer = self.deliverers[message.kind]
        attempt = deliverer.deliver(message)
        now = self.clock.now()
        with self.store.write() as tx:
            if attempt.settle is not None:
                attempt.settle(tx)
            if attempt.retry_seconds is None:
                self._settle(message, attempt.error, now=now, tx=tx)
            elif now + attempt.retry_seconds >= message.expires_at:
                deliverer.drop(message, tx=tx)
                self._settle(message, attempt.error, now=now, tx=tx)
            else:
                tx.outbox.retry(
                    message.id, now + attempt.retry_seconds, error=attempt.error or "retry"
                )
        return attempt

    def hand_back(self, messages: Iterable[OutboxMessage]) -> None:
        """Let go of leased messages that were not tried: they are due as they were."""
        with self.store.write() as tx:
            for message in messages:
                tx.outbox.retry(message.id, message.due_at, error="returned")

    def deliver_due(self) -> Mapping[str, int]:
        """Deliver everything that is due now, one after another; count outcomes by word."""
        outcomes: Counter[str] = Counter()
        while messages := self.claim(self.kinds, BATCH):
            for message in messages:
                outcomes[self.deliver(message).error or "delivered"] += 1
        return outcomes

    def look(self, limit: int) -> Queue:
        """Return what waits, without opening any of it."""
        now = self.clock.now()
        with self.store.read() as tx:
            return Queue(
                counts=tx.outbox.count_waiting(),
                oldest_seconds=tx.outbox.oldest_due(now),
                rows=tuple(tx.outbox.list_waiting(limit)),
                sms=tuple(tx.sms_records.count_since(now - SMS_FIGURES_SECONDS)),
            )

    def try_now(self, message_id: UUID, actor: Actor) -> QueuedMessage:
        """Let a waiting message be tried at once instead of later; return it as it waited.

        It is no further attempt beside those that a message has. Refuses with `message.settled`
        where it waits no more, or is being tried at this moment.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            message = tx.outbox.hasten(message_id, now)
            if message is None:
                raise Refused("message.settled")
            tx.audit.record(
                AuditEvent(
                    Action.MESSAGE_RETRIED,
                    now,
                    actor=actor.kind,
                    actor_id=actor.id,
                    origin=actor.origin,
                    object_id=str(message.id),
                    details={"kind": message.kind, "attempts": message.attempts},
                )
            )
            return message

    def _settle(
        self, message: OutboxMessage, error: str | None, *, now: int, tx: Transaction
    ) -> None:
        tx.outbox.finish(message.id, now, error=error)
        self.metrics.count(
            "outbox_settled", kind=message.kind, outcome="delivered" if error is None else error
        )
        if error is not None:
            logger.warning("message dropped", extra={"kind": message.kind, "cause": error})
