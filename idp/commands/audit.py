"""`siapkerja audit`: whether the log of events is whole, and the log for other systems."""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
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
from idp.domain.identity.head_lines import HeadFile, ToldHead, read_head_file
from idp.ports.vault import DataKey
from idp.services.audit_log import AuditLog, ChainVerifier
from idp.wiring import export_verifier, is_database_missing

_FILE: Final = click.Path(exists=True, dir_okay=False)
#: So many lines are named that tell no head.
_NAMED: Final = 5


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
    told = _head_file(heads) if heads is not None else HeadFile(0, ())
    texts = [head.text for head in told.heads]
    if export is not None:
        verifier = _offline(key) if key is not None else _log(database).verifier
        flaw = verifier.check(_rows(export), texts, after=since)
        flaws = [flaw] if flaw is not None else []
    else:
        log = _log(database)
        verifier, flaws = log.verifier, list(log.verify(texts))
    if flaws:
        _refuse(output, flaws)
    count = _fitting(output, told.heads, verifier, since) if heads is not None else 0
    fits = f", and fits {count} {'head' if count == 1 else 'heads'}" if heads is not None else ""
    output.tell(
        {"whole": True, "heads": count, "lines": told.lines}, f"The audit log is whole{fits}."
    )


def _fitting(output: Output, told: Sequence[ToldHead], verifier: ChainVerifier, since: int) -> int:
    """Return how many heads a log fits whose rows hold; refuses where they don't prove its end."""
    read = [(head.line, verifier.read_head(head.text)) for head in told]
    unread = [str(line) for line, claims in read if claims is None]
    if unread:
        more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
        output.refuse(
            "audit.head_unreadable",
            "every row holds, but the file with heads has lines that should tell one and have none"
            f" that was signed for this log: {', '.join(unread[:_NAMED])}{more}",
        )
    # a head before the part that was looked at says nothing about the end of that part
    count = len([line for line, claims in read if claims and claims["sequence"] >= since])
    if not count:
        output.refuse(
            "audit.heads_missing",
            "every row holds, but the file tells no head of what was looked at: nothing shows"
            " whether the end was cut off",
        )
    return count


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
        for problem in chosen.contradictions():
            raise click.BadParameter(problem.partition(": ")[2], param_hint="--database")
        if is_database_missing(chosen):
            raise Refused("database.missing")
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


def _head_file(path: str) -> HeadFile:
    with Path(path).open(encoding="utf-8", errors="replace") as lines:
        return read_head_file(lines)
