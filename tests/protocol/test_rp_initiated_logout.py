"""RP-Initiated Logout 1.0 (security.md SE-5)."""

from collections.abc import Callable
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from tests.fakes import FixedClock
from tests.jar import encrypted
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in
from tests.signing import compact
from tests.waiting import page_of

AFTER = "https://portal.example/selesai"

BENT = [
    "https://portal.example/selesai/",
    "https://portal.example/selesai?x=1",
    "https://portal.example/selesai#x",
    "https://portal.example/Selesai",
    "https://PORTAL.example/selesai",
    "https://portal.example:443/selesai",
    "http://portal.example/selesai",
    "https://portal.example",
    "https://portal.example/cb",
    "https://portal.example/x/../selesai",
    "https://portal.example@evil.example/selesai",
    "https://evil.example/selesai",
    "//evil.example",
    "javascript:alert(1)",
    "https://portal.example/selesai\r\nX: 1",
    "data:text/html,x",
]


@pytest.fixture
def portal(app: Application, browser: FlaskClient, person: Account) -> Portal:
    return a_portal(app, browser, post_logout_redirect_uris=[AFTER, f"{AFTER}?tenant=1"])


def leave(browser: FlaskClient, **params: str) -> TestResponse:
    return browser.get("/end_session?" + urlencode(params))


def is_signed_in(portal: Portal) -> bool:
    """Whether the browser's session still counts: asked of the provider, not of the cookie."""
    cookie = portal.browser.get_cookie("sid")
    if cookie is None:
        return False
    from idp.domain.ids import digest_of

    return portal.app.wiring.services.sessions.find(digest_of(cookie.value)) is not None


def cookie_of(portal: Portal) -> str:
    cookie = portal.browser.get_cookie("sid")
    assert cookie is not None
    return cookie.value


def goes_to_a_portal(response: TestResponse) -> bool:
    return response.headers.get("Location", "/").startswith("http")


# --- with a hint of this very session


def test_se_5_a_hint_of_the_session_ends_it_and_returns(portal: Portal) -> None:
    hint, copied = portal.tokens()["id_token"], cookie_of(portal)

    response = leave(
        portal.browser, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="a b&c"
    )

    assert response.status_code == 303
    location = response.headers["Location"]
    assert location.startswith(f"{AFTER}?")
    assert parse_qs(urlsplit(location).query) == {"state": ["a b&c"]}
    assert not is_signed_in(portal)
    portal.browser.set_cookie("sid", copied)
    assert not is_signed_in(portal)


def test_a_logout_may_come_without_state_and_with_a_query(portal: Portal) -> None:
    hint = portal.tokens()["id_token"]
    uri = f"{AFTER}?tenant=1"

    response = leave(portal.browser, id_token_hint=hint, post_logout_redirect_uri=uri)

    assert response.headers["Location"] == uri


def test_a_logout_without_an_address_ends_on_our_page(portal: Portal) -> None:
    response = leave(portal.browser, id_token_hint=portal.tokens()["id_token"])

    assert page_of(response) == "/keluar/selesai"
    assert not is_signed_in(portal)


def test_a_logout_by_post_is_seen_with_its_session(portal: Portal) -> None:
    form = {"id_token_hint": portal.tokens()["id_token"], "post_logout_redirect_uri": AFTER}
    copied = cookie_of(portal)
    portal.browser.delete_cookie("sid")

    response = portal.browser.post("/end_session", data=form)
    portal.browser.set_cookie("sid", copied)
    while not goes_to_a_portal(response):
        response = portal.browser.get(response.headers["Location"])

    assert response.headers["Location"] == AFTER
    portal.browser.set_cookie("sid", copied)
    assert not is_signed_in(portal)


def test_se_5_an_expired_hint_is_taken(portal: Portal, clock: FixedClock) -> None:
    hint = portal.tokens()["id_token"]
    clock.move(1500)

    response = leave(portal.browser, id_token_hint=hint, post_logout_redirect_uri=AFTER)

    assert response.headers["Location"] == AFTER
    assert not is_signed_in(portal)


def test_se_5_a_hint_may_be_encrypted_to_us(portal: Portal) -> None:
    """OpenID Connect Core §3.1.2.1."""
    hint = encrypted(portal.browser, portal.tokens()["id_token"], "RSA-OAEP-256", "A256GCM")

    response = leave(portal.browser, id_token_hint=hint, post_logout_redirect_uri=AFTER)

    assert response.headers["Location"] == AFTER
    assert not is_signed_in(portal)


def test_se_4_logout_ends_the_tokens_of_the_session(portal: Portal) -> None:
    online, offline = portal.tokens(), portal.tokens(scope="openid offline_access")

    leave(portal.browser, id_token_hint=online["id_token"])

    assert portal.userinfo(online["access_token"]).status_code == 401
    assert portal.refresh(offline["refresh_token"]).status_code == 200


def test_a_second_logout_is_as_good_as_the_first(portal: Portal) -> None:
    hint = portal.tokens()["id_token"]
    leave(portal.browser, id_token_hint=hint)

    response = leave(portal.browser, id_token_hint=hint, post_logout_redirect_uri=AFTER)

    assert response.headers["Location"] == AFTER


def test_logout_takes_back_our_own_cookie_and_no_other(portal: Portal) -> None:
    response = leave(portal.browser, id_token_hint=portal.tokens()["id_token"])

    assert "Clear-Site-Data" not in response.headers
    (expired,) = [c for c in response.headers.getlist("Set-Cookie") if c.startswith("sid=")]
    assert expired.startswith("sid=;")
    assert "Max-Age=0" in expired


# --- without such a hint the person is asked


def test_se_5_without_a_hint_the_person_is_asked(portal: Portal) -> None:
    for params in ({}, {"client_id": portal.client_id}, {"state": "x"}):
        response = leave(portal.browser, **params)
        assert page_of(response) == "/keluar"
        assert is_signed_in(portal)


def test_se_5_without_a_hint_nobody_is_sent_anywhere(portal: Portal) -> None:
    params = {"client_id": portal.client_id, "post_logout_redirect_uri": AFTER}
    asked = leave(portal.browser, **params)
    assert page_of(asked) == "/keluar"
    page = portal.browser.get(asked.headers["Location"])

    done = portal.browser.post(
        asked.headers["Location"],
        data={**form_fields(page), "decision": "all"},
        headers=same_origin(),
    )

    assert page_of(done) == "/keluar/selesai"
    assert not is_signed_in(portal)


def test_se_5_the_question_has_a_token(portal: Portal) -> None:
    location = leave(portal.browser).headers["Location"]

    response = portal.browser.post(location, data={"decision": "all"}, headers=same_origin())

    assert response.status_code == 403
    assert is_signed_in(portal)


def test_se_6_another_page_can_not_answer_the_question(portal: Portal) -> None:
    location = leave(portal.browser).headers["Location"]
    fields = form_fields(portal.browser.get(location))

    response = portal.browser.post(
        location,
        data={**fields, "decision": "all"},
        headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    )

    assert response.status_code == 403
    assert is_signed_in(portal)


def test_se_5_who_stays_stays_signed_in(portal: Portal) -> None:
    location = leave(portal.browser).headers["Location"]
    fields = form_fields(portal.browser.get(location))

    response = portal.browser.post(
        location, data={**fields, "decision": "stay"}, headers=same_origin()
    )

    assert response.status_code == 303
    assert is_signed_in(portal)


def test_se_5_a_hint_of_somebody_else_asks_first(portal: Portal, app: Application) -> None:
    hint = portal.tokens()["id_token"]
    other = app.test_client()
    sign_in(app, other, an_account(app, number=2))

    response = leave(other, id_token_hint=hint, post_logout_redirect_uri=AFTER)

    assert page_of(response) == "/keluar"


def test_se_5_a_hint_of_an_earlier_session_asks_first(portal: Portal, person: Account) -> None:
    hint = portal.tokens()["id_token"]
    portal.browser.delete_cookie("sid")
    sign_in(portal.app, portal.browser, person)

    assert page_of(leave(portal.browser, id_token_hint=hint)) == "/keluar"
    assert is_signed_in(portal)


def test_the_question_goes_on_to_the_registered_address_where_the_hint_is_good(
    portal: Portal, app: Application
) -> None:
    hint = portal.tokens()["id_token"]
    other = app.test_client()
    sign_in(app, other, an_account(app, number=2))
    location = leave(other, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="s").headers[
        "Location"
    ]
    fields = form_fields(other.get(location))

    done = other.post(location, data={**fields, "decision": "all"}, headers=same_origin())

    assert done.headers["Location"] == f"{AFTER}?state=s"


# --- forged and foreign


def test_se_5_forged_hints_are_never_taken(portal: Portal, register: Callable[..., Portal]) -> None:
    tokens = portal.tokens()
    claims = portal.claims(tokens["id_token"])
    head, payload, signature = tokens["id_token"].split(".")
    signed = register(userinfo_signed_response_alg="RS256")
    userinfo = signed.userinfo(signed.tokens()["access_token"]).text
    forged = [
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{head}.{payload}.{signature[::-1]}",
        compact({"alg": "none", "typ": "JWT"}, claims, None),
        compact({"alg": "HS256", "typ": "JWT"}, claims, b"secret"),
        tokens["access_token"],
        userinfo,
        "x",
        "é.é.é",
        "..",
    ]
    for hint in forged:
        response = leave(portal.browser, id_token_hint=hint, post_logout_redirect_uri=AFTER)
        assert response.status_code == 400, hint
        assert "Location" not in response.headers
        assert is_signed_in(portal)


@pytest.mark.parametrize("with_hint", [True, False])
def test_se_5_nobody_is_sent_to_an_address_that_is_not_registered(
    portal: Portal, with_hint: bool
) -> None:
    hint = {"id_token_hint": portal.tokens()["id_token"]} if with_hint else {}
    assert len(BENT) >= 15
    for uri in BENT:
        for client in ({}, {"client_id": portal.client_id}):
            response = leave(portal.browser, post_logout_redirect_uri=uri, **hint, **client)
            assert response.status_code == 400, uri
            assert "Location" not in response.headers
            assert is_signed_in(portal)


def test_se_5_the_address_of_another_client_is_refused(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    hint = register().tokens()["id_token"]

    response = leave(portal.browser, id_token_hint=hint, post_logout_redirect_uri=AFTER)

    assert response.status_code == 400
    assert is_signed_in(portal)


def test_se_5_a_client_beside_the_hint_must_be_its_audience(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    hint = portal.tokens()["id_token"]
    assert leave(portal.browser, id_token_hint=hint, client_id="x").status_code == 400
    assert (
        leave(portal.browser, id_token_hint=hint, client_id=register().client_id).status_code == 400
    )

    assert leave(portal.browser, id_token_hint=hint, client_id=portal.client_id).status_code == 303


def test_se_5_a_suspended_client_sends_nobody_anywhere(portal: Portal) -> None:
    hint = portal.tokens()["id_token"]
    portal.app.wiring.services.clients.suspend(portal.client_id)

    response = leave(portal.browser, id_token_hint=hint, post_logout_redirect_uri=AFTER)

    assert not goes_to_a_portal(response)


@pytest.mark.parametrize("name", ["id_token_hint", "post_logout_redirect_uri", "state", "foo"])
def test_oa_4_a_parameter_given_twice_is_an_error(portal: Portal, name: str) -> None:
    response = portal.browser.get(f"/end_session?{name}=a&{name}=b")

    assert response.status_code == 400
    assert is_signed_in(portal)


def test_who_is_not_signed_in_is_told_that_it_is_done(portal: Portal, app: Application) -> None:
    stranger = app.test_client()

    response = stranger.get("/keluar")

    assert page_of(response) == "/keluar/selesai"


def test_se_6_a_get_alone_ends_no_session(portal: Portal) -> None:
    for path in ("/keluar", "/end_session", "/keluar?decision=all", "/end_session?decision=all"):
        portal.browser.get(path)

    assert is_signed_in(portal)


@pytest.mark.parametrize(
    "uri",
    [
        "http://portal.example/x",
        "javascript:alert(1)",
        "https://portal.example/#x",
        "/x",
        "https://u:p@portal.example/",
        "https://portal.example/\r\n",
        7,
        None,
    ],
)
def test_bad_addresses_can_not_be_registered(app: Application, uri: object) -> None:
    from idp.domain.errors import Refused

    given = {
        "redirect_uris": ["https://portal.example/cb"],
        "post_logout_redirect_uris": [uri],
    }
    with pytest.raises(Refused, match="post_logout_redirect_uris"):
        app.wiring.services.clients.register(given)
