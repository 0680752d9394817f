"""What holds for every form of the space: whose it is (SE-6), any text (IN-2), one effect."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.routing import Rule

from idp.app import Application
from idp.domain.identity.audit import NOWHERE
from idp.domain.identity.team import TeamRole
from idp.domain.identity.visitor import Visitor
from idp.services.reviews import Officer
from tests.everywhere import FOREIGN
from tests.partners import CALLBACK, Developer, Registered, a_developer, a_member
from tests.portal import form_fields, same_origin
from tests.racing import at_once
from tests.sandbox_server import Sandbox

#: Where effects stand.
TABLES = (
    "team",
    "team_member",
    "team_invitation",
    "team_portal",
    "portal_release",
    "release_approval",
    "client",
    "client_secret",
    "audit_event",
    "outbox",
)
PART = re.compile(r"<(?:\w+:)?(\w+)>")
TEXTS = (
    "\x00",
    "\x1b[31m",
    "\u202eabc",
    "\U0001f600" * 50,
    "' OR '1'='1",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "%(name)s %s %n",
    "a\r\nSet-Cookie: x=y",
    "A" * 5000,
    "=cmd|' /C calc'!A0",
    "\ud800",
)


def kept(app: Application) -> dict[str, list[str]]:
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        return {
            table: sorted(
                repr(tuple(row))
                for row in connection.execute(sa.text(f'SELECT * FROM "{table}"'))  # noqa: S608 - names of our own tables
            )
            for table in TABLES
        }


@pytest.fixture
def app(make_app: Callable[..., Application], sandbox: Sandbox) -> Application:
    return make_app(SIAPKERJA_LIMITS_FACTOR="1000", **sandbox.environment())


@pytest.fixture
def owner(app: Application) -> Developer:
    return a_developer(app)


@pytest.fixture
def made(app: Application, owner: Developer) -> Registered:
    made = owner.register(owner.create_team())
    owner.try_sign_in(made.portal_id)
    owner.draft(made.portal_id)
    return made


def paths(app: Application, owner: Developer, made: Registered) -> list[tuple[Rule, str]]:
    """Every address that takes a form, for a portal and a team that are there."""
    services = app.wiring.services
    [(team, _)] = services.teams.list_of(owner.account.id)
    values = {
        "team_id": team.id,
        "portal_id": made.portal_id,
        "member_id": owner.account.id,
        "invitation_id": "00000000-0000-7000-8000-000000000000",
        "secret": "never-made",
    }
    return [
        (rule, PART.sub(lambda part: str(values[part[1]]), rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("partner.") and "POST" in (rule.methods or ())
    ]


def filled(team_id: object = "") -> dict[str, Any]:
    """Something for every field that any form of the space has."""
    return {
        "name": "Nama Baru",
        "email": "baru@contoh.id",
        "role": "viewer",
        "team": str(team_id),
        "kind": "web",
        "library": "authlib",
        "client_name": "Portal Baru",
        "redirect_uris": CALLBACK,
        "scopes": "profile",
        "token_endpoint_auth_method": "client_secret_basic",
        "purposes": "profile: menyapa | UU 27/2022",
        "contacts": "tim@portal.example",
        "policy_uri": "https://portal.example/privasi",
        "version": "1",
        "portal": "",
        "scope": "openid",
        "prompt": "",
        "token": "a.b.c",
    }


def test_se_6_no_form_that_is_not_ours_has_an_effect(
    app: Application, owner: Developer, made: Registered
) -> None:
    stranger = form_fields(a_developer(app, 7).get("/tim"))["csrf_token"]
    own = form_fields(owner.get("/tim"))["csrf_token"]
    before = kept(app)
    seen = 0
    for rule, path in paths(app, owner, made):
        for token, headers in (
            (None, same_origin()),
            (stranger, same_origin()),
            (own[:-1], same_origin()),
            (own, FOREIGN),
            (own, {"Origin": "null"}),
        ):
            sent = {**filled(), **({"csrf_token": token} if token else {})}
            answer = owner.guest.browser.post(path, data=sent, headers=headers)
            seen += 1
            # an invitation that is none, and a step that is not possible, lead elsewhere
            assert answer.status_code in {403, 410, 303}, (rule.rule, answer.status_code)

    assert kept(app) == before
    assert seen > 60


def test_se_6_looking_changes_nothing(app: Application, owner: Developer) -> None:
    made = owner.register(owner.create_team())
    before = kept(app)
    portal = f"/pengembang/portal/{made.portal_id}"
    also = [portal, f"{portal}/angka", f"{portal}/permintaan", "/pengembang"]
    forms = [path for rule, path in paths(app, owner, made) if "GET" in (rule.methods or ())]
    for there in [*forms, *also]:
        assert owner.guest.browser.get(there).status_code < 500, there

    assert kept(app) == before


@pytest.mark.parametrize("number", range(3))
def test_in_2_no_text_in_any_field_breaks_a_page(
    app: Application, owner: Developer, made: Registered, number: int
) -> None:
    [(team, _)] = app.wiring.services.teams.list_of(owner.account.id)
    names = [*filled()][number::3]
    # whoever gives the portal or the membership up leaves nothing to try
    ending = {"partner.retire_portal", "partner.leave", "partner.remove_member", "partner.member"}
    for rule, path in paths(app, owner, made):
        if rule.endpoint in ending:
            continue
        for turn, text in enumerate(TEXTS):
            name = names[turn % len(names)]
            token = form_fields(owner.get("/tim"))["csrf_token"]
            sent = {**filled(team.id), name: text.encode("utf-8", "surrogatepass")}
            answer = owner.guest.browser.post(
                path, data={**sent, "csrf_token": token}, headers=same_origin()
            )
            assert answer.status_code < 500, (rule.rule, name, text)
            for bad in ("<script>alert", ">49<", "Traceback"):
                assert bad not in answer.text, (rule.rule, name)


def test_r_11_two_owners_who_take_it_live_at_once_make_one_client(
    app: Application, owner: Developer, made: Registered
) -> None:
    services = app.wiring.services
    [(team, _)] = services.teams.list_of(owner.account.id)
    second = a_member(app, team.id, TeamRole.OWNER, 2)
    owner.submit(made.portal_id)
    with services.store.read() as tx:
        [release] = tx.team_portals.releases(made.portal_id)
    officer = Officer(services.entropy.uuid7(services.clock.now_ms()), "petugas@kemnaker.example")
    services.reviews.approve(
        release.id, officer, Visitor(b"", "203.0.113.9", NOWHERE), version=release.version
    )
    there = f"/portal/{made.portal_id}/tayang"
    pages = [(person, person.get(there)) for person in (owner, second)]

    answers = at_once([lambda who=who, page=page: who.post(there, page) for who, page in pages])

    assert sorted(answer.status_code for answer in answers) in ([200, 303], [200, 409])
    assert len(services.clients.list_all()) == 2


def test_r_11_a_form_sent_twice_makes_one_portal_and_shows_one_secret(
    app: Application, owner: Developer
) -> None:
    team_id = owner.create_team()
    page = owner.get("/portal/baru")
    sent = {**filled(team_id), **form_fields(page)}

    answers = [
        owner.guest.browser.post("/pengembang/portal/baru", data=sent, headers=same_origin())
        for _ in range(2)
    ]

    secrets = {re.search(r'id="client-secret">([^<]+)<', a.text)[1] for a in answers}
    assert len(secrets) == 1
    assert len(app.wiring.services.partner_portals.list_of(owner.account.id)) == 1


def test_two_members_who_begin_a_draft_at_once_begin_one(
    app: Application, owner: Developer
) -> None:
    team_id = owner.create_team()
    made = owner.register(team_id)
    second = a_member(app, team_id, TeamRole.DEVELOPER, 2)
    there = f"/portal/{made.portal_id}/pengajuan"
    told = {name: filled()[name] for name in ("client_name", "redirect_uris", "scopes")}
    told["token_endpoint_auth_method"] = "client_secret_basic"
    pages = [(person, person.get(there)) for person in (owner, second)]

    answers = at_once(
        [lambda who=who, page=page: who.post(there, page, **told) for who, page in pages]
    )

    assert sorted(answer.status_code for answer in answers) == [303, 422]
    with app.wiring.services.store.read() as tx:
        assert len(tx.team_portals.releases(made.portal_id)) == 1
