"""Access tokens as JWT (RFC 9068 §2), and what a resource server can check in them (§4)."""

from collections.abc import Callable
from typing import Any

import pytest
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from flask.testing import FlaskClient
from joserfc import jws
from joserfc.jwk import KeySet

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import Authentication
from tests.fakes import NOW, FixedClock
from tests.portal import ISSUER, Portal, a_portal, sign_in

JKP = "https://jkp.example/"


@pytest.fixture
def for_jkp(register: Callable[..., Portal], person: Account) -> Portal:
    return register(resources=[JKP], scope="openid profile email jkp.read nik offline_access")


def test_oa_12_the_header_says_what_it_is(portal: Portal) -> None:
    header = jws.extract_compact(portal.tokens()["access_token"].encode()).headers()

    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    published = portal.browser.get("/jwks").get_json()["keys"]
    assert header["kid"] in [key["kid"] for key in published if key["alg"] == "ES256"]


def test_oa_12_the_claims_are_those_of_the_specification(for_jkp: Portal) -> None:
    claims = for_jkp.claims(for_jkp.tokens(scope="openid jkp.read", resource=JKP)["access_token"])

    assert set(claims) == {
        "iss",
        "aud",
        "sub",
        "client_id",
        "iat",
        "exp",
        "jti",
        "scope",
        "gid",
        "auth_time",
        "acr",
        "amr",
        "ial",
    }
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (ISSUER, JKP, for_jkp.client_id)
    assert (claims["iat"], claims["exp"]) == (NOW, NOW + 300)
    assert claims["scope"] == "openid jkp.read"
    assert (claims["acr"], claims["amr"], claims["ial"]) == ("urn:kemnaker:aal:1", ["pwd"], 1)


def test_oa_12_the_audience_is_one(for_jkp: Portal) -> None:
    with_it = for_jkp.claims(for_jkp.tokens(resource=JKP)["access_token"])
    without = for_jkp.claims(for_jkp.tokens()["access_token"])

    assert with_it["aud"] == JKP
    assert without["aud"] == ISSUER


def test_oa_12_the_person_is_told_as_a_subject_alone(for_jkp: Portal, person: Account) -> None:
    tokens = for_jkp.tokens(scope="openid profile email nik", resource=JKP)

    claims = for_jkp.claims(tokens["access_token"])

    assert claims["sub"] == for_jkp.claims(tokens["id_token"])["sub"]
    told = repr(claims)
    assert person.nik is not None
    for personal in (person.nik.digits, "Budi", "budi1", "081200", person.subject, str(person.id)):
        assert personal not in told


def test_every_token_has_a_jti_of_its_own(portal: Portal) -> None:
    token = portal.tokens(scope="openid offline_access")
    found = {portal.claims(token["access_token"])["jti"]}
    for _ in range(5):
        again = portal.refresh(token["refresh_token"]).get_json()
        found.add(portal.claims(again["access_token"])["jti"])

    assert len(found) == 6
    assert {len(jti) for jti in found} == {22}


def test_the_sign_in_behind_the_token_is_told(portal: Portal, person: Account) -> None:
    sign_in(portal.app, portal.browser, person, Authentication(2, ("pwd", "otp", "mfa")))

    claims = portal.claims(portal.tokens()["access_token"])

    assert (claims["acr"], claims["amr"]) == ("urn:kemnaker:aal:2", ["pwd", "otp", "mfa"])


def test_a_client_by_itself_is_its_own_subject(app: Application, browser: FlaskClient) -> None:
    """Contract, section 7, point 7."""
    portal = a_portal(
        app, browser, redirect_uris=[], grant_types=["client_credentials"], scope="jkp.read"
    )

    token = portal.token(grant_type="client_credentials").get_json()["access_token"]

    claims = portal.claims(token)
    assert set(claims) == {"iss", "aud", "sub", "client_id", "iat", "exp", "jti", "scope"}
    assert claims["sub"] == claims["client_id"] == portal.client_id
    assert jws.extract_compact(token.encode()).headers()["typ"] == "at+jwt"


@pytest.mark.parametrize("seconds", ["30", "600"])
def test_oa_12_the_operator_sets_the_life_within_bounds(
    make_app: Callable[..., Application], seconds: str
) -> None:
    app = make_app(SIAPKERJA_OAUTH_ACCESS_TOKEN_SECONDS=seconds)
    portal = a_portal(
        app,
        app.test_client(),
        redirect_uris=[],
        grant_types=["client_credentials"],
        scope="jkp.read",
    )

    body = portal.token(grant_type="client_credentials").get_json()

    assert body["expires_in"] == int(seconds)
    claims = portal.claims(body["access_token"])
    assert claims["exp"] - claims["iat"] == int(seconds)


@pytest.mark.parametrize("seconds", ["29", "601", "0", "-1", "3600", "300.5"])
def test_oa_12_no_other_life_starts(make_app: Callable[..., Application], seconds: str) -> None:
    from config.settings import SettingsError

    with pytest.raises(SettingsError, match="SIAPKERJA_OAUTH_ACCESS_TOKEN_SECONDS"):
        make_app(SIAPKERJA_OAUTH_ACCESS_TOKEN_SECONDS=seconds)


def test_a_resource_server_with_authlib_verifies_it(for_jkp: Portal, clock: FixedClock) -> None:
    """The validator that a resource server would use, with nothing but issuer and key set."""
    keys = KeySet.import_key_set(for_jkp.browser.get("/jwks").get_json())

    class Validator(JWTBearerTokenValidator):
        def get_jwks(self) -> KeySet:
            return keys

    validator = Validator(issuer=ISSUER, resource_server=JKP)
    good = for_jkp.tokens(scope="openid jkp.read", resource=JKP)
    claims = validator.authenticate_token(good["access_token"])
    assert claims["sub"] == for_jkp.claims(good["access_token"])["sub"]
    for wrong in (good["id_token"], for_jkp.tokens()["access_token"]):
        try:
            found = validator.authenticate_token(wrong)
        except Exception as error:
            assert error  # noqa: PT017 - both ways of ending are right
        else:
            assert found is None or found["aud"] != JKP


KINDS = ("JWT", "dpop+jwt", "logout+jwt", "oauth-authz-req+jwt", "token-introspection+jwt")


@pytest.mark.parametrize("typ", KINDS)
def test_oa_12_what_says_that_it_is_something_else_opens_nothing(portal: Portal, typ: str) -> None:
    """§4: `typ` first, though the key and every claim are right."""
    claims = portal.claims(portal.tokens()["access_token"])

    assert _opens(portal, claims, "at+jwt")
    assert not _opens(portal, claims, typ)


BENT: tuple[dict[str, Any], ...] = (
    {"aud": JKP},
    {"aud": f"{ISSUER}/"},
    {"aud": ISSUER.upper()},
    {"exp": NOW},
    {"exp": NOW - 1},
    {"iat": NOW + 61},
    {"client_id": "nobody"},
    {"gid": "0" * 32},
)


@pytest.mark.parametrize("changes", BENT, ids=str)
def test_oa_12_a_claim_that_is_not_right_opens_nothing(
    portal: Portal, changes: dict[str, Any]
) -> None:
    """§4: audience and life; and what the token stands on, though our own key signed it."""
    claims = portal.claims(portal.tokens()["access_token"])

    assert not _opens(portal, {**claims, **changes}, "at+jwt")


def _opens(portal: Portal, claims: dict[str, Any], typ: str) -> bool:
    """Whether userinfo takes what our own key signs."""
    signer = portal.app.wiring.provider.ring.signer("ES256")
    answer = portal.userinfo(signer.sign(claims, typ))
    assert answer.status_code in {200, 401}
    assert answer.status_code == 200 or answer.get_json()["error"] == "invalid_token"
    return answer.status_code == 200


def test_oa_12_a_resource_recognises_its_own_person_and_the_client_its_own(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    api = "https://layanan.example/api"
    service = a_portal(
        app, browser, redirect_uris=["https://layanan.example/cb"], serves=[api], scope="openid"
    )
    service.callback = "https://layanan.example/cb"
    caller = a_portal(app, browser, resources=[api])
    known_there = service.claims(service.tokens()["id_token"])["sub"]

    told = caller.tokens(resource=api)

    assert caller.claims(told["access_token"])["sub"] == known_there
    assert caller.claims(told["id_token"])["sub"] != known_there
    assert service.introspect(told["access_token"])["sub"] == known_there


def test_a_resource_that_nobody_registered_sees_the_clients_own_name(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    api = "https://entah.example"
    caller = a_portal(app, browser, resources=[api])

    told = caller.tokens(resource=api)

    own = caller.claims(told["id_token"])["sub"]
    assert caller.claims(told["access_token"])["sub"] == own
