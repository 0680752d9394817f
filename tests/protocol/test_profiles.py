"""What a client's profile tightens, and that metadata promises nothing that a profile refuses."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import pytest
from flask.testing import FlaskClient

from docs.build import RULE_WORDS
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.protocol.client import Profile
from idp.domain.protocol.profile import RULES, Rules
from tests.conformance import Suite
from tests.fapi import a_fapi_client
from tests.keyed import a_keyed_portal
from tests.portal import Portal
from tests.sealing import header_of
from tests.signing import Signer

#: Members of metadata, and the column of the table that they are made of.
LISTS = {
    "response_modes_supported": "response_modes",
    "token_endpoint_auth_methods_supported": "auth_methods",
    "revocation_endpoint_auth_methods_supported": "auth_methods",
    "introspection_endpoint_auth_methods_supported": "auth_methods",
    "token_endpoint_auth_signing_alg_values_supported": "algorithms",
    "request_object_signing_alg_values_supported": "algorithms",
    "id_token_signing_alg_values_supported": "algorithms",
    "authorization_signing_alg_values_supported": "algorithms",
    "userinfo_signing_alg_values_supported": "algorithms",
    "backchannel_authentication_request_signing_alg_values_supported": "algorithms",
}
METADATA = "/.well-known/openid-configuration"


def test_there_is_a_row_for_every_profile_and_words_for_every_rule() -> None:
    assert set(RULES) == set(Profile)
    assert {row.name for row in fields(Rules)} == set(RULE_WORDS)


@pytest.mark.parametrize(("member", "column"), LISTS.items())
def test_metadata_names_nothing_that_every_profile_refuses(
    browser: FlaskClient, member: str, column: str
) -> None:
    allowed = [getattr(rules, column) for rules in RULES.values()]

    for value in browser.get(METADATA).get_json()[member]:
        assert any(values is None or value in values for values in allowed), value


@pytest.mark.parametrize(
    ("member", "name", "profile"),
    [
        ("id_token_signing_alg_values_supported", "id_token_signed_response_alg", profile)
        for profile in Profile
    ]
    + [
        ("userinfo_signing_alg_values_supported", "userinfo_signed_response_alg", profile)
        for profile in Profile
    ]
    + [
        ("authorization_signing_alg_values_supported", "authorization_signed_response_alg", profile)
        for profile in Profile
    ]
    + [
        ("request_object_signing_alg_values_supported", "request_object_signing_alg", profile)
        for profile in Profile
    ],
)
def test_what_metadata_names_can_be_registered_unless_the_profile_refuses_it(
    app: Application, browser: FlaskClient, member: str, name: str, profile: Profile
) -> None:
    for alg in browser.get(METADATA).get_json()[member]:
        metadata: dict[str, Any] = {name: alg, "profile": profile.value}
        if alg in RULES[profile].algorithms:
            a_keyed_portal(app, browser, **metadata)
            continue
        with pytest.raises(Refused) as refusal:
            a_keyed_portal(app, browser, **metadata)
        assert refusal.value.code == "invalid_client_metadata"


def test_a_baseline_client_signs_in_without_any_of_it(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register()
    tokens = portal.tokens()
    claims = portal.claims(tokens["id_token"])

    assert tokens["token_type"] == "Bearer"
    assert header_of(tokens["id_token"])["alg"] == "RS256"
    assert "sid" in claims


@pytest.mark.parametrize("uri", [None, "https://suite.example/backchannel"])
def test_an_id_token_of_a_fapi2_client_tells_what_was_asked_for(
    suite: Suite, uri: str | None
) -> None:
    given = {} if uri is None else {"backchannel_logout_uri": uri}
    client = a_fapi_client(suite, **given)
    plain = client.tokens()["id_token"]
    asking = client.tokens(claims='{"id_token":{"ial":null}}')["id_token"]

    told = suite.verified(plain, algorithms=("ES256",))
    more = suite.verified(asking, algorithms=("ES256",))

    assert "ial" not in told
    assert more["ial"] == 1
    assert ("sid" in told) == ("sid" in more) == (uri is not None)


def test_an_access_token_tells_the_identity_level_in_every_profile(suite: Suite) -> None:
    token = a_fapi_client(suite).tokens()["access_token"]

    assert suite.verified(token, algorithms=("ES256",))["ial"] == 1


def test_the_profile_is_the_operators_to_set(suite: Suite) -> None:
    client = suite.dynamic_client(profile="fapi2", first_party=True)

    assert "profile" not in client or client["profile"] == "baseline"
    assert "id_token" in suite.tokens(client)


def test_a_client_may_be_moved_to_the_stricter_profile_only_whole(
    app: Application, browser: FlaskClient
) -> None:
    signer = Signer()
    portal = a_keyed_portal(app, browser, signer=signer)
    registry = app.wiring.services.clients
    given = {
        "redirect_uris": [portal.callback],
        "jwks": signer.jwks(),
        "token_endpoint_auth_method": "private_key_jwt",
        "profile": "fapi2",
    }

    with pytest.raises(Refused):
        registry.replace(portal.client_id, {**given, "id_token_signed_response_alg": "RS256"})
    moved = registry.replace(portal.client_id, given)

    assert moved.client.profile is Profile.FAPI2
