"""FAPI 2.0 Security Profile (Final, and ID2 whose modules are the same), module by module.

The suite's name of a module stands in the test's name, after `fapi2_`. `signed` runs the modules of
the plan that both plans share once more as the Message Signing plan does: with signed requests and
signed answers.
"""

import json
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.domain.protocol.errors import ProtocolError
from tests.conformance import CALLBACK, ISSUER, PERSON, Answer, Suite, is_error_page
from tests.fakes import FixedClock
from tests.fapi import VARIANTS, Certificate, FapiClient, a_fapi_client, another_key
from tests.portal import CHALLENGE, VERIFIER, form_fields
from tests.proofs import Holder, hash_of
from tests.signing import Signer

PAR = f"{ISSUER}/par"
TOKEN = f"{ISSUER}/token"


@pytest.fixture(params=["plain", "signed"])
def client(request: pytest.FixtureRequest, suite: Suite) -> FapiClient:
    """`private_key_jwt` with DPoP, as both plans use it."""
    signed = request.param == "signed"
    return a_fapi_client(suite, signs=signed, jarm=signed)


def error_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]


def is_code(answer: Answer) -> bool:
    return set(answer.params) == {"code", "state", "iss"} and answer["iss"] == ISSUER


# --- well behaved clients


@pytest.mark.parametrize("scope", ["openid", "accounts"], ids=["openid", "plain_oauth"])
@pytest.mark.parametrize(("auth", "sender"), VARIANTS)
def test_fapi2_happy_flow(suite: Suite, auth: str, sender: str, scope: str) -> None:
    client = a_fapi_client(suite, auth, sender, scope=scope)
    pushed = client.push()
    answer = suite.walk(client.open(pushed.get_json()["request_uri"]))
    tokens = client.redeem(answer["code"]).get_json()
    told = client.read(tokens["access_token"])

    assert pushed.status_code == 201
    assert pushed.get_json()["expires_in"] < 600
    assert is_code(answer)
    assert len(answer["code"]) >= 22
    assert tokens["token_type"] == ("DPoP" if sender == "dpop" else "Bearer")
    assert told.status_code == 200
    assert told.headers["x-fapi-interaction-id"] == "c0ffee"
    assert ("id_token" in tokens) == (scope == "openid")
    if scope == "openid":
        claims = suite.verified(tokens["id_token"], algorithms=("ES256",))
        assert (claims["aud"], claims["nonce"]) == (client.client_id, "nonce-of-the-suite")


def test_fapi2_user_rejects_authentication(client: FapiClient) -> None:
    answer = client.authorize(decision="deny")

    assert set(answer.params) == {"error", "error_description", "state", "iss"}
    assert (answer["error"], answer["state"]) == ("access_denied", "state-of-the-suite")


def test_fapi2_user_rejects_authentication_at_the_sign_in_page(
    suite: Suite, client: FapiClient
) -> None:
    there = client.open(client.pushed()).headers["Location"]
    same = {"Origin": ISSUER, "Sec-Fetch-Site": "same-origin"}
    sent = {**form_fields(suite.get(there)), "action": "cancel"}
    answer = client.unwrapped(suite.walk(suite.post(there, sent, **same)))

    assert set(answer.params) == {"error", "error_description", "state", "iss"}
    assert (answer["error"], answer["state"]) == ("access_denied", "state-of-the-suite")


@pytest.mark.parametrize("later", [0, 60])
def test_fapi2_user_rejects_what_they_allowed_in_an_earlier_session(
    suite: Suite, client: FapiClient, clock: FixedClock, later: int
) -> None:
    """The plan has one client for all of its modules, the first of which ends with consent."""
    client.tokens()
    clock.at += later
    suite.browser = suite.app.test_client()

    assert client.authorize(decision="deny")["error"] == "access_denied"


def test_fapi2_the_person_is_asked_once_a_session(
    suite: Suite, client: FapiClient, clock: FixedClock
) -> None:
    for _ in range(2):
        suite.browser, suite.pages = suite.app.test_client(), []
        suite.authorize(suite.static_client())
        clock.at += 60
        client.tokens()
        client.tokens()
        # the first consent is for the other client
        assert suite.pages == ["/masuk", "/izin", "/izin"]


def test_fapi2_an_answer_without_pages_goes_by_what_was_allowed_before(
    suite: Suite, client: FapiClient, clock: FixedClock
) -> None:
    """A session that began with another client: `prompt=none` counts as in every profile."""
    client.tokens()
    clock.at += 60
    suite.browser = suite.app.test_client()
    suite.authorize(suite.static_client(), scope="openid")

    assert "code" in client.authorize(prompt="none").params


def test_fapi2_ensure_authorization_request_without_state_success(client: FapiClient) -> None:
    assert set(client.authorize(state=None).params) == {"code", "iss"}


def test_fapi2_ensure_authorization_request_without_nonce_success(
    suite: Suite, client: FapiClient
) -> None:
    token = client.tokens(nonce=None)["id_token"]

    assert "nonce" not in suite.verified(token, algorithms=("ES256",))


@pytest.mark.parametrize("length", [64, 384, 1000])
def test_fapi2_ensure_authorization_request_with_long_nonce(
    suite: Suite, client: FapiClient, length: int
) -> None:
    """Modules `with-64-char-nonce-success` and `with-long-nonce`."""
    token = client.tokens(nonce="n" * length)["id_token"]

    assert suite.verified(token, algorithms=("ES256",))["nonce"] == "n" * length


def test_fapi2_ensure_authorization_request_with_long_state(client: FapiClient) -> None:
    assert client.authorize(state="s" * 1000)["state"] == "s" * 1000


def test_fapi2_ensure_other_scope_order_succeeds(client: FapiClient) -> None:
    assert "id_token" in client.tokens(scope="accounts email openid")


def test_fapi2_test_claims_parameter_identity_claims(suite: Suite, client: FapiClient) -> None:
    """Everything that metadata names comes by name, in any form of wish, and nothing else."""
    forms: list[Any] = [
        None,
        {},
        {"essential": True},
        {"essential": False},
        {"random": "x", "essential": True},
    ]
    standard = [name for name in PERSON if name not in {"nik", "password"}] + ["sub", "updated_at"]
    named = [name for name in suite.discovery["claims_supported"] if name in standard]
    wish = {name: forms[place % len(forms)] for place, name in enumerate(named)}
    asked: Any = {"id_token": wish, "userinfo": wish, "xRandomPlace": {"yRandomClaim": None}}
    if not client.signs:
        asked = json.dumps(asked)
    tokens = client.tokens(claims=asked)
    id_token = suite.verified(tokens["id_token"], algorithms=("ES256",))
    told = client.read(tokens["access_token"])
    known = {"iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash"}

    assert len(named) == 20
    assert set(told.get_json()) == set(named)
    assert told.content_type == "application/json"
    assert told.get_json()["sub"] == id_token["sub"]
    assert set(id_token) - known == set(named)


@pytest.mark.parametrize("case", ["dpop", "DPOP", "DPoP", "dPoP"])
def test_fapi2_access_token_type_header_case_sensitivity(client: FapiClient, case: str) -> None:
    token = client.tokens()["access_token"]

    assert client.read(token, scheme=case).status_code == 200


@pytest.mark.parametrize("case", ["bearer", "BEARER", "Bearer"])
def test_fapi2_access_token_type_header_case_with_a_certificate(suite: Suite, case: str) -> None:
    client = a_fapi_client(suite, sender="mtls")

    assert client.read(client.tokens()["access_token"], scheme=case).status_code == 200


# --- DPoP


@pytest.mark.parametrize("seconds", [-10, 10])
def test_fapi2_ensure_dpop_proof_with_iat_10_seconds_off_succeeds(
    client: FapiClient, seconds: int
) -> None:
    code = client.authorize()["code"]
    client.redeem("unknown")
    at = client.now + seconds

    answer = client.redeem(code, proof=client.proof(TOKEN, iat=at))

    assert answer.status_code == 200
    token = answer.get_json()["access_token"]
    url = f"{ISSUER}/userinfo"
    proof = client.proof(url, "GET", ath=hash_of(token), iat=at)
    assert client.read(token, DPoP=proof).status_code == 200


def test_fapi2_check_dpop_proof_nbf_exp(client: FapiClient) -> None:
    """Claims of other JWTs are passed over in a proof: its `iat` is what counts."""
    code = client.authorize()["code"]
    client.redeem("unknown")
    proof = client.proof(TOKEN, nbf=client.now + 10, exp=client.now + 60)

    assert client.redeem(code, proof=proof).status_code == 200


def test_fapi2_ensure_mismatched_dpop_jkt_fails(client: FapiClient) -> None:
    client.redeem("unknown")

    answer = client.push(dpop_jkt=Holder().jkt, proof=client.proof(PAR))

    assert answer.status_code == 400
    assert error_of(answer)[1] in {"invalid_request", "invalid_dpop_proof"}


def test_fapi2_ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt(
    client: FapiClient,
) -> None:
    client.redeem("unknown")
    pushed = client.push(proof=client.proof(PAR)).get_json()["request_uri"]
    code = client.unwrapped(client.suite.walk(client.open(pushed)))["code"]

    assert error_of(another_key(client).redeem(code)) == (400, "invalid_grant")
    assert client.redeem(code).status_code == 200


def test_fapi2_ensure_token_endpoint_fails_with_mismatched_dpop_jkt(client: FapiClient) -> None:
    code = client.authorize(dpop_jkt=client.holder.jkt)["code"]

    assert error_of(another_key(client).redeem(code)) == (400, "invalid_grant")
    assert client.redeem(code).status_code == 200


# --- requests that fail


@pytest.mark.parametrize(
    "uri", ["https://evil.example/cb", f"{CALLBACK}/x", f"{CALLBACK}?x=1", "x", "http://[::1"]
)
def test_fapi2_ensure_registered_redirect_uri(client: FapiClient, uri: str) -> None:
    assert error_of(client.push(redirect_uri=uri)) == (400, "invalid_request")


def test_fapi2_ensure_unsigned_authorization_request_without_using_par_fails(
    client: FapiClient,
) -> None:
    answer = client.suite.walk(client.suite.open(client.registered, **client.parameters()))

    assert client.unwrapped(answer)["error"] == "invalid_request"


def test_fapi2_ensure_signed_authorization_request_without_using_par_fails(
    client: FapiClient,
) -> None:
    told = {"request": client.request_object(), "redirect_uri": CALLBACK}

    answer = client.suite.walk(client.suite.open(client.registered, **told))

    assert client.unwrapped(answer)["error"] == "invalid_request"


def test_fapi2_ensure_redirect_uri_in_authorization_request(client: FapiClient) -> None:
    assert error_of(client.push(redirect_uri=None)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "response_type", ["code id_token", "token", "id_token", "code token", "none", "CODE"]
)
def test_fapi2_ensure_response_type_fails(client: FapiClient, response_type: str) -> None:
    """Modules `response-type-code-idtoken-fails` and `response-type-token-fails`."""
    status, error = error_of(client.push(response_type=response_type))

    assert (status, error) == (400, "unsupported_response_type")


# --- the token endpoint


def test_fapi2_ensure_client_id_in_token_endpoint(suite: Suite) -> None:
    one = a_fapi_client(suite, "tls_client_auth", "mtls")
    two = a_fapi_client(suite, "tls_client_auth", "mtls")
    code = one.authorize()["code"]

    assert error_of(one.redeem(code, client_id=two.client_id)) == (401, "invalid_client")
    assert one.redeem(code).status_code == 200


def test_fapi2_ensure_holder_of_key_required(suite: Suite) -> None:
    for sender in ("dpop", "mtls"):
        client = a_fapi_client(suite, sender=sender)
        code = client.authorize()["code"]
        url = f"{ISSUER}/token"
        form = {
            **client.credentials(),
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        status, error = error_of(suite.post(url, form))

        assert status in {400, 401}
        assert error in {"invalid_request", "invalid_client", "invalid_dpop_proof"}
        assert client.redeem(code).status_code == 200


def test_fapi2_a_token_is_no_good_without_its_key(suite: Suite) -> None:
    for sender in ("dpop", "mtls"):
        client = a_fapi_client(suite, sender=sender)
        token = client.tokens()["access_token"]

        assert suite.userinfo(token).status_code == 401
        assert another_key(client).read(token).status_code == 401
        assert client.read(token).status_code == 200


def test_fapi2_ensure_authorization_code_is_bound_to_client(suite: Suite) -> None:
    one, two = a_fapi_client(suite), a_fapi_client(suite)
    code = one.authorize()["code"]

    assert error_of(two.redeem(code)) == (400, "invalid_grant")
    assert one.redeem(code).status_code == 200


def test_fapi2_attempt_reuse_authorization_code_after_one_second(
    client: FapiClient, clock: FixedClock
) -> None:
    code = client.authorize()["code"]
    token = client.redeem(code).get_json()["access_token"]
    clock.move(1)

    assert error_of(client.redeem(code)) == (400, "invalid_grant")
    assert client.read(token).status_code == 401


def test_fapi2_attempt_to_use_expired_auth_code(client: FapiClient, clock: FixedClock) -> None:
    """§5.3.2.1 point 11: a code lives sixty seconds at most."""
    code = client.authorize()["code"]
    clock.move(60)

    assert error_of(client.redeem(code)) == (400, "invalid_grant")


# --- private_key_jwt


def test_fapi2_ensure_signed_client_assertion_with_rs256_fails(suite: Suite) -> None:
    rsa = Signer("RS256", "rsa")
    client = a_fapi_client(suite, jwks={"keys": [rsa.public(alg=None)]}, signer=rsa)
    client.signer = rsa

    answer = client.push()

    assert error_of(answer) == (401, "invalid_client")


def test_fapi2_ensure_client_assertion_in_token_endpoint(client: FapiClient) -> None:
    code = client.authorize()["code"]
    form = {
        "client_id": client.client_id,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }

    assert error_of(client.post("token_endpoint", form)) == (401, "invalid_client")


BENT_ASSERTIONS: dict[str, dict[str, Any]] = {
    "exp-is-5-minutes-in-past": {"exp": -300, "iat": -360, "nbf": -360},
    "iat-nbf-over-60-seconds-in-the-future": {"iat": 61, "nbf": 61, "exp": 120},
}


@pytest.mark.parametrize("bent", BENT_ASSERTIONS.values(), ids=BENT_ASSERTIONS)
def test_fapi2_ensure_client_assertion_out_of_time_fails(
    client: FapiClient, bent: dict[str, int]
) -> None:
    claims = {name: client.now + seconds for name, seconds in bent.items()}
    form = {**client.parameters(), **client.credentials(client.assertion(**claims))}

    answer = client.post("pushed_authorization_request_endpoint", form)

    assert error_of(answer) == (401, "invalid_client")


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "https://other.example"},
        {"aud": PAR},
        {"aud": [PAR]},
        {"aud": TOKEN},
        {"aud": [ISSUER]},
        {"aud": [ISSUER, TOKEN]},
        {"aud": f"{ISSUER}/"},
        {"aud": None},
        {"sub": None},
        {"iss": None},
        {"jti": None},
        {"exp": None},
    ],
    ids=str,
)
def test_fapi2_ensure_client_assertion_with_other_claims_fails(
    client: FapiClient, claims: dict[str, Any]
) -> None:
    """`wrong-aud`, `no-sub`, and the audiences of the PAR modules: the issuer alone is good."""
    for name, form in (
        ("pushed_authorization_request_endpoint", client.parameters()),
        ("token_endpoint", {"grant_type": "authorization_code", "code": "x"}),
    ):
        told = {**form, **client.credentials(client.assertion(**claims))}
        assert error_of(client.post(name, told, "")) == (401, "invalid_client"), name


def test_fapi2_par_ensure_jwt_client_assertion_8_seconds_in_the_future_is_accepted(
    client: FapiClient,
) -> None:
    assertion = client.assertion(iat=client.now + 8, nbf=client.now + 8)
    form = {**client.parameters(), **client.credentials(assertion)}
    if client.signs:
        form = {"request": client.request_object(), **client.credentials(assertion)}

    answer = client.post("pushed_authorization_request_endpoint", form)

    assert answer.status_code == 201


def test_fapi2_an_assertion_is_good_once(client: FapiClient) -> None:
    assertion = client.assertion()
    form = {"request": client.request_object()} if client.signs else client.parameters()
    told = {**form, **client.credentials(assertion)}

    first = client.post("pushed_authorization_request_endpoint", told)
    again = client.post("pushed_authorization_request_endpoint", told)

    assert (first.status_code, error_of(again)) == (201, (401, "invalid_client"))


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "GET"},
        {"htu": PAR},
        {"htu": None},
        {"iat": 0},
        {"jti": None},
        {"nonce": "wrong"},
        {"nonce": None},
    ],
    ids=str,
)
def test_fapi2_dpop_negative_tests(client: FapiClient, changes: dict[str, Any]) -> None:
    client.redeem("unknown")
    proof = client.proof(TOKEN, **changes)

    answer = client.redeem("unknown", proof=proof)

    assert error_of(answer)[0] == 400
    assert error_of(answer)[1] in {"invalid_dpop_proof", "use_dpop_nonce"}


@pytest.mark.parametrize("alg", ["ES384", "ES512"])
def test_fapi2_other_algorithms_are_refused_everywhere(suite: Suite, alg: str) -> None:
    """§5.4.1 point 2: PS256, ES256 and Ed25519."""
    signer, other = Signer(), Signer(alg, "other")
    keys = {"keys": [signer.public(), other.public()]}
    client = a_fapi_client(suite, signs=True, jwks=keys, signer=signer)
    signed = other.sign(client.claims_now())
    form = {"request": client.request_object(), **client.credentials(signed)}
    client.redeem("unknown")
    stranger = replace(client, holder=Holder(other))

    by_assertion = client.post("pushed_authorization_request_endpoint", form)
    by_request = client.push(request=other.sign(client.request_claims()))
    by_proof = stranger.redeem("unknown", proof=stranger.proof(TOKEN))
    pushed = stranger.push(proof=stranger.proof(PAR))

    assert error_of(by_assertion) == (401, "invalid_client")
    assert error_of(by_request) == (400, "invalid_request_object")
    assert error_of(by_proof) == (400, "invalid_dpop_proof")
    assert error_of(pushed) == (400, "invalid_dpop_proof")


# --- refresh


def test_fapi2_refresh_token(suite: Suite, clock: FixedClock) -> None:
    """A client that authenticates keeps its refresh token: §5.3.2.1 point 9 forbids rotation."""
    one, two = a_fapi_client(suite), a_fapi_client(suite)
    first = one.tokens(scope="openid offline_access", prompt="consent")
    clock.move(5)
    second = one.token(grant_type="refresh_token", refresh_token=first["refresh_token"]).get_json()
    third = one.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    stolen = two.token(grant_type="refresh_token", refresh_token=first["refresh_token"])

    assert one.read(second["access_token"]).status_code == 200
    assert third.status_code == 200
    assert second.get("refresh_token", first["refresh_token"]) == first["refresh_token"]
    assert error_of(stolen) == (400, "invalid_grant")
    before = suite.verified(first["id_token"], algorithms=("ES256",))
    after = suite.verified(second["id_token"], algorithms=("ES256",))
    assert (before["sub"], before["auth_time"]) == (after["sub"], after["auth_time"])


# --- PAR


def test_fapi2_par_ensure_reused_request_uri_prior_to_auth_completion_succeeds(
    client: FapiClient,
) -> None:
    request_uri = client.pushed()
    seen = client.open(request_uri)
    assert seen.status_code == 303
    client.suite.get(seen.headers["Location"])

    assert is_code(client.unwrapped(client.suite.walk(client.open(request_uri))))


def test_fapi2_par_attempt_reuse_request_uri(client: FapiClient) -> None:
    request_uri = client.pushed()
    client.suite.walk(client.open(request_uri))

    assert is_error_page(client.open(request_uri), "invalid_request_uri")


def test_fapi2_par_attempt_to_use_expired_request_uri(
    client: FapiClient, clock: FixedClock
) -> None:
    answer = client.push().get_json()
    clock.move(answer["expires_in"])

    assert is_error_page(client.open(answer["request_uri"]), "invalid_request_uri")


def test_fapi2_par_attempt_to_use_request_uri_for_different_client(suite: Suite) -> None:
    one, two = a_fapi_client(suite), a_fapi_client(suite)

    assert is_error_page(two.open(one.pushed()), "invalid_request_uri")


def test_fapi2_par_authorization_request_containing_request_uri_form_param(
    client: FapiClient,
) -> None:
    form = {**client.parameters(), "request_uri": "urn:ietf:params:oauth:request_uri:x"}

    assert error_of(client.push_form(form)) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE", "PATCH", "HEAD"])
def test_fapi2_par_attempt_invalid_http_method(client: FapiClient, method: str) -> None:
    answer = client.suite.browser.open("/par", method=method, data=client.parameters())

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_fapi2_par_ensure_pkce_required(client: FapiClient) -> None:
    answer = client.push(code_challenge=None, code_challenge_method=None)

    assert error_of(answer) == (400, "invalid_request")


@pytest.mark.parametrize("method", ["plain", None, "s256", "S512"])
def test_fapi2_par_plain_pkce_rejected(client: FapiClient, method: str | None) -> None:
    answer = client.push(code_challenge_method=method)

    assert error_of(answer) == (400, "invalid_request")


def test_fapi2_par_pkce_verifier_missing(client: FapiClient) -> None:
    code = client.authorize()["code"]

    assert error_of(client.redeem(code, code_verifier=None)) == (400, "invalid_grant")


def test_fapi2_par_incorrect_pkce_code_verifier_rejected(client: FapiClient) -> None:
    code = client.authorize()["code"]

    assert error_of(client.redeem(code, code_verifier=VERIFIER[::-1])) == (400, "invalid_grant")
    assert error_of(client.redeem(code, code_verifier=CHALLENGE)) == (400, "invalid_grant")


def test_fapi2_par_without_duplicate_parameters(client: FapiClient) -> None:
    """Only `client_id` and `request_uri` at the authorization endpoint; more counts for nothing."""
    bare = client.unwrapped(client.suite.walk(client.open(client.pushed())))
    beside = {"response_type": "token", "scope": "x", "redirect_uri": "https://evil.example/"}
    more = client.unwrapped(client.suite.walk(client.open(client.pushed(), **beside)))

    assert is_code(bare)
    assert is_code(more)


# --- §5.3.2: what no module asks


@pytest.mark.parametrize("mode", ["fragment", "fragment.jwt", "x", "QUERY"])
def test_fapi2_a_response_mode_of_hybrid_flows_is_refused(client: FapiClient, mode: str) -> None:
    assert error_of(client.push(response_mode=mode)) == (400, "invalid_request")


@pytest.mark.parametrize(
    "metadata",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"token_endpoint_auth_method": "none"},
        {"id_token_signed_response_alg": "RS256"},
        {"id_token_signed_response_alg": "ES384"},
        {"token_endpoint_auth_signing_alg": "ES512"},
        {"request_object_signing_alg": "RS256"},
        {"token_endpoint_auth_signing_alg": "RS256"},
        {"authorization_signed_response_alg": "RS256"},
        {"userinfo_signed_response_alg": "RS256"},
    ],
    ids=str,
)
def test_fapi2_no_weaker_client_can_be_registered(suite: Suite, metadata: dict[str, str]) -> None:
    with pytest.raises(ProtocolError) as refusal:
        a_fapi_client(suite, **metadata)

    assert refusal.value.error == "invalid_client_metadata"


def test_fapi2_a_certificate_counts_from_the_proxy_alone(suite: Suite) -> None:
    client = a_fapi_client(suite, "tls_client_auth", "mtls")
    forged = suite.app.test_client()
    forged.environ_base["REMOTE_ADDR"] = "203.0.113.7"

    answer = forged.post(
        "/par", data=client.parameters(), base_url=ISSUER, headers=client.certificate.headers
    )

    assert error_of(answer) == (401, "invalid_client")


def test_fapi2_another_certificate_of_the_same_name_ends_at_the_token(suite: Suite) -> None:
    """`tls_client_auth` names a subject; the token is bound to the certificate itself."""
    client = a_fapi_client(suite, "tls_client_auth", "mtls")
    token = client.tokens()["access_token"]
    name = client.certificate.subject.removeprefix("CN=")
    client.certificate = Certificate.made(name)

    assert client.push().status_code == 201
    assert client.read(token).status_code == 401
