"""Introspection (RFC 7662, security.md OA-18)."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import NOWHERE, OPERATOR
from idp.domain.identity.visitor import Visitor
from tests.fakes import NOW, FixedClock
from tests.portal import ISSUER, Portal, a_portal

JKP = "https://jkp.example/"
INACTIVE = {"active": False}


@pytest.fixture
def server(app: Application, browser: FlaskClient) -> Portal:
    """A resource server: it answers for one audience and sends nobody anywhere."""
    return a_portal(
        app,
        browser,
        client_name="JKP",
        redirect_uris=[],
        grant_types=["client_credentials"],
        scope="jkp.read",
        serves=[JKP],
    )


@pytest.fixture
def visitor_of_jkp(app: Application, browser: FlaskClient, person: Account) -> Portal:
    """A portal whose tokens are for JKP."""
    return a_portal(app, browser, resources=[JKP], scope="openid email offline_access jkp.read")


def test_a_resource_server_learns_of_tokens_for_its_audience(
    server: Portal, visitor_of_jkp: Portal
) -> None:
    tokens = visitor_of_jkp.tokens(scope="openid jkp.read", resource=JKP)

    told = server.introspect(tokens["access_token"])

    claims = visitor_of_jkp.claims(tokens["access_token"])
    assert told["active"] is True
    assert told["token_type"] == "Bearer"
    for name in ("iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope", "acr", "amr"):
        assert told[name] == claims[name]
    assert (told["aud"], told["exp"]) == (JKP, NOW + 300)
    assert "gid" not in told


def test_oa_18_a_client_learns_of_its_own_tokens(portal: Portal) -> None:
    tokens = portal.tokens(scope="openid offline_access")

    assert portal.introspect(tokens["access_token"])["active"] is True
    told = portal.introspect(tokens["refresh_token"])
    assert told == {
        "active": True,
        "iss": ISSUER,
        "sub": portal.claims(tokens["id_token"])["sub"],
        "client_id": portal.client_id,
        "iat": NOW,
        "exp": NOW + 90 * 86400,
        "scope": "openid offline_access",
    }


def test_oa_18_everything_else_is_exactly_inactive(
    server: Portal, visitor_of_jkp: Portal, register: Callable[..., Portal]
) -> None:
    other = register()
    own = visitor_of_jkp.tokens(scope="openid offline_access", resource=JKP)
    for_userinfo = visitor_of_jkp.tokens(scope="openid")
    code = visitor_of_jkp.authorize()

    assert server.introspect(for_userinfo["access_token"]) == INACTIVE
    assert server.introspect(own["refresh_token"]) == INACTIVE
    assert other.introspect(own["access_token"]) == INACTIVE
    assert other.introspect(own["refresh_token"]) == INACTIVE
    for token in (own["id_token"], code, "x", "a.b.c", "é", "x" * 2000, visitor_of_jkp.secret):
        assert server.introspect(token) == INACTIVE
        assert visitor_of_jkp.introspect(token) == INACTIVE


def test_oa_18_a_public_client_may_not_ask(public_portal: Portal) -> None:
    token = public_portal.tokens()["access_token"]

    response = public_portal.token(path="/introspect", token=token)

    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"])
def test_oa_18_only_post_is_answered(portal: Portal, method: str) -> None:
    token = portal.tokens()["access_token"]

    response = portal.browser.open(f"/introspect?token={token}", method=method)

    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "id_token", "nonsense", "é"])
def test_oa_18_a_wrong_hint_changes_nothing(portal: Portal, hint: str) -> None:
    tokens = portal.tokens(scope="openid offline_access")
    for name in ("access_token", "refresh_token"):
        told = portal.token(path="/introspect", token=tokens[name], token_type_hint=hint)
        assert told.get_json()["active"] is True


def test_a_missing_or_repeated_token_is_an_error(portal: Portal) -> None:
    for form in ({}, {"token": ""}, {"token": ["a", "b"]}):
        response = portal.token(path="/introspect", **form)
        assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


def test_an_expired_token_is_inactive(portal: Portal, clock: FixedClock) -> None:
    token = portal.tokens()["access_token"]
    clock.move(300)

    assert portal.introspect(token) == INACTIVE


def test_oa_16_a_token_is_inactive_once_its_ground_is_gone(
    register: Callable[..., Portal], person: Account
) -> None:
    from tests.portal import sign_in

    visitor = Visitor(b"x" * 32, "127.0.0.1", NOWHERE)
    services = register().app.wiring.services
    grounds: dict[str, Callable[[Portal], object]] = {
        "consent": lambda p: services.consents.withdraw(person.id, p.client_id, visitor),
        "session": lambda p: services.people.end_sessions(person.id, "hilang", OPERATOR),
    }
    for name, end in grounds.items():
        portal = register()
        sign_in(portal.app, portal.browser, person)
        token = portal.tokens()["access_token"]
        assert portal.introspect(token)["active"] is True
        end(portal)
        assert portal.introspect(token) == INACTIVE, name


def test_oa_16_tokens_of_a_suspended_client_are_inactive(
    server: Portal, visitor_of_jkp: Portal
) -> None:
    token = visitor_of_jkp.tokens(scope="openid jkp.read", resource=JKP)["access_token"]
    visitor_of_jkp.app.wiring.services.clients.suspend(visitor_of_jkp.client_id)

    assert server.introspect(token) == INACTIVE


def test_a_token_of_a_client_by_itself_is_told_too(server: Portal, app, browser) -> None:
    caller = a_portal(
        app,
        browser,
        redirect_uris=[],
        grant_types=["client_credentials"],
        scope="jkp.read",
        resources=[JKP],
    )
    token = caller.token(grant_type="client_credentials", resource=JKP).get_json()["access_token"]

    told = server.introspect(token)

    assert (told["active"], told["sub"], told["client_id"]) == (
        True,
        caller.client_id,
        caller.client_id,
    )
    assert "acr" not in told


def test_a_spent_refresh_token_is_inactive(register: Callable[..., Portal], person) -> None:
    """Asked by a confidential client whose registration was changed to that since."""
    portal = register(token_endpoint_auth_method="none")
    first = portal.tokens(scope="openid offline_access")["refresh_token"]
    second = portal.refresh(first).get_json()["refresh_token"]
    changed = portal.app.wiring.services.clients.replace(
        portal.client_id,
        {**portal.client.metadata, "token_endpoint_auth_method": "client_secret_basic"},
    )
    portal = replace(portal, client=changed.client, secret=changed.secret)

    assert portal.introspect(first) == INACTIVE
    assert portal.introspect(second)["active"] is True


def test_hd_3_nothing_is_kept_and_no_page_reads_it(portal: Portal) -> None:
    response = portal.token(path="/introspect", token="x")

    assert response.headers["Cache-Control"] == "no-store"
    assert response.content_type == "application/json"
    assert "Access-Control-Allow-Origin" not in response.headers


def test_pd_3_nothing_of_the_person_is_told(visitor_of_jkp: Portal, server: Portal) -> None:
    token = visitor_of_jkp.tokens(scope="openid email jkp.read", resource=JKP)["access_token"]

    told = server.introspect(token)

    assert {"email", "name", "phone_number", "nik"}.isdisjoint(told)
    assert "budi" not in repr(told).lower()
