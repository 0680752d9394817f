"""Every change of state is told: the watch that `tests/auditing.py` keeps over all tests (PD-6)."""

import sqlite3
from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from adapters.sql.tables import metadata
from idp.app import Application
from idp.domain.identity.audit import Action, AuditEvent, EventError
from idp.services import Services
from tests.auditing import AUDITED, SILENT, Watch, line_of_ours
from tests.events import an_event
from tests.fakes import NOW
from tests.portal import an_account

SUSPEND = "UPDATE account SET status = 'suspended'"
TELL = "INSERT INTO audit_event (id) VALUES (1)"


def test_pd_6_every_table_is_audited_or_says_why_not() -> None:
    assert set(metadata.tables) == AUDITED.keys() | SILENT.keys()
    assert not AUDITED.keys() & SILENT.keys()
    for table, silent in AUDITED.items():
        assert silent <= {column.name for column in metadata.tables[table].columns}


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Three tables under watch, one account."""
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(
        "CREATE TABLE account (status, name); CREATE TABLE audit_event (id);"
        "CREATE TABLE login_session (seen_at, ended_at); INSERT INTO login_session VALUES (0, 0);"
        "INSERT INTO account VALUES ('active', '')"
    )
    yield made
    made.set_trace_callback(None)
    made.close()


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["BEGIN", SUSPEND, "COMMIT"], ["account"]),
        (["BEGIN IMMEDIATE", SUSPEND, TELL, "COMMIT"], []),
        (["BEGIN", TELL, SUSPEND, "COMMIT"], []),
        (["BEGIN", SUSPEND, "ROLLBACK"], []),
        (["BEGIN", TELL, "COMMIT", "BEGIN", SUSPEND, "COMMIT"], ["account"]),
        (["BEGIN", SUSPEND, "COMMIT", "BEGIN", SUSPEND, "COMMIT"], ["account", "account"]),
        (["BEGIN", f"{SUSPEND} WHERE status = 'gone'", "COMMIT"], []),
        (["BEGIN", "DELETE FROM account WHERE status = 'gone'", "COMMIT"], []),
        (["BEGIN", "DELETE FROM account", "COMMIT"], ["account"]),
        (["BEGIN", "INSERT INTO account VALUES ('active', '')", "COMMIT"], ["account"]),
        (["BEGIN", "UPDATE login_session SET seen_at = 1", "COMMIT"], []),
        (["BEGIN", "UPDATE login_session SET ended_at=1, seen_at=1", "COMMIT"], ["login_session"]),
        (["BEGIN", "UPDATE account SET name = 'a WHERE b=''c'''", "COMMIT"], ["account"]),
        (["BEGIN", "SELECT * FROM account", "COMMIT"], []),
    ],
)
def test_pd_6_a_change_without_an_event_is_found(
    connection: sqlite3.Connection, statements: list[str], found: list[str]
) -> None:
    watch = Watch(lambda: "here")
    watch.follow(connection)

    for statement in statements:
        connection.execute(statement)

    assert watch.silent_changes == [f"here changed {t} without an audit event" for t in found]


def test_pd_6_the_watch_hears_of_every_transaction_of_the_store(
    watch: Watch, make_app: Callable[..., Application]
) -> None:
    watch.opened_at = lambda: "here"
    app = make_app()
    an_account(app)
    with app.app_context():
        if app.extensions["sqlalchemy"].engine.dialect.name != "sqlite":
            pytest.skip("only SQLite's driver tells of every statement")
    with app.wiring.services.store.write() as tx:
        tx.connection.execute(sa.text(SUSPEND))  # type: ignore[attr-defined]

    found = watch.silent_changes[:]
    watch.silent_changes.clear()
    watch.opened_at = line_of_ours

    assert found == ["here changed account without an audit event"]


def told(services: Services) -> int:
    """Return how many events there are."""
    services.audit_log.seal_all()
    with services.store.read() as tx:
        return (tx.audit.last_sealed() or (0,))[0]


def suspend_and_tell(services: Services, event: AuditEvent) -> None:
    with services.store.write() as tx:
        tx.connection.execute(sa.text(SUSPEND))  # type: ignore[attr-defined]
        tx.audit.record(event)


def test_pd_6_an_event_that_breaks_its_schema_takes_the_change_with_it(
    app: Application, services: Services
) -> None:
    account = an_account(app)
    before = told(services)

    with pytest.raises(EventError):
        suspend_and_tell(services, an_event(Action.ACCOUNT_SUSPENDED, NOW, details={"to": "0812"}))

    with services.store.read() as tx:
        found = tx.accounts.find(account.id)
    assert found is not None
    assert found.is_usable
    assert told(services) == before
