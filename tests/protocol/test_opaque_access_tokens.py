"""Opaque access tokens, per client and per resource (RFC 6749 §1.4, RFC 7662)."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from tests.fakes import FixedClock
from tests.portal import ISSUER, Portal, a_portal

API, OTHER = "https://api.example", "https://lain.example"
SCOPE = "openid profile email offline_access"


def a_server(app: Application, browser: FlaskClient, **metadata: Any) -> Portal:
    return a_portal(app, browser, redirect_uris=[], grant_types=[], **metadata)


def is_jwt(token: str) -> bool:
    return token.count(".") == 2


@pytest.fixture
def quiet(app: Application, browser: FlaskClient, person: Account) -> Portal:
    """A portal whose tokens say nothing by themselves."""
    return a_portal(app, browser, scope=SCOPE, access_token_format="opaque", resources=[API, OTHER])


def test_a_client_may_be_registered_for_opaque_tokens(quiet: Portal) -> None:
    told = quiet.tokens(scope="openid profile")

    token = told["access_token"]
    assert "." not in token
    assert len(token) >= 43
    assert quiet.claims(told["id_token"])["at_hash"]
    assert quiet.userinfo(token).get_json()["name"] == "Budi Santoso"


def test_a_resource_decides_for_itself_whatever_the_client_registered(
    app: Application, browser: FlaskClient, quiet: Portal
) -> None:
    a_server(app, browser, serves=[API], access_token_format="jwt")
    loud = a_portal(app, browser, resources=[OTHER])
    server = a_server(app, browser, serves=[OTHER], access_token_format="opaque")

    assert is_jwt(quiet.tokens(resource=API)["access_token"])
    token = loud.tokens(resource=OTHER)["access_token"]

    assert not is_jwt(token)
    assert server.introspect(token)["aud"] == OTHER
    assert is_jwt(loud.tokens()["access_token"])


def test_introspection_tells_the_resource_what_a_jwt_would_say(
    app: Application, browser: FlaskClient, quiet: Portal
) -> None:
    server = a_server(app, browser, serves=[API])
    loud = a_portal(app, browser, scope=SCOPE, resources=[API])
    in_the_open = loud.claims(loud.tokens(resource=API)["access_token"])

    told = server.introspect(quiet.tokens(resource=API)["access_token"])

    assert told["active"] is True
    assert set(told) - {"active", "token_type"} == set(in_the_open) - {"gid"}
    assert told["client_id"] == quiet.client_id


def test_oa_18_another_resource_learns_nothing(
    app: Application, browser: FlaskClient, quiet: Portal
) -> None:
    server = a_server(app, browser, serves=[OTHER])

    assert server.introspect(quiet.tokens(resource=API)["access_token"]) == {"active": False}


def test_oa_12_userinfo_takes_no_token_for_another_audience(quiet: Portal) -> None:
    assert quiet.userinfo(quiet.tokens(resource=API)["access_token"]).status_code == 401


def test_oa_19_a_bent_token_is_unknown(quiet: Portal) -> None:
    token = quiet.tokens()["access_token"]

    for bent in (
        token[:-1],
        f"{token}A",
        f"{token}=",
        f"A{token}",
        token.swapcase(),
        token[::-1],
        f"{token}.{token}",
        token.replace(token[5], "é"),
    ):
        assert quiet.introspect(bent) == {"active": False}
        assert quiet.browser.get(
            "/userinfo", headers={"Authorization": f"Bearer {bent}".encode().decode("latin-1")}
        ).status_code in {400, 401}


def test_it_expires(quiet: Portal, clock: FixedClock) -> None:
    token = quiet.tokens()["access_token"]
    clock.move(300)

    assert quiet.introspect(token) == {"active": False}
    assert quiet.userinfo(token).status_code == 401


def test_it_ends_with_its_grant(quiet: Portal) -> None:
    told = quiet.tokens(scope=SCOPE)
    again = quiet.refresh(told["refresh_token"]).get_json()["access_token"]
    assert not is_jwt(again)

    quiet.token(path="/revoke", token=told["refresh_token"])

    for token in (told["access_token"], again):
        assert quiet.introspect(token) == {"active": False}
        assert quiet.userinfo(token).status_code == 401


def test_a_code_brought_twice_ends_it(quiet: Portal) -> None:
    code = quiet.authorize()
    token = quiet.redeem(code).get_json()["access_token"]
    assert quiet.redeem(code).status_code == 400

    assert quiet.userinfo(token).status_code == 401


def test_a_client_acting_for_itself_gets_one_too_and_may_end_it(
    app: Application, browser: FlaskClient
) -> None:
    service = a_portal(
        app,
        browser,
        redirect_uris=[],
        grant_types=["client_credentials"],
        scope="laporan:baca",
        access_token_format="opaque",
    )
    token = service.token(grant_type="client_credentials").get_json()["access_token"]
    assert not is_jwt(token)
    assert service.introspect(token)["aud"] == ISSUER

    service.token(path="/revoke", token=token)

    assert service.introspect(token) == {"active": False}


def test_pd_3_the_database_knows_only_a_digest(app: Application, quiet: Portal) -> None:
    token = quiet.tokens()["access_token"]

    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
        with engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM access_token").all()

    assert len(rows) == 1
    assert token not in str(rows)
