"""`siapkerja audit`: whether the log of events is whole, and the log for other systems."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final, NoReturn
from urllib.parse import urlsplit

import click

from idp.commands.output import Output, application, command, read_document, settings
from idp.domain.errors import Refused
from idp.domain.identity.audit import AuditRow
from idp.domain.identity.audit_chain import Flaw
from idp.domain.identity.audit_lines import json_line, parse_line, syslog_line
from idp.ports.vault import DataKey
from idp.services.audit_log import AuditLog, ChainVerifier
from idp.wiring import export_verifier

_FILE: Final = click.Path(exists=True, dir_okay=False)


@click.group()
def audit() -> None:
    """Look after the audit log."""


@audit.command()
@click.option("--heads", type=_FILE, help="File with signed heads, or the log that has them.")
@click.option("--database", metavar="URL", help="Another database, as a restored copy.")
@click.option("--file", "export", type=_FILE, help="An export (JSON lines) instead of a database.")
@click.option("--key", type=_FILE, help="What `audit key` printed: no database is asked then.")
@click.option("--since", type=click.IntRange(0), default=0, help="Cursor behind which it begins.")
@command
def verify(
    output: Output,
    *,
    heads: str | None,
    database: str | None,
    export: str | None,
    key: str | None,
    since: int,
) -> None:
    """Check every row; names the first that was changed, deleted, moved, inserted or cut off."""
    if export is None and (key is not None or since):
        raise click.UsageError("--key and --since go with --file")
    signed = list(_heads(heads)) if heads else []
    if export is not None:
        verifier = _offline(key) if key is not None else _log(database).verifier
        flaw = verifier.check(_rows(export), signed, after=since)
        _tell(output, [flaw] if flaw is not None else [], verifier, signed)
        return
    log = _log(database)
    _tell(output, list(log.verify(signed)), log.verifier, signed)


def _tell(
    output: Output, flaws: Sequence[Flaw], verifier: ChainVerifier, heads: Sequence[str]
) -> None:
    if flaws:
        _refuse(output, flaws)
    count = verifier.count_heads(heads)
    sentence = f"The audit log is whole, and fits {count} of {len(heads)} heads."
    output.tell({"whole": True, "heads": count, "lines": len(heads)}, sentence)


def _refuse(output: Output, flaws: Sequence[Flaw]) -> NoReturn:
    told = "; ".join(
        f"{flaw.what} at {flaw.sequence or 'an unnumbered row'} {flaw.event_id}".strip()
        for flaw in flaws
    )
    output.refuse("audit.broken", f"the audit log is not whole: {told}")


@audit.command()
@click.option("--all", "every", is_flag=True, help="Print every head that was kept, one a line.")
@command
def head(output: Output, *, every: bool) -> None:
    """Sign the end of the chain and print it, to be kept outside the database."""
    log = _log()
    if every:
        kept = [{"sequence": h.sequence, "at": h.at, "head": h.signed} for h in log.list_heads()]
        output.tell(kept, "\n".join(json.dumps(one) for one in kept) or "No head was kept yet.")
        return
    log.seal_all()
    kept_head = log.keep_head()
    signed = kept_head.signed if kept_head is not None else None
    output.tell({"head": signed}, signed or "The audit log is empty.")


@audit.command()
@command
def key(output: Output) -> None:
    """Print what checks exports and heads elsewhere; the key in it opens with our root alone."""
    wrapped, public = _log().key()
    told = {
        "id": wrapped.id,
        "purpose": wrapped.purpose,
        "created_at": wrapped.created_at,
        "wrapped": b64encode(wrapped.wrapped).decode("ascii"),
    }
    output.tell({"key": told, "heads": public})


@audit.command(name="export")
@click.option(
    "--since", type=click.IntRange(0), default=0, help="Cursor of the last line you have."
)
@click.option("--format", "form", type=click.Choice(["json", "syslog"]), default="json")
@click.option("--limit", type=click.IntRange(1), help="At most so many lines.")
@command
def export_rows(output: Output, *, since: int, form: str, limit: int | None) -> None:
    """Print the rows behind a cursor, one a line, in the order of the chain.

    JSON lines, or syslog messages (RFC 5424). Each line tells its own cursor.
    """
    log = _log()
    log.seal_all()
    is_json = output.is_json or form == "json"
    host = urlsplit(settings().issuer).hostname or ""
    for row in islice(log.rows(since), limit):
        click.echo(json_line(row) if is_json else syslog_line(row, host))


def _log(database: str | None = None) -> AuditLog:
    chosen = settings()
    if database is not None:
        chosen = chosen.model_copy(update={"database_url": database})
    return application(chosen).wiring.services.audit_log


def _offline(path: str) -> ChainVerifier:
    """Return what checks an export with the key in a file; refuses with `key.file`."""
    told = read_document(path).get("key")
    if not isinstance(told, dict):
        raise Refused("key.file")
    try:
        kept = DataKey(told["id"], told["purpose"], b64decode(told["wrapped"]), told["created_at"])
        verifier = export_verifier(settings(), [kept])
        verifier.vault.audit_key()
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("key.file") from error
    return verifier


def _rows(path: str) -> Iterator[AuditRow]:
    with Path(path).open(encoding="utf-8") as lines:
        yield from (parse_line(line) for line in lines if line.strip())


def _heads(path: str) -> Iterator[str]:
    """Yield the heads in a file: one a line, or JSON lines that have a member of that name."""
    with Path(path).open(encoding="utf-8", errors="replace") as lines:
        yield from _told(lines)


def _told(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        try:
            told = json.loads(line) if line.startswith("{") else line
        except ValueError:
            told = line
        head = told.get("head") if isinstance(told, dict) else told
        if isinstance(head, str) and head.strip():
            yield head.strip()
