"""CPU time and memory of process trees, from /proc."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")
#: Places of ppid, utime, stime, cutime, cstime after the command's closing bracket.
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)


@dataclass(frozen=True, slots=True)
class Memory:
    """Sums over a process tree, in MiB. `pss` shares out common pages, `rss` counts them anew."""

    pss: float
    rss: float


def cpu_seconds(roots: Iterable[int]) -> float:
    """Return the CPU that the processes, their descendants and all ended children have used.

    An ended child counts through `cutime` and `cstime` of the parent that waited for it, so the
    figure never falls. Resolution: one tick of the kernel (10 ms).
    """
    stats = dict(_stats())
    ticks = sum(
        sum(map(int, stats[pid][_TIMES])) for pid in _descendants(roots, stats) if pid in stats
    )
    return ticks / _TICKS_A_SECOND


def memory(roots: Iterable[int]) -> Memory:
    """Return the memory of the processes and their descendants."""
    pss = rss = 0
    for pid in _descendants(roots, dict(_stats())):
        sizes = _rollup(pid)
        pss += sizes.get("Pss", 0)
        rss += sizes.get("Rss", 0)
    return Memory(pss / 1024, rss / 1024)


def _stats() -> Iterator[tuple[int, list[str]]]:
    """Yield the fields after the command of every process that still is there."""
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text("ascii", "replace")
            except OSError:
                continue
            yield int(folder.name), text.rpartition(") ")[2].split()


def _descendants(roots: Iterable[int], stats: dict[int, list[str]]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[_PARENT]), []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, [])
    return found


def _rollup(pid: int) -> dict[str, int]:
    """Return the sums of a process's mappings in KiB; nothing if it has ended."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text("ascii").splitlines()[1:]
    except OSError:
        return {}
    return {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
