"""Keeping what failed, under its support code, without letting anybody wait for it.

A flood of failures must not fill the database: beyond `MOST_A_MINUTE` a process tells its log
alone. While the database is away failures wait here; those without room are in the log as well.
"""

import logging
from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Final

from idp.domain.identity.support import Failure
from idp.ports.store import Store, StoreUnavailable

logger = logging.getLogger(__name__)

MOST_A_MINUTE: Final = 1200
#: How many wait for the database at most.
ROOM: Final = 2000
BATCH: Final = 200
#: How late a failure may come into the database, and how long to leave it alone after it was away.
DELAY_SECONDS: Final = 0.2
PAUSE_SECONDS: Final = 5.0
DRAIN_SECONDS: Final = 5.0


class FailureWriter:
    """One daemon thread a server process; begins with `start`, after a fork.

    Without it, in commands and tests, they wait until somebody looks. `process`: tells the name of
    this process.
    """

    def __init__(self, store: Store, process: Callable[[], str]) -> None:
        self._store = store
        self.process = process
        self._waiting: deque[Failure] = deque(maxlen=ROOM)
        self._minute = (0, 0)
        self._writing = Lock()
        self._woken = Event()
        self._stopping = Event()
        self._thread: Thread | None = None

    def note(self, failure: Failure) -> None:
        """Keep a failure; the caller never waits for a database that is away."""
        if self._has_room(failure.at):
            self._waiting.append(failure)
            self._woken.set()

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = Thread(target=self._run, name="failures", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End, and write what waits."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            self._woken.set()
            thread.join(DRAIN_SECONDS)
            self.flush()

    def flush(self) -> bool:
        """Write what waits; return whether the database took it."""
        with self._writing:
            while self._waiting:
                batch = list(self._waiting)[:BATCH]
                try:
                    with self._store.write() as tx:
                        tx.failures.add_all(batch)
                except StoreUnavailable:
                    logger.warning("failures wait for the database")
                    return False
                for _ in batch:
                    self._waiting.popleft()
        return True

    def _has_room(self, now: int) -> bool:
        minute, count = self._minute
        count = count + 1 if minute == now // 60 else 1
        self._minute = (now // 60, count)
        if count == MOST_A_MINUTE + 1:
            logger.warning("failures are told in the log alone", extra={"a_minute": MOST_A_MINUTE})
        return count <= MOST_A_MINUTE

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            # those of a moment go together: one transaction costs more than a row
            self._stopping.wait(DELAY_SECONDS)
            if not self.flush() and not self._stopping.wait(PAUSE_SECONDS):
                self._woken.set()
