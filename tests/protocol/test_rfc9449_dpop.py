"""Tokens that only the holder of a key can use (RFC 9449)."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc.jwk import OctKey, RSAKey
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.ids import encode_base64url
from tests.fakes import NOW, FixedClock
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.portal import ISSUER, Portal, a_portal, an_account, sign_in
from tests.proofs import TOKEN, TRIAL, USERINFO, Holder, hash_of, read, with_proof
from tests.racing import at_once
from tests.signing import Signer, compact

OFFLINE = "openid offline_access"


@pytest.fixture
def holder() -> Holder:
    return Holder()


@pytest.fixture
def patient(make_app: Callable[..., Application]) -> Application:
    """An application that does not count failures: most calls of a table fail."""
    return make_app(SIAPKERJA_LIMITS_FACTOR="1000")


def a_service(app: Application, **metadata: Any) -> Portal:
    """Register a client that gets tokens for itself."""
    given = {
        "grant_types": ["client_credentials"],
        "redirect_uris": [],
        "scope": "jkp.read",
        **metadata,
    }
    return a_portal(app, app.test_client(), **given)


def ask(service: Portal, proof: str) -> TestResponse:
    return with_proof(service, proof).token(grant_type="client_credentials")


def refused(response: TestResponse, error: str = "invalid_dpop_proof", why: object = "") -> None:
    assert response.status_code == 400, (why, response.text)
    assert response.get_json()["error"] == error, (why, response.text)


def challenged(response: TestResponse, error: str, why: object = "") -> None:
    """Check that a resource refused and said so in its header (RFC 9449 §7.1)."""
    assert response.status_code == 401, (why, response.text)
    header = response.headers["WWW-Authenticate"]
    assert f'error="{error}"' in header, (why, header)


# --- §4.3: what a proof must be


def test_a_proof_binds_the_token_to_its_key(portal: Portal, holder: Holder) -> None:
    code = portal.authorize()

    answer = holder.calls(portal).redeem(code).get_json()

    assert answer["token_type"] == "DPoP"
    assert portal.claims(answer["access_token"])["cnf"] == {"jkt": holder.jkt}


def test_without_a_proof_the_token_is_a_bearer_token(portal: Portal) -> None:
    answer = portal.tokens()

    assert answer["token_type"] == "Bearer"
    assert "cnf" not in portal.claims(answer["access_token"])


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "PS256", "Ed25519", "EdDSA"])
def test_each_announced_algorithm_proves(app: Application, browser: FlaskClient, alg: str) -> None:
    announced = browser.get("/.well-known/openid-configuration").get_json()
    assert alg in announced["dpop_signing_alg_values_supported"]

    answer = ask(a_service(app), Holder(Signer(alg)).proof())

    assert answer.get_json()["token_type"] == "DPoP"


def test_the_thumbprint_is_that_of_rfc_7638(app: Application) -> None:
    """The example of RFC 7638 §3.1 and the proof's own key, told with members in another order."""
    holder = Holder()
    shuffled = dict(reversed(list({**holder.jwk, "use": "sig", "kid": "x"}.items())))

    answer = ask(a_service(app), holder.sign(holder.claims(), jwk=shuffled)).get_json()

    told = a_service(app).claims(answer["access_token"])
    assert told["cnf"]["jkt"] == holder.jkt


BENT_CLAIMS: list[dict[str, Any]] = [
    {"jti": None},
    {"jti": ""},
    {"jti": 7},
    {"jti": ["x"]},
    {"jti": "j" * 257},
    {"jti": "\ud800"},
    {"htm": None},
    {"htm": "GET"},
    {"htm": "post"},
    {"htm": ["POST"]},
    {"htu": None},
    {"htu": ""},
    {"htu": 1},
    {"htu": [TOKEN]},
    {"htu": USERINFO},
    {"htu": f"{TOKEN}/"},
    {"htu": f"{TOKEN}/x/.."},
    {"htu": "https://localhost:8000/token"},
    {"htu": "http://localhost/token"},
    {"htu": "http://localhost:8001/token"},
    {"htu": "http://evil.example/token"},
    {"htu": "http://localhost:8000@evil.example/token"},
    {"htu": "http://evil@localhost:8000/token"},
    {"htu": "http://localhost:8000.evil.example/token"},
    {"htu": "http://localhost:8000/Token"},
    {"htu": "http://localhost:8000/to\tken"},
    {"htu": "\nhttp://localhost:8000/token"},
    {"htu": "http://localhost:8000/%2Ftoken"},
    {"htu": "http://localhost:8000//token"},
    {"htu": "http://localhost:99999/token"},
    {"htu": "http://[::1/token"},
    {"htu": "/token"},
    {"htu": "//localhost:8000/token"},
    {"htu": "ftp://localhost:8000/token"},
    {"htu": "http://localhost:8000/tok\u0435n"},
    {"iat": None},
    {"iat": "now"},
    {"iat": str(NOW)},
    {"iat": True},
    {"iat": [NOW]},
    {"iat": NOW - 61},
    {"iat": NOW + 11},
    {"iat": NOW + 60},
    {"iat": 0},
    {"iat": -NOW},
    {"iat": 10**300},
]


def test_oa_11_bent_claims_are_refused(patient: Application, holder: Holder) -> None:
    service = a_service(patient)
    assert len(BENT_CLAIMS) >= 40

    for changes in BENT_CLAIMS:
        refused(ask(service, holder.proof(**changes)), why=changes)


BORNE_CLAIMS: list[dict[str, Any]] = [
    {"iat": NOW - 60},
    {"iat": NOW + 10},
    {"iat": NOW + 0.5},
    {"nbf": NOW, "exp": NOW + 60, "extra": {"x": [1]}},
    {"jti": "j" * 256},
    {"jti": "福"},
    {"htu": f"{TOKEN}?query=1"},
    {"htu": f"{TOKEN}#fragment"},
    {"htu": "HTTP://LOCALHOST:8000/token"},
    {"htu": "http://localhost:8000/./token"},
    {"htu": "http://localhost:8000/x/../token"},
    {"htu": "http://localhost:8000/%74oken"},
    {"htu": "http://localhost:8000/../token"},
]


@pytest.mark.parametrize("changes", BORNE_CLAIMS, ids=str)
def test_oa_11_what_the_specification_bears_is_borne(
    app: Application, holder: Holder, changes: dict[str, Any]
) -> None:
    """§4.3 point 9 and §11.1: other spellings of one address, and a minute of clock."""
    answer = ask(a_service(app), holder.proof(**changes))

    assert answer.status_code == 200, answer.text


def test_a_payload_that_is_no_object_is_refused(patient: Application, holder: Holder) -> None:
    service = a_service(patient)
    for claims in (b"not json", b"[]", b'"x"', b"null", b"", b"\xff", b"1"):
        refused(ask(service, holder.sign(claims)), why=claims)
    for word in ("NaN", "Infinity", "-Infinity", "1e999"):
        claims = json.dumps(holder.claims()).replace(str(NOW), word).encode()
        refused(ask(service, holder.sign(claims)), why=word)


def forgeries(holder: Holder) -> dict[str, str]:
    """Return forged proofs; each is right but for what its name says."""
    jwk, key = holder.jwk, holder.signer.key
    whole = key.as_dict(private=True)
    stranger = Holder()
    rsa = RSAKey.generate_key(2048)
    secret = OctKey.generate_key(256)
    good = holder.proof()
    head, payload, signature = good.split(".")
    sign, claims = holder.sign, holder.claims

    def headed(alg: str, secret: Any = None, by: str | None = None, **header: Any) -> str:
        return compact({"typ": "dpop+jwt", "alg": alg, "jwk": jwk, **header}, claims(), secret, by)

    return {
        "empty": "",
        "blank": " ",
        "rubbish": "x",
        "two dots": "..",
        "alg none": headed("none"),
        "alg None": headed("None", by="none"),
        "alg empty": headed("", key, "ES256"),
        "alg null": headed(None, key, "ES256"),  # type: ignore[arg-type]
        "alg a list": headed(["ES256"], key, "ES256"),  # type: ignore[arg-type]
        "alg in lower case": headed("es256", key, "ES256"),
        "alg of another curve": headed("ES384", key, "ES256"),
        "HS256 with the public key": headed("HS256", json.dumps(jwk).encode()),
        "HS256 with a key in the header": headed(
            "HS256", secret.raw_value, jwk=secret.as_dict(private=True)
        ),
        "RS256": compact(
            {"typ": "dpop+jwt", "alg": "RS256", "jwk": rsa.as_dict(private=False)}, claims(), rsa
        ),
        "typ missing": sign(claims(), typ=None),
        "typ JWT": sign(claims(), typ="JWT"),
        "typ of an access token": sign(claims(), typ="at+jwt"),
        "typ in capitals": sign(claims(), typ="DPOP+JWT"),
        "typ with its prefix": sign(claims(), typ="application/dpop+jwt"),
        "typ a list": sign(claims(), typ=["dpop+jwt"]),
        "jwk missing": sign(claims(), jwk=None),
        "jwk a text": sign(claims(), jwk="k"),
        "jwk a list": sign(claims(), jwk=[jwk]),
        "jwk empty": sign(claims(), jwk={}),
        "jwk with its private part": sign(claims(), jwk=whole),
        "jwk with an empty private part": sign(claims(), jwk={**jwk, "d": ""}),
        "jwk for encryption": sign(claims(), jwk={**jwk, "use": "enc"}),
        "jwk for another algorithm": sign(claims(), jwk={**jwk, "alg": "ES384"}),
        "jwk of another curve": sign(claims(), jwk={**jwk, "crv": "P-384"}),
        "jwk with a point off the curve": sign(claims(), jwk={**jwk, "y": jwk["x"]}),
        "jwk with a short coordinate": sign(claims(), jwk={**jwk, "x": "AA"}),
        "jwk with numbers": sign(claims(), jwk={**jwk, "x": 1, "y": 2}),
        "jwk of an unknown kind": sign(claims(), jwk={**jwk, "kty": "ec"}),
        "jwk of another key": sign(claims(), jwk=stranger.jwk),
        "the key only behind jku": sign(claims(), jwk=None, jku="https://evil.example/keys"),
        "the key only in x5c": sign(claims(), jwk=None, x5c=[b64encode(b"x").decode()]),
        "the key only by kid": sign(claims(), jwk=None, kid="k1"),
        "crit": sign(claims(), crit=["exp"]),
        "b64 false": sign(claims(), b64=False, crit=["b64"]),
        "no signature": f"{head}.{payload}.",
        "no signature part": f"{head}.{payload}",
        "another signature": f"{head}.{payload}.{signature[::-1]}",
        "a signature of zeros": f"{head}.{payload}.{encode_base64url(bytes(64))}",
        "a signature in DER": f"{head}.{payload}.{encode_base64url(b'0' * 70)}",
        "a cut signature": f"{head}.{payload}.{signature[:-4]}",
        "five parts": f"{good}.x.y",
        "two proofs": f"{holder.proof()}, {holder.proof()}",
        "JSON serialization": json.dumps(
            {"protected": head, "payload": payload, "signature": signature}
        ),
        "quoted": f'"{good}"',
    }


def test_oa_10_forged_proofs_are_refused(patient: Application, holder: Holder) -> None:
    service = a_service(patient)
    found = forgeries(holder)
    assert len(found) >= 40

    for name, forged in found.items():
        refused(ask(service, forged), why=name)


def test_oa_10_a_weak_or_a_monstrous_key_proves_nothing(app: Application) -> None:
    holder = Holder(Signer("PS256"))
    for bits in (1024, 16384):
        modulus = encode_base64url((2**bits - 1).to_bytes(bits // 8))
        proof = holder.sign(holder.claims(), jwk={**holder.jwk, "n": modulus})
        refused(ask(a_service(app), proof), why=bits)


# --- §11.1: once


def test_oa_11_a_proof_is_good_once(app: Application, holder: Holder) -> None:
    service, proof = a_service(app), holder.proof()

    assert ask(service, proof).status_code == 200
    refused(ask(service, proof))


def test_oa_11_a_proof_is_good_once_for_all_clients_and_for_all_of_its_life(
    app: Application, holder: Holder, clock: FixedClock
) -> None:
    proof = holder.proof(iat=NOW + 10)
    assert ask(a_service(app), proof).status_code == 200

    for seconds in (1, 59, 10):
        clock.move(seconds)
        refused(ask(a_service(app), proof), why=seconds)


def test_oa_11_the_same_identifier_by_another_key_is_another_proof(app: Application) -> None:
    service = a_service(app)

    for holder in (Holder(), Holder()):
        assert ask(service, holder.proof(jti="same")).status_code == 200


def test_oa_11_one_proof_eight_times_at_once_over_two_processes_has_one_success(
    make_app: Callable[..., Application], holder: Holder
) -> None:
    """Two applications on one database stand for two processes: only the store is shared."""
    one, two = make_app(), make_app()
    service = a_service(one)
    for _ in range(5):
        proof = holder.proof()

        def call(app: Application, proof: str = proof) -> int:
            portal = Portal(app, app.test_client(), service.client, service.secret)
            return ask(portal, proof).status_code

        calls = [lambda app=app: call(app) for app in [one, two] * 4]
        assert sorted(at_once(calls)) == [200] + [400] * 7


def test_oa_11_a_refused_proof_is_not_spent(app: Application, holder: Holder) -> None:
    """Only a proof that was right is remembered: a stranger can't fill the table with others."""
    service, claims = a_service(app), holder.claims()
    refused(ask(service, holder.sign({**claims, "htm": "GET"})))

    assert ask(service, holder.sign(claims)).status_code == 200


# --- §8, §9: the server's nonce


@pytest.fixture
def strict(app: Application, browser: FlaskClient, person: Account) -> KeyedPortal:
    """A client of the fapi2 profile, which must use the nonce."""
    return a_keyed_portal(
        app, browser, profile="fapi2", dpop_bound_access_tokens=True, scope="openid"
    )


def by_itself(portal: KeyedPortal, proof: str) -> TestResponse:
    return with_proof(portal, proof).token(grant_type="client_credentials")


def test_oa_11_a_strict_client_is_sent_back_for_a_nonce(
    strict: KeyedPortal, holder: Holder
) -> None:
    first = by_itself(strict, holder.proof())
    refused(first, "use_dpop_nonce")
    nonce = first.headers["DPoP-Nonce"]

    second = by_itself(strict, holder.proof(nonce=nonce))

    assert second.get_json()["token_type"] == "DPoP"
    assert second.headers["DPoP-Nonce"] == nonce


def test_oa_11_a_nonce_is_new_every_five_minutes_and_the_one_before_still_counts(
    strict: KeyedPortal, holder: Holder, clock: FixedClock
) -> None:
    clock.move(300 - clock.now() % 300)
    old = by_itself(strict, holder.proof(iat=clock.now())).headers["DPoP-Nonce"]
    clock.move(299)
    again = by_itself(strict, holder.proof(iat=clock.now(), nonce=old))
    assert (again.status_code, again.headers["DPoP-Nonce"]) == (200, old)
    clock.move(1)
    third = by_itself(strict, holder.proof(iat=clock.now(), nonce=old))
    assert third.status_code == 200
    assert third.headers["DPoP-Nonce"] != old
    clock.move(300)

    refused(by_itself(strict, holder.proof(iat=clock.now(), nonce=old)), "use_dpop_nonce")


def test_oa_11_a_nonce_counts_in_every_process(
    strict: KeyedPortal, holder: Holder, make_app: Callable[..., Application]
) -> None:
    nonce = by_itself(strict, holder.proof()).headers["DPoP-Nonce"]
    twin = make_app()
    elsewhere = KeyedPortal(twin, twin.test_client(), strict.client, None, signer=strict.signer)

    assert by_itself(elsewhere, holder.proof(nonce=nonce)).status_code == 200


@pytest.mark.parametrize("nonce", ["", "x", 1, ["x"], {"n": 1}, True, "n" * 3000, "\u00e9"])
def test_oa_11_a_nonce_that_is_not_ours_is_refused_from_everybody(
    app: Application, holder: Holder, nonce: object
) -> None:
    answer = ask(a_service(app), holder.proof(nonce=nonce))

    refused(answer, "use_dpop_nonce")
    assert answer.headers["DPoP-Nonce"]


def test_oa_11_a_client_of_the_baseline_needs_no_nonce_and_is_told_one(
    app: Application, holder: Holder
) -> None:
    answer = ask(a_service(app), holder.proof())
    assert answer.status_code == 200

    nonce = answer.headers["DPoP-Nonce"]
    assert ask(a_service(app), holder.proof(nonce=nonce)).status_code == 200


@pytest.mark.parametrize("url", [USERINFO, TRIAL])
def test_oa_11_a_resource_sends_a_strict_client_back_for_a_nonce(
    strict: KeyedPortal, holder: Holder, url: str
) -> None:
    """§9: `use_dpop_nonce` in the challenge, the nonce beside it."""
    token, nonce = strict_token(strict, holder)
    browser = strict.browser

    first = holder.reads(browser, url, token)
    challenged(first, "use_dpop_nonce")
    assert first.headers["WWW-Authenticate"].startswith("DPoP ")
    assert first.headers["DPoP-Nonce"] == nonce
    challenged(holder.reads(browser, url, token, nonce="x"), "use_dpop_nonce")

    assert holder.reads(browser, url, token, nonce=nonce).status_code == 200


def strict_token(portal: KeyedPortal, holder: Holder) -> tuple[str, str]:
    """Return an access token of a fapi2 client and the nonce of the moment."""
    par = f"{ISSUER}/par"
    nonce = by_itself(portal, holder.proof()).headers["DPoP-Nonce"]
    asked = portal.authorization_url().partition("?")[2]
    form = dict(
        pair.split("=") for pair in asked.replace("%3A", ":").replace("%2F", "/").split("&")
    )
    pushed = with_proof(portal, holder.proof(par, nonce=nonce)).token(path="/par", **form)
    assert pushed.status_code == 201, pushed.text
    code = portal.authorize(
        **dict.fromkeys(form, None) | {"client_id": portal.client_id},
        request_uri=pushed.get_json()["request_uri"],
    )
    answer = with_proof(portal, holder.proof(nonce=nonce)).redeem(code)
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["access_token"]), nonce


def test_oa_11_a_pushed_request_of_a_strict_client_needs_the_nonce(
    strict: KeyedPortal, holder: Holder
) -> None:
    par = f"{ISSUER}/par"

    first = with_proof(strict, holder.proof(par)).token(path="/par", scope="openid")

    refused(first, "use_dpop_nonce")
    assert first.headers["DPoP-Nonce"]


# --- §7: at a resource


@pytest.fixture
def bound(portal: Portal, holder: Holder) -> str:
    """An access token that is bound to the holder's key."""
    answer = holder.calls(portal).redeem(portal.authorize())
    return str(answer.get_json()["access_token"])


@pytest.mark.parametrize("url", [USERINFO, TRIAL])
def test_a_bound_token_is_good_with_a_proof_for_it(
    browser: FlaskClient, holder: Holder, bound: str, url: str
) -> None:
    assert holder.reads(browser, url, bound).status_code == 200


def test_a_post_at_userinfo_takes_a_proof_of_a_post(
    browser: FlaskClient, holder: Holder, bound: str
) -> None:
    headers = {"Authorization": f"DPoP {bound}"}
    good = holder.proof(USERINFO, "POST", ath=hash_of(bound))
    bad = holder.proof(USERINFO, "GET", ath=hash_of(bound))

    assert browser.post("/userinfo", headers={**headers, "DPoP": good}).status_code == 200
    challenged(browser.post("/userinfo", headers={**headers, "DPoP": bad}), "invalid_dpop_proof")


@pytest.mark.parametrize("url", [USERINFO, TRIAL])
def test_oa_11_a_bound_token_is_refused_as_a_bearer_token(
    browser: FlaskClient, holder: Holder, bound: str, url: str
) -> None:
    """§7.2: with a proof beside it or without."""
    challenged(read(browser, url, bound, None, "Bearer"), "invalid_token")
    challenged(holder.reads(browser, url, bound, "Bearer"), "invalid_token")
    form = browser.post(url.removeprefix(ISSUER), data={"access_token": bound})
    challenged(form, "invalid_token")
    assert "error" in browser.get(f"{url}?access_token={bound}".removeprefix(ISSUER)).text


@pytest.mark.parametrize("url", [USERINFO, TRIAL])
@pytest.mark.parametrize(
    "changes",
    [
        {"ath": None},
        {"ath": ""},
        {"ath": 1},
        {"ath": hash_of("another")},
        {"ath": "\u00e9"},
        {"htm": "POST"},
        {"htu": TOKEN},
        {"htu": f"{ISSUER}/"},
        {"iat": NOW - 61},
        {"iat": NOW + 11},
        {"jti": None},
    ],
    ids=str,
)
def test_oa_11_a_proof_for_something_else_is_refused_at_a_resource(
    browser: FlaskClient, holder: Holder, bound: str, url: str, changes: dict[str, Any]
) -> None:
    response = holder.reads(browser, url, bound, **changes)

    challenged(response, "invalid_dpop_proof", changes)
    assert response.headers["WWW-Authenticate"].startswith("DPoP ")
    assert 'algs="ES256' in response.headers["WWW-Authenticate"]


def test_oa_11_a_proof_is_good_once_at_a_resource(
    browser: FlaskClient, holder: Holder, bound: str
) -> None:
    proof = holder.proof(USERINFO, "GET", ath=hash_of(bound))

    assert read(browser, USERINFO, bound, proof).status_code == 200
    challenged(read(browser, USERINFO, bound, proof), "invalid_dpop_proof")


def test_oa_11_the_key_of_another_is_refused(browser: FlaskClient, bound: str) -> None:
    challenged(Holder().reads(browser, USERINFO, bound), "invalid_token")


def test_oa_11_a_missing_proof_is_told_as_such(browser: FlaskClient, bound: str) -> None:
    response = read(browser, USERINFO, bound, None)

    challenged(response, "invalid_dpop_proof")
    assert "DPoP is missing" in response.text


def test_oa_11_forged_proofs_are_refused_at_a_resource(
    browser: FlaskClient, holder: Holder, bound: str
) -> None:
    for name in ("alg none", "jwk missing", "jwk with its private part", "typ JWT", "crit"):
        forged = forgeries(holder)[name]
        challenged(read(browser, USERINFO, bound, forged), "invalid_dpop_proof", name)


def test_oa_11_an_unbound_token_does_not_pass_by_the_scheme(
    portal: Portal, browser: FlaskClient, holder: Holder
) -> None:
    """A thief of a bearer token could else make any key its own."""
    token = portal.tokens()["access_token"]

    challenged(holder.reads(browser, USERINFO, token), "invalid_token")
    assert (
        read(browser, USERINFO, token, holder.proof(USERINFO, "GET"), "Bearer").status_code == 200
    )


def test_a_resource_offers_both_schemes(browser: FlaskClient) -> None:
    offered = browser.get("/userinfo").headers.getlist("WWW-Authenticate")

    assert [challenge.split()[0] for challenge in offered] == ["Bearer", "DPoP"]
    assert 'algs="ES256 ES384 ES512 PS256 Ed25519 EdDSA"' in offered[1]


def test_introspection_tells_the_key(
    portal: Portal, browser: FlaskClient, holder: Holder, bound: str
) -> None:
    """§6.2: the resource server checks the proof, so it must learn of the key."""
    told = portal.introspect(bound)

    assert (told["active"], told["token_type"], told["cnf"]) == (True, "DPoP", {"jkt": holder.jkt})


def test_an_opaque_token_is_bound_as_well(
    app: Application, browser: FlaskClient, person: Account, holder: Holder
) -> None:
    portal = a_portal(app, browser, access_token_format="opaque")
    token = holder.calls(portal).redeem(portal.authorize()).get_json()["access_token"]

    challenged(portal.userinfo(token), "invalid_token")
    assert holder.reads(browser, USERINFO, token).status_code == 200


# --- §5: the token endpoint, refresh


def test_a_client_that_registered_for_proofs_must_send_one(
    app: Application, browser: FlaskClient, person: Account, holder: Holder
) -> None:
    """§5.2 `dpop_bound_access_tokens`."""
    portal = a_portal(app, browser, dpop_bound_access_tokens=True)
    code = portal.authorize()

    refused(portal.redeem(code), "invalid_request")
    assert holder.calls(portal).redeem(code).get_json()["token_type"] == "DPoP"


def test_the_code_survives_a_proof_that_was_refused(portal: Portal, holder: Holder) -> None:
    code = portal.authorize()
    refused(with_proof(portal, "x").redeem(code))
    refused(holder.calls(portal, iat=NOW - 100).redeem(code))

    assert holder.calls(portal).redeem(code).status_code == 200


def test_oa_11_the_refresh_token_of_a_public_client_is_bound_to_its_key(
    public_portal: Portal, holder: Holder
) -> None:
    code = public_portal.authorize(scope=OFFLINE)
    tokens = holder.calls(public_portal).redeem(code).get_json()
    refresh_token = tokens["refresh_token"]

    refused(public_portal.refresh(refresh_token), "invalid_grant")
    refused(Holder().calls(public_portal).refresh(refresh_token), "invalid_grant")
    again = holder.calls(public_portal).refresh(refresh_token).get_json()

    assert again["token_type"] == "DPoP"
    assert public_portal.claims(again["access_token"])["cnf"] == {"jkt": holder.jkt}
    assert holder.calls(public_portal).refresh(again["refresh_token"]).status_code == 200


def test_oa_11_a_stolen_refresh_token_without_the_key_ends_nothing(
    public_portal: Portal, holder: Holder
) -> None:
    code = public_portal.authorize(scope=OFFLINE)
    refresh_token = holder.calls(public_portal).redeem(code).get_json()["refresh_token"]
    for _ in range(3):
        refused(Holder().calls(public_portal).refresh(refresh_token), "invalid_grant")

    assert holder.calls(public_portal).refresh(refresh_token).status_code == 200


def test_the_refresh_token_of_a_confidential_client_takes_a_new_key(
    portal: Portal, holder: Holder
) -> None:
    """§5: it is bound to the client by its authentication; the new access token to the new key."""
    code = portal.authorize(scope=OFFLINE)
    refresh_token = holder.calls(portal).redeem(code).get_json()["refresh_token"]
    other = Holder()

    again = other.calls(portal).refresh(refresh_token).get_json()

    assert portal.claims(again["access_token"])["cnf"] == {"jkt": other.jkt}


# --- §10: the code


def test_oa_11_dpop_jkt_binds_the_code(portal: Portal, holder: Holder) -> None:
    code = portal.authorize(dpop_jkt=holder.jkt)

    refused(portal.redeem(code), "invalid_grant")
    refused(Holder().calls(portal).redeem(code), "invalid_grant")
    assert holder.calls(portal).redeem(code).status_code == 200


def test_oa_11_the_proof_of_a_pushed_request_binds_the_code(portal: Portal, holder: Holder) -> None:
    """§10.1: the proof stands for `dpop_jkt`."""
    par = f"{ISSUER}/par"
    form = {
        "redirect_uri": portal.callback,
        "response_type": "code",
        "scope": "openid",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }

    def push(caller: Portal, **more: str) -> TestResponse:
        return caller.token(path="/par", **form, **more)

    refused(push(holder.calls(portal, par), dpop_jkt=Holder().jkt), "invalid_request")
    refused(push(with_proof(portal, "x")))
    refused(push(holder.calls(portal, TOKEN)))
    pushed = push(holder.calls(portal, par), dpop_jkt=holder.jkt)
    assert pushed.status_code == 201
    pushed = push(holder.calls(portal, par))
    nothing = dict.fromkeys(["scope", "state", "nonce", "redirect_uri", "response_type"])
    code = portal.authorize(request_uri=pushed.get_json()["request_uri"], **nothing)

    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    refused(portal.redeem(code, code_verifier=verifier), "invalid_grant")
    refused(Holder().calls(portal).redeem(code, code_verifier=verifier), "invalid_grant")
    assert holder.calls(portal).redeem(code, code_verifier=verifier).status_code == 200


@pytest.mark.parametrize("jkt", ["x", "x" * 42, "x" * 44, "=" * 43, "é" * 43])
def test_a_dpop_jkt_that_is_no_thumbprint_is_refused(portal: Portal, jkt: str) -> None:
    assert portal.answer(portal.start(dpop_jkt=jkt))["error"] == "invalid_request"


# --- elsewhere


def test_oa_11_a_bound_token_is_exchanged_only_with_its_key(
    app: Application, browser: FlaskClient, person: Account, holder: Holder
) -> None:
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    kind = "urn:ietf:params:oauth:token-type:access_token"
    portal = a_portal(app, browser, grant_types=["authorization_code", exchange])
    token = holder.calls(portal).redeem(portal.authorize()).get_json()["access_token"]

    def narrow(caller: Portal) -> TestResponse:
        return caller.token(
            grant_type=exchange, subject_token=token, subject_token_type=kind, scope="openid"
        )

    refused(narrow(portal), "invalid_request")
    refused(narrow(Holder().calls(portal)), "invalid_request")
    narrowed = narrow(holder.calls(portal))
    assert narrowed.status_code == 200, narrowed.text
    assert narrowed.get_json()["token_type"] == "DPoP"


def test_pages_of_a_portal_elsewhere_may_send_a_proof_and_read_the_nonce(
    public_portal: Portal, holder: Holder
) -> None:
    origin = {"Origin": "https://portal.example"}
    preflight = public_portal.browser.options("/token", headers=origin)
    assert "DPoP" in preflight.headers["Access-Control-Allow-Headers"]

    public_portal.headers = {"DPoP": holder.proof(), **origin}
    answer = public_portal.redeem(public_portal.authorize())

    assert "DPoP-Nonce" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["DPoP-Nonce"]


def test_a_call_without_a_proof_is_told_no_nonce(portal: Portal) -> None:
    assert "DPoP-Nonce" not in portal.redeem(portal.authorize()).headers


def test_the_session_of_another_does_not_matter_to_a_key(app: Application, holder: Holder) -> None:
    """Two people with one application: the key says which application, not who."""
    tokens = []
    for number in (1, 2):
        browser = app.test_client()
        sign_in(app, browser, an_account(app, number=number))
        portal = a_portal(app, browser)
        answer = holder.calls(portal).redeem(portal.authorize()).get_json()
        tokens.append((browser, answer["access_token"]))

    subjects = {holder.reads(b, USERINFO, token).get_json()["sub"] for b, token in tokens}
    assert len(subjects) == 2
