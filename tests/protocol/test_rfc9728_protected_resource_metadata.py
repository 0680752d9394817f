"""RFC 9728: what our protected resource tells of itself."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.ids import decode_base64url
from tests.fakes import FixedClock
from tests.portal import ISSUER, Portal

PATH = "/.well-known/oauth-protected-resource"

#: RFC 9728 §2, and the OAuth registry's further members.
KNOWN = {
    "resource",
    "authorization_servers",
    "jwks_uri",
    "scopes_supported",
    "bearer_methods_supported",
    "resource_signing_alg_values_supported",
    "resource_name",
    "resource_documentation",
    "resource_policy_uri",
    "resource_tos_uri",
    "tls_client_certificate_bound_access_tokens",
    "authorization_details_types_supported",
    "dpop_signing_alg_values_supported",
    "dpop_bound_access_tokens_required",
    "signed_metadata",
}


@pytest.fixture
def told(browser: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = browser.get(PATH).get_json()
    return found


def test_the_resource_is_the_issuer_and_names_whose_tokens_it_takes(told: dict[str, Any]) -> None:
    assert told["resource"] == ISSUER
    assert told["authorization_servers"] == [ISSUER]
    assert told["jwks_uri"] == f"{ISSUER}/jwks"


def test_no_member_is_unknown_to_the_specification(told: dict[str, Any]) -> None:
    assert set(told) <= KNOWN
    assert all(value not in (None, "", []) for value in told.values())


def test_tokens_are_taken_where_userinfo_takes_them(told: dict[str, Any], portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    assert told["bearer_methods_supported"] == ["header", "body"]
    assert portal.userinfo(token).status_code == 200
    in_body = portal.browser.post("/userinfo", data={"access_token": token})
    assert in_body.status_code == 200
    assert portal.browser.get(f"/userinfo?access_token={token}").status_code == 400


def test_the_signed_metadata_says_the_same_and_who_says_it(
    told: dict[str, Any], portal: Portal
) -> None:
    signed = portal.claims(told["signed_metadata"])

    assert signed.pop("iss") == ISSUER
    assert "signed_metadata" not in signed
    assert signed == {name: value for name, value in told.items() if name != "signed_metadata"}


def test_the_signed_metadata_is_no_token_of_another_kind(
    told: dict[str, Any], portal: Portal
) -> None:
    signed = told["signed_metadata"]

    assert portal.userinfo(signed).status_code == 401
    assert portal.introspect(signed) == {"active": False}
    assert portal.browser.get(f"/end_session?id_token_hint={signed}").status_code == 400


def test_a_new_key_signs_it_anew(app: Application, browser: FlaskClient, portal: Portal) -> None:
    def kid() -> str:
        signed = browser.get(PATH).get_json()["signed_metadata"]
        return str(json.loads(decode_base64url(signed.partition(".")[0]))["kid"])

    before = kid()
    app.wiring.services.keys.rotate(emergency=True)
    app.wiring.provider.ring.forget()

    assert kid() != before


@pytest.mark.parametrize("path", ["/userinfo", "/sandbox/resource"])
def test_a_challenge_leads_to_the_document(browser: FlaskClient, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "DPoP x"}):
        answer = browser.get(path, headers=headers)
        assert answer.status_code in {400, 401}
        for challenge in answer.headers.getlist("WWW-Authenticate"):
            assert f'resource_metadata="{ISSUER}{PATH}"' in challenge


def test_every_no_leads_to_the_document(portal: Portal, clock: FixedClock) -> None:
    """§5.1, whatever was wrong with the token: expired, of too little, of no use here."""
    token = portal.tokens()["access_token"]
    too_little = portal.tokens(scope="profile")["access_token"]
    refusals = [portal.userinfo(too_little), portal.userinfo(portal.tokens()["id_token"])]
    clock.move(301)
    refusals.append(portal.userinfo(token))

    assert [refusal.status_code for refusal in refusals] == [403, 401, 401]
    for refusal in refusals:
        found = f'resource_metadata="{ISSUER}{PATH}"'
        assert found in refusal.headers["WWW-Authenticate"]


def test_the_authorization_server_names_the_resource_too(browser: FlaskClient) -> None:
    metadata = browser.get("/.well-known/oauth-authorization-server").get_json()

    assert metadata["protected_resources"] == [ISSUER]


def test_it_is_public_and_may_be_kept(browser: FlaskClient) -> None:
    answer = browser.get(PATH, headers={"Origin": "https://anywhere.example"})

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    tag = answer.headers["ETag"]
    assert browser.get(PATH, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_can_only_be_read(browser: FlaskClient, method: str) -> None:
    assert browser.open(PATH, method=method).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        f"{PATH}/userinfo",
        f"{PATH}/",
        f"{PATH}/api/v1",
        f"{PATH}.json",
        PATH.upper(),
        f"/userinfo{PATH}",
    ],
)
def test_there_is_one_resource_and_no_other_path_has_a_document(
    browser: FlaskClient, path: str
) -> None:
    assert browser.get(path).status_code == 404


def test_the_host_of_the_call_changes_nothing(browser: FlaskClient) -> None:
    answer = browser.get(PATH, headers={"X-Forwarded-Host": "evil.example"})

    assert "evil.example" not in answer.text


def test_it_is_the_same_at_any_moment(browser: FlaskClient, clock: FixedClock) -> None:
    before = browser.get(PATH).data
    clock.move(86400)

    assert browser.get(PATH).data == before
