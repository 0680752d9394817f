"""The userinfo endpoint (OpenID Connect Core §5.3, RFC 6750 §2, §3)."""

import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jws

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, OPERATOR
from idp.domain.identity.visitor import Visitor
from tests.fakes import NOW, FixedClock
from tests.portal import ISSUER, Portal, a_portal, an_account, sign_in
from tests.signing import Signer, compact

EVERYTHING = {
    "name": "Siti Nurhaliza, S.Kom.",
    "given_name": "Siti",
    "family_name": "Nurhaliza",
    "middle_name": "Dewi",
    "nickname": "Sit",
    "preferred_username": "siti",
    "profile": "https://siti.example/",
    "picture": "https://siti.example/a.png",
    "website": "https://siti.example/w",
    "gender": "female",
    "birthdate": "1990-08-17",
    "zoneinfo": "Asia/Jakarta",
    "locale": "id-ID",
    "address": {"formatted": "Jl. Gatot Subroto 51", "country": "ID"},
}
PROFILE = set(EVERYTHING) - {"address"} | {"updated_at"}
CLAIMS_OF = {
    "openid": set(),
    "profile": PROFILE,
    "email": {"email", "email_verified"},
    "phone": {"phone_number", "phone_number_verified"},
    "address": {"address"},
    "nik": {"nik", "nik_verified_at"},
    "offline_access": set(),
}


@pytest.fixture
def everything(app: Application, browser: FlaskClient) -> Account:
    """Somebody of whom we know every claim."""
    account = an_account(app, **EVERYTHING)
    sign_in(app, browser, account)
    return account


@pytest.fixture
def wide(app: Application, browser: FlaskClient, everything: Account) -> Portal:
    """A portal that may ask for all of it."""
    return a_portal(app, browser, scope=" ".join(CLAIMS_OF))


def told(portal: Portal, **changes: str) -> dict[str, Any]:
    response = portal.userinfo(portal.tokens(**changes)["access_token"])
    assert response.status_code == 200
    found: dict[str, Any] = response.get_json()
    return found


# --- what is told


@pytest.mark.parametrize("scope", list(CLAIMS_OF))
def test_pd_3_each_scope_tells_exactly_its_claims(wide: Portal, scope: str) -> None:
    asked = " ".join(dict.fromkeys(["openid", scope]))

    assert set(told(wide, scope=asked)) == {"sub"} | CLAIMS_OF[scope]


def test_pd_3_the_values_are_those_of_the_person(wide: Portal) -> None:
    found = told(wide, scope=" ".join(CLAIMS_OF))

    assert {name: found[name] for name in EVERYTHING} == EVERYTHING
    assert found["nik"] == "3273011708909001"
    assert (found["email"], found["email_verified"]) == ("budi1@contoh.id", True)
    assert (found["phone_number"], found["phone_number_verified"]) == ("+6281200000001", True)


def test_pd_3_an_absent_claim_is_left_out(portal: Portal) -> None:
    found = told(portal, scope="openid profile email phone address")

    assert set(found) == {
        "sub",
        "name",
        "locale",
        "updated_at",
        "email",
        "email_verified",
        "phone_number",
        "phone_number_verified",
    }
    assert not [name for name, value in found.items() if value in (None, "", {}, [])]


def test_an_unproved_address_is_told_as_such(app: Application, browser: FlaskClient) -> None:
    sign_in(app, browser, an_account(app, email_verified=False, phone_number_verified=False))

    found = told(a_portal(app, browser), scope="openid email phone")

    assert found["email_verified"] is False
    assert found["phone_number_verified"] is False


def test_pd_3_the_nik_is_told_at_userinfo_alone(wide: Portal) -> None:
    tokens = wide.tokens(scope="openid nik")

    assert "3273011708909001" not in json.dumps(
        [wide.claims(tokens["id_token"]), wide.claims(tokens["access_token"])]
    )
    assert "3273011708909001" not in json.dumps(wide.introspect(tokens["access_token"]))
    assert wide.userinfo(tokens["access_token"]).get_json()["nik"] == "3273011708909001"


def test_updated_at_is_a_number_and_the_sub_that_of_the_id_token(portal: Portal) -> None:
    tokens = portal.tokens(scope="openid profile")

    found = portal.userinfo(tokens["access_token"]).get_json()

    assert found["updated_at"] == NOW
    assert found["sub"] == portal.claims(tokens["id_token"])["sub"]


def test_names_outside_ascii_arrive_whole(app: Application, browser: FlaskClient) -> None:
    sign_in(app, browser, an_account(app, name="Ni’matul Ḥasanah Œ 福"))

    assert told(a_portal(app, browser), scope="openid profile")["name"] == "Ni’matul Ḥasanah Œ 福"


def test_a_signed_answer_is_for_its_client_by_the_registered_algorithm(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(userinfo_signed_response_alg="ES256")

    response = portal.userinfo(portal.tokens(scope="openid email")["access_token"])

    assert response.content_type == "application/jwt"
    assert jws.extract_compact(response.data).headers()["alg"] == "ES256"
    claims = portal.claims(response.text)
    assert (claims["iss"], claims["aud"]) == (ISSUER, portal.client_id)
    assert claims["email"] == "budi1@contoh.id"


# --- how it is asked (RFC 6750 §2)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_token_comes_in_the_header(portal: Portal, scheme: str) -> None:
    token = portal.tokens()["access_token"]

    for method in (portal.browser.get, portal.browser.post):
        response = method("/userinfo", headers={"Authorization": f"{scheme} {token}"})
        assert response.get_json().keys() == {"sub"}


def test_the_token_comes_in_the_body_of_a_post(portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    assert portal.browser.post("/userinfo", data={"access_token": token}).status_code == 200


def test_a_token_in_the_url_is_refused(portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    response = portal.browser.get(f"/userinfo?access_token={token}")

    assert response.status_code == 400
    assert response.get_json()["error"] == "invalid_request"


def test_a_token_in_two_places_is_refused(portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    response = portal.browser.post(
        "/userinfo", data={"access_token": token}, headers={"Authorization": f"Bearer {token}"}
    )

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


def test_a_token_in_the_url_is_refused_beside_one_in_the_header(portal: Portal) -> None:
    """RFC 6750 §2: one way of bringing a token, and the URL is none."""
    token = portal.tokens()["access_token"]

    response = portal.browser.get(
        f"/userinfo?access_token={token}", headers={"Authorization": f"Bearer {token}"}
    )

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


def test_a_token_twice_in_the_body_is_refused(portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    response = portal.browser.post("/userinfo", data={"access_token": [token, token]})

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Basic eDp5"},
        {"Authorization": "Token x"},
    ],
)
def test_without_a_token_only_the_challenge_comes(portal: Portal, headers: dict[str, str]) -> None:
    """RFC 6750 §3.1: no error code where no authentication was tried."""
    response = portal.browser.get("/userinfo", headers=headers)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert "error" not in response.headers["WWW-Authenticate"]
    assert not response.data


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_not_allowed(portal: Portal, method: str) -> None:
    response = portal.browser.open("/userinfo", method=method)

    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST, OPTIONS")


# --- what is refused (RFC 6750 §3.1)


def refused(portal: Portal, token: str) -> None:
    response = portal.userinfo(token)
    assert response.status_code == 401, token
    assert response.get_json()["error"] == "invalid_token"
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert response.headers["Cache-Control"] == "no-store"


def test_oa_12_no_other_token_opens_userinfo(register: Callable[..., Portal], person: Account):
    portal = register(
        resources=["https://jkp.example/"],
        grant_types=["authorization_code", "client_credentials"],
    )
    code = portal.authorize()
    tokens = portal.tokens(scope="openid offline_access")
    elsewhere = portal.tokens(resource="https://jkp.example/")
    itself = portal.token(grant_type="client_credentials").get_json()
    for token in (
        code,
        tokens["id_token"],
        tokens["refresh_token"],
        elsewhere["access_token"],
        itself["access_token"],
        portal.secret or "",
    ):
        refused(portal, token)


def test_oa_19_a_changed_access_token_is_unknown(portal: Portal) -> None:
    token = portal.tokens()["access_token"]
    head, payload, signature = token.split(".")
    for changed in (
        token[:-1],
        token + "A",
        token + "=",
        token.swapcase(),
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{payload}.{head}.{signature}",
        f"{head}.{payload}.{signature}.{signature}",
        f"{head}.{payload[:-2]}.{signature}",
    ):
        refused(portal, changed)


def test_oa_10_a_forged_access_token_is_unknown(portal: Portal) -> None:
    token = portal.tokens()["access_token"]
    claims, stranger = portal.claims(token), Signer()
    kid = jws.extract_compact(token.encode()).headers()["kid"]
    published = portal.browser.get("/jwks").get_json()["keys"]
    ours = next(key for key in published if key["kid"] == kid)
    as_secret = json.dumps(ours).encode()
    at = {"typ": "at+jwt"}
    forgeries = {
        "none": compact({"alg": "none", **at}, claims, None),
        "None": compact({"alg": "None", **at}, claims, None, "none"),
        "none with our kid": compact({"alg": "none", "kid": kid, **at}, claims, None),
        "our public key as secret": compact({"alg": "HS256", "kid": kid, **at}, claims, as_secret),
        "a stranger's key": stranger.sign(claims, **at),
        "a stranger's key under our kid": stranger.sign(claims, kid=kid, **at),
        "its own jwk": stranger.sign(claims, kid=None, jwk=stranger.public(), **at),
        "a jku": stranger.sign(claims, kid=kid, jku="https://evil.example/jwks", **at),
        "an x5c": stranger.sign(claims, kid=kid, x5c=["MIIB"], **at),
        "a kid that is a path": stranger.sign(claims, kid="../../dev/null", **at),
        "a kid that is a list": stranger.sign(claims, kid=[kid], **at),
        "a crit": stranger.sign(claims, kid=kid, crit=["exp"], **at),
    }
    for forged in forgeries.values():
        refused(portal, forged)


def test_an_expired_token_is_refused(portal: Portal, clock: FixedClock) -> None:
    token = portal.tokens()["access_token"]
    clock.move(299)
    assert portal.userinfo(token).status_code == 200
    clock.move(1)

    refused(portal, token)


def test_pd_3_a_token_that_is_shown_again_tells_the_person_as_of_now(
    portal: Portal, person: Account
) -> None:
    token = portal.tokens(scope="openid profile email")["access_token"]
    before = [portal.userinfo(token).get_json() for _ in range(3)][-1]
    store = portal.app.wiring.services.store
    with store.write() as tx:
        found = tx.accounts.find(person.id)
        assert found is not None
        tx.accounts.update(replace(found, person=replace(found.person, name="Budi Kini")))

    assert portal.userinfo(token).get_json() == {**before, "name": "Budi Kini"}


def test_without_openid_there_is_no_userinfo(portal: Portal) -> None:
    response = portal.userinfo(portal.tokens(scope="email", nonce=None)["access_token"])

    assert (response.status_code, response.get_json()["error"]) == (403, "insufficient_scope")


def test_oa_16_a_token_ends_with_what_it_stands_on(
    register: Callable[..., Portal], person: Account, clock: FixedClock
) -> None:
    services = register().app.wiring.services
    visitor = Visitor(b"x" * 32, "127.0.0.1", NOWHERE)

    def suspend_account() -> None:
        with services.store.write() as tx:
            found = tx.accounts.find(person.id)
            assert found is not None
            tx.accounts.update(replace(found, status=AccountStatus.SUSPENDED))

    def suspend_client(portal: Portal) -> None:
        services.clients.suspend(portal.client_id)

    ends: list[Callable[[Portal], object]] = [
        lambda portal: services.consents.withdraw(person.id, portal.client_id, visitor),
        suspend_client,
        lambda portal: services.people.end_sessions(person.id, "hilang", OPERATOR),
    ]
    for end in ends:
        portal = register()
        sign_in(portal.app, portal.browser, person)
        token = portal.tokens()["access_token"]
        # shown before: what is kept of it must not outlive its end
        assert [portal.userinfo(token).status_code for _ in range(3)] == [200] * 3
        end(portal)
        refused(portal, token)
    portal = register()
    sign_in(portal.app, portal.browser, person)
    token = portal.tokens()["access_token"]
    suspend_account()
    refused(portal, token)


@pytest.mark.parametrize(
    "rubbish", ["x", "..", "é", "a.b.c", "\u0000", "eyJ.eyJ.x", "'; DROP TABLE account", "A" * 9000]
)
def test_rubbish_is_an_unknown_token(portal: Portal, rubbish: str) -> None:
    response = portal.browser.post("/userinfo", data={"access_token": rubbish})

    assert response.status_code in {400, 401}
    assert response.get_json()["error"] in {"invalid_token", "invalid_request"}


def test_hd_4_a_registered_origin_may_read_the_answer(portal: Portal) -> None:
    token = portal.tokens()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Origin": "https://portal.example"}

    response = portal.browser.get("/userinfo", headers=headers)

    assert response.headers["Access-Control-Allow-Origin"] == "https://portal.example"
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert "WWW-Authenticate" in response.headers["Access-Control-Expose-Headers"]


def test_hd_3_the_answer_is_not_kept(portal: Portal) -> None:
    response = portal.userinfo(portal.tokens()["access_token"])

    assert response.headers["Cache-Control"] == "no-store"
    assert b64encode(response.data)
