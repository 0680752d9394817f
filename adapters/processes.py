"""Worker processes by fork, one pipe each: they end when this process does, however it ends."""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import Any, Final, TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

#: How many results may wait for a slower one before them, for each worker.
AHEAD: Final = 4
_JOIN_SECONDS: Final = 5
_NO_MORE: Final = object()


@dataclass(frozen=True, slots=True)
class ForkedWorkers:
    """Implements `idp.ports.workers.Workers`.

    A fork takes `work` with its keys along, so that nothing secret is pickled. A lone item is done
    by this process: small files pay for no worker.
    """

    count: int

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        coming = iter(items)
        first = list(_up_to(2, coming))
        if self.count == 0 or len(first) < 2:
            yield from map(work, _chained(first, coming))
            return
        with _Crew(work, self.count) as crew:
            yield from crew.run(_chained(first, coming))


def _up_to(count: int, items: Iterator[T]) -> Iterator[T]:
    for _, item in zip(range(count), items, strict=False):
        yield item


def _chained(first: list[T], coming: Iterator[T]) -> Iterator[T]:
    yield from first
    yield from coming


class _Crew:
    """The processes of one `map`, and the pipes to them."""

    def __init__(self, work: Callable[[Any], Any], count: int) -> None:
        self._work = work
        self._count = count
        self._pipes: list[Connection] = []
        self._processes: list[ForkProcess] = []

    def __enter__(self) -> "_Crew":
        context = get_context("fork")
        for _ in range(self._count):
            ours, theirs = context.Pipe()
            # the child must not keep our end of any pipe, or it would never see it close
            inherited = (*self._pipes, ours)
            process = context.Process(
                target=_serve, args=(self._work, theirs, inherited), daemon=True
            )
            process.start()
            theirs.close()
            self._pipes.append(ours)
            self._processes.append(process)
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(_JOIN_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()

    def run(self, items: Iterator[Any]) -> Iterator[Any]:
        """Yield results in the order of the items."""
        idle = list(self._pipes)
        sent: dict[Any, int] = {}
        done: dict[int, Any] = {}
        asked = told = 0
        while True:
            # everybody gets work before the caller gets a result: it may take its time with that
            while idle and asked - told < self._count * AHEAD:
                item = next(items, _NO_MORE)
                if item is _NO_MORE:
                    break
                pipe = idle.pop()
                pipe.send(item)
                sent[pipe] = asked
                asked += 1
            if told in done:
                yield done.pop(told)
                told += 1
            elif not sent:
                return
            for ready in wait(list(sent), timeout=0 if told in done else None) if sent else ():
                done[sent.pop(ready)] = _received(ready)
                idle.append(cast("Connection", ready))


def _received(pipe: Any) -> Any:
    """Return a result, or raise what the worker raised."""
    try:
        is_good, result = pipe.recv()
    except EOFError as error:
        raise RuntimeError("a worker process ended") from error
    if not is_good:
        raise result
    return result


def _serve(work: Callable[[Any], Any], pipe: Connection, inherited: tuple[Connection, ...]) -> None:
    """Work until the pipe closes: that is also what a killed parent leaves behind."""
    # Ctrl-C reaches the whole group; the parent alone decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for connection in inherited:
        connection.close()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            item = pipe.recv()
            try:
                answer = True, work(item)
            # whatever it is, it is raised again in the parent
            except Exception as error:
                answer = False, error
            pipe.send(answer)
    os._exit(0)
