"""Keeping the figures of days."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from idp.domain.figures import Key, PortalErrors


class Figures(Protocol):
    """Counters by day, name and label, shared by all processes."""

    def add(self, counts: Mapping[Key, int]) -> None:
        """Add to what stands there."""

    def put(self, values: Mapping[Key, int]) -> None:
        """Put in the place of what stands there."""

    def since(self, day: int) -> Mapping[Key, int]:
        """Return everything from a day on."""

    def errors_by_client(self, day: int, *, limit: int) -> Sequence[PortalErrors]:
        """Return the clients that were told most errors from a day on, the most first."""
