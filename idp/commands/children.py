"""Processes that end with the command that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Final, NoReturn

STOP_SECONDS: Final = 15
_POLL_SECONDS: Final = 0.02
#: prctl(2): the signal that a process gets when the one that forked it is gone.
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class Child:
    """A running process, leader of its own group; `log` has what it prints."""

    name: str
    pid: int
    log: Path


class ChildEnded(Exception):  # noqa: N818 - it tells what happened to somebody else
    """A child ended by itself."""

    def __init__(self, child: Child) -> None:
        super().__init__(child.name)
        self.child = child


@dataclass(slots=True)
class Children:
    """Starts, watches and ends children; `folder`: where their logs go. Needs a single thread."""

    folder: Path
    _running: list[Child] = field(default_factory=list)

    def start(self, name: str, work: Callable[[], object]) -> None:
        """Fork, and do `work` in the child until it returns or is told to end.

        Forking keeps what is imported: a server starts in a third of the time.
        """
        log = self.folder / f"{name}.log"
        self.folder.mkdir(parents=True, exist_ok=True)
        sys.stdout.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _become(log, parent, work)
        self._running.append(Child(name, pid, log))

    def check(self) -> None:
        """Raise `ChildEnded` for a child that is gone."""
        for child in self._running:
            if _has_ended(child.pid):
                self._running.remove(child)
                raise ChildEnded(child)

    def watch(self) -> NoReturn:
        """Wait until a child ends, which raises `ChildEnded`, or a signal ends the wait."""
        while True:
            self.check()
            sleep(10 * _POLL_SECONDS)

    def wait_until(self, is_ready: Callable[[], bool], *, seconds: float) -> bool:
        """Wait for readiness; `False` if it takes too long. Raises `ChildEnded`."""
        deadline = monotonic() + seconds
        while monotonic() < deadline:
            self.check()
            if is_ready():
                return True
            sleep(_POLL_SECONDS)
        return False

    def stop(self) -> None:
        """End every child and whatever it started; those that do not listen are killed."""
        for child in reversed(self._running):
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        deadline = monotonic() + STOP_SECONDS
        waiting = list(self._running)
        while waiting and monotonic() < deadline:
            waiting = [child for child in waiting if not _has_ended(child.pid)]
            sleep(_POLL_SECONDS)
        for child in self._running:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        for child in waiting:
            with suppress(ChildProcessError):
                os.waitpid(child.pid, 0)
        self._running.clear()


def run_program(command: Sequence[str], environment: dict[str, str]) -> Callable[[], object]:
    """Return work that becomes another program."""
    return lambda: os.execve(command[0], list(command), environment)  # noqa: S606 - no shell wanted


def _become(log: Path, parent: int, work: Callable[[], object]) -> NoReturn:
    """Be the child: a session of its own, output to the log, nothing of the parent's signals."""
    code = 1
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        end_with(parent)
        with log.open("wb", buffering=0) as written:
            os.dup2(written.fileno(), 1)
            os.dup2(written.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        work()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def end_with(parent: int) -> None:
    """Ask Linux to end this process when its parent is killed, so that none is left behind."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(1)


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
