"""Forty forgeries at every place where somebody else's JWT is read (RFC 8725, OA-10).

Proofs have a table of their own in `test_rfc9449_dpop.py`: there the header's key counts.
"""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from idp.app import Application
from tests.forgeries import by_strangers, by_the_holder
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import CALLBACK, CHALLENGE, Portal, a_portal, an_account, sign_in
from tests.signing import Signer

_numbers = count()


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    """An application that does not count failures: all of these calls fail."""
    return make_app(SIAPKERJA_LIMITS_FACTOR="1000")


@pytest.fixture
def service(app: Application) -> KeyedPortal:
    return a_keyed_portal(
        app,
        app.test_client(),
        grant_types=[
            "client_credentials",
            "authorization_code",
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
        ],
        scope="openid jkp.read",
    )


def all_of(service: KeyedPortal, good: str, claims: Callable[[], dict[str, Any]], typ: str) -> dict:
    found = {
        **by_strangers(good, claims, service.signer.public()),
        **by_the_holder(service.signer, claims, {"typ": typ}),
    }
    assert len(found) >= 40
    return found


def test_oa_10_no_forged_assertion_authenticates(service: KeyedPortal) -> None:
    good = service.assertion()

    for name, forged in all_of(service, good, service.claims_now, "JWT").items():
        response = service.by_itself(forged)
        told = (response.status_code, response.get_json()["error"])
        assert told == (401, "invalid_client"), (name, response.text)
    assert service.by_itself(good).status_code == 200


def test_oa_10_no_forged_assertion_buys_a_token(service: KeyedPortal) -> None:
    """RFC 7523 §2.1: the grant, beside a good client authentication."""
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    good = service.assertion()

    for name, forged in all_of(service, good, service.claims_now, "JWT").items():
        response = service.token(grant_type=grant, assertion=forged)
        told = (response.status_code, response.get_json()["error"])
        assert told == (400, "invalid_grant"), (name, response.text)
    assert service.token(grant_type=grant, assertion=good).status_code == 200


def test_oa_10_no_forged_request_object_is_read(service: KeyedPortal) -> None:
    def claims() -> dict[str, Any]:
        return service.claims_now(
            client_id=service.client_id,
            redirect_uri=CALLBACK,
            response_type="code",
            scope="openid",
            code_challenge=CHALLENGE,
            code_challenge_method="S256",
            state=f"forged-{next(_numbers)}",
        )

    good = service.signer.sign(claims(), typ="oauth-authz-req+jwt")
    for name, forged in all_of(service, good, claims, "oauth-authz-req+jwt").items():
        pushed = service.token(path="/par", request=forged)
        told = (pushed.status_code, pushed.get_json()["error"])
        assert told[0] == 400, (name, pushed.text)
        assert told[1] in {"invalid_request_object", "invalid_request"}, (name, pushed.text)
    assert service.token(path="/par", request=good).status_code == 201


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_oa_10_no_forged_hint_is_believed(app: Application, alg: str) -> None:
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    portal = a_portal(
        app,
        browser,
        id_token_signed_response_alg=alg,
        post_logout_redirect_uris=["https://portal.example/keluar"],
    )
    good = portal.tokens()["id_token"]
    claims = portal.claims(good)
    published = browser.get("/jwks").get_json()["keys"]
    public = next(key for key in published if key["alg"] == alg)
    found = by_strangers(good, lambda: claims, public)
    assert len(found) >= 40

    for name, forged in found.items():
        silent = portal.answer(portal.start(id_token_hint=forged, prompt="none"))
        assert silent.get("error") == "invalid_request", (name, silent)
        left = _leave(portal, forged)
        assert (left.status_code, "Location" in left.headers) == (400, False), name
    assert "code" in portal.answer(portal.start(id_token_hint=good, prompt="none"))
    assert _leave(portal, good).headers["Location"] == "https://portal.example/keluar"


def _leave(portal: Portal, hint: str) -> Any:
    query = {
        "id_token_hint": hint,
        "post_logout_redirect_uri": "https://portal.example/keluar",
    }
    return portal.browser.get("/end_session", query_string=query)


def test_oa_10_a_token_of_one_use_is_none_for_another(
    app: Application, service: KeyedPortal
) -> None:
    """RFC 8725 §3.12: what we signed ourselves, shown where a client should have signed."""
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    portal = a_portal(app, browser, userinfo_signed_response_alg="ES256")
    tokens = portal.tokens()
    ours = {
        "access token": tokens["access_token"],
        "ID token": tokens["id_token"],
        "userinfo": portal.userinfo(tokens["access_token"]).text,
        "resource metadata": browser.get("/.well-known/oauth-protected-resource").get_json()[
            "signed_metadata"
        ],
    }

    for name, token in ours.items():
        assert service.by_itself(token).status_code == 401, name
        assert service.token(path="/par", request=token).status_code == 400, name
        if name != "access token":
            assert portal.userinfo(token).status_code == 401, name
            assert portal.introspect(token) == {"active": False}, name
        if name != "ID token":
            answer = portal.answer(portal.start(id_token_hint=token, prompt="none"))
            assert answer["error"] == "invalid_request", name


def test_oa_10_one_key_for_two_algorithms_serves_the_registered_one_alone(
    app: Application,
) -> None:
    """RFC 8725 §3.1: an RSA key would verify RS256 and PS256 alike."""
    signer = Signer("PS256")
    public = signer.public(alg=None)
    service = a_keyed_portal(
        app,
        app.test_client(),
        signer=signer,
        jwks={"keys": [public]},
        token_endpoint_auth_signing_alg="PS256",
    )

    assert service.by_itself().status_code == 200
    other = signer.sign(service.claims_now(), alg="RS256", signed_by="RS256")
    assert service.by_itself(other).status_code == 401
