"""Whether this process can serve: asked by balancers and by `siapkerja doctor`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from idp.ports.clock import Clock
from idp.ports.store import Store, StoreUnavailable

#: A clock that is further off makes the process not ready (R-9).
CLOCK_SKEW_MAX_SECONDS: Final = 30
DISK_FREE_MIN: Final = 0.05


@dataclass(frozen=True, slots=True)
class Probe:
    """What the store says of itself. `disk_free`: share of 1, where it is known."""

    revision: str | None
    newest_revision: str
    epoch: int
    disk_free: float | None
    takes_writes: bool


@dataclass(frozen=True, slots=True)
class HealthService:
    """`probe`: asks the database; raises `StoreUnavailable`."""

    store: Store
    clock: Clock
    probe: Callable[[], Probe]

    def problems(self) -> list[str]:
        """Return stable words for everything that stands in the way of serving."""
        try:
            probe = self.probe()
            # a newer schema is what an old server sees during an upgrade: it goes on serving
            if probe.revision is None or probe.revision < probe.newest_revision:
                return ["migrations_pending"]
            found = []
            with self.store.read() as tx:
                if not any(key.may_sign(self.clock.now()) for key in tx.signing_keys.list_all()):
                    found.append("no_signing_key")
        except StoreUnavailable:
            return ["database_unavailable"]
        except ValueError:
            return ["secret_key_does_not_open_the_database"]
        if abs(probe.epoch - self.clock.now()) > CLOCK_SKEW_MAX_SECONDS:
            found.append("clock_differs_from_database")
        if probe.disk_free is not None and probe.disk_free < DISK_FREE_MIN:
            found.append("disk_nearly_full")
        if not probe.takes_writes:
            found.append("database_read_only")
        return found
