"""OpenID Connect Back-Channel Logout 1.0 (security.md SE-4, R-20)."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from joserfc import jwe
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD, Authentication
from idp.domain.identity.audit import Origin
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import decode_base64url, digest_of
from idp.domain.protocol.errors import ProtocolError
from tests.conformance import ISSUER as SUITE_ISSUER
from tests.conformance import PERSON, SETTINGS, SUITE, Suite
from tests.elsewhere import a_device, decide_on
from tests.fakes import NOW, FixedClock
from tests.listener import Call, Listener, running_listener
from tests.portal import ISSUER, Portal, a_portal, an_account, form_fields, same_origin, sign_in

EVENT = "http://schemas.openid.net/event/backchannel-logout"
TWO_FACTORS = Authentication(2, ("pwd", "otp", "mfa"))
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with running_listener() as running:
        yield running


@dataclass
class World:
    """A person signed in at a portal that hears of logouts at its own server."""

    app: Application
    browser: FlaskClient
    clock: FixedClock
    person: Account
    listener: Listener
    portal: Portal

    def deliver(self) -> dict[str, int]:
        """Deliver logout tokens, and nothing else."""
        outbox = self.app.wiring.services.outbox
        alone = replace(outbox, deliverers={"logout": outbox.deliverers["logout"]})
        return dict(alone.deliver_due())

    def told(self) -> list[Call]:
        self.deliver()
        return self.listener.calls

    def claims(self) -> dict[str, Any]:
        """Return the claims of the only token that arrived."""
        (call,) = self.told()
        return self.portal.claims(call.form["logout_token"])

    def another_browser(self, proof: Authentication = TWO_FACTORS) -> FlaskClient:
        """Return a second browser of the same person."""
        other = self.app.test_client()
        sign_in(self.app, other, self.person, proof)
        return other


@pytest.fixture
def world(make_app: Callable[..., Application], clock: FixedClock, listener: Listener) -> World:
    app = make_app(SIAPKERJA_FETCH_PRIVATE_HOSTS=listener.host)
    browser = app.test_client()
    person = an_account(app)
    sign_in(app, browser, person)
    portal = hears(app, browser, listener)
    return World(app, browser, clock, person, listener, portal)


def hears(app: Application, browser: FlaskClient, listener: Listener, **metadata: Any) -> Portal:
    """Register a portal that hears of logouts."""
    return a_portal(
        app,
        browser,
        post_logout_redirect_uris=["https://portal.example/selesai"],
        **{"backchannel_logout_uri": listener.url(), **metadata},
    )


def press(browser: FlaskClient, path: str, **fields: str) -> TestResponse:
    """Open a page and send its form."""
    page = browser.get(path)
    assert page.status_code == 200, (page.status_code, page.headers.get("Location"))
    return browser.post(path, data={**form_fields(page), **fields}, headers=same_origin())


def sign_out(world: World) -> TestResponse:
    return press(world.browser, "/keluar", decision="all")


# --- §2.4: the logout token


def test_se_4_the_token_says_whose_session_ended_and_nothing_more(world: World) -> None:
    tokens = world.portal.tokens()
    sign_out(world)

    claims = world.claims()

    signed_in = world.portal.claims(tokens["id_token"])
    assert set(claims) == {"iss", "aud", "iat", "exp", "jti", "sub", "sid", "events"}
    assert claims["iss"] == ISSUER
    assert claims["aud"] == world.portal.client_id
    assert (claims["sub"], claims["sid"]) == (signed_in["sub"], signed_in["sid"])
    assert claims["events"] == {EVENT: {}}
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 120)


def test_se_4_the_token_says_what_it_is(world: World) -> None:
    world.portal.tokens()
    sign_out(world)

    (call,) = world.told()
    header = json.loads(decode_base64url(call.form["logout_token"].partition(".")[0]))

    assert header["typ"] == "logout+jwt"
    assert header["alg"] == "RS256"
    published = world.browser.get("/jwks").get_json()["keys"]
    assert header["kid"] in {key["kid"] for key in published}


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_it_is_signed_like_the_id_tokens_of_its_client(
    world: World, listener: Listener, alg: str
) -> None:
    world.portal = hears(world.app, world.browser, listener, id_token_signed_response_alg=alg)
    world.portal.tokens()
    sign_out(world)

    (call,) = world.told()

    header = json.loads(decode_base64url(call.form["logout_token"].partition(".")[0]))
    assert header["alg"] == alg
    assert world.claims()["aud"] == world.portal.client_id


def test_it_is_encrypted_like_the_id_tokens_of_its_client(world: World, listener: Listener) -> None:
    key = ECKey.generate_key("P-256", {"kid": "e1", "use": "enc"})
    world.portal = hears(
        world.app,
        world.browser,
        listener,
        jwks={"keys": [key.as_dict(private=False)]},
        id_token_encrypted_response_alg="ECDH-ES",
    )
    world.portal.tokens()
    sign_out(world)

    (call,) = world.told()

    sealed = call.form["logout_token"]
    opened = jwe.decrypt_compact(sealed, key, algorithms=["ECDH-ES", "A128CBC-HS256"])
    claims = world.portal.claims((opened.plaintext or b"").decode())
    assert claims["events"] == {EVENT: {}}


def test_it_comes_as_a_form_to_the_registered_address_as_it_is(
    world: World, listener: Listener
) -> None:
    uri = listener.url("/oidc/cb?logout=backchannel")
    world.portal = hears(world.app, world.browser, listener, backchannel_logout_uri=uri)
    world.portal.tokens()
    sign_out(world)

    (call,) = world.told()

    assert (call.method, call.path) == ("POST", "/oidc/cb?logout=backchannel")
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"
    assert set(call.form) == {"logout_token"}
    assert "cookie" not in call.headers
    assert "authorization" not in call.headers


def test_a_logout_token_is_good_for_nothing_else(world: World) -> None:
    world.portal.tokens()
    sign_out(world)
    token = world.told()[0].form["logout_token"]

    assert world.portal.userinfo(token).status_code == 401
    assert world.portal.introspect(token) == {"active": False}
    query = urlencode({"id_token_hint": token})
    assert world.browser.get(f"/end_session?{query}").status_code == 400


# --- every end of a session


def by_the_page(world: World) -> None:
    sign_out(world)


def by_the_portal(world: World) -> None:
    hint = world.portal.tokens()["id_token"]
    query = urlencode({"id_token_hint": hint})
    assert world.browser.get(f"/end_session?{query}").status_code == 303


def by_the_owner_elsewhere(world: World) -> None:
    other = world.another_browser()
    (session,) = [
        found
        for found in world.app.wiring.services.sessions.list_alive(world.person.id)
        if found.aal == PASSWORD.aal
    ]
    assert press(other, "/akun/sesi", sid=session.sid).status_code == 303


def by_ending_all_others(world: World) -> None:
    press(world.another_browser(), "/akun/sesi", action="others")


def by_a_new_password(world: World) -> None:
    answer = press(
        world.another_browser(),
        "/akun/keamanan/kata-sandi",
        current_password="tiga kata acak sekali",
        password="kuda hijau terbang tinggi",
    )
    assert answer.status_code == 303, answer.text


def by_withdrawing_the_permission(world: World) -> None:
    path = f"/akun/portal/{world.portal.client.id}"
    assert press(world.browser, path).status_code == 303


def by_deleting_the_account(world: World) -> None:
    world.app.wiring.services.accounts.delete(world.person.subject)


def by_another_person_in_the_same_browser(world: World) -> None:
    world.browser.get("/masuk")
    services = world.app.wiring.services
    somebody = an_account(world.app, number=2)
    cookie = world.browser.get_cookie("sid")
    assert cookie is not None
    visitor = Visitor(
        digest_of("flow"), "127.0.0.1", Origin(), session_digest=digest_of(cookie.value)
    )
    with services.store.write() as tx:
        services.sessions.start(somebody, PASSWORD, visitor, tx=tx)


@pytest.mark.parametrize(
    "end",
    [
        by_the_page,
        by_the_portal,
        by_the_owner_elsewhere,
        by_ending_all_others,
        by_a_new_password,
        by_withdrawing_the_permission,
        by_deleting_the_account,
        by_another_person_in_the_same_browser,
    ],
)
def test_se_4_the_portal_hears_of_every_end_of_the_session(world: World, end: Any) -> None:
    signed_in = world.portal.claims(world.portal.tokens()["id_token"])

    end(world)

    claims = world.claims()
    assert (claims["sub"], claims["sid"]) == (signed_in["sub"], signed_in["sid"])


@pytest.mark.parametrize("hours", [1, 13, 24 * 7])
@pytest.mark.parametrize("end", [by_a_new_password, by_deleting_the_account])
def test_se_4_the_portal_of_a_session_that_ran_out_hears_of_it_too(
    world: World, end: Any, hours: int
) -> None:
    sid = world.portal.claims(world.portal.tokens()["id_token"])["sid"]
    world.clock.move(hours * 3600)

    end(world)

    assert world.claims()["sid"] == sid


def test_a_portal_that_was_deleted_is_told_nothing_and_the_person_that_it_failed(
    world: World,
) -> None:
    world.portal.tokens()
    done = sign_out(world)
    world.app.wiring.services.clients.delete(world.portal.client_id)

    assert world.deliver() == {"client": 1}
    assert world.listener.calls == []
    assert "Sedang diberi tahu" not in world.browser.get(done.headers["Location"]).text


def test_se_4_one_token_for_each_session_at_a_portal(world: World) -> None:
    for _ in range(3):
        world.portal.tokens()
    sign_out(world)

    assert len(world.told()) == 1


def test_se_4_every_portal_of_the_session_hears_of_it_by_names_of_its_own(
    world: World, listener: Listener
) -> None:
    second = hears(
        world.app,
        world.browser,
        listener,
        redirect_uris=["https://lain.example/cb"],
        backchannel_logout_uri=listener.url("/second"),
    )
    second.callback = "https://lain.example/cb"
    world.portal.tokens()
    second.tokens()
    sign_out(world)

    found = {call.path: call.form["logout_token"] for call in world.told()}

    claims = [world.portal.claims(token) for token in found.values()]
    assert set(found) == {"/told", "/second"}
    assert len({told["sid"] for told in claims}) == 2
    assert len({told["sub"] for told in claims}) == 2
    assert len({told["jti"] for told in claims}) == 2


def test_se_4_two_browsers_are_two_sessions(world: World) -> None:
    world.portal.tokens()
    other = world.another_browser(PASSWORD)
    kept = replace(world.portal, browser=other).tokens()

    sign_out(world)

    claims = world.claims()
    assert claims["sid"] != world.portal.claims(kept["id_token"])["sid"]
    assert world.portal.userinfo(kept["access_token"]).status_code == 200


def test_a_portal_of_another_session_hears_nothing(world: World) -> None:
    other = world.another_browser(PASSWORD)
    replace(world.portal, browser=other).tokens()

    sign_out(world)

    assert world.told() == []


def test_a_portal_that_registered_no_address_hears_nothing(
    world: World, listener: Listener
) -> None:
    a_portal(world.app, world.browser).tokens()

    sign_out(world)

    assert world.told() == []


def test_a_portal_with_offline_access_hears_of_it_and_keeps_its_token(
    world: World,
) -> None:
    refresh_token = world.portal.tokens(scope="openid offline_access")["refresh_token"]

    sign_out(world)

    assert len(world.told()) == 1
    assert world.portal.refresh(refresh_token).status_code == 200


def test_a_device_has_no_session_that_could_end(world: World, listener: Listener) -> None:
    box = hears(
        world.app,
        world.browser,
        listener,
        redirect_uris=[],
        grant_types=[DEVICE],
        token_endpoint_auth_method="none",
    )
    device = a_device(box)
    decide_on(world.browser, device, "allow")
    assert device.poll().status_code == 200

    sign_out(world)

    assert world.told() == []


def test_a_suspended_client_still_hears(world: World) -> None:
    world.portal.tokens()
    world.app.wiring.services.clients.suspend(world.portal.client_id)

    sign_out(world)

    assert len(world.told()) == 1


# --- §2.8, R-20: when the portal does not answer well


@pytest.mark.parametrize("status", [400, 404, 500, 503, 302])
def test_r_20_three_tries_in_two_minutes_then_it_is_recorded(world: World, status: int) -> None:
    world.listener.statuses = [status]
    world.listener.headers = {"Location": world.listener.url("/elsewhere")}
    world.portal.tokens()
    done = sign_out(world)

    for _ in range(15):
        world.deliver()
        world.clock.move(10)

    assert [call.path for call in world.listener.calls] == ["/told"] * 3
    page = world.browser.get(done.headers["Location"])
    assert "Belum menjawab" in page.text


def test_r_20_each_try_is_signed_anew_for_the_same_event(world: World) -> None:
    world.listener.statuses = [503, 200]
    world.portal.tokens()
    sign_out(world)
    world.deliver()
    world.clock.move(20)
    world.deliver()

    first, second = [world.portal.claims(c.form["logout_token"]) for c in world.listener.calls]
    assert first["jti"] == second["jti"]
    assert (first["iat"], second["iat"]) == (NOW, NOW + 20)


@pytest.mark.parametrize("status", [200, 204])
def test_a_success_is_confirmed_to_the_person(world: World, status: int) -> None:
    world.listener.statuses = [status]
    world.portal.tokens()
    done = sign_out(world)
    assert "Sedang diberi tahu" in world.browser.get(done.headers["Location"]).text

    world.deliver()

    assert "Sudah keluar" in world.browser.get(done.headers["Location"]).text
    assert world.deliver() == {}


def test_nobody_else_sees_what_the_portals_answered(world: World) -> None:
    world.portal.tokens()
    done = sign_out(world)

    stranger = world.app.test_client().get(done.headers["Location"])

    assert stranger.status_code == 200
    assert "Portal Uji" not in stranger.text


def test_r_20_the_persons_logout_waits_for_nobody(world: World) -> None:
    world.portal.tokens()

    answer = sign_out(world)

    assert answer.status_code == 303
    assert world.listener.calls == []


@pytest.mark.parametrize(
    "uri",
    [
        "http://portal.example/bc",
        "https://portal.example/bc#x",
        "https://u:p@portal.example/bc",
        "javascript:alert(1)",
        "/bc",
        "https:///bc",
        "https://portal.example/\r\nx",
        7,
    ],
)
def test_an_address_that_can_not_be_told_can_not_be_registered(
    app: Application, uri: object
) -> None:
    given = {
        "client_name": "Portal",
        "redirect_uris": ["https://portal.example/cb"],
        "backchannel_logout_uri": uri,
    }
    with pytest.raises(ProtocolError) as refused:
        app.wiring.services.clients.register(given)

    assert refused.value.error == "invalid_client_metadata"


@pytest.mark.parametrize(
    "uri", ["https://localhost/bc", "https://127.0.0.1/bc", "https://10.0.0.8/bc", "https://[::1]/"]
)
def test_ss_1_nobody_inside_is_called(app: Application, browser: FlaskClient, uri: str) -> None:
    person = an_account(app)
    sign_in(app, browser, person)
    portal = a_portal(app, browser, backchannel_logout_uri=uri)
    portal.tokens()
    press(browser, "/keluar", decision="all")
    outbox = app.wiring.services.outbox

    found = replace(outbox, deliverers={"logout": outbox.deliverers["logout"]}).deliver_due()

    assert found == {"address": 1}


# --- the modules of the OpenID Foundation's plans: Back-Channel OP, RP-Initiated OP


@pytest.fixture
def certified(make_app: Callable[..., Application], clock: FixedClock, listener: Listener) -> Suite:
    app = make_app(**SETTINGS, SIAPKERJA_FETCH_PRIVATE_HOSTS=listener.host)
    app.wiring.services.accounts.create(PERSON)
    return Suite(app, clock, app.test_client())


LEFT = f"{SUITE}/post_logout_redirect"


def client_of(suite: Suite, listener: Listener) -> dict[str, Any]:
    return suite.dynamic_client(
        backchannel_logout_uri=listener.url("/backchannel_logout"),
        backchannel_logout_session_required=True,
        post_logout_redirect_uris=[LEFT],
    )


def test_oidcc_backchannel_rp_initiated_logout(certified: Suite, listener: Listener) -> None:
    told = certified.discovery
    assert told["backchannel_logout_supported"] is True
    assert told["backchannel_logout_session_supported"] is True
    client = client_of(certified, listener)
    tokens = certified.tokens(client)
    signed_in = certified.id_token(tokens)
    query = urlencode(
        {
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": LEFT,
            "state": "state-of-the-logout",
        }
    )

    answer = certified.get(f"{told['end_session_endpoint']}?{query}")
    outbox = certified.app.wiring.services.outbox
    replace(outbox, deliverers={"logout": outbox.deliverers["logout"]}).deliver_due()

    assert answer.headers["Location"] == f"{LEFT}?state=state-of-the-logout"
    (call,) = listener.calls
    claims = certified.verified(call.form["logout_token"])
    assert (claims["iss"], claims["aud"]) == (SUITE_ISSUER, client["client_id"])
    assert (claims["sub"], claims["sid"]) == (signed_in["sub"], signed_in["sid"])
    assert claims["events"] == {EVENT: {}}
    assert "nonce" not in claims
    silent = certified.authorize(client, prompt="none")
    assert silent["error"] == "login_required"


@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("bad-post-logout-redirect-uri", {"post_logout_redirect_uri": f"{SUITE}/bad"}),
        ("query-added-to-post-logout-redirect-uri", {"post_logout_redirect_uri": f"{LEFT}?a=b"}),
        ("modified-id-token-hint", {"id_token_hint": "bent"}),
        ("bad-id-token-hint", {"id_token_hint": "no token"}),
        ("no-id-token-hint", {"id_token_hint": None}),
        ("no-params", dict.fromkeys(("id_token_hint", "post_logout_redirect_uri", "state"))),
        ("only-state", dict.fromkeys(("id_token_hint", "post_logout_redirect_uri"))),
    ],
)
def test_oidcc_rp_initiated_logout_never_redirects_where_it_must_not(
    certified: Suite, listener: Listener, module: str, changes: dict[str, str | None]
) -> None:
    client = client_of(certified, listener)
    hint = certified.tokens(client)["id_token"]
    if changes.get("id_token_hint") == "bent":
        changes = {"id_token_hint": f"{hint[:-6]}AAAAAA"}
    given = {
        "id_token_hint": hint,
        "post_logout_redirect_uri": LEFT,
        "state": "s",
        **changes,
    }
    query = urlencode({name: value for name, value in given.items() if value is not None})

    answer = certified.get(f"/end_session?{query}")

    there = answer.headers.get("Location", "/keluar")
    assert answer.status_code in {303, 400}, module
    assert urlsplit(there).path == "/keluar"
    assert not there.startswith("https://suite")
    assert certified.authorize(client, prompt="none").params.keys() >= {"code"}


@pytest.mark.parametrize(
    ("module", "changes", "there"),
    [
        ("rp-initiated-logout", {}, f"{LEFT}?state=s"),
        ("no-state", {"state": None}, LEFT),
        ("no-post-logout-redirect-uri", {"post_logout_redirect_uri": None}, "/keluar/selesai"),
    ],
)
def test_oidcc_rp_initiated_logout_ends_the_session(
    certified: Suite, listener: Listener, module: str, changes: dict[str, str | None], there: str
) -> None:
    client = client_of(certified, listener)
    given: dict[str, str | None] = {
        "id_token_hint": certified.tokens(client)["id_token"],
        "post_logout_redirect_uri": LEFT,
        "state": "s",
        **changes,
    }
    query = urlencode({name: value for name, value in given.items() if value is not None})

    answer = certified.get(f"/end_session?{query}")

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(there), module
    assert certified.authorize(client, prompt="none")["error"] == "login_required"
