"""Client registrations over the API of administration: versions, secrets, and what it must not."""

from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.admin_scopes import ADMIN_SCOPES, scope_of
from idp.domain.identity.roles import Permission, Role
from idp.domain.protocol.client_metadata import MEMBERS
from idp.web.api.metadata_schema import kind_of
from tests.administration import Program, a_program
from tests.officer import an_officer
from tests.portal import Portal

GIVEN = {"client_name": "Portal Baru", "redirect_uris": ["https://baru.example/cb"]}
PATCH = "application/merge-patch+json"
GIVEN_PURPOSE = {"purpose": "Mencocokkan pelamar", "legal_basis": "Perpres 57/2019"}


@pytest.fixture
def program(app: Application) -> Program:
    return a_program(app)


def made(program: Program, **given: Any) -> dict[str, Any]:
    answer = program.post("/clients", {**GIVEN, **given})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def change(program: Program, client_id: str, patch: dict[str, Any], *, version: int) -> Any:
    return program.call(
        "PATCH",
        f"/clients/{client_id}",
        headers={"If-Match": f'"v{version}"'},
        json=patch,
        content_type=PATCH,
    )


def events(app: Application, client_id: str) -> list[tuple[str, str, str]]:
    """Return action, actor and who, of every event about a client."""
    services = app.wiring.services
    while services.audit_log.seal():
        continue
    with services.store.read() as tx:
        rows = [row.event for row in tx.audit.walk()]
    return [(e.action, e.actor, str(e.details.get("by"))) for e in rows if e.client_id == client_id]


def test_a_client_made_here_is_a_client(
    app: Application, program: Program, browser: FlaskClient
) -> None:
    told = made(program, grant_types=["client_credentials"], redirect_uris=[], scope="jkp.read")
    client = app.wiring.services.clients.get(told["client_id"])
    portal = Portal(app, browser, client, told["client_secret"])

    answer = portal.token(grant_type="client_credentials", scope="jkp.read")
    assert answer.status_code == 200
    shown = program.facts(f"/clients/{told['client_id']}")
    assert "client_secret" not in shown
    assert [secret["id"] for secret in shown["secrets"]] == [told["secrets"][0]["id"]]


def test_pd_6_what_a_program_changes_names_it_in_the_audit(
    app: Application, program: Program
) -> None:
    told = made(program)
    client_id = told["client_id"]
    change(program, client_id, {"client_name": "Lain"}, version=1)
    program.post(f"/clients/{client_id}/suspend")
    program.post(f"/clients/{client_id}/resume")

    found = events(app, client_id)
    assert [action for action, _, _ in found] == [
        "client.registered",
        "client.changed",
        "client.suspended",
        "client.changed",
    ]
    assert {(actor, by) for _, actor, by in found} == {("client", program.client_id)}


def test_what_is_told_can_be_sent_back_as_it_is(program: Program) -> None:
    told = made(program, contacts=["tim@baru.example"], **{"client_name#en": "New portal"})
    address = f"/clients/{told['client_id']}"
    shown = program.facts(address)

    answer = program.call("PUT", address, shown, headers={"If-Match": '"v1"'})

    assert answer.status_code == 200
    kept = {name: value for name, value in shown.items() if name not in {"version", "updated_at"}}
    assert {name: answer.get_json()[name] for name in kept} == kept


def test_a_put_leaves_out_what_it_does_not_name(program: Program) -> None:
    client_id = made(program, contacts=["tim@baru.example"])["client_id"]
    answer = program.call("PUT", f"/clients/{client_id}", GIVEN, headers={"If-Match": "*"})

    assert "contacts" not in answer.get_json()


def test_a_patch_changes_what_it_names_and_null_takes_away(program: Program) -> None:
    told = made(program, contacts=["tim@baru.example"], client_uri="https://baru.example")
    patch = {"client_name": "Lain", "contacts": None, "default_max_age": 60}
    answer = change(program, told["client_id"], patch, version=1).get_json()

    assert (answer["client_name"], answer["default_max_age"]) == ("Lain", 60)
    assert "contacts" not in answer
    assert answer["client_uri"] == "https://baru.example"
    assert answer["version"] == 2
    assert answer["secrets"] == told["secrets"]


def test_a_client_keeps_its_identifier(program: Program) -> None:
    client_id = made(program)["client_id"]
    answer = change(program, client_id, {"client_id": "lain"}, version=1)

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "/client_id"


def test_an_identifier_is_given_once(program: Program) -> None:
    first = program.post("/clients", {**GIVEN, "client_id": "portal-1"})
    again = program.post("/clients", {**GIVEN, "client_id": "portal-1"})
    program.app.wiring.services.clients.delete("portal-1")
    later = program.post("/clients", {**GIVEN, "client_id": "portal-1"})

    assert [answer.status_code for answer in (first, again, later)] == [201, 409, 409]
    assert again.get_json()["code"] == "client.exists"


def test_every_version_is_there_and_an_earlier_one_comes_back_as_a_new_one(
    program: Program,
) -> None:
    client_id = made(program)["client_id"]
    for number in range(1, 5):
        change(program, client_id, {"client_name": f"Nama {number}"}, version=number)
    first = program.facts(f"/clients/{client_id}/versions?limit=2")
    rest = program.facts(first["next"])
    rest["items"] += program.facts(rest["next"])["items"]

    assert [v["version"] for v in first["items"] + rest["items"]] == [5, 4, 3, 2, 1]
    assert {v["author"] for v in first["items"]} == {program.client_id}
    shown = program.facts(f"/clients/{client_id}/versions/2")
    assert shown["metadata"]["client_name"] == "Nama 1"
    restored = program.post(
        f"/clients/{client_id}/versions/2/restore", headers={"If-Match": '"v5"'}
    ).get_json()
    assert (restored["client_name"], restored["version"]) == ("Nama 1", 6)


@pytest.mark.parametrize("number", ["9", "0", "x", "-1", "99999999999999999999", "1.0"])
def test_a_version_that_was_never_is_unknown(program: Program, number: str) -> None:
    client_id = made(program)["client_id"]

    assert program.get(f"/clients/{client_id}/versions/{number}").status_code == 404


def test_two_secrets_count_while_a_portal_moves(
    app: Application, program: Program, browser: FlaskClient
) -> None:
    told = made(program, grant_types=["client_credentials"], redirect_uris=[], scope="jkp.read")
    address = f"/clients/{told['client_id']}/secrets"
    client = app.wiring.services.clients.get(told["client_id"])

    def works(secret: str) -> bool:
        portal = Portal(app, browser, client, secret)
        return portal.token(grant_type="client_credentials").status_code == 200

    added = program.post(address, {"life_seconds": 86400})
    new = added.get_json()
    assert added.status_code == 201
    assert new["client_secret_expires_at"] > 0
    assert works(told["client_secret"])
    assert works(new["client_secret"])
    third = program.post(address)
    assert (third.status_code, third.get_json()["code"]) == (409, "client.secrets")
    old = told["secrets"][0]["id"]
    assert program.call("DELETE", f"{address}/{old}").status_code == 204
    assert not works(told["client_secret"])
    assert works(new["client_secret"])
    [left] = program.facts(f"/clients/{told['client_id']}")["secrets"]
    last = program.call("DELETE", f"{address}/{left['id']}")
    assert (last.status_code, last.get_json()["code"]) == (409, "client.secret_last")
    for unknown in (old, "x"):
        assert program.call("DELETE", f"{address}/{unknown}").status_code == 404


def test_a_client_without_secrets_gets_none(program: Program) -> None:
    client_id = made(program, token_endpoint_auth_method="none")["client_id"]
    answer = program.post(f"/clients/{client_id}/secrets")

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["code"] == "member.secretless"


def test_suspending_and_going_on_are_told_with_their_reason(program: Program) -> None:
    client_id = made(program)["client_id"]
    stopped = program.post(f"/clients/{client_id}/suspend", {"reason": "laporan 1234"})
    assert stopped.get_json()["status"] == "suspended"
    assert program.facts("/clients?status=suspended")["total"] == 1
    [newest, *_] = program.facts(f"/clients/{client_id}/versions")["items"]
    assert (newest["status"], newest["reason"]) == ("suspended", "laporan 1234")
    going = program.post(f"/clients/{client_id}/resume")
    assert going.get_json()["status"] == "active"


@pytest.mark.parametrize("query", ["q=baru", "q=BAR", "q=portal baru", "status=active&q=baru"])
def test_a_client_is_found_by_words(program: Program, query: str) -> None:
    client_id = made(program)["client_id"]
    made(program, client_name="Karir", redirect_uris=["https://karir.example/cb"])
    found = program.facts(f"/clients?{query.replace(' ', '+')}")["items"]

    assert [client["client_id"] for client in found] == [client_id]


def test_what_only_an_operator_may_set_is_taken(program: Program) -> None:
    told = made(program, owner="Ditjen Binalavotas", acr_floor="urn:kemnaker:aal:2")

    assert (told["owner"], told["acr_floor"]) == ("Ditjen Binalavotas", "urn:kemnaker:aal:2")


# No program makes itself or others stronger -------------------------------------------------------


@pytest.mark.parametrize("scope", [*ADMIN_SCOPES, "admin:everything"])
def test_ad_2_no_program_gives_scopes_of_the_api(program: Program, scope: str) -> None:
    client_id = made(program)["client_id"]
    wanted = {"scope": f"openid {scope}"}
    answers = [
        program.post("/clients", {**GIVEN, **wanted}),
        change(program, client_id, wanted, version=1),
        program.call(
            "PUT", f"/clients/{client_id}", {**GIVEN, **wanted}, headers={"If-Match": "*"}
        ),
    ]

    for answer in answers:
        assert (answer.status_code, answer.get_json()["code"]) == (422, "client.administers")
        assert answer.get_json()["errors"][0]["pointer"] == "/scope"


def test_ad_2_no_program_brings_scopes_of_the_api_back(app: Application, program: Program) -> None:
    other = a_program(app, scope_of(Permission.KEYS_READ))
    registry = app.wiring.services.clients
    before = registry.get(other.client_id).metadata
    registry.replace(other.client_id, {**before, "scope": "jkp.read"})
    answer = program.post(
        f"/clients/{other.client_id}/versions/1/restore", headers={"If-Match": "*"}
    )

    assert (answer.status_code, answer.get_json()["code"]) == (422, "client.administers")


@pytest.mark.parametrize("own", [True, False])
def test_ad_2_no_program_changes_one_that_administers(
    app: Application, program: Program, own: bool
) -> None:
    other = program if own else a_program(app, scope_of(Permission.KEYS_READ))
    address = f"/clients/{other.client_id}"
    about = {"If-Match": "*"}
    secret = program.facts(address)["secrets"][0]["id"]
    answers = [
        program.call("PUT", address, GIVEN, headers=about),
        program.call("PATCH", address, {"client_name": "x"}, headers=about),
        program.call("DELETE", address, headers=about),
        program.post(f"{address}/resume"),
        program.post(f"{address}/secrets"),
        program.call("DELETE", f"{address}/secrets/{secret}"),
        program.post(f"{address}/versions/1/restore", headers=about),
    ]

    assert {(a.status_code, a.get_json()["code"]) for a in answers} == {(403, "client.administers")}
    assert app.wiring.services.clients.get(other.client_id).version == 1


def test_a_program_may_stop_one_that_administers(app: Application, program: Program) -> None:
    other = a_program(app, scope_of(Permission.KEYS_READ))

    assert program.post(f"/clients/{other.client_id}/suspend").status_code == 200
    assert other.get("/keys").status_code == 401


@pytest.mark.parametrize(
    "patch",
    [
        {"scope": "openid nik", "scope_purposes": {"nik": GIVEN_PURPOSE}},
        {
            "scope": "openid legacy",
            "legacy_source": "karirhub",
            "scope_purposes": {"legacy": GIVEN_PURPOSE},
        },
        {"redirect_uris": ["https://lain.example/cb"]},
        {"token_endpoint_auth_method": "none"},
    ],
)
def test_ad_3_what_takes_two_officers_waits_for_them(
    program: Program, patch: dict[str, Any]
) -> None:
    client_id = made(program)["client_id"]
    answer = change(program, client_id, patch, version=1)

    assert answer.status_code == 202
    assert program.facts(f"/clients/{client_id}")["version"] == 1
    told = program.facts(answer.headers["Location"])
    assert told == answer.get_json()
    assert (told["kind"], told["subject"], told["status"]) == (
        "client.change",
        client_id,
        "waiting",
    )
    assert set(patch) <= {line["label"] for line in told["changes"]}
    assert [one["id"] for one in program.facts("/approvals")["items"]] == [told["id"]]
    again = change(program, client_id, patch, version=1)
    assert (again.status_code, again.get_json()["code"]) == (409, "approval.waiting")


def test_ad_3_what_was_stored_is_what_an_officer_lets_happen(
    app: Application, program: Program
) -> None:
    client_id = made(program)["client_id"]
    uris = ["https://lain.example/cb"]
    asked = change(program, client_id, {"redirect_uris": uris}, version=1)
    approver = an_officer(app, Role.APPROVER)
    let_happen(app, approver, asked.get_json()["id"])

    told = program.facts(asked.headers["Location"])
    assert (told["status"], told["changes"]) == ("approved", [])
    client = program.facts(f"/clients/{client_id}")
    assert (client["redirect_uris"], client["version"]) == (uris, 2)
    [newest, _] = program.facts(f"/clients/{client_id}/versions")["items"]
    assert newest["author"] == program.client_id


def test_ad_3_a_program_that_was_stopped_gets_nothing_through(
    app: Application, program: Program
) -> None:
    client_id = made(program)["client_id"]
    asked = change(program, client_id, {"redirect_uris": ["https://x.example/cb"]}, version=1)
    app.wiring.services.clients.suspend(program.client_id)

    with pytest.raises(Refused, match=r"approval\.void"):
        let_happen(app, an_officer(app, Role.APPROVER), asked.get_json()["id"])
    assert app.wiring.services.clients.get(client_id).version == 1


def test_ad_3_deleting_takes_two_officers(app: Application, program: Program) -> None:
    address = f"/clients/{made(program)['client_id']}"
    missing = program.call("DELETE", address)
    asked = program.call("DELETE", f"{address}?reason=tutup", headers={"If-Match": '"v1"'})

    assert (missing.status_code, asked.status_code) == (428, 202)
    told = asked.get_json()
    assert (told["kind"], told["reason"]) == ("client.delete", "tutup")
    assert program.get(address).status_code == 200
    let_happen(app, an_officer(app, Role.APPROVER), told["id"])
    assert program.get(address).status_code == 404


def test_who_asked_may_take_it_back_and_nobody_else(app: Application, program: Program) -> None:
    address = f"/clients/{made(program)['client_id']}"
    told = program.call("DELETE", address, headers={"If-Match": "*"}).get_json()
    withdraw = f"/approvals/{told['id']}/withdraw"

    other = a_program(app)
    assert other.post(withdraw).status_code == 404
    assert other.get(f"/approvals/{told['id']}").status_code == 404
    assert other.facts("/approvals") == {"items": []}
    assert program.post(withdraw).get_json()["status"] == "withdrawn"
    over = program.post(withdraw)
    assert (over.status_code, over.get_json()["code"]) == (409, "approval.over")
    for unknown in ("x", "00000000-0000-4000-8000-000000000000"):
        assert program.get(f"/approvals/{unknown}").status_code == 404


def test_a_change_is_told_with_its_reason(program: Program) -> None:
    client_id = made(program)["client_id"]
    program.call(
        "PATCH",
        f"/clients/{client_id}?reason=nama+resmi",
        {"client_name": "Lain"},
        headers={"If-Match": "*"},
    )
    [newest, _] = program.facts(f"/clients/{client_id}/versions")["items"]

    assert newest["reason"] == "nama resmi"


def let_happen(app: Application, approver: Any, request_id: str) -> None:
    approvals = app.wiring.services.approvals
    seen = approvals.show(UUID(request_id)).request.digest
    approvals.approve(UUID(request_id), seen=seen, reason="", actor=approver.actor)


def test_ad_3_no_program_registers_what_takes_two_officers(program: Program) -> None:
    answer = program.post("/clients", {**GIVEN, "scope": "openid nik"})

    assert (answer.status_code, answer.get_json()["code"]) == (409, "approval.required")


# The schema is the code's -------------------------------------------------------------------------


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_every_member_has_a_schema_of_its_own(member: Any) -> None:
    assert kind_of(member)["type"] in {"string", "boolean", "integer", "array", "object"}


def test_the_description_names_every_member(program: Program) -> None:
    schemas = program.facts("/openapi.json")["components"]["schemas"]

    for name in ("Registration", "Replacement", "Patch"):
        assert {member.name for member in MEMBERS} < set(schemas[name]["properties"])
        assert schemas[name]["additionalProperties"] is False
    assert schemas["Registration"]["properties"]["profile"]["enum"] == ["baseline", "fapi2"]
