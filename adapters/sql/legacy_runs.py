"""Imports done and interrupted, the lines that they refused, and the figures of the cut-over."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.bulk import insert_rows
from adapters.sql.upserts import first_only
from idp.domain.identity.legacy import UNCLAIMED, Credential, LegacyState, dormant_before
from idp.ports.legacy import Checkpoint, LegacyRun, RefusedLine, RunState, SourceFigures

_run = tables.legacy_import_run
_refused = tables.legacy_refused_line
_source = tables.legacy_source
_legacy = tables.legacy_account
_identifier = tables.legacy_identifier
_conflict = tables.legacy_conflict

_UNFINISHED: Final = (RunState.RUNNING, RunState.UNCHECKED)

_INSERT: Final = sa.insert(_run)
_FIND: Final = sa.select(_run).where(_run.c.id == sa.bindparam("which"))
_FIND_INTERRUPTED: Final = (
    sa.select(_run)
    .where(_run.c.head == sa.bindparam("head"), _run.c.state.in_(_UNFINISHED))
    .order_by(_run.c.id.desc())
    # PostgreSQL may still be committing what a killed import sent last
    .with_for_update()
)
_LIST_NEWEST: Final = sa.select(_run).order_by(_run.c.id.desc()).limit(sa.bindparam("at_most"))
_ADVANCE: Final = (
    sa.update(_run)
    .where(
        _run.c.id == sa.bindparam("which"),
        _run.c.line == sa.bindparam("was_line"),
        _run.c.state.in_(_UNFINISHED),
    )
    .values(
        state=sa.bindparam("now_state"),
        line=sa.bindparam("now_line"),
        offset=sa.bindparam("now_offset"),
        digest=sa.bindparam("now_digest"),
        counts=sa.bindparam("now_counts"),
        changed_at=sa.bindparam("now"),
    )
)
_LIST_REFUSED: Final = (
    sa.select(_refused)
    .where(_refused.c.run_id == sa.bindparam("which"), _refused.c.line > sa.bindparam("after"))
    .order_by(_refused.c.line)
    .limit(sa.bindparam("at_most"))
)
_INSERT_SOURCE: Final = first_only(_source, "name")
_UPDATE_SOURCE: Final = (
    sa.update(_source)
    .where(_source.c.name == sa.bindparam("which"))
    .values(
        last_import_at=sa.bindparam("now"),
        exported_at=sa.func.coalesce(sa.bindparam("exported"), _source.c.exported_at),
    )
)

_is_unclaimed: Final = _legacy.c.state.in_(sorted(UNCLAIMED))
_STANDING: Final = sa.select(
    _legacy.c.source,
    _legacy.c.state,
    _legacy.c.credential,
    _legacy.c.scheme,
    sa.func.count().label("rows"),
    sa.func.sum(
        sa.case((sa.and_(_is_unclaimed, _legacy.c.last_used_month.is_(None)), 1), else_=0)
    ).label("never"),
    sa.func.sum(
        sa.case(
            (sa.and_(_is_unclaimed, _legacy.c.last_used_month < sa.bindparam("month")), 1), else_=0
        )
    ).label("long"),
).group_by(_legacy.c.source, _legacy.c.state, _legacy.c.credential, _legacy.c.scheme)
_FAILURES: Final = (
    sa.select(_legacy.c.source, _legacy.c.failure, sa.func.count().label("rows"))
    .where(_is_unclaimed, _legacy.c.failure.is_not(None))
    .group_by(_legacy.c.source, _legacy.c.failure)
)
_is_open: Final = _conflict.c.decided_at.is_(None)
_IN_CONFLICT: Final = sa.union(
    sa.select(_legacy.c.source, _legacy.c.id)
    .join(_identifier, _identifier.c.legacy_id == _legacy.c.id)
    .join(_conflict, _conflict.c.digest == _identifier.c.digest)
    .where(_is_open, _identifier.c.is_verified),
    sa.select(_legacy.c.source, _legacy.c.id)
    .join(
        _conflict,
        sa.and_(_conflict.c.digest == _legacy.c.nik_index, _conflict.c.source == _legacy.c.source),
    )
    .where(_is_open),
).subquery()
_CONFLICTS: Final = sa.select(_IN_CONFLICT.c.source, sa.func.count().label("rows")).group_by(
    _IN_CONFLICT.c.source
)
# a line counts while it never became a row; the same row refused in several exports counts once
_NEVER_A_ROW: Final = (
    sa.select(
        _refused.c.source,
        _refused.c.cause,
        sa.func.count(sa.distinct(_refused.c.legacy_id)).label("rows"),
    )
    .where(
        _refused.c.legacy_id.is_not(None),
        ~sa.exists().where(_legacy.c.id == _refused.c.legacy_id),
    )
    .group_by(_refused.c.source, _refused.c.cause)
)
# of lines that tell no row, the newest run of each file counts
_newest: Final = sa.select(sa.func.max(sa.cast(_run.c.id, sa.String))).group_by(_run.c.head)
_NAMELESS: Final = (
    sa.select(
        sa.func.coalesce(_refused.c.source, _run.c.source).label("source"),
        _refused.c.cause,
        sa.func.count().label("rows"),
    )
    .join(_run, _run.c.id == _refused.c.run_id)
    .where(_refused.c.legacy_id.is_(None), sa.cast(_run.c.id, sa.String).in_(_newest))
    .group_by(sa.func.coalesce(_refused.c.source, _run.c.source), _refused.c.cause)
)
_SOURCES: Final = sa.select(_source).order_by(_source.c.name)


@dataclass(frozen=True, slots=True)
class SqlLegacyRuns:
    """Implements `idp.ports.legacy.LegacyRuns`."""

    connection: Connection

    def add(self, run: LegacyRun) -> None:
        self.connection.execute(
            _INSERT,
            {
                "id": run.id,
                "source": run.source,
                "state": run.state,
                "head": run.head,
                "line": run.checkpoint.line,
                "offset": run.checkpoint.offset,
                "digest": run.checkpoint.digest,
                "counts": dict(run.counts),
                "started_at": run.started_at,
                "changed_at": run.changed_at,
                "exported_at": run.exported_at,
            },
        )

    def find(self, run_id: UUID) -> LegacyRun | None:
        row = self.connection.execute(_FIND, {"which": run_id}).first()
        return None if row is None else _read(row)

    def find_interrupted(self, head: bytes, source: str | None) -> LegacyRun | None:
        rows = self.connection.execute(_FIND_INTERRUPTED, {"head": head})
        return next((_read(row) for row in rows if row.source == source), None)

    def advance(self, run: LegacyRun, *, was: Checkpoint, now: int) -> bool:
        given = {
            "which": run.id,
            "was_line": was.line,
            "now_state": run.state,
            "now_line": run.checkpoint.line,
            "now_offset": run.checkpoint.offset,
            "now_digest": run.checkpoint.digest,
            "now_counts": dict(run.counts),
            "now": now,
        }
        return self.connection.execute(_ADVANCE, given).rowcount == 1

    def note_refused(self, run: UUID, lines: Collection[RefusedLine]) -> None:
        columns = ("run_id", "line", "cause", "source", "legacy_id")
        rows = [(run, line.line, line.cause, line.source, line.legacy_id) for line in lines]
        insert_rows(self.connection, _refused, columns, rows)

    def list_refused(self, run: UUID, after: int = 0, limit: int = 1000) -> Sequence[RefusedLine]:
        given = {"which": run, "after": after, "at_most": limit}
        return tuple(
            RefusedLine(row.line, row.cause, row.source, row.legacy_id)
            for row in self.connection.execute(_LIST_REFUSED, given)
        )

    def list_newest(self, limit: int = 20) -> Sequence[LegacyRun]:
        return tuple(map(_read, self.connection.execute(_LIST_NEWEST, {"at_most": limit})))

    def note_sources(self, names: Collection[str], now: int, exported_at: int | None) -> None:
        for name in names:
            row = {"name": name, "first_at": now, "last_import_at": now, "exported_at": exported_at}
            self.connection.execute(_INSERT_SOURCE.on(self.connection), row)
            self.connection.execute(
                _UPDATE_SOURCE, {"which": name, "now": now, "exported": exported_at}
            )

    def figures(self, now: int) -> Sequence[SourceFigures]:
        standing = defaultdict(list)
        for row in self.connection.execute(_STANDING, {"month": dormant_before(now)}):
            standing[row.source].append(row)
        failures = _by_source(self.connection.execute(_FAILURES))
        conflicts = {row.source: row.rows for row in self.connection.execute(_CONFLICTS)}
        refused = _by_source(
            [*self.connection.execute(_NEVER_A_ROW), *self.connection.execute(_NAMELESS)]
        )
        known = {row.name: row for row in self.connection.execute(_SOURCES)}
        names = sorted(known.keys() | standing.keys() | refused.keys())
        return tuple(
            SourceFigures(
                source=name,
                imported=sum(row.rows for row in standing[name]),
                by_state=_totals((LegacyState(row.state), row.rows) for row in standing[name]),
                by_credential=_totals(
                    (Credential(row.credential), row.rows) for row in standing[name]
                ),
                by_scheme=_totals((row.scheme, row.rows) for row in standing[name] if row.scheme),
                never_used=sum(int(row.never) for row in standing[name]),
                long_unused=sum(int(row.long) for row in standing[name]),
                in_conflict=conflicts.get(name, 0),
                refused=refused[name],
                failures=failures[name],
                last_import_at=known[name].last_import_at if name in known else None,
                exported_at=known[name].exported_at if name in known else None,
            )
            for name in names
        )


def _read(row: Any) -> LegacyRun:
    return LegacyRun(
        id=row.id,
        source=row.source,
        state=RunState(row.state),
        head=row.head,
        checkpoint=Checkpoint(row.line, row.offset, row.digest),
        counts=row.counts,
        started_at=row.started_at,
        changed_at=row.changed_at,
        exported_at=row.exported_at,
    )


def _by_source(rows: Iterable[Any]) -> defaultdict[str, dict[str, int]]:
    """Return counts of the second column's words by the first column; empty where unknown."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for source, word, count in rows:
        counts = found[source or ""]
        counts[word] = counts.get(word, 0) + int(count)
    return found


def _totals(counts: Iterable[tuple[Any, int]]) -> Mapping[Any, int]:
    found: dict[Any, int] = {}
    for name, count in counts:
        found[name] = found.get(name, 0) + count
    return found
