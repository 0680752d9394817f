"""JWT Secured Authorization Response Mode for OAuth 2.0 (JARM §2, §3, §4)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from tests.fakes import NOW, FixedClock
from tests.jar import request_object
from tests.keyed import a_keyed_portal
from tests.portal import CALLBACK, ISSUER, Portal, form_fields
from tests.sealing import Opener, header_of
from tests.waiting import decide

MODES = ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt"]


@pytest.fixture
def portal(register: Callable[..., Portal], person: Account) -> Portal:
    """A client of the ministry's own, so that a good request is answered at once."""
    return register(first_party=True)


def carried(response: TestResponse) -> dict[str, str]:
    """Return the parameters of an answer, however it travels."""
    if response.status_code == 200:
        return form_fields(response)
    parts = urlsplit(response.headers["Location"])
    found = parse_qs(parts.fragment or parts.query)
    return {name: values[0] for name, values in found.items()}


def claims_of(portal: Portal, response: TestResponse) -> dict[str, Any]:
    told = carried(response)
    assert set(told) == {"response"}, told
    return portal.claims(told["response"])


# --- what the JWT says (§2.1)


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_is_one_signed_jwt_and_nothing_beside_it(portal: Portal, mode: str) -> None:
    claims = claims_of(portal, portal.start(response_mode=mode))

    assert set(claims) == {"iss", "aud", "exp", "iat", "code", "state"}
    assert (claims["iss"], claims["aud"]) == (ISSUER, portal.client_id)
    assert claims["state"] == "st"
    assert portal.redeem(claims["code"]).status_code == 200


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "nik"}, "invalid_scope"),
        ({"prompt": "none", "max_age": "0"}, "login_required"),
        ({"code_challenge": "x"}, "invalid_request"),
        ({"resource": "https://unknown.example/"}, "invalid_target"),
    ],
    ids=str,
)
def test_an_error_is_one_too(
    portal: Portal, mode: str, changes: dict[str, str], error: str
) -> None:
    claims = claims_of(portal, portal.start(response_mode=mode, **changes))

    assert set(claims) == {"iss", "aud", "exp", "iat", "error", "error_description", "state"}
    assert (claims["error"], claims["state"]) == (error, "st")


def test_a_no_of_the_person_is_one_too(register: Callable[..., Portal], person: Account) -> None:
    portal = register()
    waiting = portal.start(response_mode="jwt")

    answer = decide(portal.browser, waiting.headers["Location"], "deny")

    assert claims_of(portal, answer)["error"] == "access_denied"


def test_without_a_state_none_comes_back(portal: Portal) -> None:
    assert "state" not in claims_of(portal, portal.start(response_mode="jwt", state=None))


@pytest.mark.parametrize("state", ["é→ü", 'a"b\\c', "a&b=c#d", "<script>", "x" * 1500])
def test_the_state_comes_back_exactly(portal: Portal, state: str) -> None:
    claims = claims_of(portal, portal.start(response_mode="jwt", state=state))

    assert claims["state"] == state


def test_it_ends_within_ten_minutes(portal: Portal, clock: FixedClock) -> None:
    clock.move(100)

    claims = claims_of(portal, portal.start(response_mode="jwt"))

    assert (claims["iat"], claims["exp"]) == (NOW + 100, NOW + 700)


# --- how it travels (§2.3)


@pytest.mark.parametrize(
    ("mode", "beginning"),
    [
        ("jwt", f"{CALLBACK}?response="),
        ("query.jwt", f"{CALLBACK}?response="),
        ("fragment.jwt", f"{CALLBACK}#response="),
    ],
)
def test_it_travels_as_asked(portal: Portal, mode: str, beginning: str) -> None:
    assert portal.start(response_mode=mode).headers["Location"].startswith(beginning)


def test_it_travels_as_a_form_where_asked(portal: Portal) -> None:
    page = portal.start(response_mode="form_post.jwt")

    assert page.status_code == 200
    assert f'action="{CALLBACK}"' in page.text
    assert set(form_fields(page)) == {"response"}
    assert page.headers["Cache-Control"] == "no-store"


def test_a_registered_query_stays_beside_it(
    register: Callable[..., Portal], person: Account
) -> None:
    uri = f"{CALLBACK}?from=sso"
    portal = register(first_party=True, redirect_uris=[uri])

    there = portal.start(redirect_uri=uri, response_mode="jwt").headers["Location"]

    assert there.startswith(f"{uri}&response=")


@pytest.mark.parametrize(
    "mode", ["JWT", "query.JWT", "web_message.jwt", ".jwt", "jwt.", "none.jwt"]
)
def test_another_mode_is_an_error_in_plain_form(portal: Portal, mode: str) -> None:
    assert portal.answer(portal.start(response_mode=mode))["error"] == "invalid_request"


def test_an_error_before_the_redirect_uri_is_known_good_stays_here(portal: Portal) -> None:
    for changes in ({"redirect_uri": "https://evil.example/"}, {"client_id": "unknown"}):
        response = portal.start(response_mode="jwt", **changes)

        assert response.status_code == 400
        assert "Location" not in response.headers


def test_it_is_asked_for_in_a_request_object(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_keyed_portal(app, browser, first_party=True)
    signed = request_object(portal, response_mode="jwt")

    response = browser.get(f"/authorize?client_id={portal.client_id}&request={signed}")

    assert "code" in claims_of(portal, response)


# --- signing (§2.2, §3)


def test_rs256_signs_where_nothing_is_registered(portal: Portal) -> None:
    header = header_of(carried(portal.start(response_mode="jwt"))["response"])

    assert header["alg"] == "RS256"
    assert header["kid"] in {key["kid"] for key in portal.browser.get("/jwks").get_json()["keys"]}


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256", "ES384", "ES512", "Ed25519"])
def test_the_registered_algorithm_signs(
    register: Callable[..., Portal], person: Account, browser: FlaskClient, alg: str
) -> None:
    portal = register(first_party=True, authorization_signed_response_alg=alg)
    response = portal.start(response_mode="jwt")
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert header_of(carried(response)["response"])["alg"] == alg
    assert "code" in claims_of(portal, response)
    # keys for ES512 are there on demand, so metadata does not offer it
    assert (alg in document["authorization_signing_alg_values_supported"]) is (alg != "ES512")


@pytest.mark.parametrize(
    "metadata",
    [
        {"authorization_signed_response_alg": "none"},
        {"authorization_signed_response_alg": "HS256"},
        {"authorization_signed_response_alg": "RS1"},
        {"authorization_signed_response_alg": None, "authorization_encrypted_response_alg": "dir"},
        {"authorization_encrypted_response_alg": "RSA1_5", "jwks": Opener().jwks()},
        {"authorization_encrypted_response_alg": "ECDH-ES"},
        {"authorization_encrypted_response_enc": "A256GCM", "jwks": Opener().jwks()},
        {
            "authorization_encrypted_response_alg": "ECDH-ES",
            "authorization_encrypted_response_enc": "A1",
            "jwks": Opener().jwks(),
        },
    ],
    ids=lambda value: " ".join(f"{n}={v}" for n, v in value.items() if n != "jwks"),
)
def test_oa_10_no_weaker_algorithm_can_be_registered(
    register: Callable[..., Portal], metadata: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refusal:
        register(**metadata)

    assert refusal.value.code == "invalid_client_metadata"


# --- encryption (§2.2)


def sealed(register: Callable[..., Portal], opener: Opener, **metadata: Any) -> Portal:
    return register(
        first_party=True,
        jwks=opener.jwks(),
        authorization_encrypted_response_alg=opener.alg,
        **metadata,
    )


@pytest.mark.parametrize(
    "alg", ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP", "RSA-OAEP-256"]
)
@pytest.mark.parametrize("mode", ["jwt", "form_post.jwt"])
def test_it_is_encrypted_where_registered(
    register: Callable[..., Portal], person: Account, alg: str, mode: str
) -> None:
    opener = Opener(alg)
    portal = sealed(register, opener, authorization_encrypted_response_enc="A256GCM")

    text = carried(portal.start(response_mode=mode))["response"]
    header = header_of(text)

    assert (header["alg"], header["enc"], header["cty"]) == (alg, "A256GCM", "JWT")
    assert header["kid"] == opener.kid
    claims = portal.claims(opener.open(text, "A256GCM"))
    assert portal.redeem(claims["code"]).status_code == 200


def test_a128cbc_hs256_encrypts_where_no_enc_is_registered(
    register: Callable[..., Portal], person: Account
) -> None:
    """§3: the default."""
    opener = Opener()
    portal = sealed(register, opener)

    text = carried(portal.start(response_mode="jwt"))["response"]

    assert "code" in portal.claims(opener.open(text, "A128CBC-HS256"))


def test_an_error_is_encrypted_too(register: Callable[..., Portal], person: Account) -> None:
    opener = Opener()
    portal = sealed(register, opener)

    text = carried(portal.start(response_mode="jwt", response_type="token"))["response"]

    assert text.count(".") == 4
    told = portal.claims(opener.open(text, "A128CBC-HS256"))
    assert told["error"] == "unsupported_response_type"


@pytest.mark.parametrize(
    "jwk",
    [
        {"use": "sig"},
        {"alg": "RSA-OAEP"},
        {"crv": "P-999"},
        {"x": "AAAA"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
    ],
    ids=str,
)
def test_a_code_never_travels_open_where_encryption_is_registered(
    register: Callable[..., Portal], person: Account, jwk: dict[str, str]
) -> None:
    opener = Opener()
    portal = register(
        first_party=True,
        jwks=opener.jwks(**jwk),
        authorization_encrypted_response_alg="ECDH-ES",
    )

    claims = claims_of(portal, portal.start(response_mode="jwt"))

    assert claims["error"] == "server_error"
    assert claims["state"] == "st"
    assert "code" not in claims


def test_plain_modes_stay_plain_for_such_a_client(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = sealed(register, Opener())

    assert "code" in portal.answer(portal.start())


# --- it is nothing else


def test_oa_12_it_opens_nothing_and_hints_at_nobody(portal: Portal) -> None:
    text = carried(portal.start(response_mode="jwt"))["response"]

    assert portal.userinfo(text).status_code == 401
    assert portal.redeem(text).get_json()["error"] == "invalid_grant"
    hinted = portal.start(id_token_hint=text)
    assert portal.answer(hinted)["error"] == "invalid_request"
    by_value = portal.start(request=text)
    assert portal.answer(by_value)["error"] == "invalid_request_object"


def test_metadata_names_the_modes(browser: FlaskClient) -> None:
    """§4."""
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert set(MODES) <= set(document["response_modes_supported"])
    assert {"ECDH-ES", "RSA-OAEP-256"} <= set(
        document["authorization_encryption_alg_values_supported"]
    )
    assert "A128CBC-HS256" in document["authorization_encryption_enc_values_supported"]
