"""granian as we run it: workers that this process forks, or one that it is.

Two seams of granian are used that it does not document, so its version is pinned: `startup`, which
forks the workers and returns, and `_spawn_workers` with what it starts, `_spawn_worker().inner`.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from granian.constants import Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer
from typing_extensions import override

from config import logging as logs
from idp.commands.supervisor import HEARD

#: Threads of a worker: most requests take one for a millisecond; a call to the registry or the
#: floor of a failed sign-in holds one for longer.
THREADS: Final = 16
#: Requests that wait in a worker before the socket's queue fills; then the balancer is told.
BACKPRESSURE: Final = 128
#: How long a caller may take for the headers of a request (R-16).
HEADER_MILLISECONDS: Final = 10_000
#: What a worker that is told to end has for what it has begun.
STOP_SECONDS: Final = 20


class _Ours(MPServer):
    def __init__(self, host: str, port: int, workers: int) -> None:
        super().__init__(
            "idp.app:create_app",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=workers,
            blocking_threads=THREADS,
            backpressure=BACKPRESSURE,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
            log_access=False,
            log_level=LogLevels.warning,
            log_dictconfig=logs.server_logging("_granian"),
            respawn_failed_workers=True,
            workers_kill_timeout=STOP_SECONDS,
        )

    @override
    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        if sys.platform == "linux":
            # before there are threads: what comes from here on waits for who will hear it, the
            # supervisor or a worker that has begun
            signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call]


class Forked(_Ours):
    """Forks its workers, then lets `become_supervisor` take their process ids.

    Each worker listens on a socket of its own (SO_REUSEPORT), so this process has nothing to hand
    on. Elsewhere than on Linux it has, and granian's own supervisor stays.
    """

    def __init__(
        self,
        host: str,
        port: int,
        workers: int,
        become_supervisor: Callable[[Sequence[int]], NoReturn],
    ) -> None:
        super().__init__(host, port, workers)
        self._become_supervisor = become_supervisor

    @override
    def startup(self, spawn_target: Any, target_loader: Any) -> None:
        super().startup(spawn_target, target_loader)
        if sys.platform == "linux":
            self._become_supervisor([worker.inner.pid for worker in self.wrks])


class Alone(_Ours):
    """Is a worker: what granian would fork runs in this process, until a signal ends it."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port, 1)

    @override
    def _spawn_workers(self, spawn_target: Any, target_loader: Any) -> None:
        self._spawn_worker(0, spawn_target, target_loader).inner.run()
        self.interrupt_signal = True
        self.main_loop_interrupt.set()
