"""Work that takes more than one core."""

from collections.abc import Callable, Generator, Iterable
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Workers(Protocol):
    """Processes of this machine that end with this one."""

    @property
    def count(self) -> int:
        """How many work at once; 0: this process does it all."""

    def map(self, work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        """Yield `work(item)` for each item, in their order, working a few items ahead.

        Items and results are copied between processes; `work` may hold anything but connections.
        An exception of `work` is raised here. Closing the iterator ends the processes.
        """
