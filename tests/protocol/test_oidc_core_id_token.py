"""ID tokens (OpenID Connect Core §2, §3.1.3.3, §3.1.3.6, §12.2)."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256, sha384, sha512

import pytest
from flask.testing import FlaskClient
from joserfc import jws

from idp.app import Application
from idp.domain.identity.account import Account
from tests.fakes import NOW, FixedClock
from tests.portal import ISSUER, Portal, a_portal, an_account, sign_in
from tests.waiting import resumed, sign_in_for


def header(token: str) -> dict[str, object]:
    return dict(jws.extract_compact(token.encode()).headers())


def test_oa_13_an_id_token_tells_of_the_sign_in_and_nothing_else(portal: Portal) -> None:
    tokens = portal.tokens(scope="openid profile email phone address offline_access")

    claims = portal.claims(tokens["id_token"])

    assert set(claims) == {
        "iss",
        "sub",
        "aud",
        "iat",
        "exp",
        "auth_time",
        "acr",
        "amr",
        "ial",
        "nonce",
        "sid",
        "at_hash",
    }
    assert (claims["iss"], claims["aud"]) == (ISSUER, portal.client_id)
    assert (claims["iat"], claims["exp"], claims["auth_time"]) == (NOW, NOW + 600, NOW)
    assert (claims["amr"], claims["ial"], claims["nonce"]) == (["pwd"], 1, "no")


@pytest.mark.parametrize(
    ("scope", "tells"), [("openid", False), ("openid email", False), ("openid profile", True)]
)
def test_who_asks_for_no_profile_is_not_told_the_identity_level(
    portal: Portal, scope: str, tells: bool
) -> None:
    claims = portal.claims(portal.tokens(scope=scope)["id_token"])

    assert ("ial" in claims) == tells


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256", "ES384", "ES512", "Ed25519"])
def test_the_algorithm_is_exactly_the_registered_one(
    register: Callable[..., Portal], person: Account, alg: str
) -> None:
    portal = register(id_token_signed_response_alg=alg)

    token = portal.tokens()["id_token"]

    told = header(token)
    assert told["alg"] == alg
    published = portal.browser.get("/jwks").get_json()["keys"]
    (key,) = [key for key in published if key["kid"] == told["kid"]]
    assert (key["alg"], key["use"]) == (alg, "sig")
    assert portal.claims(token)["aud"] == portal.client_id


def test_rs256_is_the_default(portal: Portal) -> None:
    assert header(portal.tokens()["id_token"])["alg"] == "RS256"


@pytest.mark.parametrize(
    ("alg", "digest"), [("RS256", sha256), ("ES384", sha384), ("ES512", sha512)]
)
def test_at_hash_is_half_the_hash_of_the_access_token(
    register: Callable[..., Portal], person: Account, alg: str, digest
) -> None:
    portal = register(id_token_signed_response_alg=alg)
    tokens = portal.tokens()

    whole = digest(tokens["access_token"].encode()).digest()

    half = urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    assert portal.claims(tokens["id_token"])["at_hash"] == half


@pytest.mark.parametrize("alg", ["none", "HS256", "EdDSA", "RS1", "", None, ["RS256"], 256])
def test_oa_10_no_client_registers_a_weak_algorithm(app: Application, alg: object) -> None:
    from idp.domain.protocol.errors import ProtocolError

    given = {
        "redirect_uris": ["https://portal.example/cb"],
        "id_token_signed_response_alg": alg,
    }
    if alg is None:
        registered = app.wiring.services.clients.register(given)
        assert registered.client.id_token_alg == "RS256"
        return
    with pytest.raises(ProtocolError, match="id_token_signed_response_alg"):
        app.wiring.services.clients.register(given)


def test_oa_22_two_sectors_see_two_subjects(
    register: Callable[..., Portal], person: Account
) -> None:
    one = register(redirect_uris=["https://satu.example/cb"])
    two = register(redirect_uris=["https://dua.example/cb"])
    one.callback, two.callback = "https://satu.example/cb", "https://dua.example/cb"

    subs = {portal.claims(portal.tokens()["id_token"])["sub"] for portal in (one, two)}

    assert len(subs) == 2
    assert person.subject not in subs


def test_oa_22_portals_of_one_sector_see_one_subject(
    register: Callable[..., Portal], person: Account
) -> None:
    subs = {p.claims(p.tokens()["id_token"])["sub"] for p in (register(), register())}

    assert len(subs) == 1


def test_oa_22_a_public_subject_is_the_accounts_own(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(subject_type="public")

    assert portal.claims(portal.tokens()["id_token"])["sub"] == person.subject


def test_oa_22_a_subject_tells_nothing_and_is_never_used_again(
    app: Application, browser: FlaskClient
) -> None:
    portal = a_portal(app, browser)
    first = an_account(app)
    sign_in(app, browser, first)
    sub = portal.claims(portal.tokens()["id_token"])["sub"]
    app.wiring.services.accounts.delete(first.subject)
    browser.delete_cookie("sid")

    again = an_account(app)
    sign_in(app, browser, again)

    assert again.nik == first.nik
    assert portal.claims(portal.tokens()["id_token"])["sub"] != sub
    assert again.nik is not None
    assert again.nik.digits not in sub
    assert len(sub) == 22


def test_portals_can_not_join_their_records_by_the_session(
    register: Callable[..., Portal], person: Account
) -> None:
    one, two = register(), register()

    sids = [p.claims(p.tokens()["id_token"])["sid"] for p in (one, two, one)]

    assert sids[0] != sids[1]
    assert sids[0] == sids[2]


def test_a_renewed_session_keeps_its_sid_and_tells_the_new_sign_in(
    portal: Portal, person: Account, clock: FixedClock
) -> None:
    first = portal.claims(portal.tokens()["id_token"])
    clock.move(500)
    waiting = portal.start(prompt="login")
    sign_in_for(portal.app, portal.browser, person, waiting)

    code = portal.answer(resumed(portal.browser, waiting))["code"]
    second = portal.claims(portal.redeem(code).get_json()["id_token"])

    assert second["sid"] == first["sid"]
    assert second["auth_time"] == NOW + 500


def test_a_refreshed_id_token_keeps_sign_in_and_subject_and_has_no_nonce(
    portal: Portal, clock: FixedClock
) -> None:
    """§12.2."""
    tokens = portal.tokens(scope="openid offline_access")
    first = portal.claims(tokens["id_token"])
    clock.move(100)

    again = portal.refresh(tokens["refresh_token"]).get_json()

    second = portal.claims(again["id_token"])
    same = ("iss", "sub", "aud", "auth_time", "acr", "amr", "sid")
    assert {name: second[name] for name in same} == {name: first[name] for name in same}
    assert second["iat"] == NOW + 100
    assert "nonce" not in second


def test_oa_12_an_id_token_says_what_it_is(portal: Portal) -> None:
    tokens = portal.tokens()

    assert header(tokens["id_token"])["typ"] == "JWT"
    assert header(tokens["access_token"])["typ"] == "at+jwt"
    assert set(header(tokens["id_token"])) == {"alg", "kid", "typ"}
