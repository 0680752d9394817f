"""What officers look after at the console, as programs may read it: reviews, admins, figures."""

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.roles import Role
from tests.administration import Program, a_program
from tests.officer import an_officer
from tests.partners import Developer, a_developer
from tests.portal import Portal


@pytest.fixture
def program(app: Application) -> Program:
    return a_program(app)


def submitted(developer: Developer, name: str) -> str:
    """Take a portal of a new team to where officers look at it; return the release's id."""
    portal_id = developer.register(developer.create_team(f"Tim {name}")).portal_id
    developer.try_sign_in(portal_id)
    assert developer.draft(portal_id, client_name=name).status_code == 303
    assert developer.submit(portal_id).status_code == 303
    [release, *_] = developer.app.wiring.services.reviews.list_waiting()[-1:]
    return str(release.release.id)


def test_what_waits_for_officers_is_told_with_what_it_changes(
    app: Application, program: Program
) -> None:
    release_id = submitted(a_developer(app), "Portal Dinas")
    page = program.facts("/reviews")

    [waiting] = page["items"]
    assert (waiting["id"], waiting["team"]) == (release_id, "Tim Portal Dinas")
    assert (waiting["approvals"], waiting["approvals_needed"], waiting["round"]) == (0, 1, 1)
    told = program.facts(f"/reviews/{release_id}")
    assert told["state"] == "submitted"
    assert told["metadata"]["client_name"] == "Portal Dinas"
    assert all(told["checklist"][point] for point in ("tried", "addresses", "purposes"))
    assert "redirect_uris" in {change["member"] for change in told["changes"]}


def test_a_release_that_is_none_is_unknown(program: Program) -> None:
    for unknown in ("x", "00000000-0000-4000-8000-000000000000"):
        answer = program.get(f"/reviews/{unknown}")
        assert (answer.status_code, answer.get_json()["code"]) == (404, "release.unknown")


def test_a_cursor_of_reviews_is_ours(program: Program) -> None:
    assert program.get("/reviews?cursor=x").status_code == 400
    assert program.get("/reviews?limit=1").status_code == 400


def test_admins_are_told_with_their_roles_and_without_their_address(
    app: Application, program: Program
) -> None:
    officer = an_officer(app, Role.AUDITOR, Role.APPROVER)
    [told] = program.facts("/admins")["items"]

    assert (told["id"], told["status"]) == (str(officer.admin.id), "active")
    assert told["roles"] == ["auditor", "approver"]
    assert officer.admin.email.address not in program.get("/admins").text


def test_what_a_client_did_is_told_day_by_day(
    program: Program, portal: Portal, person: Account
) -> None:
    portal.tokens()
    days = program.facts(f"/clients/{portal.client_id}/usage")["items"]

    assert len(days) == 30
    assert days[0]["day"] == "2026-11-24"
    assert days[0]["sign_ins"] == days[0]["tokens"] == 1
    assert all(day["tokens"] == 0 for day in days[1:])
    assert program.get("/clients/nobody/usage").status_code == 404


def test_how_the_service_does_is_told_in_figures(program: Program) -> None:
    program.app.wiring.services.metrics.count("logins", outcome="failed")
    told = program.facts("/numbers")

    assert (len(told["days"]), told["days"][-1]) == (14, "2026-11-24")
    [failed] = told["counters"]["logins"]
    assert (failed["label"], failed["total"], failed["numbers"][-1]) == ("failed", 1, 1)
    assert {"registrations", "codes_sent", "registry_checks"} < set(told["counters"])
    assert {age["alg"] for age in told["key_ages"]} >= {"ES256", "RS256"}
    assert told["sms_cost"] == 0


def test_nobody_reads_these_without_a_token(browser: FlaskClient) -> None:
    for path in ("/reviews", "/admins", "/numbers"):
        assert browser.get(f"/api/admin/v1{path}").status_code == 401
