"""Revocation (RFC 7009 §2, security.md OA-18)."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from tests.fakes import FixedClock
from tests.portal import Portal, a_portal

OFFLINE = "openid offline_access"


def revoke(portal: Portal, token: str, **form: str) -> TestResponse:
    return portal.token(path="/revoke", token=token, **form)


def is_alive(portal: Portal, tokens: dict[str, str]) -> bool:
    return portal.userinfo(tokens["access_token"]).status_code == 200


def test_oa_18_a_refresh_token_takes_its_access_tokens_along(portal: Portal) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    later = portal.refresh(tokens["refresh_token"]).get_json()

    assert revoke(portal, tokens["refresh_token"]).status_code == 200

    assert portal.refresh(tokens["refresh_token"]).status_code == 400
    assert not is_alive(portal, tokens)
    assert not is_alive(portal, later)


def test_an_access_token_ends(portal: Portal) -> None:
    tokens = portal.tokens()

    response = revoke(portal, tokens["access_token"])

    assert (response.status_code, response.data) == (200, b"")
    assert response.content_type == "application/json"
    assert portal.introspect(tokens["access_token"]) == {"active": False}
    assert not is_alive(portal, tokens)


def test_a_token_of_a_client_by_itself_ends_alone(app: Application, browser: FlaskClient) -> None:
    portal = a_portal(
        app, browser, redirect_uris=[], grant_types=["client_credentials"], scope="jkp.read"
    )
    one, other = (
        portal.token(grant_type="client_credentials").get_json()["access_token"] for _ in range(2)
    )

    assert revoke(portal, one).status_code == 200

    assert portal.introspect(one) == {"active": False}
    assert portal.introspect(other)["active"] is True
    assert revoke(portal, one).status_code == 200


def test_a_public_client_may_end_its_own(public_portal: Portal) -> None:
    tokens = public_portal.tokens(scope=OFFLINE)

    assert revoke(public_portal, tokens["refresh_token"]).status_code == 200
    assert public_portal.refresh(tokens["refresh_token"]).status_code == 400
    assert not is_alive(public_portal, tokens)


def test_a_spent_refresh_token_ends_its_family_too(public_portal: Portal) -> None:
    first = public_portal.tokens(scope=OFFLINE)["refresh_token"]
    second = public_portal.refresh(first).get_json()["refresh_token"]

    assert revoke(public_portal, first).status_code == 200

    assert public_portal.refresh(second).status_code == 400


@pytest.mark.parametrize("token", ["x", "a.b.c", "é", "A" * 2000, "x.1.y"])
def test_oa_18_an_unknown_token_is_answered_like_a_known_one(portal: Portal, token: str) -> None:
    assert revoke(portal, token).status_code == 200


def test_oa_18_tokens_of_others_live_on(portal: Portal, register: Callable[..., Portal]) -> None:
    tokens, other = portal.tokens(scope=OFFLINE), register()

    for name in ("access_token", "refresh_token", "id_token"):
        assert revoke(other, tokens[name]).status_code == 200

    assert is_alive(portal, tokens)
    assert portal.refresh(tokens["refresh_token"]).status_code == 200


def test_an_id_token_or_a_code_ends_nothing(portal: Portal) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    code = portal.authorize()

    revoke(portal, tokens["id_token"])
    revoke(portal, code)

    assert is_alive(portal, tokens)
    assert portal.redeem(code).status_code == 200


def test_other_sign_ins_to_the_same_portal_live_on(portal: Portal) -> None:
    one, other = portal.tokens(scope=OFFLINE), portal.tokens(scope=OFFLINE)

    revoke(portal, one["refresh_token"])

    assert not is_alive(portal, one)
    assert is_alive(portal, other)
    assert portal.refresh(other["refresh_token"]).status_code == 200


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_oa_18_a_wrong_hint_changes_nothing(portal: Portal, hint: str) -> None:
    tokens = portal.tokens(scope=OFFLINE)

    revoke(portal, tokens["refresh_token"], token_type_hint=hint)

    assert portal.refresh(tokens["refresh_token"]).status_code == 400


@pytest.mark.parametrize("form", [{}, {"token": ""}, {"token": ["a", "b"]}])
def test_a_missing_or_repeated_token_is_an_error(portal: Portal, form: dict) -> None:
    response = portal.token(path="/revoke", **form)

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_oa_18_only_post_is_answered(portal: Portal, method: str) -> None:
    tokens = portal.tokens()

    response = portal.browser.open(f"/revoke?token={tokens['access_token']}", method=method)

    assert response.status_code == 405
    assert is_alive(portal, tokens)


def test_oa_18_a_caller_without_authentication_ends_nothing(portal: Portal) -> None:
    tokens = portal.tokens()

    for data in ({}, {"client_id": portal.client_id}):
        response = portal.browser.post("/revoke", data={"token": tokens["access_token"], **data})
        assert response.status_code == 401
    assert is_alive(portal, tokens)


def test_an_expired_access_token_ends_nothing(portal: Portal, clock: FixedClock) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    clock.move(301)

    assert revoke(portal, tokens["access_token"]).status_code == 200
    assert portal.refresh(tokens["refresh_token"]).status_code == 200


def test_revoking_twice_is_recorded_once(portal: Portal, person: Account) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    for _ in range(3):
        revoke(portal, tokens["refresh_token"])

    with portal.app.app_context(), portal.app.extensions["sqlalchemy"].engine.connect() as found:
        rows = found.exec_driver_sql(
            "SELECT action, actor FROM audit_event WHERE action = 'grant.revoked'"
        ).fetchall()
    assert [tuple(row) for row in rows] == [("grant.revoked", "client")]
