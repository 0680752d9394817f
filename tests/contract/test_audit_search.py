"""Searching the audit log: what is found, in which order, and how the database gets at it."""

import os
from collections.abc import Iterator
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from adapters.sql.tables import audit_event as table
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import OPERATOR, Action, AuditRow
from idp.domain.identity.audit_search import AuditQuery
from idp.services import Services
from tests.events import an_event
from tests.fakes import NOW
from tests.portal import a_portal, an_account

ADMIN, SOMEBODY = UUID(int=1), UUID(int=2)


@pytest.fixture
def rows(services: Services) -> list[AuditRow]:
    """Twelve events of three seconds, the newest first."""
    with services.store.write() as tx:
        for number in range(12):
            tx.audit.record(
                an_event(
                    Action.KEY_ROTATED if number % 3 else Action.LOGIN_FAILED,
                    NOW + number // 4,
                    actor="admin" if number % 2 else "citizen",
                    actor_id=ADMIN if number % 2 else None,
                    account_id=SOMEBODY if number % 3 == 0 else None,
                    client_id="portal" if number % 4 == 0 else None,
                    object_id=f"kid-{number % 5}",
                )
            )
    return list(services.audit_search.page(AuditQuery(), size=100).rows)


def test_the_newest_stand_first_and_pages_leave_none_out(
    services: Services, rows: list[AuditRow]
) -> None:
    found: list[AuditRow] = []
    place = None
    while True:
        page = services.audit_search.page(AuditQuery(), place, size=5)
        found += page.rows
        place = page.next
        if place is None:
            break

    assert found == rows
    assert [row.at for row in rows] == sorted((row.at for row in rows), reverse=True)
    assert len({row.id for row in found}) == 12


FITTING = {
    "actor": ("admin", lambda row: row.actor == "admin"),
    "actor_id": (ADMIN, lambda row: row.actor_id == ADMIN),
    "account_id": (SOMEBODY, lambda row: row.account_id == SOMEBODY),
    "client_id": ("portal", lambda row: row.client_id == "portal"),
    "object_id": ("kid-3", lambda row: row.object_id == "kid-3"),
    "action": (Action.LOGIN_FAILED, lambda row: row.action == "login.failed"),
    "since": (NOW + 1, lambda row: row.at >= NOW + 1),
    "until": (NOW + 1, lambda row: row.at <= NOW + 1),
}
PAIRS = [*((name,) for name in FITTING), *combinations(FITTING, 2)]


@pytest.mark.parametrize("names", PAIRS, ids=["+".join(names) for names in PAIRS])
def test_rows_fit_all_that_is_asked(
    services: Services, rows: list[AuditRow], names: tuple[str, ...]
) -> None:
    query = AuditQuery(**{name: FITTING[name][0] for name in names})  # type: ignore[arg-type]

    found = services.audit_search.page(query, size=100).rows

    assert list(found) == [row for row in rows if all(FITTING[name][1](row) for name in names)]


def test_an_object_is_found_as_people_know_it(app: Application, services: Services) -> None:
    account = an_account(app)
    portal = a_portal(app, app.test_client())
    about, nothing = services.audit_search.about, AuditQuery()

    assert about(nothing, account.subject).account_id == account.id
    assert about(nothing, str(account.id)).account_id == account.id
    assert about(nothing, portal.client.client_id).client_id == portal.client.client_id
    assert about(nothing, "kid-1").object_id == "kid-1"
    assert about(nothing, str(SOMEBODY)).object_id == SOMEBODY.hex
    for text in ("", "two words", "x" * 200, "a\n"):
        with pytest.raises(Refused, match=r"audit_object\.unknown"):
            about(nothing, text)


def test_pd_6_taking_rows_along_is_told(services: Services, rows: list[AuditRow]) -> None:
    query = AuditQuery(action=Action.LOGIN_FAILED, until=NOW + 5)

    taken = list(services.audit_search.export(query, OPERATOR))

    assert taken == [row for row in rows if row.action == "login.failed"]
    [told] = services.audit_search.page(AuditQuery(action=Action.AUDIT_EXPORTED)).rows
    assert told.actor == "operator"
    assert told.details == {
        "since": None,
        "until": NOW + 5,
        "action": "login.failed",
        "actor": None,
    }


def test_one_row_is_shown_with_whether_it_is_ours(
    app: Application, services: Services, rows: list[AuditRow]
) -> None:
    found = services.audit_search.find(rows[0].id)
    assert found is not None
    assert found.is_ours
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(sa.update(table).values(network="198.51.100.0/24"))

    bent = services.audit_search.find(rows[0].id)
    assert bent is not None
    assert not bent.is_ours
    assert services.audit_search.find(UUID(int=9)) is None


# How the database gets at it ----------------------------------------------------------------------

#: `PLAN_ROWS=1000000` asks the plans of a log as large as the issue says.
MANY = int(os.environ.get("PLAN_ROWS", "60000"))
FILL = {
    "postgresql": (
        "INSERT INTO audit_event (id, at, action, outcome, actor, actor_id, account_id, client_id,"
        " object_id, request_id, network, device, details, mac, sequence, chain)"
        " SELECT gen_random_uuid(), n, CASE n % 97 WHEN 0 THEN 'key.rotated' WHEN 1 THEN"
        " 'consent.given' ELSE 'login.succeeded' END, 'done', CASE n % 499 WHEN 0 THEN 'admin'"
        " ELSE 'citizen' END, CASE n % 499 WHEN 0 THEN CAST('00000000-0000-0000-0000-000000000001'"
        " AS uuid) END, CAST(lpad(to_hex(n % 9000), 32, '0') AS uuid), CASE n % 3 WHEN 0 THEN"
        " 'portal-' || n % 5000 END, CASE n % 97 WHEN 0 THEN 'kid-' || n % 5000 END, '', '', '',"
        " '{}', decode(repeat('00', 32), 'hex'), n, decode(repeat('00', 32), 'hex')"
        " FROM generate_series(1, :many) AS n"
    ),
    "sqlite": (
        "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < :many)"
        " INSERT INTO audit_event (id, at, action, outcome, actor, actor_id, account_id, client_id,"
        " object_id, request_id, network, device, details, mac, sequence, chain)"
        " SELECT printf('%032x', n), n, CASE n % 97 WHEN 0 THEN 'key.rotated' WHEN 1 THEN"
        " 'consent.given' ELSE 'login.succeeded' END, 'done', CASE n % 499 WHEN 0 THEN 'admin'"
        " ELSE 'citizen' END, CASE n % 499 WHEN 0 THEN '00000000000000000000000000000001' END,"
        " printf('%032x', n % 9000), CASE n % 3 WHEN 0 THEN 'portal-' || n % 5000 END,"
        " CASE n % 97 WHEN 0 THEN 'kid-' || n % 5000 END, '', '', '', '{}', zeroblob(32), n,"
        " zeroblob(32) FROM s"
    ),
}
ASKED = {
    "actor": "admin",
    "actor_id": ADMIN,
    "account_id": UUID(int=77),
    "client_id": "portal-33",
    "object_id": "kid-194",
    "action": Action.KEY_ROTATED,
    "since": MANY // 2,
    "until": MANY // 2,
}


@pytest.fixture
def many(app: Application) -> Iterator[sa.Engine]:
    """The engine of a database with a long log."""
    with app.app_context():
        engine: sa.Engine = app.extensions["sqlalchemy"].engine
    with engine.begin() as connection:
        connection.execute(sa.text(FILL[engine.dialect.name]), {"many": MANY})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE audit_event"))
    yield engine
    with engine.begin() as connection:
        # whoever gets this database next finds it as small as it was
        connection.execute(sa.delete(table))


def plans(engine: sa.Engine, services: Services, query: AuditQuery) -> list[str]:
    """Return how the database would do the statements of both pages of a search."""
    found: list[tuple[str, Any]] = []

    def note(connection, cursor, statement, parameters, context, executemany) -> None:
        found.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        services.audit_search.page(query)
        services.audit_search.page(query, (MANY // 3, UUID(int=5)))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
    with engine.connect() as connection:
        return [
            "\n".join(
                str(row[-1])
                for row in connection.exec_driver_sql(f"{explain} {statement}", parameters)
            )
            for statement, parameters in found
        ]


def test_no_search_reads_the_whole_log(many: sa.Engine, services: Services) -> None:
    """One test, since filling the table takes longer than all the plans."""
    for names in [(), *((name,) for name in ASKED), *combinations(ASKED, 2)]:
        query = AuditQuery(**{name: ASKED[name] for name in names})  # type: ignore[arg-type]
        for plan in plans(many, services, query):
            whole = [
                line
                for line in plan.splitlines()
                if "Seq Scan" in line or ("SCAN audit_event" in line and "USING" not in line)
            ]
            assert whole == [], (names, plan)
            assert "ix_audit_event" in plan, (names, plan)
