"""The issuer in every authorization answer (RFC 9207 §2)."""

from collections.abc import Callable

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from tests.portal import ISSUER, Portal, a_portal, an_account, form_fields, sign_in
from tests.waiting import decide

#: Requests that are answered without a page, and with what.
ANSWERED = {
    "code": {},
    "login_required": {"max_age": "0", "prompt": "none"},
    "consent_required": {"scope": "openid phone", "prompt": "none"},
    "invalid_request": {"prompt": "none login"},
    "unsupported_response_type": {"response_type": "token"},
    "invalid_scope": {"scope": "nik"},
    "invalid_target": {"resource": "https://unknown.example"},
    "unmet_authentication_requirements": {
        "claims": '{"id_token":{"acr":{"essential":true,"value":"urn:x"}}}'
    },
}


@pytest.mark.parametrize("mode", ["query", "form_post"])
@pytest.mark.parametrize("kind", list(ANSWERED))
def test_oa_5_iss_stands_in_every_answer(portal: Portal, clock, kind: str, mode: str) -> None:
    portal.authorize()
    clock.move(1)

    response = portal.start(response_mode=mode, **ANSWERED[kind])

    told = form_fields(response) if mode == "form_post" else portal.answer(response)
    assert told["iss"] == ISSUER
    assert told["state"] == "st"
    assert (kind == "code" and "code" in told) or told["error"] == kind


def test_oa_5_iss_stands_in_a_no(portal: Portal) -> None:
    response = decide(portal.browser, portal.start().headers["Location"], "deny")

    assert portal.answer(response)["iss"] == ISSUER


def test_oa_5_metadata_announces_it(portal: Portal) -> None:
    document = portal.browser.get("/.well-known/openid-configuration").get_json()

    assert document["authorization_response_iss_parameter_supported"] is True


def test_oa_5_iss_is_the_setting_exactly(make_app: Callable[..., Application]) -> None:
    app = make_app(SIAPKERJA_ISSUER="https://akun.example:8443")
    browser = app.test_client()
    portal = a_portal(app, browser)
    browser.environ_base["HTTP_HOST"] = "akun.example:8443"

    answer = portal.answer(portal.start(prompt="none"))

    assert answer["iss"] == "https://akun.example:8443"


def test_oa_5_a_registered_iss_in_the_query_does_not_hide_ours(
    register: Callable[..., Portal], person: Account
) -> None:
    uri = "https://portal.example/cb?iss=https://evil.example"
    portal = register(redirect_uris=[uri])
    portal.callback = uri

    assert (
        portal.start(prompt="none")
        .headers["Location"]
        .endswith("iss=http%3A%2F%2Flocalhost%3A8000")
    )


@pytest.mark.parametrize("mode", ["query", "form_post"])
@pytest.mark.parametrize("sent", ["https://evil.example", "", f"{ISSUER}/"])
def test_oa_5_an_iss_in_the_request_changes_nothing(portal: Portal, sent: str, mode: str) -> None:
    portal.authorize()

    response = portal.start(response_mode=mode, iss=sent)

    told = form_fields(response) if mode == "form_post" else portal.answer(response)
    assert told["iss"] == ISSUER


@pytest.mark.parametrize(
    "changes", [{"client_id": "nobody"}, {"redirect_uri": "https://evil.example/cb"}], ids=str
)
def test_oa_5_what_is_told_here_goes_to_nobody(portal: Portal, changes: dict[str, str]) -> None:
    response = portal.start(**changes)

    assert response.status_code == 400
    assert "Location" not in response.headers
    assert "iss=" not in response.text


def test_oa_5_tokens_name_the_same_issuer(app: Application, browser) -> None:
    sign_in(app, browser, an_account(app))
    portal = a_portal(app, browser)
    tokens = portal.tokens()

    assert {portal.claims(tokens[name])["iss"] for name in ("id_token", "access_token")} == {ISSUER}
