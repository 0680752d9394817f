"""Jobs that one process does for all, by a lease in the database (`security.md` R-21)."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Event, Thread
from typing import Final

from idp.ports.clock import Clock
from idp.ports.store import Store, StoreUnavailable

logger = logging.getLogger(__name__)

ROUND_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Job:
    """`every_seconds`: how often it is done by whoever holds its lease of `lease_seconds`."""

    name: str
    every_seconds: int
    lease_seconds: int
    run: Callable[[], object]
    #: Whether there is anything to do: a read, so that waiting costs no write.
    is_due: Callable[[], bool] = lambda: True


class Housekeeper:
    """One daemon thread a server process; begins with `start`, after a fork.

    `every_round`: what each process does for itself, about once a second.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        store: Store,
        clock: Clock,
        holder: Callable[[], str],
        *,
        every_round: Callable[[], object] = lambda: None,
    ) -> None:
        self._jobs = jobs
        self._every_round = every_round
        self._store = store
        self._clock = clock
        self._holder = holder
        self._stopping = Event()
        self._thread: Thread | None = None

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._thread is None:
            self._stopping.clear()
            self._thread = Thread(target=self._run, name="housekeeper", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End after the job that is under way."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join(DRAIN_SECONDS)

    def do_due(self) -> None:
        """Do what is this process's own, and every job whose time has come and lease is ours."""
        self._try("own", self._every_round)
        for job in self._jobs:
            self._try(job.name, partial(self._do, job))

    def _try(self, name: str, run: Callable[[], object]) -> None:
        try:
            run()
        except StoreUnavailable:
            logger.warning("housekeeping waits for the database", extra={"job": name})
        except Exception:
            # the edge of this thread: a job that fails stops neither itself nor the others
            logger.exception("housekeeping failed", extra={"job": name})

    def _do(self, job: Job) -> None:
        if job.is_due() and self._take(job):
            job.run()
            with self._store.write() as tx:
                tx.leases.note_done(job.name, self._clock.now())

    def _take(self, job: Job) -> bool:
        now = self._clock.now()
        with self._store.read() as tx:
            if now - tx.leases.last_done(job.name) < job.every_seconds:
                return False
        with self._store.write() as tx:
            return tx.leases.take(job.name, self._holder(), now=now, seconds=job.lease_seconds)

    def _run(self) -> None:
        while not self._stopping.wait(ROUND_SECONDS):
            self.do_due()
