"""No state changes without an event: a watch over every transaction of every test (PD-6).

A transaction of ours that changes a row of `AUDITED` and commits without writing an audit event is
a finding, and the test in which it happened fails: whichever page, command or job it was. SQLite's
own trace tells of every statement, whoever runs it; on PostgreSQL nothing is watched.
"""

import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event

ROOT: Final = Path(__file__).parent.parent

#: Tables whose changes somebody may be asked about, with the columns that may move silently.
AUDITED: Final[Mapping[str, frozenset[str]]] = {
    "account": frozenset(),
    "password_credential": frozenset(),
    "login_session": frozenset({"seen_at"}),
    "known_device": frozenset({"seen_at", "expires_at"}),
    "client": frozenset(),
    "client_secret": frozenset(),
    "client_version": frozenset(),
    "consent": frozenset(),
    "signing_key": frozenset(),
    "legacy_import_run": frozenset(),
    "legacy_account": frozenset({"failure"}),
    "legacy_conflict": frozenset(),
    "legacy_link": frozenset(),
    "registry_check": frozenset(),
    "upstream_link": frozenset(),
    "admin": frozenset({"last_seen_at"}),
    "admin_invitation": frozenset(),
    "account_totp": frozenset({"last_step"}),
    "account_passkey": frozenset({"sign_count", "last_used_at"}),
    "account_recovery_code": frozenset(),
    "admin_totp": frozenset({"last_step"}),
    "admin_passkey": frozenset({"sign_count", "last_used_at"}),
    "admin_recovery_code": frozenset(),
    "approval": frozenset(),
    "identity_case": frozenset(),
    "case_note": frozenset(),
    "team": frozenset(),
    "team_member": frozenset(),
    "team_invitation": frozenset(),
    "team_portal": frozenset(),
    "portal_release": frozenset(),
    "release_approval": frozenset(),
}

#: Tables whose changes are told by nobody, and why.
SILENT: Final[Mapping[str, str]] = {
    "audit_event": "the log itself",
    "audit_head": "the log itself",
    "registration": "a form that is being filled in; its end is an account",
    "otp_challenge": "a code under way: sending and failing are told",
    "journey": "a sign-in under way",
    "proof_link": "a link under way: what it proves is told",
    "interaction": "a request that waits for a person",
    "client_picture": "stands and falls with the version of its client",
    "client_word": "an index of names, written with the client",
    "client_grant": "one for each sign-in at a portal: the consent and each revocation are told",
    "refresh_token": "rotates at each use; the death of a family is told",
    "access_token": "one for each use",
    "revoked_token": "revoking is told with its grant",
    "admin_session": "begins with the password alone: entering, failing and ending are told",
    "data_key": "made by the vault before anything can be told",
    "outbox": "messages on their way",
    "sms_message": "delivery figures",
    "form_submission": "answers to forms, ten minutes long",
    "rate_window": "counters",
    "failure_count": "counters",
    "replay": "spent one-time values",
    "pushed_request": "a request under way",
    "device_code": "a request under way: the answer is told",
    "backchannel_request": "a request under way: the answer is told",
    "initial_access_token": "counts its uses; the registration is told",
    "logout_notice": "messages on their way",
    "lease": "who does a job",
    "figure": "figures",
    "failure": "what a support code stands for",
    "client_usage": "figures",
    "client_request": "figures",
    "expiry_notice": "which letters went out",
    "legacy_source": "a list of names, filled by the import that is told",
    "legacy_refused_line": "a report of the import that is told",
    "legacy_identifier": "stands and falls with its old account",
}

#: Places whose changes are told elsewhere or by nobody, and why.
EXEMPT: Final[Mapping[str, str]] = {
    "idp/services/index_rotation.py": "the same values under another key; told at the end",
    "idp/services/legacy_import.py": "many transactions, told once at the end",
    "idp/services/legacy_wrapping.py": "many transactions, told once at the end",
    "idp/services/sweeping.py": "what has expired counts for nothing any more",
    "idp/services/login.py (_rehash)": "the same password under the parameters of today",
    "idp/services/admin_login.py (_rehash)": "the same password under the parameters of today",
}

_CHANGE: Final = re.compile(r'(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
_SET: Final = re.compile(r"\sSET\s(.*?)(?:\sWHERE\s|\sFROM\s|$)", re.IGNORECASE | re.DOTALL)
_COLUMN: Final = re.compile(r'"?(\w+)"?\s*=')
_VALUE: Final = re.compile(r"'(?:[^']|'')*'")


@dataclass
class Transaction:
    """What one connection changed since it began. `statement`: the one that runs now."""

    connection: sqlite3.Connection
    opened_at: Callable[[], str | None]
    silent_changes: list[str]
    changed: set[str] = field(default_factory=set)
    statement: str = ""
    changes_before: int = 0

    def trace(self, text: str) -> None:
        """Hear of a statement that is about to run, and settle the one before it."""
        self._settle()
        self.statement, self.changes_before = text, self.connection.total_changes
        word = text.lstrip()[:8].upper()
        if word.startswith("COMMIT"):
            self._end()
        if word.startswith(("BEGIN", "COMMIT", "ROLLBACK")):
            self.changed.clear()

    def _settle(self) -> None:
        found = _CHANGE.match(self.statement.lstrip())
        if not found or self.connection.total_changes == self.changes_before:
            return
        what = found[2].lower()
        if found[1].upper() == "UPDATE" and not _moved(self.statement) - AUDITED.get(what, set()):
            return
        self.changed.add(what)

    def _end(self) -> None:
        """Look at what is being kept, if one of ours changed it."""
        audited = self.changed & AUDITED.keys()
        if not audited or "audit_event" in self.changed:
            return
        where = self.opened_at()
        if where and not where.startswith(tuple(EXEMPT)):
            told = ", ".join(sorted(audited))
            self.silent_changes.append(f"{where} changed {told} without an audit event")


def _moved(statement: str) -> set[str]:
    clause = _SET.search(_VALUE.sub("''", statement))
    return set(_COLUMN.findall(clause[1])) if clause else set()


def line_of_ours() -> str | None:
    """Return the innermost line of `idp` on the stack, unless a test stands below it."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(ROOT / "tests"):
            if path != Path(__file__):
                return None
        elif path.is_relative_to(ROOT / "idp"):
            return f"{path.relative_to(ROOT)} ({frame.f_code.co_name}), line {frame.f_lineno}"
        frame = frame.f_back
    return None


@dataclass
class Watch:
    """Which transactions told nothing. `opened_at`: which line of ours ends one; `None`: a test."""

    opened_at: Callable[[], str | None] = line_of_ours
    silent_changes: list[str] = field(default_factory=list)

    def follow(self, connection: Any, record: object = None) -> None:
        """Hear of every statement of a connection; PostgreSQL's driver tells of none."""
        del record
        if isinstance(connection, sqlite3.Connection):
            transaction = Transaction(connection, self.opened_at, self.silent_changes)
            connection.set_trace_callback(transaction.trace)


def _leave(connection: Any, record: object) -> None:
    del record
    if isinstance(connection, sqlite3.Connection):
        connection.set_trace_callback(None)


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch every connection that is made meanwhile."""
    watch = Watch()
    event.listen(sa.pool.Pool, "connect", watch.follow)
    event.listen(sa.pool.Pool, "close", _leave)
    try:
        yield watch
    finally:
        event.remove(sa.pool.Pool, "connect", watch.follow)
        event.remove(sa.pool.Pool, "close", _leave)
