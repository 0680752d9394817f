"""Clients that look after their own registration (RFC 7592)."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.protocol.client import ClientStatus, Profile
from tests.dynamic import Registration, a_key, a_registration
from tests.fakes import FixedClock
from tests.portal import CALLBACK, ISSUER, an_account, sign_in
from tests.racing import at_once

OPEN = {"SIAPKERJA_OAUTH_REGISTRATION": "open", "SIAPKERJA_LIMITS_FACTOR": "1000"}


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Application:
    return make_app(**OPEN)


@pytest.fixture
def registration(app: Application, browser: FlaskClient) -> Registration:
    return a_registration(app, browser)


def refused(response: TestResponse, error: str = "invalid_client_metadata") -> None:
    assert (response.status_code, response.get_json()["error"]) == (400, error), response.text


def challenged(response: TestResponse) -> None:
    assert (response.status_code, response.get_json()["error"]) == (401, "invalid_token")
    assert response.headers["WWW-Authenticate"].startswith("Bearer ")
    assert response.headers["Cache-Control"] == "no-store"


# --- §2.1: reading


def test_a_client_reads_what_was_registered(registration: Registration) -> None:
    answer = registration.read()

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    told, before = answer.get_json(), dict(registration.told)
    # kept as digests only: nobody can tell it again
    del before["client_secret"], before["client_secret_expires_at"]
    assert told == before


def test_the_token_stays_good(registration: Registration) -> None:
    for _ in range(3):
        assert registration.read().status_code == 200


def bent(token: str) -> list[str]:
    return ["", "x", token[:-1], f"{token}x", token.swapcase(), f"{token} {token}"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_without_its_token_nobody_gets_at_a_registration(
    app: Application, browser: FlaskClient, registration: Registration, method: str
) -> None:
    other = a_registration(app, browser)
    body = {"json": {"client_id": registration.told["client_id"]}} if method == "PUT" else {}

    for token in bent(registration.told["registration_access_token"]):
        challenged(registration.call(method, token, **body))
    challenged(registration.call(method, other.told["registration_access_token"], **body))
    challenged(browser.open(registration.path, method=method, **body))
    secret = registration.told["client_secret"]
    challenged(registration.call(method, secret, **body))
    assert registration.read().status_code == 200


def test_the_token_is_good_at_its_own_address_alone(
    app: Application, browser: FlaskClient, registration: Registration
) -> None:
    token = registration.told["registration_access_token"]
    for path in ("/register/unknown", "/register/", "/register/%00", "/register/é"):
        answer = browser.get(path, headers={"Authorization": f"Bearer {token}"})
        challenged(answer)
    for path in ("/userinfo", "/sandbox/resource"):
        answer = browser.get(path, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_a_client_that_an_operator_registered_has_no_token(
    app: Application, browser: FlaskClient
) -> None:
    made = app.wiring.services.clients.register({"redirect_uris": [CALLBACK]})

    for token in ("", "None", "x" * 43):
        header = {"Authorization": f"Bearer {token}"}
        challenged(browser.get(f"/register/{made.client.client_id}", headers=header))


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS"])
def test_other_methods_do_not_exist(registration: Registration, method: str) -> None:
    answer = registration.call(method)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, PUT, DELETE")


# --- §2.2: updating


def test_an_update_replaces_the_whole_registration(app: Application, browser: FlaskClient) -> None:
    registration = a_registration(
        app, browser, client_name="Lama", tos_uri="https://portal.example/lama", contacts=["x"]
    )

    answer = registration.update(client_name="Baru", tos_uri=None, contacts=None)

    assert answer.status_code == 200
    told = answer.get_json()
    assert told["client_name"] == "Baru"
    assert not {"tos_uri", "contacts"} & set(told)
    assert told["client_id"] == registration.told["client_id"]
    assert told["client_id_issued_at"] == registration.told["client_id_issued_at"]
    assert registration.read().get_json() == told


def test_an_update_counts_at_once(app: Application, browser: FlaskClient) -> None:
    sign_in(app, browser, an_account(app))
    registration = a_registration(app, browser)
    assert registration.portal().authorize()
    registration.update(redirect_uris=["https://portal.example/baru"])
    portal = registration.portal()

    old = portal.start()
    assert (old.status_code, "Location" in old.headers) == (400, False)
    portal.callback = "https://portal.example/baru"
    assert portal.redeem(portal.authorize()).status_code == 200


def test_the_secret_stays_through_an_update(app: Application, registration: Registration) -> None:
    answer = registration.update(client_name="Baru")

    assert "client_secret" not in answer.get_json()
    assert registration.portal().token(path="/revoke", token="x").status_code == 200


def test_an_update_may_send_the_secret_back_and_never_choose_one(
    registration: Registration,
) -> None:
    """§2.2: a client must not be able to overwrite its secret with one of its own choice."""
    assert registration.update(client_secret=registration.told["client_secret"]).status_code == 200
    for secret in ("", "x", "s" * 43, 1, ["x"], registration.told["client_secret"] + "x"):
        refused(registration.update(client_secret=secret))
    assert registration.portal().token(path="/revoke", token="x").status_code == 200


@pytest.mark.parametrize("client_id", [None, "", "another", 1, ["x"]])
def test_an_update_names_its_client(registration: Registration, client_id: object) -> None:
    refused(registration.update(client_id=client_id))


@pytest.mark.parametrize(
    "member",
    [
        "registration_access_token",
        "registration_client_uri",
        "client_secret_expires_at",
        "client_id_issued_at",
    ],
)
def test_an_update_does_not_speak_of_what_is_ours(registration: Registration, member: str) -> None:
    response = registration.update(**{member: registration.told[member]})

    refused(response)
    assert member in response.get_json()["error_description"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:x"]}, "invalid_redirect_uri"),
        ({"redirect_uris": ["http://portal.example/cb"]}, "invalid_redirect_uri"),
        ({"grant_types": ["implicit"]}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
        ({"jwks": {"keys": [a_key(d="x")]}}, "invalid_client_metadata"),
        ({"software_statement": "x"}, "invalid_software_statement"),
    ],
    ids=str,
)
def test_an_update_is_checked_as_a_registration_is(
    registration: Registration, changes: dict[str, Any], error: str
) -> None:
    before = registration.read().get_json()

    refused(registration.update(**changes), error)

    assert registration.read().get_json() == before


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"[" * 60000, b"\xff"])
def test_an_update_that_is_no_metadata_is_refused(registration: Registration, body: bytes) -> None:
    refused(registration.call("PUT", data=body, content_type="application/json"))


def test_a_client_that_goes_over_to_a_secret_gets_one(
    app: Application, browser: FlaskClient
) -> None:
    registration = a_registration(
        app, browser, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [a_key()]}
    )
    assert "client_secret" not in registration.told

    told = registration.update(token_endpoint_auth_method="client_secret_post").get_json()

    assert len(told["client_secret"]) == 43
    assert told["client_secret_expires_at"] == 0
    again = Registration(app, browser, told).update(token_endpoint_auth_method="none").get_json()
    assert "client_secret" not in again


def test_what_an_operator_decided_a_client_does_not_undo(
    app: Application, browser: FlaskClient
) -> None:
    registration = a_registration(
        app, browser, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [a_key()]}
    )
    decided = {
        "profile": "fapi2",
        "acr_floor": "urn:kemnaker:aal:2",
        "resources": ["https://jkp.example"],
        "id_token_signed_response_alg": "ES256",
    }
    clients = app.wiring.services.clients
    given = dict(clients.get(registration.told["client_id"]).metadata)
    clients.replace(registration.told["client_id"], {**given, **decided})

    answer = registration.update(
        client_name="Baru",
        id_token_signed_response_alg="ES256",
        profile="baseline",
        acr_floor="urn:kemnaker:aal:1",
        resources=["https://other.example"],
        first_party=True,
    )

    assert answer.status_code == 200, answer.text
    kept = clients.get(registration.told["client_id"])
    assert (kept.profile, kept.acr_floor, kept.is_first_party) == (Profile.FAPI2, 2, False)
    assert kept.resources == {"https://jkp.example"}
    assert kept.name_in("id") == "Baru"


def test_ad_3_what_was_reviewed_is_reviewed_again_after_a_change(
    make_app: Callable[..., Application],
) -> None:
    """In production a client can not slip other addresses past the administrator who let it in."""
    app = make_app(
        SIAPKERJA_ENV="production",
        SIAPKERJA_ISSUER="https://login.siapkerja.example",
        SIAPKERJA_HTTP_ALLOWED_HOSTS="localhost",
        SIAPKERJA_OAUTH_REGISTRATION="token",
    )
    browser, clients = app.test_client(), app.wiring.services.clients
    token = clients.make_initial_access_token(note="x", life_seconds=60)
    answer = browser.post(
        "/register",
        json={"redirect_uris": [CALLBACK]},
        headers={"Authorization": f"Bearer {token}"},
    )
    registration = Registration(app, browser, answer.get_json())
    address = registration.told["registration_client_uri"]
    registration.told["registration_client_uri"] = address.replace(
        "https://login.siapkerja.example", ISSUER
    )

    def status() -> ClientStatus:
        return clients.get(registration.told["client_id"]).status

    assert status() is ClientStatus.DRAFT
    clients.activate(registration.told["client_id"])
    assert registration.update().status_code == 200
    assert status() is ClientStatus.ACTIVE
    assert registration.update(redirect_uris=["https://other.example/cb"]).status_code == 200
    assert status() is ClientStatus.DRAFT


def test_two_updates_at_once_leave_one_whole_registration(
    make_app: Callable[..., Application], registration: Registration
) -> None:
    twin = make_app(**OPEN)
    calls = []
    for number, app in enumerate([registration.app, twin] * 3):
        own = Registration(app, app.test_client(), registration.told)
        calls.append(lambda own=own, number=number: own.update(client_name=f"Nama {number}"))

    statuses = {answer.status_code for answer in at_once(calls)}

    assert 200 in statuses
    assert statuses <= {200, 409}
    assert registration.read().get_json()["client_name"].startswith("Nama ")


# --- §2.3: deleting


def test_a_deleted_client_is_gone_with_all_it_had(app: Application, browser: FlaskClient) -> None:
    sign_in(app, browser, an_account(app))
    registration = a_registration(app, browser)
    portal = registration.portal()
    tokens = portal.tokens(scope="openid offline_access", prompt="consent")

    answer = registration.delete()

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.refresh(tokens["refresh_token"]).status_code == 401
    assert portal.start().status_code == 400
    for again in (registration.read(), registration.update(), registration.delete()):
        challenged(again)


def test_ad_5_a_suspended_client_does_not_help_itself(
    app: Application, registration: Registration, clock: FixedClock
) -> None:
    clients = app.wiring.services.clients
    clients.suspend(registration.told["client_id"])

    for answer in (registration.read(), registration.update(), registration.delete()):
        challenged(answer)
    assert clients.get(registration.told["client_id"]).status is ClientStatus.SUSPENDED
    clients.activate(registration.told["client_id"])
    assert registration.read().status_code == 200
