"""Bringing old accounts in: a file, a run, batches that are written with how far they reach.

A run goes on where it was cut off, since each batch commits with its checkpoint: the same command
after a kill leaves what an undisturbed one leaves. Worker processes read and seal, this one writes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy import ConflictKind, Credential
from idp.domain.identity.legacy_record import Manifest, RecordReader
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.legacy import (
    Checkpoint,
    Fate,
    LegacyPasswords,
    LegacyRun,
    LegacySealer,
    RefusedLine,
    RunState,
    SealedLegacy,
)
from idp.ports.store import Store
from idp.ports.workers import Workers
from idp.services.legacy_lines import (
    BATCH_RECORDS,
    Batch,
    ExportReader,
    Line,
    Readable,
    Shape,
    parse_row,
)

#: How many line numbers are told beside each count; all refused lines are kept.
LINES_TOLD: Final = 20
_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Export:
    """An input. `reopen`: gives it anew from its beginning; none for a pipe.

    `source`: the portal that it is of, where the operator says so.
    """

    stream: Readable
    reopen: Callable[[], Readable] | None = None
    source: str | None = None
    manifest: Manifest | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: records done, bytes read of the file as it lies there."""

    records: int
    bytes_read: int
    is_checking: bool = False


@dataclass(frozen=True, slots=True)
class Imported:
    """What a run did, over all its parts. `resumed_at`: the line after which this part began."""

    run_id: UUID | None
    counts: Mapping[str, Any]
    resumed_at: int
    seconds: float
    records_now: int


Told = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class PreparedLine:
    """A line as a worker gives it back: a row, or why there is none."""

    number: int
    row: SealedLegacy | None = None
    cause: str | None = None
    source: str | None = None
    legacy_id: UUID | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch as a worker gives it back."""

    lines: tuple[PreparedLine, ...]
    end: Checkpoint
    notes: tuple[tuple[int, str], ...]
    bytes_read: int = 0


@dataclass(frozen=True, slots=True)
class Preparer:
    """What a worker does with a batch: parse, read, seal. Touches no database."""

    reader: RecordReader
    sealer: LegacySealer

    def __call__(self, given: tuple[Batch, int]) -> Prepared:
        batch, bytes_read = given
        lines = tuple(self._line(line, batch.shape) for line in batch.lines)
        return Prepared(lines, batch.end, batch.notes, bytes_read)

    def _line(self, line: Line, shape: Shape) -> PreparedLine:
        try:
            given, written = parse_row(line, shape)
        except Refused as refusal:
            return PreparedLine(line.number, cause=refusal.code)
        try:
            record, notes = self.reader.read(given)
        except Refused as refusal:
            source, source_id = self.reader.name(given)
            is_named = source is not None and source_id is not None
            return PreparedLine(
                line.number,
                cause=refusal.code,
                source=source,
                legacy_id=self.sealer.name(source or "", source_id or "") if is_named else None,
                notes=written,
            )
        row = self.sealer.seal(record)
        return PreparedLine(line.number, row, source=row.source, notes=(*written, *notes))


@dataclass(slots=True)
class _Tally:
    """Totals of a run, as they are kept and told: words and numbers alone."""

    counts: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, count: int = 1) -> None:
        self.counts[name] = self.counts.get(name, 0) + count

    def add_under(self, group: str, word: str, count: int = 1) -> None:
        words = self.counts.setdefault(group, {})
        words[word] = words.get(word, 0) + count

    def note(self, group: str, word: str, line: int) -> None:
        """Count a word with the line that it is about."""
        told = self.counts.setdefault(group, {}).setdefault(word, {"count": 0, "lines": []})
        told["count"] += 1
        if len(told["lines"]) < LINES_TOLD and line not in told["lines"]:
            told["lines"].append(line)

    def take(self, prepared: Prepared, fates: Sequence[Fate]) -> list[RefusedLine]:
        """Count a batch; return the lines that did not become rows."""
        refused = []
        coming = iter(fates)
        for line in prepared.lines:
            self.add("records")
            for word in line.notes:
                self.note("notes", word, line.number)
            cause = line.cause
            if line.row is not None:
                fate = next(coming)
                cause = "source_id.duplicate" if fate is Fate.DUPLICATE else None
                if cause is None:
                    self._take_row(line.row, fate)
            if line.source is not None:
                self.add_under("sources", line.source)
            if cause is not None:
                self.note("refused", cause, line.number)
                refused.append(RefusedLine(line.number, cause, line.source, line.legacy_id))
        for number, word in prepared.notes:
            self.note("notes", word, number)
        return refused

    def _take_row(self, row: SealedLegacy, fate: Fate) -> None:
        self.add(fate)
        self.add_under("credentials", row.credential)
        if row.scheme:
            self.add_under("schemes", row.scheme)
        if row.credential is Credential.WEAK:
            self.add("weak")


@dataclass(frozen=True, slots=True)
class LegacyImportService:
    """Imports, and trial runs of imports.

    `scratch`: gives a store that is gone afterwards. `batch`: records that are written at once.
    """

    store: Store
    clock: Clock
    entropy: Entropy
    sealer: LegacySealer
    hashes: LegacyPasswords
    workers: Workers
    parse_email: Callable[[str], EmailAddress]
    scratch: Callable[[], AbstractContextManager[Store]]
    batch: int = BATCH_RECORDS

    def load(self, export: Export, told: Told) -> Imported:
        """Import a file, or go on with one that was cut off.

        Refuses with `manifest.source`, `manifest.sha256`, `manifest.count`, `import.changed` (the
        input is not the one that the cut-off run read) or `import.concurrent`.
        """
        export = self._checked(export, told)
        began = self.clock.monotonic()
        reader, run = self._begin(export)
        resumed_at, done_before = run.checkpoint.line, run.counts.get("records", 0)
        for prepared in self._prepared(reader, export):
            run = self._write(run, prepared)
            told(Progress(run.counts.get("records", 0), prepared.bytes_read))
        self._finish(run, reader, export)
        return Imported(
            run.id,
            run.counts,
            resumed_at,
            self.clock.monotonic() - began,
            run.counts.get("records", 0) - done_before,
        )

    def try_out(self, export: Export, told: Told) -> Imported:
        """Return what an import would do, and write nothing."""
        export = self._checked(export, told)
        began = self.clock.monotonic()
        tally = _Tally()
        run, now = self.entropy.uuid7(self.clock.now_ms()), self.clock.now()
        reader = ExportReader(export.stream)
        with self.scratch() as scratch:
            for prepared in self._prepared(reader, export):
                rows = _rows(prepared)
                with scratch.write() as tx:
                    own = tx.legacy_intake.load(rows, run=run, now=now)
                    with self.store.read() as standing:
                        seen = standing.legacy_intake.preview(rows)
                    new = tx.legacy_conflicts.note(own.conflicts | seen.conflicts, now)
                fates = [
                    Fate.DUPLICATE if mine is Fate.DUPLICATE else fate
                    for mine, fate in zip(own.fates, seen.fates, strict=True)
                ]
                tally.take(prepared, fates)
                _count_conflicts(tally, new)
                told(Progress(tally.counts.get("records", 0), prepared.bytes_read))
        _check_end(reader, export)
        seconds = self.clock.monotonic() - began
        return Imported(None, tally.counts, 0, seconds, tally.counts.get("records", 0))

    def _checked(self, export: Export, told: Told) -> Export:
        """Hold the input against its manifest, before anything of it counts."""
        manifest = export.manifest
        if manifest is None:
            return export
        if export.source not in {None, manifest.source}:
            raise Refused("manifest.source")
        export = replace(export, source=manifest.source)
        if export.reopen is None:
            return export
        reader = ExportReader(_Heard(export.stream, told))
        reader.survey()
        _check_end(reader, export)
        return replace(export, stream=export.reopen())

    def _begin(self, export: Export) -> tuple[ExportReader, LegacyRun]:
        """Return the input at the place where work begins, and its run."""
        reader = ExportReader(export.stream)
        head = self.sealer.tag(reader.head)
        with self.store.read() as tx:
            run = tx.legacy_runs.find_interrupted(head, export.source)
        if run is None:
            return reader, self._new_run(head, export)
        here = reader.skip(run.checkpoint.line)
        if self._known_again(here) == run.checkpoint:
            return reader, run
        # another file that begins alike: the cut-off one will never be gone on with
        self._leave(run)
        if export.reopen is None:
            raise Refused("import.changed")
        return ExportReader(export.reopen()), self._new_run(head, export)

    def _new_run(self, head: bytes, export: Export) -> LegacyRun:
        now = self.clock.now()
        # a pipe's manifest can only be checked when all of it went by
        is_unchecked = export.manifest is not None and export.reopen is None
        run = LegacyRun(
            id=self.entropy.uuid7(self.clock.now_ms()),
            source=export.source,
            state=RunState.UNCHECKED if is_unchecked else RunState.RUNNING,
            head=head,
            checkpoint=self._known_again(Checkpoint()),
            counts={},
            started_at=now,
            changed_at=now,
            exported_at=export.manifest.exported_at if export.manifest is not None else None,
        )
        with self.store.write() as tx:
            tx.legacy_runs.add(run)
        return run

    def _known_again(self, at: Checkpoint) -> Checkpoint:
        """Return a checkpoint as it is kept: what was read is told by a keyed digest."""
        return replace(at, digest=self.sealer.tag(at.digest))

    def _leave(self, run: LegacyRun) -> None:
        with self.store.write() as tx:
            left = replace(run, state=RunState.ABANDONED)
            tx.legacy_runs.advance(left, was=run.checkpoint, now=self.clock.now())

    def _prepared(self, reader: ExportReader, export: Export) -> Iterator[Prepared]:
        """Yield batches, read and sealed by the workers, in their order."""
        self.sealer.prepare()
        preparer = Preparer(
            RecordReader(self.clock.now(), self.parse_email, self.hashes.read, export.source),
            self.sealer,
        )
        batches = ((batch, reader.bytes_read) for batch in reader.batches(self.batch))
        with closing(self.workers.map(preparer, batches)) as prepared:
            yield from prepared

    def _write(self, run: LegacyRun, prepared: Prepared) -> LegacyRun:
        """Write one batch with all that is told of it; another import may write the same rows."""
        for attempt in range(_TRIES):
            try:
                return self._written(run, prepared)
            except Conflict:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _written(self, run: LegacyRun, prepared: Prepared) -> LegacyRun:
        now = self.clock.now()
        moved = replace(run, checkpoint=self._known_again(prepared.end))
        with self.store.write() as tx:
            # first, so that of two imports of one file one waits here and then goes no further
            if not tx.legacy_runs.advance(moved, was=run.checkpoint, now=now):
                raise Refused("import.concurrent")
            loaded = tx.legacy_intake.load(_rows(prepared), run=run.id, now=now)
            tally = _Tally(_copied(run.counts))
            refused = tally.take(prepared, loaded.fates)
            _count_conflicts(tally, tx.legacy_conflicts.note(loaded.conflicts, now))
            tx.legacy_runs.note_refused(run.id, refused)
            counted = replace(moved, counts=tally.counts)
            tx.legacy_runs.advance(counted, was=moved.checkpoint, now=now)
        return counted

    def _finish(self, run: LegacyRun, reader: ExportReader, export: Export) -> None:
        """Close the run; a pipe that is not what its manifest says stays without effect."""
        now = self.clock.now()
        refusal = None
        try:
            _check_end(reader, export)
        except Refused as found:
            refusal = found
        state = RunState.DONE if refusal is None else RunState.REFUSED
        with self.store.write() as tx:
            ended = replace(run, state=state)
            if not tx.legacy_runs.advance(ended, was=run.checkpoint, now=now):
                raise Refused("import.concurrent")
            tx.legacy_runs.note_sources(run.counts.get("sources", {}), now, run.exported_at)
            tx.audit.record(
                AuditEvent(
                    Action.LEGACY_IMPORTED,
                    now,
                    actor="operator",
                    details={
                        "run": run.id.hex,
                        "records": run.counts.get("records", 0),
                        "added": run.counts.get(Fate.ADDED, 0),
                        "state": state,
                    },
                )
            )
        if refusal is not None:
            raise refusal


@dataclass(frozen=True, slots=True)
class _Heard:
    """A stream that tells how much of it was read."""

    stream: Readable
    told: Told
    _read: list[int] = field(default_factory=lambda: [0])

    def read(self, size: int, /) -> bytes:
        chunk = self.stream.read(size)
        self._read[0] += len(chunk)
        self.told(Progress(0, self._read[0], is_checking=True))
        return chunk


def _check_end(reader: ExportReader, export: Export) -> None:
    """Refuse an input, all of it read, that is not what its manifest says."""
    manifest = export.manifest
    if manifest is None:
        return
    if manifest.sha256 not in reader.digests:
        raise Refused("manifest.sha256")
    if manifest.count != reader.records:
        raise Refused("manifest.count")


def _rows(prepared: Prepared) -> list[SealedLegacy]:
    return [line.row for line in prepared.lines if line.row is not None]


def _count_conflicts(tally: _Tally, new: Mapping[ConflictKind, int]) -> None:
    for kind, count in new.items():
        tally.add_under("conflicts", kind, count)


def _copied(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts that may be added to: a batch that is written twice counts once."""
    return {
        name: _copied(value)
        if isinstance(value, Mapping)
        else list(value)
        if isinstance(value, list)
        else value
        for name, value in counts.items()
    }
