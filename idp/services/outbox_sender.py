"""The sender of a server process: one daemon thread that watches the outbox.

Woken by commits and each second. What it leases it hands to a few threads of its own, by lanes, so
that nobody's slow server holds up codes.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Event, Lock, Thread
from typing import Final

from idp.ports.store import StoreUnavailable
from idp.services.messages import MAIL, SMS
from idp.services.outbox import Attempt, OutboxService

logger = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
#: After the database was away.
PAUSE_SECONDS: Final = 5.0
#: Messages under way at once in one lane.
LANE_SIZE: Final = 4
#: How long a stopping process waits for what is under way.
DRAIN_SECONDS: Final = 10.0


@dataclass
class _Lane:
    """Kinds that share their places."""

    kinds: Sequence[str]
    free: int = LANE_SIZE
    lock: Lock = field(default_factory=Lock)

    def move(self, places: int) -> None:
        """Give places back, or take them with a negative number."""
        with self.lock:
            self.free += places


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
        lanes = [_Lane(kinds) for kinds in lanes_of(self._outbox.kinds)]
        with ThreadPoolExecutor(LANE_SIZE * len(lanes) + 1, "outbox-sender") as senders:
            while not self._stopping.is_set():
                # in a thread of the pool: whatever a row does to a round, the next one comes
                done = senders.submit(self._round, lanes, senders)
                failure = done.exception()
                if failure is not None:
                    _tell(failure)
                self._woken.wait(POLL_SECONDS if failure is None else PAUSE_SECONDS)
                self._woken.clear()

    def _round(self, lanes: Sequence[_Lane], senders: ThreadPoolExecutor) -> None:
        """Hand out what is due and fits."""
        due = self._outbox.due_kinds()
        for lane in lanes:
            # a claim is a write, which a lane without anything to do spares the database
            if lane.free <= 0 or due.isdisjoint(lane.kinds):
                continue
            for message in self._outbox.claim(lane.kinds, lane.free):
                lane.move(-1)
                future = senders.submit(self._outbox.deliver, message)
                future.add_done_callback(partial(self._done, lane))

    def _done(self, lane: _Lane, done: Future[Attempt]) -> None:
        lane.move(1)
        if (failure := done.exception()) is not None:
            _tell(failure)
        self._woken.set()


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
