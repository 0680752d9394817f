"""The partner space: from a new team to a portal that citizens meet, and the tools on the way."""

import json
import re

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import NOWHERE
from idp.domain.identity.release import ReleaseState
from idp.domain.identity.team import TeamRole
from idp.domain.identity.visitor import Visitor
from idp.services.reviews import Officer
from tests.partners import CALLBACK, Developer, a_developer, a_member
from tests.portal import Portal, an_account, sign_in


@pytest.fixture
def developer(app: Application) -> Developer:
    return a_developer(app)


def an_officer(app: Application, name: str = "petugas") -> Officer:
    services = app.wiring.services
    return Officer(services.entropy.uuid7(services.clock.now_ms()), f"{name}@kemnaker.example")


def approve(app: Application, portal_id: object, officer: Officer) -> None:
    services = app.wiring.services
    with services.store.read() as tx:
        [release] = tx.team_portals.releases(portal_id)
    visitor = _visitor()
    services.reviews.approve(release.id, officer, visitor, version=release.version)


def _visitor() -> Visitor:
    return Visitor(b"", "203.0.113.9", NOWHERE)


def test_the_front_page_gives_the_values_of_discovery_to_everybody(app: Application) -> None:
    page = app.test_client().get("/pengembang")
    document = app.test_client().get("/.well-known/openid-configuration").get_json()

    assert page.status_code == 200
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert document[name] in page.text


def test_test_people_stand_there_where_a_sandbox_is_on(app: Application, sandbox) -> None:
    page = app.test_client().get("/pengembang").text
    niks = {person.nik for person in sandbox.people()}

    assert any(nik in page for nik in niks)


def test_a_sandbox_client_works_at_once_and_its_secret_is_told_once(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team())

    assert made.secret is not None
    assert made.secret not in developer.get(f"/portal/{made.portal_id}").text
    assert made.client_id in developer.get(f"/portal/{made.portal_id}").text
    client = app.wiring.services.clients.get(made.client_id)
    assert client.is_sandbox
    portal = Portal(app, developer.guest.browser, client, made.secret, CALLBACK)
    tokens = portal.tokens(scope="openid email")
    assert portal.userinfo(tokens["access_token"]).get_json()["email"] == "budi1@contoh.id"


def test_the_tester_runs_a_real_flow_and_shows_every_step(
    app: Application, developer: Developer, log
) -> None:
    made = developer.register(developer.create_team())

    page = developer.try_sign_in(made.portal_id)

    assert page.status_code == 200, page.text
    for piece in ("code_challenge_method", "access_token", "&#34;sub&#34;", "budi1@contoh.id"):
        assert piece in page.text
    assert "Masuk berhasil" in page.text
    assert re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", page.text) == []
    assert not [line for line in log.lines if "eyJ" in line]


def test_a_portal_goes_from_sign_up_to_live(app: Application, developer: Developer) -> None:
    team_id = developer.create_team()
    a_member(app, team_id, TeamRole.OWNER, number=2)
    made = developer.register(team_id)
    assert developer.draft(made.portal_id).status_code == 303
    refused = developer.submit(made.portal_id)
    assert refused.status_code == 409
    assert "Lengkapi dulu" in refused.text
    developer.try_sign_in(made.portal_id)
    assert developer.submit(made.portal_id).status_code == 303

    approve(app, made.portal_id, an_officer(app))
    live = developer.post(f"/portal/{made.portal_id}/tayang")

    assert live.status_code == 200, live.text
    client_id = re.search(r'id="client-id">([^<]+)<', live.text)[1]
    secret = re.search(r'id="client-secret">([^<]+)<', live.text)[1]
    assert client_id != made.client_id
    client = app.wiring.services.clients.get(client_id)
    assert not client.is_sandbox
    assert client.owner == "Dinas Contoh"
    citizen = app.test_client()
    sign_in(app, citizen, an_account(app, number=9))
    assert Portal(app, citizen, client, secret, CALLBACK).tokens()["id_token"]
    assert "Tayang" in developer.get("/portal").text


def test_guarded_scopes_need_two_different_officers(app: Application, developer: Developer) -> None:
    made = developer.register(developer.create_team())
    developer.try_sign_in(made.portal_id)
    purposes = "profile: menyapa | UU 27/2022\nnik: pemeriksaan | UU 13/2003"
    developer.draft(made.portal_id, scopes=["profile", "nik"], purposes=purposes)
    assert developer.submit(made.portal_id).status_code == 303
    first, second = an_officer(app, "satu"), an_officer(app, "dua")

    approve(app, made.portal_id, first)
    with pytest.raises(Refused, match=r"release\.reviewed"):
        approve(app, made.portal_id, first)
    assert _state(app, made.portal_id) is ReleaseState.SUBMITTED
    approve(app, made.portal_id, second)

    assert _state(app, made.portal_id) is ReleaseState.APPROVED


def _state(app: Application, portal_id: object) -> ReleaseState:
    with app.wiring.services.store.read() as tx:
        return tx.team_portals.releases(portal_id)[0].state


def test_what_was_approved_can_not_be_edited_not_even_in_the_database(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team())
    developer.try_sign_in(made.portal_id)
    developer.draft(made.portal_id)
    developer.submit(made.portal_id)
    approve(app, made.portal_id, an_officer(app))

    answer = developer.get(f"/portal/{made.portal_id}/pengajuan")
    assert answer.status_code == 303
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.begin() as connection:
        [stored] = connection.execute(sa.text("SELECT metadata FROM portal_release")).scalars()
        bent = json.loads(stored) if isinstance(stored, str) else stored
        bent["redirect_uris"] = ["https://evil.example/cb"]
        connection.execute(
            sa.text("UPDATE portal_release SET metadata = :m"), {"m": json.dumps(bent)}
        )
    live = developer.post(f"/portal/{made.portal_id}/tayang")

    assert live.status_code == 409
    assert "tidak sama dengan yang disetujui" in live.text


def test_the_token_reader_checks_a_token_and_keeps_nothing(
    app: Application, developer: Developer, log
) -> None:
    made = developer.register(developer.create_team())
    client = app.wiring.services.clients.get(made.client_id)
    tokens = Portal(app, developer.guest.browser, client, made.secret, CALLBACK).tokens()

    good = developer.post("/token", token=tokens["id_token"])
    head, payload, _ = tokens["id_token"].split(".")
    forged = developer.post("/token", token=f"{head}.{payload}.{'A' * 86}")
    bad = developer.post("/token", token="halo")

    assert "Token ini berlaku" in good.text
    assert client.client_id in good.text
    assert "Jangan percaya" in forged.text
    assert bad.status_code == 422
    assert not [line for line in log.lines if tokens["id_token"] in line]
