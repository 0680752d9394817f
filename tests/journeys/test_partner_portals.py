"""Portals of teams: every kind at once, errors at their field, secrets once, two environments."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import NOWHERE
from idp.domain.identity.team import TeamRole
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import Environment
from tests.dynamic import a_key
from tests.fakes import FixedClock
from tests.partners import CALLBACK, Developer, a_developer, a_member
from tests.portal import Portal, an_account, sign_in


@pytest.fixture
def developer(app: Application) -> Developer:
    return a_developer(app)


def field_errors(page: str, name: str) -> str:
    found = re.search(rf'id="{name}-e">(.*?)</p>', page, re.DOTALL)
    return found[1] if found is not None else ""


@pytest.mark.parametrize(
    ("kind", "method", "library"),
    [
        ("web", "client_secret_basic", "authlib"),
        ("web", "client_secret_basic", "laravel"),
        ("web", "client_secret_basic", "spring"),
        ("spa", "client_secret_basic", "node"),
        ("mobile", "none", "appauth"),
        ("apache", "client_secret_basic", "apache"),
    ],
)
def test_every_kind_is_registered_at_once_with_code_to_copy(
    app: Application, developer: Developer, kind: str, method: str, library: str
) -> None:
    callback = "id.go.contoh:/kembali" if kind == "mobile" else CALLBACK
    made = developer.register(
        developer.create_team(), kind=kind, library=library, redirect_uris=callback
    )
    client = app.wiring.services.clients.get(made.client_id)

    assert client.auth_method == method
    assert client.is_native is (kind == "mobile")
    assert (made.secret is None) is (method == "none")
    assert client.is_sandbox
    for piece in (made.client_id, callback, "http://localhost:8000"):
        assert piece in made.page.text
    assert made.secret is None or made.page.text.count(made.secret) == 2
    assert "@client_id@" not in made.page.text


def test_a_machine_is_registered_without_addresses(app: Application, developer: Developer) -> None:
    made = developer.register(
        developer.create_team(), kind="machine", library="curl", redirect_uris="", scopes=[]
    )
    client = app.wiring.services.clients.get(made.client_id)
    portal = Portal(app, developer.guest.browser, client, made.secret)

    assert client.grant_types == {"client_credentials"}
    assert "test_redirect_uri" not in client.metadata
    assert portal.token(grant_type="client_credentials").status_code == 200


def test_a_library_of_another_kind_gives_way_to_the_kind_s_own(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team(), kind="apache", library="curl")

    assert "OIDCProviderMetadataURL" in made.page.text


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        (
            {"redirect_uris": "https://a.example/cb\nhttp://b.example/cb"},
            "redirect_uris",
            "Baris 2",
        ),
        ({"redirect_uris": "https://a.example/*"}, "redirect_uris", "bintang"),
        ({"redirect_uris": "javascript:alert(1)"}, "redirect_uris", "skema"),
        ({"redirect_uris": ""}, "redirect_uris", "belum diisi"),
        (
            {"redirect_uris": "\n".join(f"https://a.example/{n}" for n in range(10_000))},
            "redirect_uris",
            "terlalu panjang",
        ),
        ({"client_name": "<script>alert(1)</script>"}, "client_name", "kurung sudut"),
        ({"client_name": " "}, "client_name", "Isian ini belum diisi."),
        ({"client_name": "", "redirect_uris": ""}, "client_name", "Isian ini belum diisi."),
        ({"client_name": "", "redirect_uris": ""}, "redirect_uris", "Isian ini belum diisi."),
        ({"scopes": ["raja"]}, "scopes", "Pilih salah satu"),
        ({"kind": "toaster"}, "kind", "Pilih salah satu"),
    ],
)
def test_what_is_wrong_is_told_at_its_field_and_the_rest_stays(
    developer: Developer, fields: dict[str, object], field: str, words: str
) -> None:
    team_id = developer.create_team()
    told = {
        "team": str(team_id),
        "kind": "web",
        "library": "spring",
        "client_name": "Portal Pelatihan",
        "redirect_uris": CALLBACK,
        "scopes": ["email"],
        **fields,
    }
    answer = developer.post("/portal/baru", **told)

    assert answer.status_code == 422
    page = answer.text
    assert words in (field_errors(page, field) or page)
    assert "<script>alert" not in page
    if "client_name" not in fields:
        assert 'value="Portal Pelatihan"' in page
    assert '<option value="spring" selected>' in page
    assert "Belum ada portal" in developer.get("/portal").text


def test_a_sandbox_client_is_changed_at_once_and_its_secret_stays(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team())
    before = app.wiring.services.clients.get(made.client_id)
    answer = developer.post(
        f"/portal/{made.portal_id}/ubah",
        client_name="Nama Baru",
        client_name_en="New Name",
        redirect_uris=CALLBACK,
        scopes=["profile", "offline_access"],
        token_endpoint_auth_method="client_secret_basic",
        require_par="1",
        dpop_bound="1",
    )

    after = app.wiring.services.clients.get(made.client_id)
    assert answer.status_code == 303
    assert (after.name_in("id"), after.name_in("en")) == ("Nama Baru", "New Name")
    assert after.metadata["require_pushed_authorization_requests"] is True
    assert after.metadata["dpop_bound_access_tokens"] is True
    again = developer.get(f"/portal/{made.portal_id}/ubah").text
    assert re.search(r'name="dpop_bound" value="1" checked', again)
    assert "refresh_token" in after.grant_types
    assert after.secrets == before.secrets
    assert after.metadata["environment"] == Environment.SANDBOX
    assert after.metadata["test_redirect_uri"] == before.metadata["test_redirect_uri"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"token_endpoint_auth_method": "private_key_jwt"}, "jwks_uri"),
        ({"jwks": "{not json"}, "jwks"),
        ({"jwks": '{"keys":[{"kty":"EC","crv":"P-256","x":"a","y":"b","d":"c"}]}'}, "jwks"),
        ({"policy_uri": "http://portal.example/privasi"}, "policy_uri"),
        ({"redirect_uris": f"{CALLBACK}\nhttps://lain.example/cb"}, "redirect_uris"),
    ],
)
def test_a_change_that_can_not_be_is_told_at_its_field(
    app: Application, developer: Developer, fields: dict[str, str], field: str
) -> None:
    made = developer.register(developer.create_team())
    told = {
        "client_name": "Portal Uji",
        "redirect_uris": CALLBACK,
        "scopes": ["profile"],
        "token_endpoint_auth_method": "client_secret_basic",
        **fields,
    }
    answer = developer.post(f"/portal/{made.portal_id}/ubah", **told)

    assert answer.status_code == 422
    assert field_errors(answer.text, field), answer.text
    assert app.wiring.services.clients.get(made.client_id).version == 1


def test_a_new_secret_is_shown_once_and_the_old_one_goes_on_for_a_week(
    app: Application, developer: Developer, clock: FixedClock
) -> None:
    made = developer.register(developer.create_team())
    answer = developer.post(f"/portal/{made.portal_id}/rahasia")
    secret = re.search(r'id="client-secret">([^<]+)<', answer.text)[1]
    client = app.wiring.services.clients.get(made.client_id)

    def works(what: str) -> bool:
        portal = Portal(app, app.test_client(), client, what, CALLBACK)
        return portal.redeem("x").get_json()["error"] == "invalid_grant"

    assert secret != made.secret
    assert works(secret)
    assert works(made.secret)
    assert secret not in developer.get(f"/portal/{made.portal_id}").text
    clock.move(7 * 86400 + 5)
    assert works(secret)
    assert not works(made.secret)


def test_a_portal_that_is_given_up_ends_for_good(app: Application, developer: Developer) -> None:
    made = developer.register(developer.create_team())
    client = app.wiring.services.clients.get(made.client_id)
    portal = Portal(app, developer.guest.browser, client, made.secret, CALLBACK)
    token = portal.tokens(scope="openid email")["access_token"]

    assert developer.post(f"/portal/{made.portal_id}/akhiri").status_code == 303

    assert portal.userinfo(token).status_code == 401
    assert portal.start().status_code == 400
    assert developer.get(f"/portal/{made.portal_id}").status_code == 404
    # its team sees what became of it, and nothing to open any more
    page = developer.get("/portal").text
    assert "Portal Uji" in page
    assert "Berakhir" in page
    assert f"/pengembang/portal/{made.portal_id}" not in page


def test_a_portal_that_an_officer_deleted_is_shown_as_ended(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team())
    app.wiring.services.clients.delete(made.client_id)

    page = developer.get("/portal").text

    assert "Portal yang berakhir" in page
    assert f"/pengembang/portal/{made.portal_id}" not in page


def test_two_members_at_one_draft_do_not_overwrite_one_another(
    app: Application, developer: Developer
) -> None:
    team_id = developer.create_team()
    made = developer.register(team_id)
    other = a_member(app, team_id, TeamRole.DEVELOPER, 2)
    there = f"/portal/{made.portal_id}/pengajuan"
    pages = developer.get(there), other.get(there)
    told = {
        "client_name": "Portal Uji",
        "redirect_uris": CALLBACK,
        "scopes": ["profile"],
        "token_endpoint_auth_method": "client_secret_basic",
    }

    assert developer.post(there, pages[0], **told).status_code == 303
    late = other.post(there, pages[1], **{**told, "client_name": "Nama Lain"})

    assert late.status_code == 422
    assert "Orang lain baru saja mengubahnya" in late.text
    assert 'value="Nama Lain"' in late.text


# Two environments in one installation -------------------------------------------------------------


@pytest.fixture
def production(make_app: Callable[..., Application]) -> Application:
    return make_app(SIAPKERJA_ENV="production", SIAPKERJA_ISSUER="https://akun.contoh.go.id")


def a_sandbox_client(app: Application, member: TeamRole | None = None) -> Portal:
    services = app.wiring.services
    registered = services.clients.register(
        {
            "client_name": "Portal Uji",
            "redirect_uris": [CALLBACK],
            "scope": "openid profile",
            "environment": "sandbox",
        }
    )
    return Portal(app, app.test_client(), registered.client, registered.secret, CALLBACK)


@pytest.mark.parametrize("prompt", [None, "consent"])
def test_in_production_only_its_team_signs_in_to_a_sandbox_client(
    production: Application, prompt: str | None
) -> None:
    from idp.domain.identity.team import Membership, Team
    from idp.ports.partners import TeamPortal

    services = production.wiring.services
    portal = a_sandbox_client(production)
    member, stranger = an_account(production, number=1), an_account(production, number=2)
    made = services.entropy.uuid7(services.clock.now_ms())
    with services.store.write() as tx:
        tx.teams.add(Team(made, "Dinas", 0))
        tx.teams.put_member(Membership(made, member.id, TeamRole.VIEWER, 0))
        tx.team_portals.add(TeamPortal(made, made, portal.client_id, "web", "authlib", 0))

    outcomes = {}
    for name, account in (("member", member), ("stranger", stranger)):
        browser = production.test_client()
        sign_in(production, browser, account)
        sid = browser.get_cookie("sid").value
        browser.set_cookie("__Host-sid", sid, domain="akun.contoh.go.id", secure=True)
        answer = browser.get(
            portal.authorization_url(prompt=prompt), base_url="https://akun.contoh.go.id"
        )
        outcomes[name] = answer.headers["Location"]

    assert "error=access_denied" in outcomes["stranger"]
    assert "access_denied" not in outcomes["member"]


def test_a_sandbox_client_is_named_so_where_people_sign_in_and_consent(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team())
    client = app.wiring.services.clients.get(made.client_id)
    portal = Portal(app, developer.guest.browser, client, made.secret, CALLBACK)
    consent = portal.browser.get(portal.start().headers["Location"])
    login = app.test_client()
    page = login.get(login.get(portal.authorization_url()).headers["Location"])

    assert "Sedang diuji coba" in consent.text
    assert "Sedang diuji coba" in page.text


def test_our_tester_s_address_makes_no_sector_and_is_no_address_of_the_portal(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team())
    client = app.wiring.services.clients.get(made.client_id)

    assert client.sector == "portal.example"
    assert client.domain == "portal.example"
    assert "/pengembang/uji/kembali" not in developer.get(f"/portal/{made.portal_id}").text


@pytest.mark.parametrize("member", ["environment", "test_redirect_uri"])
def test_nobody_says_of_their_own_client_where_it_stands(
    make_app: Callable[..., Application], member: str
) -> None:
    browser = make_app(SIAPKERJA_OAUTH_REGISTRATION="open").test_client()
    value = "sandbox" if member == "environment" else "https://evil.example/cb"
    answer = browser.post("/register", json={"redirect_uris": [CALLBACK], member: value})

    assert answer.status_code == 201
    assert member not in answer.get_json()


def test_the_tester_s_answer_counts_only_in_the_browser_that_began(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team())
    begun = developer.post("/uji", portal=str(made.portal_id), scope="openid")
    state = re.search(r"state=([\w-]+)", begun.headers["Location"])[1]

    there = f"/pengembang/uji/kembali?code=x&state={state}&iss=http://localhost:8000"
    assert app.test_client().get(there).status_code == 400
    assert developer.guest.get(there).status_code == 200
    assert developer.guest.get(there.replace(state, state[:-2] + "AA")).status_code == 400


def test_the_tester_shows_a_refusal_too(app: Application, developer: Developer) -> None:
    made = developer.register(developer.create_team())
    begun = developer.post("/uji", portal=str(made.portal_id), scope="openid")
    consent = developer.guest.get(begun.headers["Location"]).headers["Location"]
    back = developer.guest.post(consent, decision="deny")
    page = developer.guest.get(back.headers["Location"])

    assert page.status_code == 200
    assert "access_denied" in page.text
    assert "Masuk berhasil" not in page.text


def test_only_a_sandbox_client_can_be_redeemed_without_its_proof(
    app: Application, developer: Developer
) -> None:
    from idp.domain.protocol.errors import ProtocolError
    from idp.oidc.request import Parameters

    registered = app.wiring.services.clients.register({"redirect_uris": [CALLBACK]})
    form = Parameters({"code": "x"}, {}, frozenset())
    with pytest.raises(ProtocolError, match="unauthorized_client"):
        app.wiring.provider.trial.finish(registered.client, form, NOWHERE)
    with pytest.raises(ProtocolError, match="unauthorized_client"):
        app.wiring.provider.trial.begin(registered.client, {}, NOWHERE)


@pytest.mark.parametrize(
    ("members", "pieces"),
    [
        (
            {"dpop_bound_access_tokens": True},
            ("&#34;DPoP&#34;", "kunci DPoP"),
        ),
        ({"require_pushed_authorization_requests": True}, ("Bearer",)),
        (
            {
                "profile": "fapi2",
                "token_endpoint_auth_method": "private_key_jwt",
                "jwks": {"keys": [a_key()]},
                "id_token_signed_response_alg": "ES256",
            },
            ("DPoP",),
        ),
    ],
)
def test_the_tester_tries_bound_tokens_and_pushed_requests_too(
    app: Application, developer: Developer, members: dict[str, Any], pieces: tuple[str, ...]
) -> None:
    made = developer.register(developer.create_team())
    known = app.wiring.services.clients.get(made.client_id).metadata
    app.wiring.services.clients.replace(made.client_id, {**known, **members})

    page = developer.try_sign_in(made.portal_id)

    assert "Masuk berhasil" in page.text
    assert "budi1@contoh.id" in page.text
    for piece in pieces:
        assert piece in page.text
    told = developer.get(f"/portal/{made.portal_id}/permintaan").text
    assert "Berhasil" in told


def test_the_tester_says_that_it_has_no_certificate(app: Application, developer: Developer) -> None:
    made = developer.register(developer.create_team())
    known = app.wiring.services.clients.get(made.client_id).metadata
    bound = {**known, "tls_client_certificate_bound_access_tokens": True}
    app.wiring.services.clients.replace(made.client_id, bound)

    page = developer.post("/uji", portal=str(made.portal_id), scope="openid")

    assert page.status_code == 422
    assert "mTLS" in field_errors(page.text, "portal")


def test_guarded_scopes_are_tried_with_synthetic_people(
    app: Application, developer: Developer
) -> None:
    made = developer.register(developer.create_team(), scopes=["profile", "nik"])
    begun = developer.post("/uji", portal=str(made.portal_id), scope="openid nik")
    consent = developer.guest.get(begun.headers["Location"]).headers["Location"]
    back = developer.guest.post(consent, decision="allow")
    while back.status_code == 303:
        back = developer.guest.get(back.headers["Location"])

    assert "&#34;nik&#34;" in back.text
    # what goes before citizens takes a purpose all the same
    refused = developer.draft(made.portal_id, scopes=["profile", "nik"], purposes="")
    assert refused.status_code == 422
    assert "dasar hukum" in refused.text


def test_guarded_scopes_are_not_tried_where_real_people_sign_in(production: Application) -> None:
    services = production.wiring.services
    account = an_account(production)
    visitor = Visitor(b"", "203.0.113.9", NOWHERE)
    team = services.teams.create(account, "Dinas", visitor)
    given = {"client_name": "P", "redirect_uris": [CALLBACK], "scope": "openid nik"}
    with pytest.raises(Refused, match=r"portal\.scope"):
        services.partner_portals.register(
            team.id, account, given, visitor, kind="web", library="authlib"
        )
