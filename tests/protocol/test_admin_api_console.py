"""What officers look after at the console, as programs may read it: reviews, admins, figures."""

from collections.abc import Sequence

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.admin import Admin
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.roles import Role
from tests.administration import Program, a_program
from tests.console.test_console_people import approve
from tests.guest import Guest
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


# Acts: what takes two people is asked for ---------------------------------------------------------


def events(app: Application, action: Action) -> Sequence[AuditEvent]:
    return app.wiring.services.audit_search.page(AuditQuery(action=action)).rows


def everybody(app: Application) -> Sequence[Admin]:
    return app.wiring.services.admins.list_all()


WHY = {"reason": "Tiket 4711"}


def test_a_release_is_sent_back_with_words_at_the_version_that_was_seen(
    app: Application, program: Program
) -> None:
    release_id = submitted(a_developer(app), "Portal Dinas")
    there, words = f"/reviews/{release_id}", {"words": "Lengkapi dasar hukum."}
    seen = program.get(there).headers["ETag"]

    assert program.post(f"{there}/return", words).status_code == 428
    stale = program.post(f"{there}/return", words, headers={"If-Match": '"v0"'})
    assert stale.status_code == 412
    done = program.post(f"{there}/return", words, headers={"If-Match": seen})

    assert (done.status_code, done.get_json()["state"]) == (200, "changes_requested")
    assert done.headers["ETag"] != seen
    [event] = events(app, Action.RELEASE_RETURNED)
    assert event.actor == "client"
    now = done.headers["ETag"]
    again = program.post(f"{there}/return", words, headers={"If-Match": now})
    assert (again.status_code, again.get_json()["code"]) == (409, "release.step")
    # saying yes is for people: there is no such operation
    assert program.post(f"{there}/approve").status_code == 404


def test_an_admin_is_shut_out_at_once_and_let_in_again(app: Application, program: Program) -> None:
    officer = an_officer(app, Role.READER)
    there = f"/admins/{officer.admin.id}"
    seen = program.get(there).headers["ETag"]
    key = {"Idempotency-Key": "satu"}

    assert program.post(f"{there}/suspend", {}).status_code == 422
    suspended = program.post(f"{there}/suspend", WHY, headers=key)
    assert suspended.get_json()["status"] == "suspended"
    assert suspended.headers["ETag"] != seen
    assert officer.get("/admin").status_code == 303
    assert program.post(f"{there}/suspend", WHY, headers=key).data == suspended.data
    assert len(events(app, Action.ADMIN_SUSPENDED)) == 1
    old = program.post(f"{there}/resume", WHY, headers={"If-Match": seen})
    assert old.status_code == 412
    assert program.post(f"{there}/resume", WHY).status_code == 200
    assert program.facts(there)["status"] in {"invited", "active"}
    for unknown in ("x", "00000000-0000-4000-8000-000000000000"):
        answer = program.post(f"/admins/{unknown}/suspend", WHY)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "admin.unknown")


def test_an_admin_s_sessions_are_ended(app: Application, program: Program) -> None:
    officer = an_officer(app, Role.READER)

    assert program.post(f"/admins/{officer.admin.id}/sessions/end").get_json() == {"sessions": 1}
    assert officer.get("/admin").status_code == 303


@pytest.mark.parametrize("what", ["invitation", "roles"])
def test_ad_3_who_comes_in_and_what_they_may_is_decided_by_a_person(
    app: Application, program: Program, what: str
) -> None:
    officer = an_officer(app, Role.READER)
    approver = an_officer(app, Role.APPROVER)
    wanted = {
        "invitation": (
            "/admins/invitations",
            {"email": "dewi@kemnaker.example", "roles": ["support"], **WHY},
        ),
        "roles": (f"/admins/{officer.admin.id}/roles", {"roles": ["auditor"], **WHY}),
    }[what]

    asked = program.post(*wanted)

    assert asked.status_code == 202, asked.text
    assert program.post(*wanted).get_json()["code"] == "approval.waiting"
    before = {admin.email.address: admin.roles for admin in everybody(app)}
    assert len(before) == 2
    assert approve(approver).status_code == 303
    assert program.facts(asked.headers["Location"])["status"] == "approved"
    after = {admin.email.address: admin.roles for admin in everybody(app)}
    if what == "roles":
        assert after[officer.admin.email.address] == (Role.AUDITOR,)
    else:
        assert after["dewi@kemnaker.example"] == (Role.SUPPORT,)
        # the link went to that person alone
        assert Guest(app).kinds() == ["admin_invited"]
        assert "secret" not in asked.text


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"email": "nobody", "roles": ["support"], **WHY}, "email.invalid"),
        ({"email": "a@kemnaker.example", "roles": ["king"], **WHY}, "role.unknown"),
        ({"email": "a@kemnaker.example", "roles": [], **WHY}, "body.invalid"),
        ({"email": "a@kemnaker.example", "roles": ["support"]}, "body.invalid"),
    ],
)
def test_an_invitation_that_can_not_be_is_refused_at_its_field(
    program: Program, sent: dict[str, object], code: str
) -> None:
    answer = program.post("/admins/invitations", sent)

    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert answer.get_json()["errors"]


def test_ad_4_a_program_starts_a_recovery_and_sees_nothing_of_it(
    app: Application, program: Program, person: Account
) -> None:
    there = f"/accounts/{person.id}/recover"
    sent = program.post(there, WHY)

    assert (sent.status_code, sent.data) == (204, b"")
    assert Guest(app).kinds() == ["recovery_link"]
    for _ in range(2):
        program.post(there, WHY)
    limited = program.post(there, WHY)
    assert (limited.status_code, limited.get_json()["code"]) == (429, "limit.tries")
    assert int(limited.headers["Retry-After"]) > 0
