"""Initiating User Registration via OpenID Connect §4: `prompt=create`."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from tests.portal import Portal
from tests.waiting import interaction_of, page_of, resumed, sign_in_for


def test_somebody_unknown_is_led_to_registration(portal: Portal, app: Application) -> None:
    portal.browser = app.test_client()

    assert page_of(portal.start(prompt="create")) == "/daftar"


def test_somebody_who_is_signed_in_is_led_there_too(portal: Portal) -> None:
    """Another account is meant; who wants their own goes to the sign-in page from there."""
    portal.authorize()

    assert page_of(portal.start(prompt="create")) == "/daftar"


def test_the_request_goes_on_once_somebody_signed_in_for_it(
    app: Application, browser: FlaskClient, portal: Portal, person: Account
) -> None:
    portal.authorize()
    waiting = portal.start(prompt="create")

    sign_in_for(app, browser, person, waiting)

    assert "code" in portal.answer(resumed(browser, waiting))


def test_it_does_not_go_on_without(portal: Portal) -> None:
    portal.authorize()
    waiting = portal.start(prompt="create")

    assert page_of(resumed(portal.browser, waiting)) == "/daftar"


def test_the_page_of_registration_carries_the_request(portal: Portal) -> None:
    waiting = portal.start(prompt="create")

    page = portal.browser.get(waiting.headers["Location"])

    assert page.status_code == 200
    assert interaction_of(waiting) in page.text


@pytest.mark.parametrize("others", ["login create", "create consent", "create select_account"])
def test_it_may_stand_beside_other_values(portal: Portal, others: str) -> None:
    assert page_of(portal.start(prompt=others)) == "/daftar"


BENT = ("none create", "create none", "CREATE", "created", "create,login")


@pytest.mark.parametrize("prompt", BENT)
def test_it_stands_not_beside_none_and_is_spelled_so(portal: Portal, prompt: str) -> None:
    assert portal.answer(portal.start(prompt=prompt))["error"] == "invalid_request"


def pushed(portal: Portal, prompt: str) -> TestResponse:
    form = {
        "redirect_uri": portal.callback,
        "response_type": "code",
        "scope": "openid",
        "prompt": prompt,
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "code_challenge_method": "S256",
    }
    return portal.token(path="/par", **form)


@pytest.mark.parametrize("prompt", BENT)
def test_a_bent_one_can_not_be_pushed(portal: Portal, prompt: str) -> None:
    response = pushed(portal, prompt)

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


def test_a_client_may_push_it(portal: Portal) -> None:
    request_uri = pushed(portal, "create").get_json()["request_uri"]

    there = portal.browser.get(f"/authorize?client_id={portal.client_id}&request_uri={request_uri}")

    assert page_of(there) == "/daftar"


def test_metadata_names_it(browser: FlaskClient) -> None:
    """§4.1: `prompt_values_supported`."""
    document = browser.get("/.well-known/openid-configuration").get_json()

    assert "create" in document["prompt_values_supported"]
