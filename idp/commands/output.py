"""How commands speak: facts on standard output, reasons on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, Final, NoReturn, ParamSpec, TypeVar
from uuid import UUID

import click

from config import logging as logs
from config.settings import Settings, SettingsError
from idp.app import Application, create_app
from idp.domain.errors import Refused
from idp.domain.identity.audit import OPERATOR
from idp.domain.protocol.errors import ProtocolError
from idp.domain.protocol.json_text import read_json
from idp.domain.protocol.metadata_faults import Fault, InvalidMetadata
from idp.ports.store import StoreUnavailable
from idp.ports.vault import WrongRoot
from idp.services.approvals import ApprovalService
from idp.wiring import is_database_missing

P = ParamSpec("P")
R = TypeVar("R")

JSON_OPTION: Final = click.option(
    "--json", "is_json", is_flag=True, help="Print one JSON document and nothing else."
)

#: For arguments that are base64url: one in 64 begins as an option does.
BEGINS_WITH_HYPHEN: Final = {"ignore_unknown_options": True, "help_option_names": ["--help"]}

_WRONG_ROOT: Final = "secret_key_does_not_open_the_database"

#: What the refusals of use cases mean to an operator.
REASONS: Final[Mapping[str, str]] = {
    "client.exists": "a client with this client_id exists, or existed",
    "client.unknown": "there is no such client",
    "client.edited": "somebody else changed the client meanwhile: look again, then repeat",
    "client.retired": "the client is retired for good",
    "client.secrets": "the client has two secrets already: retire one first",
    "client.secret_unknown": "the client has no such secret",
    "client.secret_last": "it is the only secret that works: add one first",
    "client.version_unknown": "the client has no such version",
    "clients.document": "the file must give `version: 1` and a list `clients`",
    "file.yaml": "the file is not YAML of plain values, or a key stands twice in it",
    "file.large": "the file is larger than 64 MiB",
    "account.exists": "an account with this NIK, phone or e-mail exists",
    "account.unknown": "there is no such account",
    "people.status": "the account is locked or closed already",
    "reason.personal": "a reason must not hold a NIK: it stands in the audit",
    "people.no_address": "the account has no proved contact: its owner starts at /kendala",
    "people.address_held": "the address is too new to recover the account by it",
    "merge.unknown": "there is no such account",
    "factor.gone": "the account has none of these factors",
    "merge.same": "both are the same account",
    "merge.former": "the first account can't be merged: it has a NIK, or is not of level 0",
    "merge.to": "the second account can't take another in: it has no NIK, or is shut",
    "merge.unproved": "no old account proves that both are one person's",
    "approval.waiting": "a request like this waits already: see `siapkerja admin approvals`",
    "approval.unknown": "no such request of the command line waits",
    "approval.over": "the request is decided or over",
    "message.settled": "no such message waits, or it is being tried now",
    "case.unknown": "there is no such case",
    "release.unknown": "there is no such release",
    "role.same": "these are the admin's roles already",
    "support.form": "a support code has eight letters and digits",
    "support.unknown": "nothing is kept under this code",
    "account.environment": "accounts are made by hand only where SIAPKERJA_ENV is sandbox or test",
    "admin.exists": "somebody with this address is an admin already: see `siapkerja admin list`",
    "admin.unknown": "there is no admin with this address",
    "admin.suspended": "this admin is suspended: `siapkerja admin resume` first",
    "role.unknown": "there is no such role: see `siapkerja admin invite --help`",
    "role.required": "name at least one role",
    "key.unknown": "there is no such key",
    "key.file": "the file is not what `siapkerja audit key` printed, or of another root",
    "key.last": "it is the last key of its algorithm: rotate first",
    "file.json": "the file is not a JSON object",
    "file.missing": "the file can't be read",
    "file.unwritable": "the file can't be written",
    "file.exists": "there is such a file already: nothing was written",
    "upstream.keys": (
        "name a JWK set with a private key to sign with: --keys or SIAPKERJA_UPSTREAM_KEYS_FILE;"
        " `siapkerja upstream make-keys` makes one"
    ),
    "source.invalid": "a source is named by lower-case letters, digits, `_` and `-`, at most 32",
    "manifest.missing": "the manifest can't be read",
    "manifest.invalid": "the manifest must give source, count and sha256, and exported_at if known",
    "manifest.source": "the manifest is of another source",
    "manifest.sha256": "the file is not the one that the manifest describes",
    "manifest.count": "the file does not have as many records as the manifest says",
    "import.changed": "another input was cut off here before: run the same command again",
    "import.concurrent": "the same file is being imported by somebody else",
    "conflict.unknown": "there is no such conflict, or it was decided before",
    "run.unknown": "there is no such import",
    "database.missing": "there is no such database, or nothing was ever written into it",
    "settings": "the settings can't be used",
    "schema.busy": (
        "a table is held for long, as by a dump: nothing was changed, run it again after that"
    ),
    "migrations_pending": "the schema is not up to date: run `siapkerja db upgrade`",
    _WRONG_ROOT: ("SIAPKERJA_SECRET_KEY is not the root under which this database was written"),
    "store": "the database does not answer: run `siapkerja doctor`",
}


class NoJson(Refused):
    """A file is not the JSON that is read here. `why`: where it goes wrong, or how."""

    def __init__(self, why: str) -> None:
        super().__init__("file.json")
        self.why = why


@dataclass(slots=True)
class Output:
    """Prints for people or for programs."""

    is_json: bool = False

    def tell(self, document: Mapping[str, Any] | Sequence[Any], sentence: str = "") -> None:
        """Print a result; people get the sentence where there is one."""
        if self.is_json or not sentence:
            indent = None if self.is_json else 2
            click.echo(json.dumps(document, indent=indent, ensure_ascii=False, default=str))
        else:
            click.echo(sentence)

    def warn(self, message: str) -> None:
        """Print on standard error what did not stop the command."""
        if self.is_json:
            click.echo(json.dumps({"warning": message}, ensure_ascii=False), err=True)
        else:
            click.echo(f"siapkerja: warning: {message}", err=True)

    def refuse(self, code: str, message: str) -> NoReturn:
        """Print why not, and end with 1."""
        if self.is_json:
            click.echo(json.dumps({"error": code, "message": message}), err=True)
        else:
            click.echo(f"siapkerja: {message} ({code})", err=True)
        sys.exit(1)


@contextmanager
def telling(output: Output) -> Iterator[None]:
    """Turn what use cases refuse into words and exit 1."""
    try:
        yield
    except InvalidMetadata as refusal:
        output.refuse(refusal.error, hinted(refusal.description, refusal.faults))
    except ProtocolError as error:
        output.refuse(error.error, error.description)
    except NoJson as refusal:
        output.refuse(refusal.code, f"the file can't be read as JSON: {refusal.why}")
    except Refused as refusal:
        output.refuse(refusal.code, _reason(refusal.code))
    except SettingsError as error:
        output.refuse("settings", "; ".join(error.problems))
    except StoreUnavailable:
        output.refuse("store", REASONS["store"])
    except WrongRoot:
        output.refuse(_WRONG_ROOT, REASONS[_WRONG_ROOT])


def hinted(sentence: str, faults: Iterable[Fault]) -> str:
    """Return a sentence, with what an operator alone can do where an address is private."""
    is_private = any(fault.reason.code == "fetch.address" for fault in faults)
    return f"{sentence} ({_MAY_BE_ASKED})" if is_private else sentence


_MAY_BE_ASKED: Final = (
    "outside production SIAPKERJA_FETCH_PRIVATE_HOSTS lists what may be asked all the same"
)


def command(function: Callable[Concatenate[Output, P], R]) -> Callable[..., R]:
    """Give a command its `Output` and `--json`, and turn refusals into words and exit 1."""

    @JSON_OPTION
    @click.pass_context
    @wraps(function)
    def run(context: click.Context, /, is_json: bool, *given: P.args, **named: P.kwargs) -> R:
        output: Output = context.ensure_object(Output)
        output.is_json = output.is_json or is_json
        with telling(output):
            return function(output, *given, **named)

    return run


def _reason(code: str) -> str:
    """Return what a refusal means; one of a field names the field."""
    field, _, why = code.rpartition(".")
    return REASONS.get(code) or f"{field or code} can't be taken: {why}"


def settings(*, workers: int | None = None) -> Settings:
    """Return the settings, or raise with everything that is wrong.

    `workers`: of a server that is to serve by them; then also with what production would refuse.
    """
    return Settings.from_env(workers=workers)


def application(chosen: Settings | None = None) -> Application:
    """Return the application for one command; its connections end with the command.

    Standard error is for the command's own words: the log says less there than in a server.
    """
    chosen = chosen or settings()
    if is_database_missing(chosen):
        raise Refused("migrations_pending")
    app = create_app(chosen)
    logs.set_up("ERROR")

    def close() -> None:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()

    click.get_current_context().call_on_close(close)
    problems = app.wiring.services.health.problems()
    if "database_unavailable" in problems:
        raise StoreUnavailable
    for problem in problems:
        if problem in REASONS:
            raise Refused(problem)
    return app


def ask_officers(
    output: Output,
    approvals: ApprovalService,
    kind: str,
    payload: Mapping[str, Any],
    *,
    about: UUID,
    reason: str,
) -> None:
    """Put a request before officers in the console, and print what waits now. `about`: whom."""
    request = approvals.propose(kind, payload, subject=about.hex, reason=reason, actor=OPERATOR)
    told = {
        "id": str(request.id),
        "kind": request.kind,
        "subject": request.subject,
        "expires_at": request.expires_at,
    }
    output.tell(told, f"{request.id} waits in the console for somebody who decides, 72 hours.")


def read_document(path: str) -> dict[str, Any]:
    """Return the JSON object in a file, or on standard input for `-`.

    A byte order mark, with which some editors begin, counts for nothing. Refuses
    with `file.missing` or `file.json`.
    """
    try:
        body = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Refused("file.missing") from error
    try:
        document = read_json(body.decode("utf-8-sig"))
    except ValueError as error:
        raise NoJson(_why_no_json(error)) from error
    if not isinstance(document, dict):
        raise Refused("file.json")
    return document


def _why_no_json(error: ValueError) -> str:
    match error:
        case json.JSONDecodeError():
            return f"line {error.lineno}, column {error.colno}: {error.msg}"
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case _:
            return str(error)
