"""Proof key for code exchange (RFC 7636, RFC 9700 §2.1.1)."""

from collections.abc import Callable
from hashlib import sha256

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.ids import encode_base64url
from tests.portal import CHALLENGE, VERIFIER, Portal, a_portal, an_account, sign_in


def challenge_of(verifier: str) -> str:
    return encode_base64url(sha256(verifier.encode()).digest())


@pytest.fixture(params=["public", "confidential"])
def any_portal(request: pytest.FixtureRequest, portal: Portal, public_portal: Portal) -> Portal:
    return public_portal if request.param == "public" else portal


def error_of(portal: Portal, **changes: str | None) -> str:
    return portal.answer(portal.start(**changes))["error"]


def refused(portal: Portal, code: str, **changes: str | None) -> None:
    response = portal.redeem(code, **changes)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_grant")


# --- at the authorization endpoint (§4.3, §4.4.1)


def test_oa_2_every_client_needs_a_challenge(any_portal: Portal) -> None:
    without = {"code_challenge": None, "code_challenge_method": None}

    answer = any_portal.answer(any_portal.start(**without))

    assert answer["error"] == "invalid_request"
    assert "PKCE" in answer["error_description"]


@pytest.mark.parametrize("method", ["plain", None, "", "s256", "S512", "none", "S256 plain"])
def test_oa_2_the_method_is_s256(any_portal: Portal, method: str | None) -> None:
    assert error_of(any_portal, code_challenge_method=method) == "invalid_request"


@pytest.mark.parametrize(
    "challenge",
    [
        CHALLENGE[:-1],
        CHALLENGE + "A",
        CHALLENGE + "=",
        "a" * 42,
        "a" * 128,
        "+" * 43,
        "/" * 43,
        "é" * 43,
        " " + CHALLENGE[1:],
        CHALLENGE[:-1] + "\n",
    ],
)
def test_oa_2_a_challenge_is_43_base64url_characters(any_portal: Portal, challenge: str) -> None:
    assert error_of(any_portal, code_challenge=challenge) == "invalid_request"


def test_oa_2_a_method_without_a_challenge_is_refused(any_portal: Portal) -> None:
    assert error_of(any_portal, code_challenge=None) == "invalid_request"


def test_oa_2_a_challenge_given_twice_is_refused(any_portal: Portal) -> None:
    url = any_portal.authorization_url()

    response = any_portal.browser.get(f"{url}&code_challenge={'a' * 43}")

    assert any_portal.answer(response)["error"] == "invalid_request"


# --- at the token endpoint (§4.5, §4.6)


def test_oa_2_the_verifier_buys_the_token(any_portal: Portal) -> None:
    assert any_portal.redeem(any_portal.authorize()).status_code == 200


@pytest.mark.parametrize("length", [43, 44, 127, 128])
def test_oa_2_verifiers_of_43_to_128_characters_are_good(any_portal: Portal, length: int) -> None:
    verifier = ("aZ09-._~" * 16)[:length]
    code = any_portal.authorize(code_challenge=challenge_of(verifier))

    assert any_portal.redeem(code, code_verifier=verifier).status_code == 200


@pytest.mark.parametrize("verifier", ["a" * 42, "a" * 129, "ü" * 43, "a" * 42 + "+", "a b" * 20])
def test_oa_2_other_verifiers_are_refused_though_they_fit(
    any_portal: Portal, verifier: str
) -> None:
    code = any_portal.authorize(code_challenge=challenge_of(verifier))

    refused(any_portal, code, code_verifier=verifier)


@pytest.mark.parametrize(
    "verifier", [VERIFIER[:-1] + "y", VERIFIER.upper(), CHALLENGE, VERIFIER + "x", VERIFIER[1:]]
)
def test_oa_2_a_wrong_verifier_is_refused_and_spends_nothing(
    any_portal: Portal, verifier: str
) -> None:
    code = any_portal.authorize()

    refused(any_portal, code, code_verifier=verifier)
    assert any_portal.redeem(code).status_code == 200


def test_oa_2_a_missing_verifier_is_refused(any_portal: Portal) -> None:
    refused(any_portal, any_portal.authorize(), code_verifier=None)


def test_oa_2_the_verifier_of_another_code_is_refused(any_portal: Portal) -> None:
    other = "another-verifier-of-at-least-forty-three-characters"
    mine = any_portal.authorize()
    any_portal.authorize(code_challenge=challenge_of(other))

    refused(any_portal, mine, code_verifier=other)


# --- SIAPKERJA_OAUTH_PKCE=public


def test_where_the_operator_says_so_confidential_clients_may_leave_it_out(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_OAUTH_PKCE="public")
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    without = {"code_challenge": None, "code_challenge_method": None}
    confidential = a_portal(app, browser)
    public = a_portal(app, browser, token_endpoint_auth_method="none")

    code = confidential.authorize(**without)
    assert confidential.redeem(code, code_verifier=None).status_code == 200
    assert error_of(public, **without) == "invalid_request"


def test_oa_2_a_verifier_without_a_challenge_is_refused(
    make_app: Callable[..., Application],
) -> None:
    """RFC 9700 §4.8.2: or a code could be injected that an attacker got without PKCE."""
    app = make_app(SIAPKERJA_OAUTH_PKCE="public")
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    portal = a_portal(app, browser)
    code = portal.authorize(code_challenge=None, code_challenge_method=None)

    refused(portal, code)


def test_oa_2_what_is_sent_is_always_checked(make_app: Callable[..., Application]) -> None:
    app = make_app(SIAPKERJA_OAUTH_PKCE="public")
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    portal = a_portal(app, browser)

    assert error_of(portal, code_challenge_method="plain") == "invalid_request"
    refused(portal, portal.authorize(), code_verifier=None)
    refused(portal, portal.authorize(), code_verifier="y" * 43)


def test_metadata_names_s256_alone(portal: Portal, person: Account) -> None:
    document = portal.browser.get("/.well-known/openid-configuration").get_json()

    assert document["code_challenge_methods_supported"] == ["S256"]
