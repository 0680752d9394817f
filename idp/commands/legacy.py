"""`siapkerja legacy`: old accounts of other portals come in, are made safe, and are counted."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO, Final
from uuid import UUID

import click

from idp.app import create_app
from idp.commands.output import Output, command, settings
from idp.domain.errors import Refused
from idp.domain.identity.legacy import Credential, Decision
from idp.domain.identity.legacy_record import Manifest, is_source, read_manifest
from idp.ports.legacy import Fate, LegacyRun
from idp.services import Services
from idp.services.legacy_import import Export, Imported, Progress
from idp.services.legacy_report import FIGURES, as_csv, cell, told
from idp.services.legacy_wrapping import Wrapped

#: How often the progress line is written anew: on a terminal, in a log.
_TERMINAL_SECONDS: Final = 0.2
_LOG_SECONDS: Final = 30.0
_WIDTH: Final = 24


@click.group()
def legacy() -> None:
    """Bring home the accounts of older portals."""


@contextmanager
def _services() -> Iterator[Services]:
    app = create_app(settings())
    try:
        yield app.wiring.services
    finally:
        app.close()


@legacy.command(name="import")
@click.argument("file", metavar="FILE")
@click.option("--source", help="The portal that every row is of, where rows do not say so.")
@click.option(
    "--manifest",
    "manifest_path",
    help="JSON with source, exported_at, count, sha256; FILE.manifest.json where it exists.",
)
@click.option("--dry-run", is_flag=True, help="Tell what would happen; write nothing.")
@command
def import_(
    output: Output, *, file: str, source: str | None, manifest_path: str | None, dry_run: bool
) -> None:
    """Import an export: JSON Lines or CSV, gzipped or not; `-` reads standard input.

    Interrupted, the same command goes on where it was; done, it changes nothing.
    """
    if source is not None and not is_source(source):
        raise Refused("source.invalid")
    bar = _Bar(_size(file), is_json=output.is_json)
    try:
        with ExitStack() as stack:
            services = stack.enter_context(_services())
            manifest = _manifest(file, manifest_path, services.clock.now())
            work = services.legacy_import.try_out if dry_run else services.legacy_import.load
            imported = work(_export(file, source, manifest, stack), bar.told)
    except KeyboardInterrupt:
        output.refuse("import.interrupted", "stopped; the same command goes on from here")
    except OSError as error:
        raise Refused("file.missing") from error
    finally:
        bar.end()
    output.tell(summary_of(imported, is_dry_run=dry_run), _sentences(imported, is_dry_run=dry_run))


def _export(file: str, source: str | None, manifest: Manifest | None, stack: ExitStack) -> Export:
    if file == "-":
        return Export(sys.stdin.buffer, None, source, manifest)

    def reopen() -> BinaryIO:
        return stack.enter_context(Path(file).open("rb"))

    is_pipe = not Path(file).is_file()
    return Export(reopen(), None if is_pipe else reopen, source, manifest)


def _manifest(file: str, path: str | None, now: int) -> Manifest | None:
    """Return the manifest that was named, or that lies beside the file."""
    if path is None:
        beside = Path(f"{file}.manifest.json")
        if file == "-" or not beside.is_file():
            return None
        path = str(beside)
    try:
        document = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise Refused("manifest.missing") from error
    except (ValueError, RecursionError) as error:
        raise Refused("manifest.invalid") from error
    if not isinstance(document, dict):
        raise Refused("manifest.invalid")
    return read_manifest(document, now)


def _size(file: str) -> int | None:
    path = Path(file)
    return path.stat().st_size if file != "-" and path.is_file() else None


@dataclass(slots=True)
class _Bar:
    """A line on standard error: share, rows, rate, time left. `size`: bytes, where known.

    Programs that asked for JSON see it on a terminal only.
    """

    size: int | None = None
    began: float = field(default_factory=monotonic)
    is_json: bool = False
    _told_at: float = field(default_factory=monotonic)
    _has_told: bool = False
    _first: tuple[float, int] | None = None

    def told(self, progress: Progress) -> None:
        """Hear how far an import is."""
        words = "checking" if progress.is_checking else f"{progress.records:,} rows"
        share = progress.bytes_read / self.size if self.size else None
        self.show(words, progress.records, share)

    def wrapped(self, wrapped: Wrapped) -> None:
        """Hear how far the wrapping is."""
        words = f"{wrapped.done:,} of {wrapped.total:,} ({wrapped.share:.0%} of the limit)"
        self.show(words, wrapped.done, wrapped.done / wrapped.total)

    def show(self, words: str, count: int, share: float | None) -> None:
        """Write the line anew, if it is time."""
        now = monotonic()
        is_terminal = sys.stderr.isatty()
        if self.is_json and not is_terminal:
            return
        if now - self._told_at < (_TERMINAL_SECONDS if is_terminal else _LOG_SECONDS):
            return
        self._told_at, self._has_told = now, True
        if self._first is None:
            self._first = (now, count)
        since, before = self._first
        rate = (count - before) / (now - since) if now > since else 0.0
        parts = [words, f"{rate:,.0f}/s"]
        if share:
            done = min(_WIDTH, round(share * _WIDTH))
            bar = f"[{'#' * done}{'.' * (_WIDTH - done)}] {share:.0%}"
            left = (now - self.began) * (1 - share) / share
            parts = [bar, *parts, f"{_spelt(left)} left"]
        click.echo(
            ("\r\033[K" if is_terminal else "") + "  ".join(parts), err=True, nl=not is_terminal
        )

    def end(self) -> None:
        """Leave the terminal on a line of its own."""
        if self._has_told and sys.stderr.isatty():
            click.echo("", err=True)


def _spelt(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def summary_of(imported: Imported, *, is_dry_run: bool) -> dict[str, Any]:
    """Return what an import tells programs: counts, and lines by their number."""
    counts = imported.counts
    refused = counts.get("refused", {})
    seconds = imported.seconds
    return {
        "run": imported.run_id,
        "dry_run": is_dry_run,
        "resumed_after_line": imported.resumed_at,
        "records": counts.get("records", 0),
        **{fate: counts.get(fate, 0) for fate in Fate if fate is not Fate.DUPLICATE},
        "refused": sum(told["count"] for told in refused.values()),
        "refused_by_cause": refused,
        "notes": counts.get("notes", {}),
        "conflicts": counts.get("conflicts", {}),
        "passwords": {word: counts.get("credentials", {}).get(word, 0) for word in Credential},
        "schemes": counts.get("schemes", {}),
        "sources": counts.get("sources", {}),
        "seconds": round(seconds, 3),
        "rows_per_second": round(imported.records_now / seconds, 1) if seconds > 0 else None,
    }


def _sentences(imported: Imported, *, is_dry_run: bool) -> str:
    told = summary_of(imported, is_dry_run=is_dry_run)
    lines = [
        "Nothing was written; an import would do this:" if is_dry_run else f"Run {told['run']}:",
        f"{told['records']:>10,}  records",
        *(f"{told[fate]:>10,}  {fate}" for fate in Fate if fate is not Fate.DUPLICATE),
        f"{told['refused']:>10,}  refused",
    ]
    for group in ("refused_by_cause", "notes"):
        for word, found in sorted(told[group].items()):
            where = ", ".join(map(str, found["lines"]))
            more = ", …" if found["count"] > len(found["lines"]) else ""
            lines.append(f"{found['count']:>10,}    {word}, line {where}{more}")
    lines += [
        f"{count:>10,}  conflicts over one {kind}"
        for kind, count in sorted(told["conflicts"].items())
    ]
    lines += [f"{told['passwords'][word]:>10,}  passwords {word}" for word in Credential]
    if told["passwords"][Credential.WEAK] and not is_dry_run:
        lines.append("Weak hashes open nothing before `siapkerja legacy wrap`.")
    return "\n".join(lines)


@legacy.command()
@command
def wrap(output: Output) -> None:
    """Wrap weak hashes in Argon2id, on all cores; interrupted, the same command goes on."""
    bar = _Bar(is_json=output.is_json)
    try:
        with _services() as services:
            done = services.legacy_wrapping.run(bar.wrapped)
    except KeyboardInterrupt:
        output.refuse("wrap.interrupted", "stopped; the same command goes on from here")
    finally:
        bar.end()
    facts = {
        "wrapped": done.done,
        "rows_per_second": round(done.rate, 1),
        "limit_per_second": round(done.limit, 1),
        "share_of_limit": round(done.share, 3),
    }
    sentence = f"{done.done:,} hashes wrapped, {done.rate:,.0f} a second"
    if done.limit:
        sentence += f": {done.share:.0%} of what Argon2id allows on this machine"
    output.tell(facts, f"{sentence}.")


@legacy.command()
@click.option("--csv", "is_csv", is_flag=True, help="Print CSV.")
@click.option("--run", "run_id", type=click.UUID, help="The lines that one import refused.")
@command
def report(output: Output, *, is_csv: bool, run_id: UUID | None) -> None:
    """Print where the old accounts of each source stand."""
    with _services() as services:
        service = services.legacy_report
        if run_id is None:
            rows = map(told, service.figures())
            rest = {"runs": list(map(_told_run, service.runs()))}
            _print(output, FIGURES, rows, is_csv=is_csv, rest=rest)
            return
        lines = (
            {"line": line.line, "cause": line.cause, "source": line.source or ""}
            for line in service.refused_lines(run_id)
        )
        _print(output, ("line", "cause", "source"), lines, is_csv=is_csv, rest={})


def _told_run(run: LegacyRun) -> dict[str, Any]:
    return {
        "run": run.id,
        "state": run.state,
        "source": run.source,
        "records": run.counts.get("records", 0),
        "lines": run.checkpoint.line,
        "started_at": run.started_at,
        "changed_at": run.changed_at,
    }


def _print(
    output: Output,
    columns: Sequence[str],
    rows: Iterable[dict[str, Any]],
    *,
    is_csv: bool,
    rest: dict[str, Any],
) -> None:
    """Print rows as JSON, as CSV, or as a table for people."""
    if is_csv:
        for line in as_csv(columns, rows):
            click.echo(line, nl=False)
        return
    found = list(rows)
    name = "sources" if rest else "lines"
    output.tell({name: found, **rest}, _table(columns, found))


def _table(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "Nothing was imported yet." if "imported" in columns else "No line was refused."
    cells = [list(columns), *([cell(row[name]) for name in columns] for row in rows)]
    if len(columns) > 4:
        # too many columns for a terminal: one block a row
        blocks = (
            [f"{name:<22}{cell}" for name, cell in zip(columns, row, strict=True)]
            for row in cells[1:]
        )
        return "\n\n".join("\n".join(block) for block in blocks)
    return "\n".join("  ".join(f"{cell:<24}" for cell in row).rstrip() for row in cells)


@legacy.command()
@click.option(
    "--most",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="Tell the owners of at most so many rows; mail has to take them within a day.",
)
@click.option("--dry-run", is_flag=True, help="Only count.")
@command
def dormant(output: Output, *, most: int, dry_run: bool) -> None:
    """Tell owners of rows unused for 24 months; erase rows told half a year ago."""
    with _services() as services:
        service = services.legacy_dormancy
        found = service.plan() if dry_run else service.run(most)
    facts = {
        "dry_run": dry_run,
        "due": found.due,
        "told": found.told,
        "without_address": found.without_address,
        "erased": found.erased,
    }
    words = "would be erased" if dry_run else "erased"
    lines = [f"{found.due:>10,}  rows whose owners are to be told"]
    if not dry_run:
        lines += [
            f"{found.told:>10,}  letters written",
            f"{found.without_address:>10,}  rows that no letter reaches",
        ]
    output.tell(facts, "\n".join([*lines, f"{found.erased:>10,}  rows {words}"]))


@legacy.command()
@command
def conflicts(output: Output) -> None:
    """List what officers have to decide: one contact or NIK in rows that should not share it."""
    with _services() as services:
        found: list[dict[str, Any]] = [
            {
                "conflict": conflict.id,
                "kind": conflict.kind,
                "source": conflict.source,
                "found_at": conflict.found_at,
                "rows": [
                    {
                        "row": row.id,
                        "source": row.record.source,
                        "nik": row.record.nik.masked if row.record.nik is not None else None,
                        "state": row.state,
                    }
                    for row in rows
                ],
            }
            for conflict, rows in services.legacy_report.conflicts()
        ]
    lines = [
        f"{told['conflict']}  {told['kind']:<6} "
        + ", ".join(f"{row['source']} {row['nik'] or '-'} {row['state']}" for row in told["rows"])
        for told in found
    ]
    output.tell({"conflicts": found}, "\n".join(lines) or "Nothing is undecided.")


@legacy.command()
@click.argument("conflict", type=click.UUID)
@click.option(
    "--decision", type=click.Choice([decision.value for decision in Decision]), required=True
)
@click.option("--by", required=True, help="The officer who decided.")
@command
def settle(output: Output, *, conflict: UUID, decision: str, by: str) -> None:
    """Keep what an officer decided about a conflict."""
    with _services() as services:
        services.legacy_report.settle(conflict, Decision(decision), by=by[:80])
    output.tell({"conflict": conflict, "decision": decision}, f"{conflict}: {decision}.")
