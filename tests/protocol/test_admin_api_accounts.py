"""Accounts over the API of administration: found exactly, told masked, never looked at quietly."""

import logging
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.roles import Role
from tests.administration import Program, a_program
from tests.officer import an_officer
from tests.portal import Portal, an_account, sign_in

NOBODY = "00000000-0000-4000-8000-000000000000"
WHY = {"reason": "laporan 1234"}


@pytest.fixture
def program(app: Application) -> Program:
    return a_program(app)


def find(program: Program, identifier: str, **given: Any) -> Any:
    return program.post("/accounts/find", {"identifier": identifier, **given})


def events(app: Application, account: Account) -> list[str]:
    with app.wiring.services.store.read() as tx:
        return [event.action.value for event in tx.audit.list_visible(account.id)]


@pytest.mark.parametrize("by", ["nik", "phone", "local", "email", "sub"])
def test_an_account_is_found_by_what_is_exact(
    app: Application, program: Program, person: Account, by: str
) -> None:
    assert person.nik is not None
    assert person.phone is not None
    assert person.email is not None
    typed = {
        "nik": person.nik.digits,
        "phone": person.phone.e164,
        "local": "0812 0000 0001",
        "email": person.email.address.upper(),
        "sub": person.subject,
    }[by]
    found = find(program, typed).get_json()["account"]

    assert (found["id"], found["sub"], found["status"]) == (
        str(person.id),
        person.subject,
        "active",
    )
    assert found["sessions"] == 1


def test_a_pairwise_sub_is_found_with_its_client(
    program: Program, portal: Portal, person: Account
) -> None:
    sub = portal.claims(portal.tokens()["id_token"])["sub"]

    found = find(program, sub, client_id=portal.client_id).get_json()["account"]
    assert found["id"] == str(person.id)
    assert find(program, sub).get_json() == {}


def test_who_has_no_account_is_not_there(program: Program) -> None:
    answer = find(program, "tidak@contoh.id")

    assert (answer.status_code, answer.get_json()) == (200, {})


@pytest.mark.parametrize("identifier", ["Budi", "3273", "<script>", "budi@", "%", "x" * 22])
def test_nobody_is_found_by_a_part_or_a_name(
    program: Program, person: Account, identifier: str
) -> None:
    answer = find(program, identifier)

    assert answer.get_json() == {} or answer.status_code == 422


def test_ad_6_what_is_personal_is_masked_and_credentials_are_not_there(
    program: Program, person: Account
) -> None:
    text = find(program, person.subject).text
    text += program.get(f"/accounts/{person.id}").text

    for told in (
        "Budi",
        "Santoso",
        "3273011708909001",
        "81200000001",
        "budi1@",
        "password",
        "hash",
    ):
        assert told not in text
    assert '"nik":"3273••••••••••01"' in text
    assert '"name":"B••• S••••••"' in text


def test_pd_6_the_citizen_sees_that_an_account_was_looked_at(
    app: Application, program: Program, person: Account
) -> None:
    before = events(app, person)
    find(program, person.subject)

    assert len(events(app, person)) > len(before)


def test_pd_4_an_identifier_stands_in_no_log(
    program: Program, person: Account, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        find(program, "3273011708909001")
        find(program, "tidak@contoh.id")

    logged = "\n".join(str(record.__dict__) for record in caplog.records)
    assert "3273011708909001" not in logged
    assert "tidak@contoh.id" not in logged


def test_a_locked_account_gets_nothing_any_more(
    app: Application, program: Program, portal: Portal, person: Account
) -> None:
    token = portal.tokens()["access_token"]
    answer = program.post(f"/accounts/{person.id}/lock", WHY)

    assert answer.status_code == 204
    assert portal.userinfo(token).status_code == 401
    told = program.facts(f"/accounts/{person.id}")
    assert (told["status"], told["sessions"]) == ("locked", 0)
    again = program.post(f"/accounts/{person.id}/lock", WHY)
    assert (again.status_code, again.get_json()["code"]) == (409, "people.status")


def test_ad_3_lifting_a_lock_takes_two_officers(
    app: Application, program: Program, person: Account
) -> None:
    program.post(f"/accounts/{person.id}/lock", WHY)
    asked = program.post(f"/accounts/{person.id}/unlock", WHY)
    assert asked.status_code == 202
    assert program.facts(f"/accounts/{person.id}")["status"] == "locked"
    approvals = app.wiring.services.approvals
    request_id = UUID(asked.get_json()["id"])
    approver = an_officer(app, Role.APPROVER)
    for page in ("/admin/persetujuan", f"/admin/persetujuan/{request_id}"):
        assert "(program)" in approver.get(page).text
    approvals.approve(
        request_id,
        seen=approvals.show(request_id).request.digest,
        reason="",
        actor=approver.actor,
    )

    assert program.facts(f"/accounts/{person.id}")["status"] == "active"
    assert program.facts(asked.headers["Location"])["status"] == "approved"


def test_every_session_of_an_account_ends(
    app: Application, program: Program, person: Account, browser: FlaskClient
) -> None:
    sign_in(app, app.test_client(), person)
    answer = program.post(f"/accounts/{person.id}/sessions/end", WHY)

    assert answer.get_json() == {"sessions": 2}
    assert program.facts(f"/accounts/{person.id}")["sessions"] == 0
    assert browser.get("/akun").status_code == 303


@pytest.mark.parametrize(
    ("reason", "code"),
    [("   ", "reason.required"), ("NIK 3273011708909001", "reason.personal")],
)
def test_a_reason_is_needed_and_nothing_personal_stands_in_it(
    program: Program, person: Account, reason: str, code: str
) -> None:
    answer = program.post(f"/accounts/{person.id}/lock", {"reason": reason})

    assert (answer.status_code, answer.get_json()["code"]) == (422, code)
    assert answer.get_json()["errors"][0]["pointer"] == "/reason"
    assert program.facts(f"/accounts/{person.id}")["status"] == "active"


def test_an_account_that_is_none_is_unknown(program: Program) -> None:
    for name in (NOBODY, "x"):
        answers = [
            program.get(f"/accounts/{name}"),
            program.post(f"/accounts/{name}/lock", WHY),
            program.post(f"/accounts/{name}/unlock", WHY),
            program.post(f"/accounts/{name}/sessions/end", WHY),
        ]
        assert {(a.status_code, a.get_json()["code"]) for a in answers} == {
            (404, "account.unknown")
        }


def test_a_program_can_not_try_numbers_one_after_another(
    app: Application, program: Program
) -> None:
    an_account(app)
    answers = {find(program, f"0812000{number:05}").status_code for number in range(201)}
    last = find(program, "081200099999")

    assert answers == {200, 429}
    assert last.get_json()["code"] == "people.searches"
    assert int(last.headers["Retry-After"]) > 0


# Keys that two officers retire --------------------------------------------------------------------


def test_ad_3_retiring_a_key_takes_two_officers(app: Application, program: Program) -> None:
    program.post("/keys/rotate")
    old = next(key for key in program.facts("/keys")["items"] if key["status"] == "retired")
    asked = program.post(f"/keys/{old['kid']}/retire", {**WHY, "at_once": True})

    assert asked.status_code == 202
    assert asked.get_json()["kind"] == "key.retire"
    assert asked.get_json()["subject"] == old["kid"]
    unknown = program.post("/keys/x/retire", WHY)
    assert (unknown.status_code, unknown.get_json()["code"]) == (404, "key.unknown")
