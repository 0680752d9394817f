"""Encrypted ID tokens and userinfo (OpenID Connect Core §10.2, §5.3.2, Registration §2).

Request objects that are encrypted to us are in `test_rfc9101_jar.py`, authorization answers in
`test_jarm.py`.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from tests.fakes import FixedClock
from tests.key_server import running_key_server
from tests.portal import ISSUER, Portal, a_portal, an_account, sign_in
from tests.sealing import Opener, header_of

KEY_MANAGEMENT = ["ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW", "RSA-OAEP", "RSA-OAEP-256"]
CONTENT = ["A128GCM", "A256GCM", "A128CBC-HS256", "A256CBC-HS512"]
DEFAULT = "A128CBC-HS256"


def sealed(register: Callable[..., Portal], opener: Opener, use: str, **metadata: Any) -> Portal:
    """Return a client that gets something encrypted; `use` is `id_token` or `userinfo`."""
    return register(
        **{
            "first_party": True,
            "jwks": opener.jwks(),
            f"{use}_encrypted_response_alg": opener.alg,
            **metadata,
        }
    )


# --- ID tokens


@pytest.mark.parametrize("alg", KEY_MANAGEMENT)
@pytest.mark.parametrize("enc", CONTENT)
def test_an_id_token_is_signed_then_encrypted(
    register: Callable[..., Portal], person: Account, alg: str, enc: str
) -> None:
    """§10.2: a nested JWT, and its `kid` names the client's key."""
    opener = Opener(alg)
    portal = sealed(register, opener, "id_token", id_token_encrypted_response_enc=enc)

    text = portal.tokens()["id_token"]
    header = header_of(text)

    assert (header["alg"], header["enc"]) == (alg, enc)
    assert (header["cty"], header["kid"]) == ("JWT", opener.kid)
    inner = opener.open(text, enc)
    assert header_of(inner)["alg"] == "RS256"
    assert portal.claims(inner)["aud"] == portal.client_id


def test_a128cbc_hs256_encrypts_where_no_enc_is_registered(
    register: Callable[..., Portal], person: Account
) -> None:
    opener = Opener()

    text = sealed(register, opener, "id_token").tokens()["id_token"]

    assert header_of(text)["enc"] == DEFAULT


def test_the_signature_inside_is_by_the_registered_algorithm(
    register: Callable[..., Portal], person: Account
) -> None:
    opener = Opener()
    portal = sealed(register, opener, "id_token", id_token_signed_response_alg="ES256")

    inner = opener.open(portal.tokens()["id_token"], DEFAULT)

    assert header_of(inner)["alg"] == "ES256"


def test_a_refreshed_id_token_is_encrypted_too(
    register: Callable[..., Portal], person: Account
) -> None:
    opener = Opener()
    portal = sealed(register, opener, "id_token")
    first = portal.tokens(scope="openid offline_access")

    again = portal.refresh(first["refresh_token"]).get_json()

    assert "sub" in portal.claims(opener.open(again["id_token"], DEFAULT))


def test_what_is_inside_is_a_hint_and_the_outside_is_none(
    register: Callable[..., Portal], person: Account
) -> None:
    """A client sends what it decrypted; what is encrypted to it we can not read either."""
    opener = Opener()
    portal = sealed(register, opener, "id_token")
    text = portal.tokens()["id_token"]

    inside = portal.start(id_token_hint=opener.open(text, DEFAULT), prompt="none")
    outside = portal.start(id_token_hint=text, prompt="none")

    assert "code" in portal.answer(inside)
    assert portal.answer(outside)["error"] == "invalid_request"


# --- userinfo


@pytest.mark.parametrize("alg", KEY_MANAGEMENT)
def test_userinfo_is_encrypted_json_where_no_signature_is_registered(
    register: Callable[..., Portal], person: Account, alg: str
) -> None:
    opener = Opener(alg)
    portal = sealed(register, opener, "userinfo")

    answer = portal.userinfo(portal.tokens(scope="openid email")["access_token"])

    assert answer.status_code == 200
    assert answer.content_type == "application/jwt"
    assert "cty" not in header_of(answer.text)
    told = json.loads(opener.open(answer.text, DEFAULT))
    assert set(told) == {"sub", "email", "email_verified"}


@pytest.mark.parametrize("enc", CONTENT)
def test_userinfo_is_signed_then_encrypted_where_both_are_registered(
    register: Callable[..., Portal], person: Account, enc: str
) -> None:
    opener = Opener()
    portal = sealed(
        register,
        opener,
        "userinfo",
        userinfo_signed_response_alg="ES256",
        userinfo_encrypted_response_enc=enc,
    )

    answer = portal.userinfo(portal.tokens(scope="openid email")["access_token"])

    assert answer.content_type == "application/jwt"
    assert header_of(answer.text)["cty"] == "JWT"
    inner = opener.open(answer.text, enc)
    assert header_of(inner)["alg"] == "ES256"
    told = portal.claims(inner)
    assert (told["iss"], told["aud"]) == (ISSUER, portal.client_id)
    assert told["email"] == "budi1@contoh.id"


def test_one_use_does_not_encrypt_the_other(
    register: Callable[..., Portal], person: Account
) -> None:
    opener = Opener()
    by_token = sealed(register, opener, "id_token")
    by_userinfo = sealed(register, opener, "userinfo")

    assert by_token.userinfo(by_token.tokens()["access_token"]).is_json
    assert by_userinfo.tokens()["id_token"].count(".") == 2


# --- which key


def test_the_key_is_the_one_for_encryption_and_the_algorithm(
    register: Callable[..., Portal], person: Account
) -> None:
    opener = Opener("RSA-OAEP-256", "right")
    others = [
        Opener("RSA-OAEP-256", "for signing").public(use="sig", alg="PS256"),
        Opener("RSA-OAEP", "another algorithm").public(),
        Opener("ECDH-ES", "another kind").public(),
        Opener("RSA-OAEP-256", "broken").public(n="AA"),
    ]
    portal = sealed(register, opener, "id_token", jwks={"keys": [*others, opener.public()]})

    text = portal.tokens()["id_token"]

    assert header_of(text)["kid"] == "right"
    assert opener.open(text, DEFAULT)


def test_a_key_may_say_nothing_of_its_use(register: Callable[..., Portal], person: Account) -> None:
    opener = Opener()
    bare = opener.public(use=None, alg=None, kid=None)
    portal = sealed(register, opener, "id_token", jwks={"keys": [bare]})

    text = portal.tokens()["id_token"]

    assert "kid" not in header_of(text)
    assert opener.open(text, DEFAULT)


def test_the_keys_may_be_at_an_address_and_change_there(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    old, new = Opener(kid="old"), Opener(kid="new")
    with running_key_server(old.jwks()) as server:
        app = make_app(SIAPKERJA_FETCH_PRIVATE_HOSTS=server.host)
        browser = app.test_client()
        sign_in(app, browser, an_account(app))
        portal = a_portal(
            app,
            browser,
            first_party=True,
            jwks_uri=server.url,
            id_token_encrypted_response_alg="ECDH-ES",
        )
        first = portal.tokens()["id_token"]
        server.document = new.jwks()
        clock.move(901)
        second = portal.tokens()["id_token"]

    assert old.open(first, DEFAULT)
    assert new.open(second, DEFAULT)


NO_KEY: list[dict[str, Any]] = [
    {"use": "sig"},
    {"alg": "ECDH-ES+A128KW"},
    {"crv": "P-999"},
    {"y": "AAAA"},
    {"kty": "OKP", "crv": "X25519"},
]


@pytest.mark.parametrize("jwk", NO_KEY, ids=str)
def test_without_a_key_nothing_goes_out_open(
    register: Callable[..., Portal], person: Account, jwk: dict[str, Any]
) -> None:
    opener = Opener()
    by_token = sealed(register, opener, "id_token", jwks=opener.jwks(**jwk))
    by_userinfo = sealed(register, opener, "userinfo", jwks=opener.jwks(**jwk))

    refused(by_token.redeem(by_token.authorize()))
    refused(by_userinfo.userinfo(by_userinfo.tokens()["access_token"]))


@pytest.mark.parametrize("changes", [{"n": "AQAB"}, {"e": "AA"}, {"n": "AA"}], ids=str)
def test_a_broken_rsa_key_is_no_key(
    register: Callable[..., Portal], person: Account, changes: dict[str, Any]
) -> None:
    opener = Opener("RSA-OAEP-256")
    portal = sealed(register, opener, "id_token", jwks=opener.jwks(**changes))

    refused(portal.redeem(portal.authorize()))


def refused(response: TestResponse) -> None:
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")
    assert "no key of this client" in response.get_json()["error_description"]


# --- registration


@pytest.mark.parametrize("use", ["id_token", "userinfo", "authorization", "introspection"])
@pytest.mark.parametrize(
    ("alg", "enc", "has_keys"),
    [
        ("RSA1_5", None, True),
        ("dir", None, True),
        ("A128KW", None, True),
        ("PBES2-HS256+A128KW", None, True),
        ("none", None, True),
        ("ECDH-ES", "A128CBC", True),
        ("ECDH-ES", "none", True),
        ("ECDH-ES", None, False),
        (None, "A128GCM", True),
    ],
)
def test_oa_10_what_is_weak_or_half_can_not_be_registered(
    register: Callable[..., Portal], use: str, alg: str | None, enc: str | None, has_keys: bool
) -> None:
    metadata = {
        f"{use}_encrypted_response_alg": alg,
        f"{use}_encrypted_response_enc": enc,
        "jwks": Opener().jwks() if has_keys else None,
    }

    with pytest.raises(Refused) as refusal:
        register(**metadata)

    assert refusal.value.code == "invalid_client_metadata"


@pytest.mark.parametrize("use", ["id_token", "userinfo", "authorization", "introspection"])
def test_metadata_names_what_can_be_registered(browser: FlaskClient, use: str) -> None:
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert document[f"{use}_encryption_alg_values_supported"] == KEY_MANAGEMENT
    assert document[f"{use}_encryption_enc_values_supported"] == CONTENT


def test_our_own_keys_for_request_objects_are_published(browser: FlaskClient) -> None:
    document = browser.get("/.well-known/openid-configuration").get_json()
    keys = browser.get("/jwks").get_json()["keys"]
    published = {key["alg"] for key in keys if key["use"] == "enc"}

    assert set(document["request_object_encryption_alg_values_supported"]) == published
    assert document["request_object_encryption_enc_values_supported"] == CONTENT
