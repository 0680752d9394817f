"""The audit log over the API of administration: filtered, page by page, without personal data."""

from typing import Any

import pytest

from idp.app import Application
from idp.domain.identity.admin_scopes import scope_of
from idp.domain.identity.roles import Permission
from tests.administration import Program, a_program
from tests.fakes import NOW, FixedClock
from tests.portal import an_account


@pytest.fixture
def program(app: Application) -> Program:
    return a_program(app, scope_of(Permission.AUDIT_READ))


@pytest.fixture
def history(app: Application, program: Program, clock: FixedClock) -> list[str]:
    """Seven events of three kinds; returns their actions, the newest first."""
    registry = app.wiring.services.clients
    for number in range(3):
        clock.move(10)
        registry.register({"client_id": f"p{number}", "redirect_uris": ["https://a.example/"]})
    clock.move(10)
    registry.suspend("p1")
    an_account(app)
    while app.wiring.services.audit_log.seal():
        continue
    program.renew()
    return ["account.opened", "client.suspended", *["client.registered"] * 4]


def actions(page: dict[str, Any]) -> list[str]:
    return [event["action"] for event in page["items"]]


def test_events_are_told_the_newest_first(program: Program, history: list[str]) -> None:
    page = program.facts("/audit/events")

    assert actions(page) == history
    newest = page["items"][1]
    assert (newest["client_id"], newest["at"], newest["outcome"]) == ("p1", NOW + 40, "done")
    assert newest["details"]["by"] == "command line"
    assert [event["sequence"] for event in page["items"]] == [6, 5, 4, 3, 2, 1]
    assert all(len(bytes.fromhex(event["chain"])) == 32 for event in page["items"])


def test_pages_together_have_every_event_once(program: Program, history: list[str]) -> None:
    seen: list[str] = []
    address = "/audit/events?limit=2"
    while address:
        page = program.facts(address)
        seen += [event["id"] for event in page["items"]]
        address = page.get("next", "")

    assert len(seen) == len(set(seen)) == len(history)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("action=client.suspended", 1),
        ("action=client.registered", 4),
        ("about=p1", 2),
        ("about=p1&action=client.registered", 1),
        (f"since={NOW + 30}", 3),
        (f"since={NOW + 10}&until={NOW + 20}", 2),
        ("actor=citizen", 0),
        ("actor=operator", 6),
        ("about=nothing-of-this-name", 0),
    ],
)
def test_a_filter_counts_with_all_its_parts(
    program: Program, history: list[str], query: str, count: int
) -> None:
    assert len(program.facts(f"/audit/events?{query}")["items"]) == count


@pytest.mark.parametrize("query", ["action=x", "actor=x", "since=-1", "since=x", "about=", "by=x"])
def test_a_filter_that_can_not_be_read_is_refused(program: Program, query: str) -> None:
    assert program.get(f"/audit/events?{query}").status_code == 400


def test_an_account_is_asked_for_by_its_subject(
    app: Application, program: Program, history: list[str]
) -> None:
    account = an_account(app, number=2)

    for name in (account.subject, str(account.id)):
        found = program.facts(f"/audit/events?about={name}")["items"]
        assert [event["account_id"] for event in found] == [str(account.id)]


def test_pd_4_nothing_personal_stands_in_an_answer(app: Application, program: Program) -> None:
    an_account(app)
    text = program.get("/audit/events").text

    for word in ("Budi", "3273011708909001", "628120000001", "budi1@contoh.id"):
        assert word not in text
