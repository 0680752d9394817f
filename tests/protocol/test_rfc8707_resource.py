"""Resource indicators (RFC 8707 §2): whom an access token is for."""

from collections.abc import Callable

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from tests.portal import ISSUER, Portal

JKP = "https://jkp.example/"
KARIR = "https://karir.example/api"


@pytest.fixture
def portal(register: Callable[..., Portal], person: Account) -> Portal:
    return register(resources=[JKP, KARIR], grant_types=["authorization_code"])


def audience(portal: Portal, body: dict[str, str]) -> str:
    found: str = portal.claims(body["access_token"])["aud"]
    return found


def authorized(portal: Portal, *resources: str) -> str:
    """Return a code for a request that names these resources."""
    portal.authorize()
    url = portal.authorization_url(scope="openid offline_access")
    for resource in resources:
        url += f"&resource={resource}"
    response = portal.browser.get(url)
    while response.headers["Location"].startswith("/"):
        response = portal._next(response.headers["Location"])
    return portal.answer(response)["code"]


def test_the_resource_asked_for_is_the_audience(portal: Portal) -> None:
    assert audience(portal, portal.tokens(resource=JKP)) == JKP


def test_without_a_resource_the_issuer_is(portal: Portal) -> None:
    assert audience(portal, portal.tokens()) == ISSUER


def test_the_registered_default_counts_where_none_is_asked(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(default_resource=JKP)
    tokens = portal.tokens()

    assert audience(portal, tokens) == JKP
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert audience(portal, portal.tokens(resource=ISSUER)) == ISSUER


@pytest.mark.parametrize(
    "resource",
    [
        "https://unknown.example/",
        "https://jkp.example",
        "https://jkp.example/x",
        "HTTPS://jkp.example/",
        "jkp",
        "https://jkp.example/#x",
        "https://evil.example/?https://jkp.example/",
    ],
)
def test_an_audience_that_is_not_registered_for_the_client_is_refused(
    portal: Portal, resource: str
) -> None:
    assert portal.answer(portal.start(resource=resource))["error"] == "invalid_target"
    code = portal.authorize()
    response = portal.redeem(code, resource=resource)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_target")
    # a refusal spends nothing
    assert portal.redeem(code).status_code == 200


def test_several_may_be_authorized_and_each_token_is_for_one(portal: Portal) -> None:
    code = authorized(portal, JKP, KARIR)
    body = portal.redeem(code, resource=KARIR).get_json()

    assert audience(portal, body) == KARIR
    refreshed = portal.refresh(body["refresh_token"], resource=JKP).get_json()
    assert audience(portal, refreshed) == JKP


def test_a_portal_has_userinfo_and_an_api_of_one_sign_in(portal: Portal) -> None:
    """Each audience in its turn, where the authorization named none (docs/integrate.md)."""
    first = portal.tokens(scope="openid profile offline_access")
    second = portal.refresh(first["refresh_token"], resource=JKP).get_json()

    assert portal.userinfo(first["access_token"]).status_code == 200
    assert audience(portal, second) == JKP
    assert portal.userinfo(second["access_token"]).status_code == 401
    third = portal.refresh(first["refresh_token"]).get_json()
    assert audience(portal, third) == ISSUER


def test_two_at_one_token_request_are_refused(portal: Portal) -> None:
    code = authorized(portal, JKP, KARIR)

    response = portal.redeem(code, resource=[JKP, KARIR])  # type: ignore[arg-type]

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_target")
    assert portal.redeem(code, resource=JKP).status_code == 200


def test_oa_17_what_was_not_authorized_can_not_be_had_later(portal: Portal) -> None:
    code = authorized(portal, JKP)

    response = portal.redeem(code, resource=KARIR)
    assert response.get_json()["error"] == "invalid_target"
    body = portal.redeem(code).get_json()
    assert audience(portal, body) == JKP
    response = portal.refresh(body["refresh_token"], resource=KARIR)
    assert response.get_json()["error"] == "invalid_target"
    assert audience(portal, portal.refresh(body["refresh_token"]).get_json()) == JKP


def test_a_resource_removed_from_the_registration_is_refused_from_then_on(portal: Portal) -> None:
    code = authorized(portal, JKP)
    body = portal.redeem(code).get_json()
    metadata = {**portal.client.metadata, "resources": [KARIR]}
    portal.app.wiring.services.clients.replace(portal.client_id, metadata)

    response = portal.refresh(body["refresh_token"], resource=JKP)

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_target")


def test_oa_16_a_resource_removed_is_refused_also_where_the_request_does_not_repeat_it(
    portal: Portal,
) -> None:
    body = portal.redeem(authorized(portal, JKP)).get_json()
    metadata = {**portal.client.metadata, "resources": [KARIR]}
    portal.app.wiring.services.clients.replace(portal.client_id, metadata)

    response = portal.refresh(body["refresh_token"])

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_target")


@pytest.mark.parametrize(
    "resources",
    [["x"], ["/path"], ["https://jkp.example/#x"], [""], [1], "https://jkp.example/", [["x"]]],
)
def test_an_audience_is_an_absolute_uri_without_fragment(portal: Portal, resources: object) -> None:
    given = {**portal.client.metadata, "resources": resources}

    with pytest.raises(Refused):
        portal.app.wiring.services.clients.register(given)


def test_a_code_is_not_spent_on_a_resource_that_it_does_not_cover(portal: Portal) -> None:
    code = authorized(portal, JKP)

    refused = portal.redeem(code, resource=KARIR)

    assert refused.get_json()["error"] == "invalid_target"
    assert audience(portal, portal.redeem(code, resource=JKP).get_json()) == JKP
