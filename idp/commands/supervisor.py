"""The supervisor of `siapkerja serve`: a program of its own, so that it is small.

`server.run` becomes it by exec as soon as its workers run; they stay its children. It imports
nothing of ours and little else: `typing` or `dataclasses` alone would be a fifth of its memory
(docs/decisions/workers.md).

Arguments: the folder of figures to take away at the end, or nothing; how many seconds workers that
are told to end have for what they have begun; their process ids, with commas; the command that
starts one more. What it hears is blocked from before the exec until it listens, so that no signal
is lost in between.
"""

import json
import os
import signal
import sys
from collections.abc import Iterable
from time import gmtime, monotonic, strftime, time  # noqa: TID251 - the log of a program of its own

#: A replacement that ends so soon would end again and again.
LOOP_SECONDS = 5.5
#: A worker that says that it is ready listens within this time.
LISTEN_SECONDS = 1
#: What a worker sends that was started from here: queued, with its sender, where others merge.
READY = signal.SIGRTMIN
HEARD = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, READY})

#: What workers leave to their supervisor: a terminal sends it to all of them.
UNHEARD = frozenset({signal.SIGHUP, signal.SIGINT})


class Supervisor:
    """Keeps as many workers as there were at first; `command` starts one more."""

    def __init__(self, workers: Iterable[int], command: list[str], *, stop_seconds: float) -> None:
        self._command = command
        self._stop_seconds = stop_seconds
        #: When each began, by process id; those of the first start are no replacements.
        self._workers = dict.fromkeys(workers, -LOOP_SECONDS)
        self._count = len(self._workers)
        #: Those that were told to end, and when they will be killed.
        self._leaving: dict[int, float] = {}
        #: After SIGHUP: those to replace, who comes next, and when it said that it is ready.
        self._old: list[int] = []
        self._newcomer = 0
        self._ready_at: float | None = None

    def run(self) -> int:
        """Supervise until SIGTERM, SIGINT or a crash loop; return the exit code."""
        while True:
            if self._notice_ended():
                _tell("ERROR", "workers end as soon as they begin")
                self._stop()
                return 1
            self._kill_late()
            self._renew()
            for _ in range(self._count - len(self._workers)):
                self._start()
            heard = signal.sigtimedwait(HEARD, 1)
            match heard.si_signo if heard else None:
                case signal.SIGTERM | signal.SIGINT:
                    self._stop()
                    return 0
                case signal.SIGHUP:
                    self._old = [pid for pid in self._workers if pid != self._newcomer]
                case number if heard and number == READY and heard.si_pid == self._newcomer:
                    self._ready_at = monotonic()

    def _notice_ended(self) -> bool:
        """Forget who has ended; return whether somebody ended right after it had been started."""
        for pid in [pid for pid in self._leaving if _status(pid) is not None]:
            del self._leaving[pid]
        is_loop = False
        for pid in list(self._workers):
            status = _status(pid)
            if status is None:
                continue
            is_young = monotonic() - self._workers.pop(pid) <= LOOP_SECONDS
            _tell("ERROR", "worker ended", pid=pid, status=status)
            if pid in self._old:
                self._old.remove(pid)
            if pid == self._newcomer:
                # the old ones serve on
                _tell("ERROR", "workers not renewed")
                self._newcomer = 0
                self._old.clear()
            else:
                is_loop = is_loop or is_young
        return is_loop

    def _renew(self) -> None:
        """Go on with what SIGHUP asked for: start one, let it become ready, then end an old one."""
        if self._newcomer:
            if self._ready_at is None or monotonic() < self._ready_at + LISTEN_SECONDS:
                return
            self._newcomer = 0
            # an old one that ended by itself meanwhile made room already
            if len(self._workers) > self._count and self._old:
                pid = self._old.pop(0)
                del self._workers[pid]
                self._leaving[pid] = monotonic() + self._stop_seconds
                os.kill(pid, signal.SIGTERM)
        # nobody starts while one is leaving: no more memory is taken than for one more
        if self._old and not self._leaving:
            self._ready_at = None
            self._newcomer = self._start()

    def _start(self) -> int:
        """Start a worker; return its process id, 0 where there is no room for one now."""
        try:
            pid = os.fork()
        except OSError as error:
            _tell("ERROR", "worker not started", error=error.errno)
            return 0
        if pid == 0:
            try:
                signal.pthread_sigmask(signal.SIG_SETMASK, UNHEARD)
                os.execv(self._command[0], self._command)  # noqa: S606 - no shell wanted
            finally:
                os._exit(127)
        self._workers[pid] = monotonic()
        return pid

    def _kill_late(self) -> None:
        for pid, at in self._leaving.items():
            if monotonic() > at:
                os.kill(pid, signal.SIGKILL)

    def _stop(self) -> None:
        """End all workers, by force where they take too long."""
        kill_at = monotonic() + self._stop_seconds
        staying = [*self._workers, *self._leaving]
        for pid in self._workers:
            os.kill(pid, signal.SIGTERM)
        while staying:
            signal.sigtimedwait(HEARD, 0.5)
            staying = [pid for pid in staying if _status(pid) is None]
            for pid in staying if monotonic() > kill_at else ():
                os.kill(pid, signal.SIGKILL)


def _status(pid: int) -> int | None:
    """Return the exit code of a child, minus the signal that ended it; `None` while it runs."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        # ended and noticed before the exec
        return -1
    return os.waitstatus_to_exitcode(status) if found else None


def _tell(level: str, event: str, **more: int | None) -> None:
    """Write a line as `config.logging` writes them."""
    now = time()
    at = f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(now))}.{int(now % 1 * 1000):03d}+00:00"
    told = {"at": at, "level": level, "logger": "idp.commands.supervisor", "event": event, **more}
    # in one piece: workers write to the same place
    os.write(2, (json.dumps(told) + "\n").encode())


def main() -> int:
    """Supervise what the arguments name, then take the figures away."""
    figures, seconds, workers, *command = sys.argv[1:]
    pids = map(int, workers.split(","))
    code = Supervisor(pids, command, stop_seconds=float(seconds)).run()
    if figures:
        from shutil import rmtree  # noqa: PLC0415 - as large as all the rest, and needed last

        rmtree(figures, ignore_errors=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
