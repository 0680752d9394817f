"""A core for each worker: what a request needs stays in that core's cache (`make bench`)."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def settle(workers: int, supervisor: int) -> None:
    """Keep this worker on a core that none of its elder siblings has.

    For as many workers as there are cores: fewer could not use all of them, and another server
    beside them would be kept on the same few. Where the kernel does not tell, it stays as it is.
    """
    if sys.platform != "linux":
        return
    cores = sorted(os.sched_getaffinity(0))
    if workers != len(cores):
        return
    with suppress(OSError, ValueError):
        told = Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text("ascii")
        siblings = [int(pid) for pid in told.split()]
        elder = siblings[: siblings.index(os.getpid())]
        os.sched_setaffinity(0, {next_core(cores, [_where(pid) for pid in elder])})


def _where(pid: int) -> set[int]:
    with suppress(ProcessLookupError):
        return set(os.sched_getaffinity(pid))
    return set()


def next_core(cores: Sequence[int], elder: Sequence[set[int]]) -> int:
    """Return the first core that is free once all elder workers have theirs.

    `elder`: where each may run, in the order of their start; one that may run on several has not
    come to take its own yet. With none free it is that of the eldest, whom a renewal ends next.
    """
    free = [core for core in cores if {core} not in elder]
    waiting = sum(len(where) > 1 for where in elder)
    return free[waiting] if waiting < len(free) else min(elder[0], default=cores[0])
