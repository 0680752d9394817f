"""FAPI-CIBA, module by module of the OpenID Foundation's plan (`fapi-ciba-id1-…`).

Poll and ping, `private_key_jwt` and mutual TLS, tokens bound to a certificate; the person answers
by the automated approval that `test` and `sandbox` have. The suite's assertions name the endpoint
that they are for, which a `baseline` client may do (CIBA Core §7.1); a `fapi2` client, for which
they name the issuer, meets the same refusals.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count, cycle
from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.app import Application
from tests.conformance import ISSUER, PERSON, SETTINGS, Suite
from tests.elsewhere import CIBA
from tests.fakes import FixedClock
from tests.fapi import Certificate, FapiClient, a_fapi_client
from tests.listener import Listener, running_listener
from tests.signing import Signer, compact

_numbers = count()
NOTIFICATION_TOKEN = "notification-token-of-the-suite-1234"
ENDPOINT = "backchannel_authentication_endpoint"

#: How the client authenticates, and how it learns of the answer.
VARIANTS = [
    (auth, mode) for auth in ("private_key_jwt", "tls_client_auth") for mode in ("poll", "ping")
]


@pytest.fixture
def listener() -> Iterator[Listener]:
    with running_listener() as running:
        running.statuses = [204]
        yield running


@dataclass
class Bank:
    """A client of the plan. `signer` signs requests and assertions alike, by PS256."""

    client: FapiClient
    mode: str
    listener: Listener
    profile: str

    @property
    def suite(self) -> Suite:
        return self.client.suite

    def request(self, **changes: Any) -> dict[str, Any]:
        now = self.client.now
        told = {
            "iss": self.client.client_id,
            "aud": ISSUER,
            "iat": now,
            "nbf": now,
            "exp": now + 300,
            "jti": f"r-{next(_numbers)}",
            "scope": "openid accounts offline_access",
            "login_hint": PERSON["email"],
            "binding_message": "1234",
            "client_notification_token": NOTIFICATION_TOKEN if self.mode == "ping" else None,
            **changes,
        }
        return {name: value for name, value in told.items() if value is not None}

    def credentials(self, name: str) -> dict[str, str]:
        """Return what proves who it is at an endpoint, in the suite's own words."""
        aud = self.client.url_of(name) if self.profile == "baseline" else ISSUER
        return self.client.credentials(self.client.assertion(aud=aud))

    def send(self, request: str | None, **form: Any) -> TestResponse:
        told = {**self.credentials(ENDPOINT), "request": request, **form}
        kept = {name: value for name, value in told.items() if value is not None}
        return self.client.post(ENDPOINT, kept)

    def ask(self, **changes: Any) -> TestResponse:
        return self.send(self.client.signer.sign(self.request(**changes)))

    def asked(self, **changes: Any) -> str:
        answer = self.ask(**changes)
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["auth_req_id"])

    def approve(self, auth_req_id: str, decision: str = "allow") -> None:
        """Answer as the suite does where its `automated_ciba_approval_url` is set."""
        told = {"auth_req_id": auth_req_id, "decision": decision}
        answer = self.suite.post(f"/sandbox/ciba?{urlencode(told)}", Accept="application/json")
        assert answer.status_code == 200, answer.text

    def deliver(self) -> None:
        outbox = self.suite.app.wiring.services.outbox
        replace(outbox, deliverers={"ping": outbox.deliverers["ping"]}).deliver_due()

    def poll(self, auth_req_id: str, **form: Any) -> TestResponse:
        own = self.credentials("token_endpoint")
        return self.client.token(**{**own, "grant_type": CIBA, "auth_req_id": auth_req_id, **form})

    def tokens(self, **changes: Any) -> dict[str, Any]:
        auth_req_id = self.asked(**changes)
        self.approve(auth_req_id)
        answer = self.poll(auth_req_id)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found


Join = Callable[..., Bank]


@pytest.fixture(scope="module")
def signers() -> tuple[Signer, Signer]:
    """RSA keys for two clients: making one takes longer than a test."""
    return Signer("PS256"), Signer("PS256")


@pytest.fixture(params=["baseline", "fapi2"])
def join(
    request: pytest.FixtureRequest,
    make_app: Callable[..., Application],
    clock: FixedClock,
    listener: Listener,
    signers: tuple[Signer, Signer],
) -> Join:
    """Return what registers a client of a variant with one and the same provider."""
    app = make_app(**SETTINGS, SIAPKERJA_FETCH_PRIVATE_HOSTS=listener.host)
    app.wiring.services.accounts.create(PERSON)
    suite = Suite(app, clock, app.test_client())
    keys = cycle(signers)

    def make(auth: str = "private_key_jwt", mode: str = "poll", **given: Any) -> Bank:
        ping = {"backchannel_client_notification_endpoint": listener.url("/ciba-notification")}
        metadata = {
            "profile": request.param,
            "grant_types": [CIBA],
            "redirect_uris": [],
            "backchannel_token_delivery_mode": mode,
            "backchannel_authentication_request_signing_alg": "PS256",
            "token_endpoint_auth_signing_alg": "PS256",
            "id_token_signed_response_alg": "PS256",
            **(ping if mode == "ping" else {}),
            **given,
        }
        client = a_fapi_client(suite, auth, "mtls", signer=next(keys), **metadata)
        return Bank(client, mode, listener, request.param)

    return make


@pytest.fixture
def bank(join: Join) -> Bank:
    return join()


def error_of(answer: TestResponse) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/json"
    told = answer.get_json()
    assert set(told) <= {"error", "error_description", "error_uri"}
    assert told.get("error_description", "").isascii()
    return answer.status_code, told["error"]


BAD_REQUEST = (400, "invalid_request")


# --- well behaved clients


def test_discovery_end_point_verification(bank: Bank) -> None:
    told = bank.suite.discovery

    assert told["issuer"] == ISSUER
    assert told["tls_client_certificate_bound_access_tokens"] is True
    assert {"poll", "ping"} <= set(told["backchannel_token_delivery_modes_supported"])
    assert told["backchannel_user_code_parameter_supported"] is False
    assert CIBA in told["grant_types_supported"]
    for member in (
        "backchannel_authentication_request_signing_alg_values_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "id_token_signing_alg_values_supported",
        "userinfo_signing_alg_values_supported",
    ):
        assert {"PS256", "ES256"} <= set(told[member])
    methods = told["token_endpoint_auth_methods_supported"]
    assert {"private_key_jwt", "tls_client_auth"} <= set(methods)
    assert {ENDPOINT, "token_endpoint"} <= set(told["mtls_endpoint_aliases"])


@pytest.mark.parametrize(("auth", "mode"), VARIANTS)
def test_fapi_ciba_id1(join: Join, listener: Listener, auth: str, mode: str) -> None:
    bank = join(auth, mode)
    answer = bank.ask()
    told = answer.get_json()
    assert answer.status_code == 200
    assert len(told["auth_req_id"]) >= 27
    assert told["expires_in"] > 0
    assert told["interval"] > 0
    assert error_of(bank.poll(told["auth_req_id"])) == (400, "authorization_pending")

    bank.approve(told["auth_req_id"])
    bank.deliver()

    assert len(listener.calls) == (mode == "ping")
    for call in listener.calls:
        assert call.headers["authorization"] == f"Bearer {NOTIFICATION_TOKEN}"
        assert json.loads(call.body) == {"auth_req_id": told["auth_req_id"]}
    tokens = bank.poll(told["auth_req_id"]).get_json()
    claims = bank.suite.verified(tokens["id_token"], algorithms=("PS256",))
    assert (claims["iss"], claims["aud"]) == (ISSUER, bank.client.client_id)
    assert {"nonce", "c_hash", "s_hash"}.isdisjoint(claims)
    resource = bank.client.read(tokens["access_token"])
    assert resource.status_code == 200
    assert resource.headers["x-fapi-interaction-id"] == "c0ffee"
    assert resource.headers["Content-Type"].startswith("application/json")


def test_fapi_ciba_id1_with_the_media_type_in_the_request(bank: Bank) -> None:
    """The second client says `typ`."""
    signed = bank.client.signer.sign(bank.request(), typ="oauth-authz-req+jwt")

    assert bank.send(signed).status_code == 200


@pytest.mark.parametrize(("auth", "mode"), VARIANTS)
def test_refresh_token(join: Join, auth: str, mode: str) -> None:
    bank, other = join(auth, mode), join(auth, mode)
    token = bank.tokens()["refresh_token"]

    again = bank.client.token(grant_type="refresh_token", refresh_token=token)
    stolen = other.client.token(grant_type="refresh_token", refresh_token=token)

    assert again.status_code == 200
    assert bank.client.read(again.get_json()["access_token"]).status_code == 200
    assert error_of(stolen) == (400, "invalid_grant")


def test_ensure_other_scope_order_succeeds(bank: Bank) -> None:
    assert bank.tokens(scope="accounts openid")["id_token"]


def test_ensure_authorization_request_with_binding_message_succeeds(bank: Bank) -> None:
    assert bank.tokens(binding_message="1234")["access_token"]


def test_ensure_authorization_request_with_potentially_bad_binding_message(bank: Bank) -> None:
    message = "1234 \U0001f44d\U0001f3ff 品川 Lorem ipsum dolor sit amet, consectetur. " * 8

    answer = bank.ask(binding_message=message)

    assert error_of(answer) == (400, "invalid_binding_message")


def test_ensure_requested_expiry_as_string_succeeds(bank: Bank) -> None:
    assert bank.ask(requested_expiry="30").get_json()["expires_in"] == 30


def test_ensure_client_assertion_with_iss_aud_succeeds(bank: Bank) -> None:
    signed = bank.client.signer.sign(bank.request())

    assert bank.send(signed, client_assertion=bank.client.assertion()).status_code == 200


# --- the person, and time


@pytest.mark.parametrize("mode", ["poll", "ping"])
def test_user_rejects_authentication(join: Join, listener: Listener, mode: str) -> None:
    bank = join(mode=mode)
    auth_req_id = bank.asked()
    bank.approve(auth_req_id, "deny")
    bank.deliver()

    assert len(listener.calls) == (mode == "ping")
    assert error_of(bank.poll(auth_req_id)) == (400, "access_denied")


def test_auth_req_id_expired(bank: Bank) -> None:
    auth_req_id = bank.asked(requested_expiry=30)
    bank.suite.clock.move(31)

    assert error_of(bank.poll(auth_req_id)) == (400, "expired_token")


def test_multiple_call_to_token_endpoint(bank: Bank) -> None:
    auth_req_id = bank.asked()

    for _ in range(8):
        status, error = error_of(bank.poll(auth_req_id))
        assert (status, error in {"authorization_pending", "slow_down"}) == (400, True)


@pytest.mark.parametrize("status", [200, 401, 403, 302])
def test_ping_backchannel_notification_endpoint_response(
    join: Join, listener: Listener, status: int
) -> None:
    bank = join(mode="ping")
    listener.statuses, listener.headers = [status], {"Location": listener.url("/elsewhere")}
    auth_req_id = bank.asked()
    bank.approve(auth_req_id)
    bank.deliver()
    bank.suite.clock.move(60)
    bank.deliver()

    assert [call.path for call in listener.calls] == ["/ciba-notification"]
    assert bank.poll(auth_req_id).status_code == 200


# --- requests


def test_ensure_backchannel_authorization_request_without_request_fails(bank: Bank) -> None:
    plain = {"scope": "openid", "login_hint": PERSON["email"]}

    assert error_of(bank.send(None, **plain)) == BAD_REQUEST


def test_ensure_authorization_request_with_multiple_hints_fails(bank: Bank) -> None:
    assert error_of(bank.ask(id_token_hint="x")) == BAD_REQUEST


@pytest.mark.parametrize("name", ["aud", "exp", "iat", "iss", "jti", "nbf"])
def test_ensure_request_object_missing_claim_fails(bank: Bank, name: str) -> None:
    assert error_of(bank.ask(**{name: None})) == BAD_REQUEST


def test_ensure_request_object_bad_aud_or_iss_fails(bank: Bank) -> None:
    assert error_of(bank.ask(aud="https://www.other1.example.com/")) == BAD_REQUEST
    assert error_of(bank.ask(iss="https://www.other1.example.com/")) == BAD_REQUEST


@pytest.mark.parametrize(
    "changes",
    [{"exp": -60}, {"exp": 70 * 60}, {"nbf": 10 * 60}, {"nbf": -70 * 60}],
    ids=["expired-exp", "exp-is-70-minutes-in-future", "nbf-is-10-minutes-in-future", "nbf-70-ago"],
)
def test_ensure_request_object_of_another_time_fails(bank: Bank, changes: dict[str, int]) -> None:
    moved = {name: bank.client.now + seconds for name, seconds in changes.items()}

    assert error_of(bank.ask(**moved)) == BAD_REQUEST


def test_ensure_request_object_signature_algorithm_is_none_bad_or_rs256_fails(bank: Bank) -> None:
    claims, signer = bank.request(), bank.client.signer
    good = signer.sign(claims)
    for bad in (
        compact({"alg": "none"}, claims, None),
        signer.sign(claims, alg="RS256", signed_by="RS256"),
        f"{good[:-8]}AAAAAAAA",
        signer.sign(claims, alg="ES256", signed_by="PS256"),
    ):
        assert error_of(bank.send(bad)) == BAD_REQUEST


def test_ensure_request_object_signed_by_other_client_fails(join: Join) -> None:
    bank, other = join(), join()

    assert error_of(bank.send(other.client.signer.sign(bank.request()))) == BAD_REQUEST


def test_ensure_different_client_id_and_issuer_in_backchannel_authorization_request(
    join: Join,
) -> None:
    bank, other = join(), join()

    assert error_of(bank.ask(iss=other.client.client_id)) == BAD_REQUEST
    assert error_of(bank.ask(client_id=other.client.client_id)) == BAD_REQUEST


# --- proving who one is


@pytest.mark.parametrize("url", [ENDPOINT, "token_endpoint"])
def test_ensure_without_client_assertion_fails(bank: Bank, url: str) -> None:
    form = {"client_id": bank.client.client_id, "request": bank.client.signer.sign(bank.request())}
    if url == "token_endpoint":
        form = {"client_id": bank.client.client_id, "grant_type": CIBA, "auth_req_id": bank.asked()}

    status, error = error_of(bank.client.post(url, form))

    assert status in {400, 401}
    assert error in {"invalid_client", "invalid_request"}


@pytest.mark.parametrize("url", [ENDPOINT, "token_endpoint"])
def test_ensure_client_assertion_signature_algorithm_is_rs256_fails(bank: Bank, url: str) -> None:
    weak = bank.client.signer.sign(bank.client.claims_now(), alg="RS256", signed_by="RS256")
    form = {**bank.client.credentials(weak), "request": bank.client.signer.sign(bank.request())}
    if url == "token_endpoint":
        form = {**bank.client.credentials(weak), "grant_type": CIBA, "auth_req_id": bank.asked()}

    assert error_of(bank.client.post(url, form)) == (401, "invalid_client")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://x.example"},
        {"exp": None},
        {"exp": 0},
        {"iss": "x"},
        {"sub": "x"},
        {"jti": None},
    ],
)
def test_ensure_invalid_client_assertions_fail(bank: Bank, changes: dict[str, Any]) -> None:
    signed = bank.client.signer.sign(bank.request())

    answer = bank.send(signed, client_assertion=bank.client.assertion(**changes))

    assert error_of(answer) == (401, "invalid_client")


@pytest.mark.parametrize("auth", ["private_key_jwt", "tls_client_auth"])
def test_ensure_wrong_client_id_fails(join: Join, auth: str) -> None:
    bank, other = join(auth), join(auth)
    signed, auth_req_id = bank.client.signer.sign(bank.request()), bank.asked()
    name = other.client.client_id

    asked = bank.send(signed, client_id=name)
    polled = bank.poll(auth_req_id, client_id=name)

    for answer in (asked, polled):
        status, error = error_of(answer)
        assert status in {400, 401}
        assert error in {"invalid_client", "invalid_request", "invalid_grant"}


def test_ensure_wrong_authentication_request_id_in_token_endpoint_request(join: Join) -> None:
    bank, other = join(), join()
    foreign = other.asked()
    other.approve(foreign)

    for wrong in (foreign, f"{bank.asked()}x", "wrong"):
        assert error_of(bank.poll(wrong)) == (400, "invalid_grant")


@pytest.mark.parametrize("auth", ["private_key_jwt", "tls_client_auth"])
def test_ensure_mtls_holder_of_key_required(join: Join, auth: str) -> None:
    bank = join(auth)
    tokens = bank.tokens()
    auth_req_id = bank.asked()
    bank.approve(auth_req_id)
    form = {**bank.client.credentials(), "grant_type": CIBA, "auth_req_id": auth_req_id}

    bare = bank.suite.post(bank.suite.discovery["token_endpoint"], form)
    stranger = replace(bank.client, certificate=Certificate.made("a stranger"))

    status, error = error_of(bare)
    assert status in {400, 401}
    assert error in {"invalid_client", "invalid_request"}
    assert stranger.read(tokens["access_token"]).status_code == 401
    assert bank.poll(auth_req_id).status_code == 200
