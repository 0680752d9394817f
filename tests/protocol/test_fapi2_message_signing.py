"""FAPI 2.0 Message Signing (Final): the modules that its plan has beyond the Security Profile's.

Those that both plans share run with signed requests and answers in
`test_fapi2_security_profile.py`.
"""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.conformance import CALLBACK, ISSUER, Suite
from tests.fapi import VARIANTS, FapiClient, a_fapi_client
from tests.signing import Signer, compact

OTHER_ISSUER = "https://other.example"


@pytest.fixture
def client(suite: Suite) -> FapiClient:
    return a_fapi_client(suite, signs=True, jarm=True)


def refused(answer: TestResponse, *errors: str) -> None:
    told = answer.get_json()
    assert answer.status_code == 400, told
    assert told["error"] in (errors or ("invalid_request_object",)), told
    assert "request_uri" not in told


# --- requests that are taken (§5.3.1)


@pytest.mark.parametrize(("auth", "sender"), VARIANTS)
@pytest.mark.parametrize("alg", ["ES256", "PS256", "Ed25519", "EdDSA"])
def test_fapi2_happy_flow(suite: Suite, auth: str, sender: str, alg: str) -> None:
    client = a_fapi_client(suite, auth, sender, signs=True, jarm=True, signer=Signer(alg))

    assert client.read(client.tokens()["access_token"]).status_code == 200


@pytest.mark.parametrize(
    "aud", [ISSUER, [ISSUER], [ISSUER, OTHER_ISSUER], [OTHER_ISSUER, ISSUER]], ids=str
)
def test_fapi2_ensure_request_object_with_multiple_aud_succeeds(
    client: FapiClient, aud: Any
) -> None:
    assert "code" in client.authorize(aud=aud).params


def test_fapi2_ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted(
    client: FapiClient,
) -> None:
    at = client.now + 8

    assert "code" in client.authorize(nbf=at, iat=at, exp=at + 300).params


def test_fapi2_ensure_request_object_with_its_own_media_type(client: FapiClient) -> None:
    text = client.signer.sign(client.request_claims(), typ="oauth-authz-req+jwt")

    assert client.push(request=text).status_code == 201


@pytest.mark.parametrize("name", ["nonce", "state"])
def test_fapi2_ensure_different_nonce_or_state_inside_and_outside_request_object(
    suite: Suite, client: FapiClient, name: str
) -> None:
    request_uri = client.pushed(request=client.request_object(), **{name: "outside"})
    answer = client.unwrapped(suite.walk(client.open(request_uri, **{name: "further out"})))
    token = client.redeem(answer["code"]).get_json()["id_token"]

    assert answer["state"] == "state-of-the-suite"
    assert suite.verified(token, algorithms=("ES256",))["nonce"] == "nonce-of-the-suite"


def test_fapi2_state_only_outside_request_object_not_used(suite: Suite, client: FapiClient) -> None:
    request_uri = client.pushed(request=client.request_object(state=None), state="outside")
    answer = client.unwrapped(suite.walk(client.open(request_uri, state="outside")))

    assert set(answer.params) == {"code", "iss"}


# --- requests that are refused

HOUR = 3600


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"nbf": None},
        {"exp": -61},
        {"nbf": -HOUR, "exp": -300},
        {"nbf": 0, "exp": HOUR + 60},
        {"nbf": -HOUR - 60, "exp": 60},
        {"nbf": 61, "exp": 300},
        {"nbf": 0, "iat": 61},
    ],
    ids=str,
)
def test_fapi2_ensure_request_object_out_of_time_fails(
    client: FapiClient, changes: dict[str, int | None]
) -> None:
    """Modules `without-exp`, `without-nbf`, `expired`, `exp-over-60`, `nbf-over-60`."""
    claims = {
        name: None if seconds is None else client.now + seconds for name, seconds in changes.items()
    }

    refused(client.push(**claims))


@pytest.mark.parametrize(
    "aud",
    [None, OTHER_ISSUER, [OTHER_ISSUER], f"{ISSUER}/", f"{ISSUER}/par", f"{ISSUER}/token", "", []],
    ids=str,
)
def test_fapi2_ensure_request_object_with_bad_aud_fails(client: FapiClient, aud: Any) -> None:
    refused(client.push(aud=aud))


def test_fapi2_ensure_request_object_without_redirect_uri_fails(client: FapiClient) -> None:
    form = {"request": client.request_object(redirect_uri=None), "redirect_uri": CALLBACK}

    refused(client.push_form(form), "invalid_request", "invalid_request_object")


def test_fapi2_ensure_signed_request_object_with_rs256_fails(suite: Suite) -> None:
    signer, rsa = Signer(), Signer("RS256", "rsa")
    keys = {"keys": [signer.public(), rsa.public(alg=None)]}
    client = a_fapi_client(suite, signs=True, signer=signer, jwks=keys)

    refused(client.push(request=rsa.sign(client.request_claims())))
    assert client.push(request=rsa.sign(client.request_claims(), alg="PS256")).status_code == 201


def test_fapi2_ensure_request_object_signature_algorithm_is_not_none(client: FapiClient) -> None:
    for alg in ("none", "None", "NONE"):
        head = compact({"alg": alg}, client.request_claims(), None, "none")
        refused(client.push(request=head))


def test_fapi2_ensure_request_object_with_invalid_signature_fails(client: FapiClient) -> None:
    good = client.request_object()
    head, payload, signature = good.split(".")
    bent = ("A" if signature[0] != "A" else "B") + signature[1:]

    refused(client.push(request=f"{head}.{payload}.{bent}"))
    refused(client.push(request=f"{head}.{payload}."))
    assert client.push(request=good).status_code == 201


def test_fapi2_ensure_matching_key_in_authorization_request(
    suite: Suite, client: FapiClient
) -> None:
    other = a_fapi_client(suite, signs=True)

    refused(client.push(request=other.signer.sign(client.request_claims())))
    refused(client.push(request=other.request_object()))


def test_fapi2_ensure_unsigned_request_at_par_endpoint_fails(client: FapiClient) -> None:
    refused(client.push_form(client.parameters()), "invalid_request")


@pytest.mark.parametrize("name", ["request_uri", "request"])
def test_fapi2_par_authorization_request_containing_request_uri(
    client: FapiClient, name: str
) -> None:
    text = client.request_object(**{name: "urn:ietf:params:oauth:request_uri:x"})

    refused(client.push_form({"request": text}))


@pytest.mark.parametrize("client_id", [None, "another", ISSUER])
def test_fapi2_the_client_stands_in_the_request_object(
    client: FapiClient, client_id: str | None
) -> None:
    refused(client.push_form({"request": client.request_object(client_id=client_id)}))


def test_fapi2_b64_false_is_refused(client: FapiClient) -> None:
    for header in ({"b64": False}, {"b64": False, "crit": ["b64"]}, {"crit": ["exp"]}):
        refused(client.push(request=client.signer.sign(client.request_claims(), **header)))


# --- signed answers (§5.4)


def test_fapi2_every_answer_is_signed_also_an_error(client: FapiClient) -> None:
    """`unwrapped` finds nothing but `response`, whose signature, issuer, audience and end hold."""
    denied = client.authorize(decision="deny")
    unanswered = client.authorize(prompt="none", max_age=0)

    assert denied["error"] == "access_denied"
    assert unanswered["error"] == "login_required"


@pytest.mark.parametrize(
    ("mode", "way"),
    [("jwt", "query"), ("query.jwt", "query"), ("form_post.jwt", "form_post")],
)
def test_fapi2_a_signed_answer_travels_as_asked(client: FapiClient, mode: str, way: str) -> None:
    answer = client.authorize(response_mode=mode)

    assert answer.mode == way
    assert set(answer.params) == {"code", "state", "iss"}


def test_fapi2_a_signed_answer_is_for_its_client_alone(suite: Suite, client: FapiClient) -> None:
    raw = suite.walk(client.open(client.pushed()))
    claims = suite.verified(raw["response"], algorithms=("ES256",))

    assert set(claims) == {"iss", "aud", "exp", "iat", "code", "state"}
    assert claims["aud"] == client.client_id
    assert claims["exp"] - claims["iat"] <= 600


def test_fapi2_a_signed_answer_is_no_hint_and_no_token(suite: Suite, client: FapiClient) -> None:
    text = suite.walk(client.open(client.pushed()))["response"]

    refused(client.push(id_token_hint=text), "invalid_request")
    assert suite.userinfo(text).status_code == 401
