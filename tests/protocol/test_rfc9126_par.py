"""Pushed authorization requests (RFC 9126)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from tests.fakes import FixedClock
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import Portal, a_portal, sign_in
from tests.racing import at_once
from tests.waiting import decide, interaction_of, page_of, resumed

PREFIX = "urn:ietf:params:oauth:request_uri:"


def parameters(portal: Portal, **changes: str | None) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(portal.authorization_url(**changes)).query))


def push(portal: Portal, **changes: str | None) -> TestResponse:
    return portal.token(path="/par", **parameters(portal, **changes))


def handle(portal: Portal, **changes: str | None) -> str:
    response = push(portal, **changes)
    assert response.status_code == 201, response.text
    found: str = response.get_json()["request_uri"]
    return found


def opened(portal: Portal, request_uri: str, **beside: str) -> TestResponse:
    given = {"client_id": portal.client_id, "request_uri": request_uri, **beside}
    return portal.browser.get("/authorize?" + urlencode(given))


def stays_here(response: TestResponse) -> bool:
    return response.status_code == 400 and "Location" not in response.headers


def error_of(response: TestResponse) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]


# --- pushing (§2)


def test_oa_7_a_push_is_answered_with_a_handle_of_256_bits(portal: Portal) -> None:
    response = push(portal)

    body = response.get_json()
    assert response.status_code == 201
    assert set(body) == {"request_uri", "expires_in"}
    assert body["request_uri"].startswith(PREFIX)
    assert len(body["request_uri"].removeprefix(PREFIX)) == 43
    assert body["expires_in"] == 90
    assert response.headers["Cache-Control"] == "no-store"


def test_oa_7_the_pushed_request_is_what_counts(portal: Portal) -> None:
    portal.authorize(scope="openid email")

    answer = portal.answer(opened(portal, handle(portal, scope="openid email", state="pushed")))

    assert answer["state"] == "pushed"
    assert portal.redeem(answer["code"]).get_json()["scope"] == "openid email"


@pytest.mark.parametrize("kind", ["public", "keyed"])
def test_oa_7_every_client_may_push(
    public_portal: Portal, keyed_portal: KeyedPortal, kind: str
) -> None:
    portal = {"public": public_portal, "keyed": keyed_portal}[kind]

    assert push(portal).status_code == 201


def test_oa_7_an_unauthenticated_push_is_refused(portal: Portal) -> None:
    response = portal.browser.post("/par", data=parameters(portal))

    assert error_of(response) == (401, "invalid_client")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "openid nik"}, "invalid_scope"),
        ({"scope": None}, "invalid_scope"),
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"max_age": "x"}, "invalid_request"),
        ({"claims": "["}, "invalid_request"),
        ({"resource": "https://unknown.example"}, "invalid_target"),
        ({"response_mode": "web_message"}, "invalid_request"),
        ({"request_uri": PREFIX + "x"}, "invalid_request"),
        ({"request_uri": "https://portal.example/r"}, "invalid_request"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"request": "x"}, "invalid_request_object"),
        ({"dpop_jkt": "short"}, "invalid_request"),
    ],
)
def test_oa_7_what_the_authorization_endpoint_refuses_can_not_be_pushed(
    portal: Portal, changes: dict[str, str | None], error: str
) -> None:
    assert error_of(push(portal, **changes)) == (400, error)


def test_oa_7_a_request_for_another_client_can_not_be_pushed(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    response = push(portal, client_id=register().client_id)

    assert error_of(response) == (400, "invalid_request")


@pytest.mark.parametrize("name", ["state", "scope", "redirect_uri", "foo"])
def test_oa_4_a_parameter_given_twice_can_not_be_pushed(portal: Portal, name: str) -> None:
    form: dict[str, Any] = parameters(portal, foo="x")
    form[name] = [form[name], "second"]

    assert error_of(portal.token(path="/par", **form)) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_only_post_is_answered(portal: Portal, method: str) -> None:
    response = portal.browser.open("/par", method=method)

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_credentials_are_not_kept_with_the_request(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_portal(app, browser, token_endpoint_auth_method="client_secret_post")
    handle(portal)

    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM pushed_request").fetchall()
    assert len(rows) == 1
    assert (portal.secret or "") not in repr(rows)


def test_three_hundred_pushes_a_minute_are_borne_from_a_client(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="0.01")
    portal = a_portal(app, app.test_client())

    responses = [push(portal) for _ in range(4)]

    assert [response.status_code for response in responses] == [201, 201, 201, 429]
    assert int(responses[-1].headers["Retry-After"]) > 0


# --- opening (§4)


def test_oa_7_a_handle_lives_for_ninety_seconds(portal: Portal, clock: FixedClock) -> None:
    portal.authorize()
    first, second = handle(portal), handle(portal)
    clock.move(89)
    assert "code" in portal.answer(opened(portal, first))
    clock.move(1)

    assert stays_here(opened(portal, second))


def test_oa_7_a_handle_is_used_once(portal: Portal) -> None:
    portal.authorize()
    request_uri = handle(portal)

    assert "code" in portal.answer(opened(portal, request_uri))
    assert stays_here(opened(portal, request_uri))


def test_oa_7_a_handle_sent_by_post_is_used_once_too(portal: Portal) -> None:
    portal.authorize()
    request_uri = handle(portal)
    form = {"client_id": portal.client_id, "request_uri": request_uri}

    response = portal.browser.post("/authorize", data=form)
    assert page_of(response) == "/authorize"
    assert "code" in portal.answer(portal.browser.get(response.headers["Location"]))

    assert stays_here(opened(portal, request_uri))
    again = portal.browser.post("/authorize", data=form)
    if again.status_code == 303:
        again = portal.browser.get(again.headers["Location"])
    assert stays_here(again)


def test_oa_7_opening_a_page_uses_nothing_up(portal: Portal, clock: FixedClock) -> None:
    request_uri = handle(portal)
    first, second = opened(portal, request_uri), opened(portal, request_uri)
    assert page_of(first) == page_of(second) == "/izin"
    clock.move(800)
    decide(portal.browser, first.headers["Location"], "allow")

    assert "code" in portal.answer(resumed(portal.browser, first))
    assert stays_here(resumed(portal.browser, second))
    assert stays_here(opened(portal, request_uri))


def test_oa_7_an_error_uses_the_handle_up(portal: Portal) -> None:
    request_uri = handle(portal)
    waiting = opened(portal, request_uri)
    decide(portal.browser, waiting.headers["Location"], "deny")

    assert stays_here(opened(portal, request_uri))


def test_oa_7_an_error_without_a_page_uses_the_handle_up(portal: Portal, person: Account) -> None:
    request_uri = handle(portal, prompt="none")
    query = urlencode({"client_id": portal.client_id, "request_uri": request_uri})
    answer = portal.answer(portal.app.test_client().get(f"/authorize?{query}"))
    assert answer["error"] == "login_required"

    sign_in(portal.app, portal.browser, person)
    assert stays_here(opened(portal, request_uri))


def test_oa_7_one_handle_in_many_browsers_gives_one_code(
    portal: Portal, person: Account, make_app: Callable[..., Application]
) -> None:
    portal.authorize()
    apps = [portal.app, make_app()]
    for _ in range(3):
        request_uri = handle(portal)
        browsers = [app.test_client() for app in apps * 4]
        for browser in browsers:
            sign_in(portal.app, browser, person)

        def get(browser: FlaskClient, request_uri: str = request_uri) -> bool:
            given = {"client_id": portal.client_id, "request_uri": request_uri}
            response = browser.get("/authorize?" + urlencode(given))
            return "code=" in response.headers.get("Location", "")

        got = at_once([lambda browser=browser: get(browser) for browser in browsers])
        assert sorted(got) == [False] * 7 + [True]


def test_oa_7_a_handle_belongs_to_its_client(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    request_uri = handle(portal)

    assert stays_here(opened(register(), request_uri))
    assert page_of(opened(portal, request_uri)) == "/izin"


def test_oa_7_a_handle_needs_its_client_beside_it(portal: Portal) -> None:
    query = urlencode({"request_uri": handle(portal)})

    assert stays_here(portal.browser.get(f"/authorize?{query}"))


def test_oa_7_what_stands_beside_a_handle_is_passed_over(portal: Portal) -> None:
    portal.authorize(scope="openid")
    beside = {
        "scope": "openid phone",
        "state": "evil",
        "redirect_uri": "https://evil.example/cb",
        "response_mode": "form_post",
        "prompt": "login",
    }

    answer = portal.answer(opened(portal, handle(portal, scope="openid"), **beside))

    assert answer["state"] == "st"
    assert portal.redeem(answer["code"]).get_json()["scope"] == "openid"


@pytest.mark.parametrize(
    "request_uri",
    [PREFIX + "unknown", PREFIX, PREFIX + "a" * 43, PREFIX.upper() + "x", PREFIX + "é"],
)
def test_oa_19_an_unknown_handle_is_told_here(portal: Portal, request_uri: str) -> None:
    response = opened(portal, request_uri, redirect_uri=portal.callback, response_type="code")

    assert response.status_code == 400 or "error=" in response.headers["Location"]
    assert "code=" not in response.headers.get("Location", "").replace("error_code=", "")


def test_oa_19_a_changed_handle_is_unknown(portal: Portal) -> None:
    request_uri = handle(portal)
    secret = request_uri.removeprefix(PREFIX)
    for changed in (secret[:-1], secret + "A", secret.swapcase(), f"{secret}=", f" {secret}"):
        assert stays_here(opened(portal, PREFIX + changed))


def test_oa_7_a_request_uri_by_reference_is_off(portal: Portal) -> None:
    response = opened(
        portal, "https://portal.example/request", redirect_uri=portal.callback, state="st"
    )

    assert portal.answer(response)["error"] == "request_uri_not_supported"


# --- demanding it (§5, §6)


@pytest.fixture
def pushing(register: Callable[..., Portal], person: Account) -> Portal:
    return register(require_pushed_authorization_requests=True)


def test_oa_7_a_client_that_must_push_gets_nothing_otherwise(pushing: Portal) -> None:
    assert pushing.answer(pushing.start())["error"] == "invalid_request"
    assert page_of(opened(pushing, handle(pushing))) == "/izin"


def test_oa_7_a_request_by_post_is_no_push(pushing: Portal) -> None:
    response = pushing.browser.post("/authorize", data=parameters(pushing))

    assert pushing.answer(response)["error"] == "invalid_request"


def test_oa_7_no_request_says_of_itself_that_it_was_pushed(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_keyed_portal(app, browser, require_pushed_authorization_requests=True)
    notes = {" pushed": "true", "pushed": "true", " signed": "true"}
    claims = {**parameters(portal), **notes}
    signed = portal.signer.sign(
        {**claims, "iss": portal.client_id, "aud": portal.app.wiring.provider.issuer}
    )

    plain = browser.get("/authorize?" + urlencode(claims))
    beside = browser.get(
        "/authorize?" + urlencode({"client_id": portal.client_id, "request": signed, **notes})
    )

    assert portal.answer(plain)["error"] == "invalid_request"
    assert stays_here(beside) or portal.answer(beside)["error"] == "invalid_request"


def test_oa_7_the_operator_may_demand_it_of_everybody(
    make_app: Callable[..., Application],
) -> None:
    from tests.portal import an_account

    app = make_app(SIAPKERJA_OAUTH_REQUIRE_PAR="true")
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    portal = a_portal(app, browser)
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert document["require_pushed_authorization_requests"] is True
    assert portal.answer(portal.start())["error"] == "invalid_request"
    assert page_of(opened(portal, handle(portal))) == "/izin"


def test_a_person_who_must_sign_in_goes_on_with_the_pushed_request(
    portal: Portal, app: Application
) -> None:
    stranger = app.test_client()
    query = urlencode({"client_id": portal.client_id, "request_uri": handle(portal)})

    response = stranger.get(f"/authorize?{query}")

    assert page_of(response) == "/masuk"
    assert len(interaction_of(response)) == 43


@pytest.mark.parametrize("text", ["\x00", "a\x1bb", "\ud800"])
def test_in_2_a_request_object_with_what_is_no_text_is_refused(
    app: Application, browser: FlaskClient, person: Account, text: str
) -> None:
    portal = a_keyed_portal(app, browser)
    claims = {**parameters(portal), "nonce": text, "aud": portal.app.wiring.provider.issuer}

    response = portal.token(path="/par", request=portal.signer.sign(claims))

    assert error_of(response) == (400, "invalid_request_object")
