"""OAuth 2.0 Form Post Response Mode §2."""

from collections.abc import Callable

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from tests.portal import CALLBACK, ISSUER, Portal, a_portal, an_account, form_fields, sign_in
from tests.waiting import decide


@pytest.fixture
def allowed(portal: Portal) -> Portal:
    portal.authorize()
    return portal


def test_the_answer_is_a_form_for_the_redirect_uri(allowed: Portal) -> None:
    page = allowed.start(response_mode="form_post")

    assert page.status_code == 200
    assert "Location" not in page.headers
    assert f'action="{CALLBACK}"' in page.text
    assert 'method="post"' in page.text
    fields = form_fields(page)
    assert set(fields) == {"code", "state", "iss"}
    assert allowed.redeem(fields["code"]).status_code == 200


def test_an_error_travels_the_same_way(allowed: Portal) -> None:
    fields = form_fields(allowed.start(response_mode="form_post", response_type="token"))

    assert fields["error"] == "unsupported_response_type"
    assert (fields["state"], fields["iss"]) == ("st", ISSUER)


def test_a_no_travels_the_same_way(portal: Portal) -> None:
    waiting = portal.start(response_mode="form_post")

    page = decide(portal.browser, waiting.headers["Location"], "deny")

    assert form_fields(page)["error"] == "access_denied"


def test_the_code_is_in_no_address(allowed: Portal) -> None:
    page = allowed.start(response_mode="form_post")
    code = form_fields(page)["code"]

    assert code not in repr(page.headers)
    assert f"{code}&" not in page.text


@pytest.mark.parametrize(
    "state",
    ['"><script>alert(1)</script>', "' onfocus=alert(1) '", "&lt;b&gt;", "é→\u2028", "a\nb"],
)
def test_oa_20_values_are_escaped(allowed: Portal, state: str) -> None:
    page = allowed.start(response_mode="form_post", state=state)

    assert "<script>alert" not in page.text
    assert form_fields(page)["state"] == state


def test_hd_1_the_page_has_no_inline_script_and_a_button_without_script(allowed: Portal) -> None:
    page = allowed.start(response_mode="form_post")

    assert "<script>" not in page.text
    assert "onload" not in page.text
    assert "<button" in page.text
    policy = page.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-inline" not in policy
    assert "form-action 'self' https:" in policy


def test_hd_3_the_page_is_not_kept(allowed: Portal) -> None:
    assert allowed.start(response_mode="form_post").headers["Cache-Control"] == "no-store"


def test_a_registered_query_stays_in_the_address(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(redirect_uris=["https://portal.example/cb?a=1&b=2"])

    page = portal.start(
        response_mode="form_post",
        redirect_uri="https://portal.example/cb?a=1&b=2",
        prompt="none",
    )

    assert 'action="https://portal.example/cb?a=1&amp;b=2"' in page.text


def test_production_lets_the_form_go_to_https_alone(make_app: Callable[..., Application]) -> None:
    app = make_app(SIAPKERJA_ISSUER="https://akun.example")
    browser = app.test_client()
    browser.environ_base["HTTP_HOST"] = "akun.example"
    sign_in(app, browser, an_account(app))
    portal = a_portal(app, browser)

    policy = portal.start(response_mode="form_post", prompt="none").headers[
        "Content-Security-Policy"
    ]

    assert "form-action 'self' https:" in policy


def test_a_bad_redirect_uri_gets_no_form(allowed: Portal) -> None:
    page = allowed.start(response_mode="form_post", redirect_uri="https://evil.example/cb")

    assert page.status_code == 400
    assert 'action="https://evil.example' not in page.text
