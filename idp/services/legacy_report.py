"""The cut-over in figures, source by source, and what imports could not take."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.audit import OPERATOR, Action, Actor, AuditEvent
from idp.domain.identity.legacy import Credential, Decision, LegacyAccount, LegacyState
from idp.ports.clock import Clock
from idp.ports.legacy import Conflict, LegacyRun, RefusedLine, SourceFigures
from idp.ports.store import Store

_PAGE: Final = 1000

#: Columns of the cut-over report.
FIGURES: Final = (
    "source",
    "imported",
    "claimed",
    "waiting",
    "identity_required",
    "blocked",
    "closed",
    "in_conflict",
    "dormant_never_used",
    "dormant_long_unused",
    "password_none",
    "password_weak",
    "password_ready",
    "refused",
    "refused_by_cause",
    "failed",
    "failed_by_cause",
    "exported_at",
    "last_import_at",
)


def told(figures: SourceFigures) -> dict[str, Any]:
    """Return the figures of a source by the names of `FIGURES`."""
    return {
        "source": figures.source,
        "imported": figures.imported,
        **{state: figures.by_state.get(state, 0) for state in LegacyState},
        "in_conflict": figures.in_conflict,
        "dormant_never_used": figures.never_used,
        "dormant_long_unused": figures.long_unused,
        **{f"password_{word}": figures.by_credential.get(word, 0) for word in Credential},
        "refused": sum(figures.refused.values()),
        "refused_by_cause": dict(figures.refused),
        "failed": sum(figures.failures.values()),
        "failed_by_cause": dict(figures.failures),
        "exported_at": figures.exported_at,
        "last_import_at": figures.last_import_at,
    }


def cell(value: object) -> str:
    """Return a figure as a table shows it."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "; ".join(f"{word} {count}" for word, count in sorted(value.items()))
    return str(value)


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of a CSV. Only our own words and numbers stand in it: no formula can."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row[name]) for name in columns])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


@dataclass(frozen=True, slots=True)
class LegacyReportService:
    """Counts, and what officers have to decide."""

    store: Store
    clock: Clock

    def figures(self) -> Sequence[SourceFigures]:
        """Return where the accounts of each source stand, by its name."""
        with self.store.read() as tx:
            return tx.legacy_runs.figures(self.clock.now())

    def runs(self) -> Sequence[LegacyRun]:
        """Return the newest imports."""
        with self.store.read() as tx:
            return tx.legacy_runs.list_newest()

    def conflicts(self) -> Iterator[tuple[Conflict, Sequence[LegacyAccount]]]:
        """Yield what is undecided, with the rows that it is about, while any of them is kept."""
        after: UUID | None = None
        while True:
            with self.store.read() as tx:
                page = tx.legacy_conflicts.list_open(after)
                found = [(conflict, tx.legacy_conflicts.members(conflict.id)) for conflict in page]
            if not page:
                return
            # rows that nobody claimed in time are erased: nothing is left to decide about those
            yield from ((conflict, rows) for conflict, rows in found if rows)
            after = page[-1].id

    def conflict(self, conflict_id: UUID) -> tuple[Conflict, Sequence[LegacyAccount]]:
        """Return one that is undecided, with its rows; refuses with `conflict.unknown`."""
        with self.store.read() as tx:
            found = tx.legacy_conflicts.find_open(conflict_id)
            rows = tx.legacy_conflicts.members(conflict_id)
            if found is None or not rows:
                raise Refused("conflict.unknown")
            return found, rows

    def settle(
        self, conflict_id: UUID, decision: Decision, *, by: str, actor: Actor = OPERATOR
    ) -> None:
        """Keep what an officer decided; refuses with `conflict.unknown`, also the second time.

        `by`: the officer's name, for whoever reads the row.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            if not tx.legacy_conflicts.decide(conflict_id, decision, by=by, now=now):
                raise Refused("conflict.unknown")
            details = {"conflict": conflict_id.hex, "decision": decision}
            tx.audit.record(
                AuditEvent(
                    Action.LEGACY_SETTLED,
                    now,
                    actor=actor.kind,
                    actor_id=actor.id,
                    origin=actor.origin,
                    details=details,
                )
            )

    def refused_lines(self, run_id: UUID) -> Iterator[RefusedLine]:
        """Yield the lines that a run refused; refuses with `run.unknown`."""
        with self.store.read() as tx:
            if tx.legacy_runs.find(run_id) is None:
                raise Refused("run.unknown")
        after = 0
        while True:
            with self.store.read() as tx:
                page = tx.legacy_runs.list_refused(run_id, after, _PAGE)
            if not page:
                return
            yield from page
            after = page[-1].line
