"""Deleting what is over, when it is over, and nothing else (PD-9)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from adapters.sql import engine as engines
from adapters.sql import sweeping, tables
from adapters.sql.sweeping import RETENTION, delete_expired
from idp.app import Application
from idp.commands import main
from tests.conftest import BASE, environment
from tests.fakes import NOW, FixedClock

HOUR, DAY = 3600, 86400

#: `security.md` PD-9 and section 8: how long a row stays after the instant in the column.
KEPT = {
    "registration.expires_at": 0,
    "otp_challenge.expires_at": DAY,
    "login_session.ended_at": 30 * DAY,
    "login_session.expires_at": 30 * DAY,
    "refresh_token.expires_at": 30 * DAY,
    "client_grant.expires_at": 31 * DAY,
    "access_token.expires_at": 60,
    "revoked_token.expires_at": 60,
    "interaction.expires_at": 0,
    "replay.expires_at": 0,
    "rate_window.expires_at": 0,
    "known_device.expires_at": 0,
    "approval.expires_at": 400 * DAY,
    "outbox.done_at": 7 * DAY,
    "pushed_request.expires_at": HOUR,
    "proof_link.expires_at": DAY,
    "failure.at": 30 * DAY,
}


def _value(column: sa.Column[Any]) -> object:
    """Return something that fits a column."""
    if column.nullable or column.default is not None:
        return None
    match column.type:
        case sa.Uuid():
            return uuid4()
        case sa.JSON():
            return {}
        case sa.LargeBinary():
            return uuid4().bytes * 2
        case sa.Boolean():
            return False
        case sa.BigInteger() | sa.SmallInteger() | sa.Integer():
            return 1
        case sa.String():
            return uuid4().hex[: column.type.length or 32]
    raise AssertionError(column)


#: What a table's own conditions ask of a row.
ALLOWED: Final[dict[str, dict[str, object]]] = {"approval": {"status": "waiting"}}


@dataclass
class Database:
    app: Application

    @property
    def engine(self) -> sa.Engine:
        with self.app.app_context():
            found: sa.Engine = self.app.extensions["sqlalchemy"].engine
        return found

    def add(self, table: sa.Table, **values: object) -> None:
        row = {column.name: _value(column) for column in table.columns} | values
        with engines.writing(self.engine).begin() as connection:
            for column in table.columns:
                for key in column.foreign_keys:
                    row[column.name] = self._parent(connection, key.column)
            connection.execute(sa.insert(table).values(row))

    def _parent(self, connection: sa.Connection, column: sa.Column[Any]) -> object:
        """Return a row that another may point at."""
        parent = column.table
        row = {c.name: _value(c) for c in parent.columns}
        row |= {"status": "active"} if "status" in row else {}
        row |= {"expires_at": NOW + 900 * DAY} if "expires_at" in row else {}
        connection.execute(sa.insert(parent).values(row))
        return row[column.name]

    def count(self, table: sa.Table) -> int:
        with self.engine.connect() as connection:
            statement = sa.select(sa.func.count()).select_from(table)
            return int(connection.execute(statement).scalar_one())


@pytest.fixture
def database(app: Application) -> Database:
    return Database(app)


@pytest.mark.parametrize("where", KEPT)
def test_pd_9_a_row_stays_until_its_time_and_goes_after_it(
    database: Database, app: Application, clock: FixedClock, where: str
) -> None:
    name, _, column = where.partition(".")
    table, sweep = tables.metadata.tables[name], app.wiring.services.sweeping
    before = database.count(table)
    database.add(table, **{column: NOW}, **ALLOWED.get(name, {}))

    clock.move(KEPT[where])
    kept = dict(sweep.sweep()).get(name, 0)
    clock.move(1)
    planned = dict(sweep.plan())[name]
    still = database.count(table)
    gone = dict(sweep.sweep())[name]

    assert (kept, planned, gone) == (0, 1, 1)
    assert still == before + 1
    assert database.count(table) == before


def test_pd_9_every_table_with_an_end_has_a_rule() -> None:
    ends = {
        table.name
        for table in tables.metadata.tables.values()
        if {"expires_at"} & {column.name for column in table.columns}
    }
    #: A client's secret ends with its client; the row says that it no longer counts.
    assert ends - {rule.table.name for rule in RETENTION} == {"client_secret"}


def test_pd_9_accounts_audit_and_keys_that_sign_are_never_swept(
    app: Application, clock: FixedClock
) -> None:
    swept = {rule.table.name for rule in RETENTION}
    kept = {"account", "password_credential", "audit_event", "client", "consent", "data_key"}
    clock.move(900 * DAY)
    before = [key.kid for key in app.wiring.services.keys.list_all()]

    dict(app.wiring.services.sweeping.sweep())

    assert swept.isdisjoint(kept)
    assert [key.kid for key in app.wiring.services.keys.list_all()] == before


def test_pd_9_a_session_that_goes_on_stays(
    database: Database, app: Application, clock: FixedClock
) -> None:
    database.add(tables.login_session, expires_at=NOW + 40 * DAY, ended_at=None)
    clock.move(41 * DAY)

    assert dict(app.wiring.services.sweeping.plan())["login_session"] == 0


def test_pd_9_a_message_that_was_not_sent_stays(
    database: Database, app: Application, clock: FixedClock
) -> None:
    database.add(tables.outbox, done_at=None)
    clock.move(900 * DAY)

    assert dict(app.wiring.services.sweeping.plan())["outbox"] == 0


def test_r_14_deleting_goes_in_batches(database: Database) -> None:
    with engines.writing(database.engine).begin() as connection:
        rows = [
            {"digest": number.to_bytes(32, "big"), "expires_at": NOW - 1}
            for number in range(2 * sweeping.BATCH + 1)
        ]
        connection.execute(sa.insert(tables.revoked_token), rows)

    batches = [
        n for name, n in delete_expired(database.engine, NOW + 61) if name == "revoked_token"
    ]

    assert batches == [sweeping.BATCH, sweeping.BATCH, 1]


def test_pd_9_the_job_goes_on_where_it_was_stopped(database: Database) -> None:
    with engines.writing(database.engine).begin() as connection:
        rows = [
            {"digest": number.to_bytes(32, "big"), "expires_at": NOW - 1}
            for number in range(sweeping.BATCH + 5)
        ]
        connection.execute(sa.insert(tables.revoked_token), rows)
    stopped = delete_expired(database.engine, NOW + 61)
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]

    assert dict(delete_expired(database.engine, NOW + 61)) == {"revoked_token": 5}


def test_pd_9_a_dry_run_only_counts(
    database: Database, make_app: Callable[..., Application]
) -> None:
    database.add(tables.revoked_token, expires_at=1)
    url = database.engine.url.render_as_string(hide_password=False)
    with environment(**{**BASE, "SIAPKERJA_DATABASE_URL": url}):
        told = [CliRunner().invoke(main, ["sweep", *words]) for words in (["--dry-run"], [], [])]

    assert [result.stdout.splitlines()[-1] for result in told] == [
        "1 rows would be deleted.",
        "1 rows deleted.",
        "0 rows deleted.",
    ]
