"""What the hot paths may ask of the database (architecture, section 8), caches being warm."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from tests.keyed import a_keyed_portal
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin
from tests.statements import counted

OFFLINE = "openid profile offline_access"


def kinds(statements: list[str]) -> list[str]:
    return [statement.split(maxsplit=1)[0] for statement in statements]


@pytest.fixture
def warm(portal: Portal) -> Portal:
    """A portal that was used before: client and keys are in memory, consent is given."""
    tokens = portal.tokens(scope=OFFLINE)
    portal.userinfo(tokens["access_token"])
    portal.introspect(tokens["access_token"])
    return portal


def test_a_code_costs_a_read_and_a_conditional_write(warm: Portal) -> None:
    code = warm.authorize(scope="openid profile")

    with counted(warm.app) as statements:
        warm.redeem(code)

    assert kinds(statements) == ["SELECT", "UPDATE"]


def test_a_code_with_offline_access_costs_one_insert_more(warm: Portal) -> None:
    code = warm.authorize(scope=OFFLINE)

    with counted(warm.app) as statements:
        warm.redeem(code)

    assert kinds(statements) == ["SELECT", "UPDATE", "INSERT"]


def test_a_refresh_that_keeps_its_token_costs_a_read(warm: Portal) -> None:
    token = warm.tokens(scope=OFFLINE)["refresh_token"]

    with counted(warm.app) as statements:
        warm.refresh(token)

    assert kinds(statements) == ["SELECT"]


def test_a_refresh_that_rotates_costs_a_read_and_a_conditional_update(
    public_portal: Portal,
) -> None:
    token = public_portal.tokens(scope=OFFLINE)["refresh_token"]
    token = public_portal.refresh(token).get_json()["refresh_token"]

    with counted(public_portal.app) as statements:
        public_portal.refresh(token)

    assert kinds(statements) == ["SELECT", "UPDATE"]


def test_introspection_costs_a_read(warm: Portal) -> None:
    token = warm.tokens()["access_token"]

    with counted(warm.app) as statements:
        warm.introspect(token)
    assert kinds(statements) == ["SELECT"]


def test_userinfo_costs_a_read(warm: Portal) -> None:
    token = warm.tokens()["access_token"]

    with counted(warm.app) as statements:
        warm.userinfo(token)
    assert kinds(statements) == ["SELECT"]


def test_a_token_that_is_not_ours_costs_nothing(warm: Portal) -> None:
    for rubbish in ("x.y.z", "eyJhbGciOiJub25lIn0.e30."):
        with counted(warm.app) as statements:
            warm.introspect(rubbish)
        assert statements == []


def test_authorize_with_a_live_session_costs_a_read_and_a_write(warm: Portal) -> None:
    with counted(warm.app) as statements:
        response = warm.start(scope=OFFLINE)

    assert "code=" in response.headers["Location"]
    assert kinds(statements) == ["SELECT", "INSERT"]


def test_a_session_is_noted_as_seen_once_a_minute(warm: Portal, clock) -> None:
    clock.move(60)
    with counted(warm.app) as statements:
        warm.start(scope=OFFLINE)
    assert kinds(statements).count("UPDATE") == 1

    with counted(warm.app) as statements:
        warm.start(scope=OFFLINE)
    assert kinds(statements).count("UPDATE") == 0


def test_a_whole_sso_login_costs_at_most_four_statements(warm: Portal) -> None:
    with counted(warm.app) as statements:
        code = warm.answer(warm.start(scope="openid profile"))["code"]
        answer = warm.redeem(code)

    assert answer.status_code == 200
    assert len(statements) <= 4, statements


@pytest.mark.parametrize(
    "path",
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"],
)
def test_public_documents_cost_nothing(warm: Portal, path: str) -> None:
    warm.browser.get(path)

    with counted(warm.app) as statements:
        assert warm.browser.get(path).status_code == 200
    assert statements == []


def test_a_client_by_itself_costs_nothing(app: Application, browser: FlaskClient) -> None:
    portal = a_portal(
        app, browser, redirect_uris=[], grant_types=["client_credentials"], scope="jkp.read"
    )
    portal.token(grant_type="client_credentials")

    with counted(app) as statements:
        assert portal.token(grant_type="client_credentials").status_code == 200
    assert statements == []


def test_an_assertion_costs_the_one_statement_that_spends_it(
    app: Application, browser: FlaskClient
) -> None:
    portal = a_keyed_portal(
        app, browser, redirect_uris=[], grant_types=["client_credentials"], scope="jkp.read"
    )
    portal.by_itself()

    with counted(app) as statements:
        assert portal.by_itself().status_code == 200
    assert kinds(statements) == ["INSERT"]


def test_a_pushed_request_costs_one_insert(warm: Portal) -> None:
    form = {
        "response_type": "code",
        "redirect_uri": warm.callback,
        "scope": "openid",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    with counted(warm.app) as statements:
        assert warm.token(path="/par", **form).status_code == 201
    assert kinds(statements) == ["INSERT"]


def test_a_wrong_secret_costs_nothing_once_the_client_is_known(
    warm: Portal, register: Callable[..., Portal], person: Account
) -> None:
    with counted(warm.app) as statements:
        assert replace(warm, secret="x" * 43).redeem("x").status_code == 401
    assert statements == []


@pytest.fixture
def at_the_form(make_app: Callable[..., Application]) -> tuple[Portal, Callable[..., TestResponse]]:
    """A portal whose client is in memory, and what walks from it to a filled sign-in form.

    No code is asked for, limits are in the database too; a warm-up is behind us.
    """
    app = make_app(SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none", SIAPKERJA_REDIS_URL="")
    an_account(app)
    browser = app.test_client()
    portal = a_portal(app, browser, first_party=True)

    def walk(password: str = "tiga kata acak sekali") -> TestResponse:
        for name in ("sid", "flow"):
            browser.delete_cookie(name)
        there = portal.start(scope="openid profile").headers["Location"]
        fields = form_fields(browser.get(there))
        given = {**fields, "identifier": "budi1@contoh.id", "password": password}
        return browser.post(there, data=given, headers=same_origin())

    walk()
    return portal, walk


def test_a_password_sign_in_costs_twenty_statements_from_request_to_code(
    at_the_form: tuple[Portal, Callable[..., TestResponse]],
) -> None:
    portal, walk = at_the_form

    with counted(portal.app) as statements:
        answer = walk()
        answer = portal.browser.get(answer.headers["Location"])

    assert "code" in portal.answer(answer)
    # request and page; the form, twice; first write; second write; request, session, code
    assert kinds(statements) == [
        *("INSERT", "SELECT"),
        *("INSERT", "SELECT"),
        *("INSERT", "SELECT", "SELECT", "INSERT"),
        *("SELECT", "UPDATE", "DELETE", "INSERT", "UPDATE", "INSERT", "INSERT"),
        "UPDATE",
        *("SELECT", "SELECT", "UPDATE", "INSERT"),
    ]


def test_a_password_sign_in_after_a_failure_costs_one_statement_more(
    at_the_form: tuple[Portal, Callable[..., TestResponse]],
) -> None:
    portal, walk = at_the_form
    assert walk("salah kata acak sekali").status_code == 422

    with counted(portal.app) as statements:
        answer = walk()

    assert answer.status_code == 303
    assert len(statements) == 17, kinds(statements)
