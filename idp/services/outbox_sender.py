"""The sender of a server process: one daemon thread that watches the outbox.

Woken by commits and each second. What it leases it hands to a few threads of its own, by lanes, so
that nobody's slow server holds up codes.
"""

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread
from typing import Final

from idp.ports.store import OutboxMessage, StoreUnavailable
from idp.services.messages import MAIL, SMS
from idp.services.outbox import LEASE_SECONDS, Attempt, OutboxService

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
#: After the database was away.
PAUSE_SECONDS: Final = 5.0
#: Messages under way at once in one lane.
LANE_SIZE: Final = 4
#: Letters leased for each place at once: a lease is a write, and letters come by the dozen. Never
#: short messages: one that was leased and not tried counts as sent.
LETTERS_IN_TURN: Final = 5
#: How long a stopping process waits for what is under way.
DRAIN_SECONDS: Final = 10.0


@dataclass
class _Lane:
    """Kinds that share their places.

    `in_turn`: how many messages are leased for each place, to go one after another. `waiting`:
    those whose turn has not come, leased until long after `good_until` (monotonic). `is_short`:
    more may be due than was leased.
    """

    kinds: Sequence[str]
    in_turn: int = 1
    free: int = LANE_SIZE
    waiting: deque[OutboxMessage] = field(default_factory=deque)
    good_until: float = 0.0
    is_short: bool = False
    lock: Lock = field(default_factory=Lock)

    @property
    def room(self) -> int:
        """How many messages may be leased now."""
        return 0 if self.waiting else max(0, self.free) * self.in_turn

    def queue(self, messages: Sequence[OutboxMessage], good_until: float) -> None:
        """Keep leased messages until their turn comes."""
        with self.lock:
            self.waiting.extend(messages)
            self.good_until = good_until

    def take(self) -> OutboxMessage | None:
        """Take a place for the next message; `None` where there is none of either."""
        with self.lock:
            if self.free <= 0 or not self.waiting:
                return None
            self.free -= 1
            return self.waiting.popleft()

    def leave(self) -> None:
        """Give a place back."""
        with self.lock:
            self.free += 1

    def clear(self) -> Sequence[OutboxMessage]:
        """Return what waits for its turn, which then waits no more."""
        with self.lock:
            left = tuple(self.waiting)
            self.waiting.clear()
        return left


class OutboxSender:
    """Begins with `start`, once a process and after a fork; `stop` lets what is under way end."""

    def __init__(self, outbox: OutboxService) -> None:
        self._outbox = outbox
        self._woken = Event()
        self._stopping = Event()
        self._lock = Lock()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        with self._lock:
            if self._thread is not None:
                return
            self._stopping.clear()
            self._thread = Thread(target=self._run, name="outbox", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after what is under way; a call without `start` does nothing."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._woken.set()
            thread.join(DRAIN_SECONDS)

    def wake(self) -> None:
        """Look at the outbox now: something was committed."""
        self._woken.set()

    def _run(self) -> None:
        lanes = [
            _Lane(kinds, LETTERS_IN_TURN if MAIL in kinds else 1)
            for kinds in lanes_of(self._outbox.kinds)
        ]
        with ThreadPoolExecutor(LANE_SIZE * len(lanes) + 1, "outbox-sender") as senders:
            while not self._stopping.is_set():
                # in a thread of the pool: whatever a row does to a round, the next one comes
                done = senders.submit(self._round, lanes, senders)
                failure = done.exception()
                if failure is not None:
                    _tell(failure)
                self._woken.wait(POLL_SECONDS if failure is None else PAUSE_SECONDS)
                self._woken.clear()
        self._hand_back([message for lane in lanes for message in lane.clear()])

    def _round(self, lanes: Sequence[_Lane], senders: ThreadPoolExecutor) -> None:
        """Hand out what is due and fits."""
        due = self._outbox.due_kinds()
        for lane in lanes:
            room = lane.room
            lane.is_short = not due.isdisjoint(lane.kinds)
            # a claim is a write, which a lane without anything to do spares the database
            if room == 0 or not lane.is_short:
                continue
            good_until = self._outbox.clock.monotonic() + LEASE_SECONDS / 2
            claimed = self._outbox.claim(lane.kinds, room)
            lane.is_short = len(claimed) == room
            lane.queue(claimed, good_until)
            # one for each place; whoever is done takes the next, unless the process is stopping
            for _ in range(LANE_SIZE):
                self._next(lane, senders)

    def _next(self, lane: _Lane, senders: ThreadPoolExecutor) -> None:
        """Hand out the message whose turn it is, if there is a place for it."""
        if lane.waiting and self._outbox.clock.monotonic() > lane.good_until:
            # where each takes long, another process may try the rest before the lease is over
            self._hand_back(lane.clear())
        message = lane.take()
        if message is None:
            return
        try:
            future = senders.submit(self._outbox.deliver, message)
        except RuntimeError:
            # the pool was closed since we looked
            self._hand_back([message])
            return
        future.add_done_callback(partial(self._done, lane, senders))

    def _done(self, lane: _Lane, senders: ThreadPoolExecutor, done: Future[Attempt]) -> None:
        lane.leave()
        if (failure := done.exception()) is not None:
            _tell(failure)
        if self._stopping.is_set():
            return
        self._next(lane, senders)
        if lane.is_short and not lane.waiting:
            self._woken.set()

    def _hand_back(self, messages: Sequence[OutboxMessage]) -> None:
        """Let others have what we leased and did not try; else it comes back with its lease."""
        if messages:
            try:
                self._outbox.hand_back(messages)
            except StoreUnavailable as failure:
                _tell(failure)


def lanes_of(kinds: Sequence[str]) -> Sequence[Sequence[str]]:
    """Return the kinds that share places: short messages, letters, and calls to portals.

    So that neither a slow mail server nor a portal that never answers holds up a code.
    """
    portals = tuple(kind for kind in kinds if kind not in {SMS, MAIL})
    return [lane for lane in ((SMS,), (MAIL,), portals) if lane and set(lane) <= set(kinds)]


def _tell(failure: BaseException) -> None:
    """Say why rows stay leased for a while; they are looked at again when the lease is over."""
    if isinstance(failure, StoreUnavailable):
        logger.warning("outbox waits for the database")
    else:
        logger.error("outbox failed", exc_info=failure)
