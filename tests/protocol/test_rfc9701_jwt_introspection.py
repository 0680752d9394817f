"""RFC 9701: introspection answered by a signed JWT."""

import json
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jwe
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.ids import decode_base64url
from tests.fakes import NOW
from tests.keyed import a_keyed_portal
from tests.portal import ISSUER, Portal, a_portal

SIGNED = "application/token-introspection+jwt"
API = "https://api.example"


def a_server(app: Application, browser: FlaskClient, **metadata: Any) -> Portal:
    return a_portal(app, browser, redirect_uris=[], grant_types=[], serves=[API], **metadata)


@pytest.fixture
def server(app: Application, browser: FlaskClient) -> Portal:
    return a_server(app, browser)


@pytest.fixture
def token(app: Application, browser: FlaskClient, person: Account) -> str:
    portal = a_portal(app, browser, resources=[API])
    return str(portal.tokens(scope="openid profile", resource=API)["access_token"])


def ask(server: Portal, token: str, accept: str = SIGNED) -> TestResponse:
    asking = replace(server, headers={"Accept": accept})
    return asking.token(path="/introspect", token=token)


def header_of(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decode_base64url(token.partition(".")[0]))
    return found


def test_a_resource_that_asks_for_it_gets_a_signed_answer(server: Portal, token: str) -> None:
    answer = ask(server, token)

    claims = server.claims(answer.text)
    assert answer.headers["Content-Type"] == SIGNED
    assert answer.headers["Cache-Control"] == "no-store"
    assert set(claims) == {"iss", "aud", "iat", "token_introspection"}
    assert (claims["iss"], claims["aud"], claims["iat"]) == (ISSUER, server.client_id, NOW)
    assert claims["token_introspection"] == server.introspect(token)
    assert claims["token_introspection"]["active"] is True


def test_the_answer_says_what_it_is(server: Portal, token: str) -> None:
    header = header_of(ask(server, token).text)

    assert header["typ"] == "token-introspection+jwt"
    assert header["alg"] == "RS256"
    assert header["kid"]


@pytest.mark.parametrize("bad", ["x", "", "a.b.c", "é"])
def test_oa_18_what_does_not_count_is_exactly_inactive(server: Portal, bad: str) -> None:
    answer = ask(server, bad or "-")

    assert server.claims(answer.text)["token_introspection"] == {"active": False}


def test_oa_18_a_token_for_somebody_else_is_exactly_inactive(
    app: Application, browser: FlaskClient, token: str
) -> None:
    other = a_portal(
        app, browser, redirect_uris=[], grant_types=[], serves=["https://other.example"]
    )

    answer = ask(other, token)

    assert other.claims(answer.text)["token_introspection"] == {"active": False}


@pytest.mark.parametrize(
    ("accept", "signed"),
    [
        (SIGNED, True),
        (SIGNED.upper(), True),
        (f"application/json;q=0.5, {SIGNED}", True),
        (f"{SIGNED};q=0.9", True),
        (f"{SIGNED};q=0", False),
        (f"{SIGNED};q=0.000", False),
        ("application/json", False),
        ("*/*", False),
        ("application/jwt", False),
        (f"x-{SIGNED}", False),
        ("", False),
    ],
)
def test_only_who_asks_for_it_gets_it(
    server: Portal, token: str, accept: str, signed: bool
) -> None:
    answer = ask(server, token, accept)

    expected = SIGNED if signed else "application/json"
    assert answer.headers["Content-Type"] == expected


@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519"])
def test_it_is_signed_as_registered(
    app: Application, browser: FlaskClient, token: str, alg: str
) -> None:
    server = a_server(app, browser, introspection_signed_response_alg=alg)

    text = ask(server, token).text

    assert header_of(text)["alg"] == alg
    assert server.claims(text)["token_introspection"]["active"] is True


def test_the_fapi2_profile_never_gets_rs256(
    app: Application, browser: FlaskClient, token: str
) -> None:
    server = a_keyed_portal(
        app, browser, redirect_uris=[], grant_types=[], serves=[API], profile="fapi2"
    )

    assert header_of(ask(server, token).text)["alg"] == "ES256"


def test_it_is_encrypted_as_registered(app: Application, browser: FlaskClient, token: str) -> None:
    key = ECKey.generate_key("P-256", {"kid": "e1", "use": "enc"})
    server = a_server(
        app,
        browser,
        jwks={"keys": [key.as_dict(private=False)]},
        introspection_encrypted_response_alg="ECDH-ES+A256KW",
        introspection_encrypted_response_enc="A256GCM",
    )

    sealed = ask(server, token).text

    opened = jwe.decrypt_compact(sealed, key, algorithms=["ECDH-ES+A256KW", "A256GCM"])
    assert header_of(sealed)["cty"] == "JWT"
    inside = (opened.plaintext or b"").decode()
    assert server.claims(inside)["token_introspection"]["active"] is True


def test_who_does_not_prove_itself_gets_no_signed_word(server: Portal, token: str) -> None:
    answer = server.browser.post(
        "/introspect",
        data={"client_id": server.client_id, "token": token},
        headers={"Accept": SIGNED},
    )

    assert answer.status_code == 401
    assert answer.get_json()["error"] == "invalid_client"


def test_the_signed_answer_is_no_token(server: Portal, token: str) -> None:
    signed = ask(server, token).text

    assert server.introspect(signed) == {"active": False}
    assert server.userinfo(signed).status_code == 401
    assert server.browser.get(f"/end_session?id_token_hint={signed}").status_code == 400


def test_metadata_names_the_algorithms(browser: FlaskClient) -> None:
    told = browser.get("/.well-known/openid-configuration").get_json()

    assert {"RS256", "ES256"} <= set(told["introspection_signing_alg_values_supported"])
    assert "ECDH-ES" in told["introspection_encryption_alg_values_supported"]
    assert "A256GCM" in told["introspection_encryption_enc_values_supported"]
    for member in ("signing_alg", "encryption_alg"):
        values = told[f"introspection_{member}_values_supported"]
        assert {"none", "HS256"}.isdisjoint(values)
