"""RFC 7523 §2.1, §3: the JWT bearer grant, a client's own signed word in place of a secret."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from tests.elsewhere import refusal
from tests.fakes import NOW
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import ISSUER, Portal, a_portal
from tests.racing import at_once
from tests.signing import Signer, compact

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
API = "https://api.example"
METADATA: dict[str, Any] = {
    "redirect_uris": [],
    "grant_types": [GRANT],
    "scope": "openid profile laporan:baca",
    "resources": [API],
}


@pytest.fixture
def service(app: Application, browser: FlaskClient) -> KeyedPortal:
    return a_keyed_portal(app, browser, **METADATA)


def bring(service: KeyedPortal, assertion: str | None, **form: str | None) -> TestResponse:
    return service.token(grant_type=GRANT, assertion=assertion, **form)


def test_a_client_gets_a_token_of_its_own(service: KeyedPortal) -> None:
    answer = bring(service, service.assertion())

    told = answer.get_json()
    claims = service.claims(told["access_token"])
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}
    assert told["scope"] == "laporan:baca"
    assert claims["sub"] == claims["client_id"] == service.client_id
    assert claims["aud"] == ISSUER
    assert {"acr", "auth_time", "gid", "act"}.isdisjoint(claims)


def test_it_may_be_for_a_registered_resource(service: KeyedPortal) -> None:
    told = bring(service, service.assertion(), resource=API).get_json()

    assert service.claims(told["access_token"])["aud"] == API
    elsewhere = bring(service, service.assertion(), resource="https://x.example")
    assert refusal(elsewhere) == "invalid_target"


def test_no_person_is_ever_the_subject(
    service: KeyedPortal, portal: Portal, person: Account
) -> None:
    hinted = portal.claims(portal.tokens()["id_token"])["sub"]

    for subject in (person.subject, hinted, "3273011708909001", "budi1@contoh.id"):
        answer = bring(service, service.assertion(sub=subject))
        assert refusal(answer) == "invalid_grant"


@pytest.mark.parametrize("scope", ["openid", "profile", "openid laporan:baca"])
def test_scopes_about_people_need_a_person(service: KeyedPortal, scope: str) -> None:
    assert refusal(bring(service, service.assertion(), scope=scope)) == "invalid_scope"


def test_oa_17_no_scope_beyond_the_registration(service: KeyedPortal) -> None:
    assert refusal(bring(service, service.assertion(), scope="laporan:tulis")) == "invalid_scope"


@pytest.mark.parametrize(
    "bent",
    [
        {"iss": None},
        {"iss": "another"},
        {"sub": None},
        {"aud": None},
        {"aud": "https://x.example"},
        {"aud": f"{ISSUER}/"},
        {"aud": []},
        {"aud": [ISSUER, "https://x.example"]},
        {"exp": None},
        {"exp": NOW - 11},
        {"exp": NOW + 3700},
        {"exp": "soon"},
        {"exp": True},
        {"iat": NOW + 60},
        {"nbf": NOW + 60},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
    ],
)
def test_an_assertion_claims_who_for_whom_and_when(
    service: KeyedPortal, bent: dict[str, Any]
) -> None:
    assert refusal(bring(service, service.assertion(**bent))) == "invalid_grant"


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/token", [f"{ISSUER}/token", ISSUER]])
def test_the_audience_is_the_issuer_or_the_token_endpoint(
    service: KeyedPortal, audience: Any
) -> None:
    assert bring(service, service.assertion(aud=audience)).status_code == 200


def test_oa_10_forged_assertions_are_refused(service: KeyedPortal) -> None:
    claims = service.claims_now()
    signer = service.signer
    good = signer.sign(claims)
    head, payload, signature = good.split(".")
    own = Signer(kid="mine")
    forged = [
        Signer(kid=signer.kid).sign(claims),
        Signer("RS256", kid=signer.kid).sign(claims),
        own.sign(claims, jwk=own.public()),
        compact({"alg": "none"}, claims, None),
        compact({"alg": "HS256"}, claims, b"a secret of enough bytes for SHA-256"),
        signer.sign(claims, crit=["exp"]),
        signer.sign(claims, b64=False, crit=["b64"]),
        signer.sign(claims, typ="client-authentication+jwt"),
        signer.sign(claims, typ="at+jwt"),
        signer.sign(claims, typ="dpop+jwt"),
        signer.sign(b"[]"),
        f"{head}.{payload}.{signature[::-1]}",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        "x",
        "..",
        "é.é.é",
    ]

    for bad in forged:
        assert refusal(bring(service, bad)) == "invalid_grant", bad
    assert bring(service, good).status_code == 200


@pytest.mark.parametrize("typ", [None, "JWT", "authorization-grant+jwt"])
def test_an_assertion_may_say_that_it_is_one(service: KeyedPortal, typ: str | None) -> None:
    assertion = service.signer.sign(service.claims_now(), typ=typ)

    assert bring(service, assertion).status_code == 200


def test_an_assertion_is_good_once(service: KeyedPortal) -> None:
    assertion = service.assertion()
    assert bring(service, assertion).status_code == 200

    assert refusal(bring(service, assertion)) == "invalid_grant"


def test_an_assertion_brought_many_times_at_once_is_good_once(service: KeyedPortal) -> None:
    assertion = service.assertion()

    answers = at_once([lambda: bring(service, assertion)] * 6)

    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]


def test_an_assertion_of_another_client_is_refused(
    service: KeyedPortal, app: Application, browser: FlaskClient
) -> None:
    other = a_keyed_portal(app, browser, **METADATA)

    assert refusal(bring(service, other.assertion())) == "invalid_grant"


def test_an_assertion_is_needed(service: KeyedPortal) -> None:
    assert refusal(bring(service, None)) == "invalid_request"


def test_only_clients_registered_for_it(app: Application, browser: FlaskClient) -> None:
    other = a_keyed_portal(app, browser)

    assert refusal(bring(other, other.assertion())) == "unauthorized_client"


def test_oa_9_a_strict_client_names_the_issuer_alone(
    app: Application, browser: FlaskClient
) -> None:
    strict = a_keyed_portal(app, browser, **METADATA, assertion_audience="issuer")

    for audience in (f"{ISSUER}/token", [ISSUER]):
        assert refusal(bring(strict, strict.assertion(aud=audience))) == "invalid_grant"
    assert bring(strict, strict.assertion()).status_code == 200


def test_a_client_with_a_secret_may_give_its_signed_word_too(
    app: Application, browser: FlaskClient
) -> None:
    signer = Signer()
    client = a_portal(app, browser, **METADATA, jwks=signer.jwks())
    speaking = KeyedPortal(app, browser, client.client, client.secret, signer=signer)

    answer = client.token(grant_type=GRANT, assertion=speaking.assertion())

    assert answer.status_code == 200
    assert answer.get_json()["scope"] == "laporan:baca"


def test_a_client_without_a_key_has_no_word_to_give(
    app: Application, browser: FlaskClient, service: KeyedPortal
) -> None:
    secret = a_portal(app, browser, **METADATA)
    assertion = service.signer.sign(service.claims_now(iss=secret.client_id, sub=secret.client_id))

    answer = secret.token(grant_type=GRANT, assertion=assertion)

    assert refusal(answer) == "invalid_grant"


def test_oa_16_a_suspended_client_gets_nothing(
    service: KeyedPortal, forget_clients: Callable[[], None]
) -> None:
    service.app.wiring.services.clients.suspend(service.client_id)

    assert refusal(bring(service, service.assertion()), 401) == "invalid_client"


def test_metadata_names_the_grant(browser: FlaskClient) -> None:
    told = browser.get("/.well-known/openid-configuration").get_json()

    assert GRANT in told["grant_types_supported"]
