"""The token endpoint (RFC 6749 §3.2, §4.1.3, §4.4, §5)."""

import json
import os
import string
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, OPERATOR
from idp.domain.identity.visitor import Visitor
from tests.fakes import NOW, FixedClock
from tests.portal import CALLBACK, VERIFIER, Portal, a_portal
from tests.racing import at_once

#: Rounds of the races; `CHAOS=full` runs the figures of `security.md`.
ROUNDS, TRIES = (100, 20) if os.environ.get("CHAOS") == "full" else (4, 8)


def error_of(response) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]


INVALID_GRANT = (400, "invalid_grant")
INVALID_REQUEST = (400, "invalid_request")


# --- the answer (§5.1)


def test_a_code_buys_an_access_token_and_an_id_token(portal: Portal) -> None:
    response = portal.redeem(portal.authorize(scope="openid email"))

    body = response.get_json()
    assert set(body) == {"access_token", "token_type", "expires_in", "scope", "id_token"}
    assert (body["token_type"], body["expires_in"], body["scope"]) == (
        "Bearer",
        300,
        "openid email",
    )


def test_hd_3_no_cache_keeps_an_answer(portal: Portal) -> None:
    good, bad = portal.redeem(portal.authorize()), portal.redeem("wrong")

    for response in (good, bad):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Pragma"] == "no-cache"
        assert response.content_type == "application/json"


# --- the request (§3.2)


@pytest.mark.parametrize(
    "grant_type",
    [
        "implicit",
        "password",
        "token",
        "code",
        "authorization-code",
        "AUTHORIZATION_CODE",
        "urn:ietf:params:oauth:grant-type:saml2-bearer",
        "urn:ietf:params:oauth:grant-type:pre-authorized_code",
        "urn:ietf:params:oauth:grant-type:uma-ticket",
        "http://example.org/grant",
    ],
)
def test_oa_1_other_grant_types_do_not_exist(portal: Portal, grant_type: str) -> None:
    response = portal.token(grant_type=grant_type, username="x", password="y")

    assert error_of(response) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("grant_type", ["client_credentials", "refresh_token"])
def test_oa_1_a_client_uses_only_the_grants_registered_for_it(
    register: Callable[..., Portal], person: Account, grant_type: str
) -> None:
    portal = register(scope="openid")

    response = portal.token(grant_type=grant_type, refresh_token="x")

    assert error_of(response) == (400, "unauthorized_client")


def test_a_missing_grant_type_is_an_error(portal: Portal) -> None:
    for form in ({}, {"grant_type": ""}, {"code": "x"}):
        assert error_of(portal.token(**form)) == INVALID_REQUEST


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_only_post_is_allowed(portal: Portal, method: str) -> None:
    response = portal.browser.open("/token?grant_type=authorization_code", method=method)

    assert (response.status_code, response.headers["Allow"]) == (405, "POST, OPTIONS")


def basic(portal: Portal) -> dict[str, str]:
    pair = f"{portal.client_id}:{portal.secret}"
    return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
        "",
        "application/x-www-form-urlencoded-not",
        "application/xml",
    ],
)
def test_in_2_the_body_is_form_encoded_and_nothing_else(portal: Portal, content_type: str) -> None:
    response = portal.browser.post(
        "/token",
        data=b"grant_type=authorization_code&code=x",
        content_type=content_type,
        headers=basic(portal),
    )

    assert error_of(response) == INVALID_REQUEST


def test_the_content_type_may_name_a_charset(portal: Portal) -> None:
    body = f"grant_type=authorization_code&code={portal.authorize()}&redirect_uri={CALLBACK}"

    response = portal.browser.post(
        "/token",
        data=f"{body}&code_verifier={VERIFIER}",
        content_type="Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        headers=basic(portal),
    )

    assert response.status_code == 200


def test_oa_8_nothing_is_read_from_the_query(portal: Portal) -> None:
    query = f"grant_type=authorization_code&code={portal.authorize()}&redirect_uri={CALLBACK}"

    response = portal.browser.post(f"/token?{query}", headers=basic(portal))
    assert error_of(response) == INVALID_REQUEST
    response = portal.browser.post(
        f"/token?code_verifier={VERIFIER}",
        data=query,
        content_type="application/x-www-form-urlencoded",
        headers=basic(portal),
    )
    assert error_of(response) == INVALID_GRANT


@pytest.mark.parametrize(
    "name", ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "foo", "ñ", "a b"]
)
def test_oa_4_a_parameter_given_twice_is_an_error(portal: Portal, name: str) -> None:
    from urllib.parse import quote

    body = f"grant_type=authorization_code&code=x&redirect_uri={CALLBACK}"
    twice = f"&{quote(name)}=x&{quote(name)}=y"

    response = portal.browser.post(
        "/token",
        data=body + twice,
        content_type="application/x-www-form-urlencoded",
        headers=basic(portal),
    )

    assert error_of(response) == INVALID_REQUEST


def test_unknown_parameters_are_passed_over(portal: Portal) -> None:
    assert portal.redeem(portal.authorize(), foo="bar", state="st", scope="").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"grant_type=%ff",
        b"grant_type=%00",
        b"\xff\xfe",
        b"grant_type=authorization_code&code=%ed%a0%80",
        b"grant_type=authorization_code&code=" + b"a" * 2049,
        b"&".join([b"a%d=1" % n for n in range(200)]),
    ],
)
def test_in_2_bad_bytes_and_too_much_of_them_are_refused(portal: Portal, body: bytes) -> None:
    response = portal.browser.post(
        "/token",
        data=body,
        content_type="application/x-www-form-urlencoded",
        headers=basic(portal),
    )

    assert error_of(response) == INVALID_REQUEST


@pytest.mark.parametrize("size", [65537, 1_000_000])
def test_in_1_a_body_over_64_kb_is_refused(portal: Portal, size: int) -> None:
    response = portal.browser.post("/token", data=b"a" * size, headers=basic(portal))

    assert response.status_code == 413


CALLED = (
    "/token",
    "/userinfo",
    "/revoke",
    "/introspect",
    "/par",
    "/device_authorization",
    "/bc-authorize",
    "/register",
    "/register/somebody",
)


@pytest.mark.parametrize("path", CALLED)
@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (413, {"data": b"a" * 70_000}),
        (414, {"query_string": "a" * 9000}),
        (431, {"headers": {"X-Much": "a" * 20_000}}),
        (405, {"method": "PATCH"}),
    ],
)
def test_what_is_refused_before_it_is_read_is_told_in_json_too(
    browser: FlaskClient, path: str, status: int, sent: dict[str, Any]
) -> None:
    """§5.2: a library that finds no JSON hides what was wrong."""
    response = browser.open(path, **{"method": "POST", **sent})

    assert response.status_code == status
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert set(response.get_json()) == {"error", "error_description"}
    assert response.get_json()["error"] == "invalid_request"


def test_the_methods_that_are_taken_stand_in_the_description(browser: FlaskClient) -> None:
    told = browser.get("/par").get_json()["error_description"]

    assert told == "this address takes POST"


def test_a_host_that_is_not_ours_is_told_nothing(browser: FlaskClient) -> None:
    response = browser.post("/token", headers={"Host": "evil.example"})

    assert (response.status_code, response.data) == (421, b"")


# --- codes (§4.1.3)


@pytest.mark.parametrize("code", ["unknown", "a" * 43, " ", "%", "' OR 1=1"])
def test_an_unknown_code_is_refused(portal: Portal, code: str) -> None:
    assert error_of(portal.redeem(code)) == INVALID_GRANT


@pytest.mark.parametrize("left_out", ["code", "redirect_uri", "code_verifier"])
def test_a_missing_parameter_is_refused_and_spends_nothing(portal: Portal, left_out: str) -> None:
    code = portal.authorize()

    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    response = portal.token(**{**form, left_out: None})

    assert response.status_code == 400
    assert response.get_json()["error"] in {"invalid_request", "invalid_grant"}
    assert portal.redeem(code).status_code == 200


@pytest.mark.parametrize(
    "redirect_uri",
    [
        f"{CALLBACK}/",
        f"{CALLBACK}?",
        CALLBACK.upper(),
        "https://portal.example",
        "http://portal.example/cb",
        "https://portal.example:443/cb",
        "https://evil.example/cb",
    ],
)
def test_oa_6_a_code_is_bound_to_its_redirect_uri(portal: Portal, redirect_uri: str) -> None:
    code = portal.authorize()

    assert error_of(portal.redeem(code, redirect_uri=redirect_uri)) == INVALID_GRANT
    assert portal.redeem(code).status_code == 200


def test_oa_6_a_code_is_bound_to_its_client(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    code, other = portal.authorize(), register()

    assert error_of(other.redeem(code)) == INVALID_GRANT
    assert portal.redeem(code).status_code == 200


def test_oa_6_a_code_lives_for_a_minute(portal: Portal, clock: FixedClock) -> None:
    first, second = portal.authorize(), portal.authorize()
    clock.move(59)
    assert portal.redeem(first).status_code == 200
    clock.move(1)

    assert error_of(portal.redeem(second)) == INVALID_GRANT


def test_oa_6_a_code_brought_twice_ends_what_it_bought(portal: Portal) -> None:
    code = portal.authorize(scope="openid offline_access")
    bought = portal.redeem(code).get_json()

    assert error_of(portal.redeem(code)) == INVALID_GRANT

    assert portal.introspect(bought["access_token"]) == {"active": False}
    assert portal.userinfo(bought["access_token"]).status_code == 401
    assert error_of(portal.refresh(bought["refresh_token"])) == INVALID_GRANT


def test_oa_6_a_stranger_with_a_spent_code_ends_nothing(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    code = portal.authorize()
    bought = portal.redeem(code).get_json()

    register().redeem(code)
    portal.redeem(code, code_verifier="x" * 43)
    portal.redeem(code, redirect_uri="https://portal.example/other")

    assert portal.introspect(bought["access_token"])["active"] is True


def test_oa_6_two_tries_at_one_instant_never_both_succeed(portal: Portal) -> None:
    """A second try after the life of the code is a second try all the same."""
    code = portal.authorize()
    assert portal.redeem(code).status_code == 200

    assert [portal.redeem(code).status_code for _ in range(3)] == [400, 400, 400]


def test_oa_6_twenty_exchanges_of_one_code_have_one_winner(
    make_app: Callable[..., Application], portal: Portal
) -> None:
    twin = make_app()
    for _ in range(ROUNDS):
        code = portal.authorize()

        def redeem(app: Application, code: str = code) -> int:
            return replace(portal, browser=app.test_client()).redeem(code).status_code

        calls = [lambda app=app: redeem(app) for app in [portal.app, twin] * (TRIES // 2)]
        statuses = sorted(at_once(calls))

        assert statuses == [200] + [400] * (TRIES - 1)


def test_oa_6_a_code_is_kept_as_a_digest_of_256_bits(portal: Portal) -> None:
    code = portal.authorize()

    assert len(code) == 43
    with portal.app.app_context():
        engine = portal.app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM client_grant").fetchall()
    assert rows
    assert code not in repr(rows)


def test_oa_19_a_changed_code_is_unknown(portal: Portal) -> None:
    code = portal.authorize()
    changed = [
        code[:-1],
        code[1:],
        code + "A",
        code + "=",
        code.swapcase(),
        code + " ",
        f" {code}",
        code.replace(code[5], "." if code[5] != "." else "-", 1),
    ]

    assert [portal.redeem(c).status_code for c in changed] == [400] * len(changed)
    assert portal.redeem(code).status_code == 200


# --- OA-16: what ends between code and exchange


def test_oa_16_nothing_is_issued_once_the_ground_is_gone(
    register: Callable[..., Portal], person: Account, clock: FixedClock
) -> None:
    from tests.portal import sign_in

    services = register().app.wiring.services
    visitor = Visitor(b"x" * 32, "127.0.0.1", NOWHERE)

    def suspend() -> None:
        with services.store.write() as tx:
            found = tx.accounts.find(person.id)
            assert found is not None
            tx.accounts.update(replace(found, status=AccountStatus.SUSPENDED))

    grounds: dict[str, Callable[[Portal], object]] = {
        "consent": lambda p: services.consents.withdraw(person.id, p.client_id, visitor),
        "session": lambda p: services.people.end_sessions(person.id, "hilang", OPERATOR),
        "account": lambda p: suspend(),
    }
    for name, end in grounds.items():
        portal = register()
        sign_in(portal.app, portal.browser, person)
        code = portal.authorize()
        end(portal)
        assert error_of(portal.redeem(code)) == INVALID_GRANT, name


def test_oa_16_a_client_suspended_between_code_and_exchange_gets_nothing(portal: Portal) -> None:
    code = portal.authorize()
    portal.app.wiring.services.clients.suspend(portal.client_id)

    assert error_of(portal.redeem(code)) == (401, "invalid_client")


def test_oa_16_an_offline_grant_outlives_the_session(portal: Portal, person: Account) -> None:
    code = portal.authorize(scope="openid offline_access")
    portal.app.wiring.services.people.end_sessions(person.id, "hilang", OPERATOR)

    assert portal.redeem(code).status_code == 200


# --- client credentials (§4.4)


@pytest.fixture
def service(app: Application, browser: FlaskClient) -> Portal:
    return a_portal(
        app,
        browser,
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="jkp.read jkp.write openid profile",
    )


def test_a_client_gets_a_token_for_itself(service: Portal) -> None:
    body = service.token(grant_type="client_credentials").get_json()

    assert set(body) == {"access_token", "token_type", "expires_in", "scope"}
    claims = service.claims(body["access_token"])
    assert (claims["sub"], claims["client_id"]) == (service.client_id, service.client_id)
    assert claims["scope"] == "jkp.read jkp.write"
    assert {"auth_time", "acr", "amr", "ial", "gid", "sid"}.isdisjoint(claims)


def test_oa_17_a_client_may_ask_for_less(service: Portal) -> None:
    body = service.token(grant_type="client_credentials", scope="jkp.read").get_json()

    assert body["scope"] == "jkp.read"


@pytest.mark.parametrize("scope", ["openid", "jkp.read profile", "nik", "jkp.delete", "x\ty"])
def test_oa_17_a_client_by_itself_gets_nothing_of_people_and_nothing_unregistered(
    service: Portal, scope: str
) -> None:
    response = service.token(grant_type="client_credentials", scope=scope)

    assert error_of(response) == (400, "invalid_scope")


def test_a_public_client_gets_no_token_for_itself(app: Application, public_portal: Portal) -> None:
    response = public_portal.token(grant_type="client_credentials")

    assert error_of(response) == (400, "unauthorized_client")


# --- errors (§5.2, OA-21)


def test_oa_21_an_unknown_client_and_a_wrong_secret_are_equal(portal: Portal) -> None:
    def body(client_id: str, secret: str):
        pair = b64encode(f"{client_id}:{secret}".encode()).decode()
        response = portal.browser.post(
            "/token",
            data={"grant_type": "authorization_code"},
            headers={"Authorization": f"Basic {pair}"},
        )
        own = {"X-Request-Id", "X-Support-Code", "Date"}
        headers = {n: v for n, v in response.headers if n not in own}
        return response.status_code, response.data, headers

    assert body("nobody", "x" * 43) == body(portal.client_id, "x" * 43)


def test_oa_21_descriptions_are_printable_ascii_without_quotes(portal: Portal) -> None:
    allowed = set(string.printable[:95]) - {'"', "\\"}
    bodies = [
        {"grant_type": "ñ"},
        {"grant_type": '"\\'},
        {"grant_type": "authorization_code", "code": "é"},
        {"grant_type": "authorization_code", "code": "x", "redirect_uri": "\u2028"},
        {"grant_type": "refresh_token", "refresh_token": "é.1.x"},
        {},
    ]
    for form in bodies:
        told = portal.token(**form).get_json()
        assert set(told) == {"error", "error_description"}
        assert set(told["error_description"]) <= allowed
        assert not [v for v in form.values() if len(v) > 2 and v in json.dumps(told)]


def test_the_challenge_names_basic(portal: Portal) -> None:
    response = portal.browser.post("/token", data={"grant_type": "authorization_code"})

    assert error_of(response) == (401, "invalid_client")
    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


# --- limits (security.md §8)


def test_twenty_failures_a_minute_are_borne_from_an_address(
    portal: Portal, clock: FixedClock
) -> None:
    def fail():
        wrong = replace(portal, secret="x" * 43)
        return wrong.redeem("x")

    assert {error_of(fail()) for _ in range(20)} == {(401, "invalid_client")}
    limited = fail()
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert error_of(portal.redeem("x")) == INVALID_GRANT
    clock.move(60)
    assert error_of(fail()) == (401, "invalid_client")


def test_a_client_that_floods_is_slowed_down(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="0.01")
    portal = a_portal(app, app.test_client())

    statuses = [portal.redeem("x").status_code for _ in range(31)]

    assert statuses == [400] * 30 + [429]
    clock.move(60)
    assert portal.redeem("x").status_code == 400


def test_a_library_that_tries_basic_first_is_not_limited(
    register: Callable[..., Portal], person: Account
) -> None:
    """Go's `x/oauth2` sends each first request twice (contract, section 7, point 2)."""
    for method in ("none", "client_secret_post"):
        portal = register(token_endpoint_auth_method=method)
        code = portal.authorize()
        first = {"Authorization": "Basic " + b64encode(f"{portal.client_id}:".encode()).decode()}
        for _ in range(25):
            response = portal.browser.post(
                "/token",
                data={
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": CALLBACK,
                    "code_verifier": VERIFIER,
                },
                headers=first,
            )
            assert error_of(response) == (401, "invalid_client")
        assert portal.redeem(code).status_code == 200


def test_the_instant_of_issue_is_the_apps_clock(portal: Portal) -> None:
    assert portal.claims(portal.tokens()["access_token"])["iat"] == NOW
