"""What a form's token is bound to: the session, and browser with person beside it (SE-6)."""

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from tests.portal import an_account, form_fields, same_origin, sign_in


def _token(browser: FlaskClient) -> str:
    return form_fields(browser.get("/keluar"))["csrf_token"]


def _send(browser: FlaskClient, token: str) -> int:
    sent = {"csrf_token": token, "decision": "stay"}
    return browser.post("/keluar", data=sent, headers=same_origin()).status_code


def test_a_form_outlives_a_new_session_of_the_same_person(
    app: Application, browser: FlaskClient
) -> None:
    """Two tabs: the second one signs in again while the first one's page is open."""
    account = an_account(app)
    sign_in(app, browser, account)
    token = _token(browser)
    sign_in(app, browser, account)

    assert _send(browser, token) == 303


def test_se_6_a_form_of_one_person_is_never_sent_as_another_s(
    app: Application, browser: FlaskClient
) -> None:
    """A shared computer: what shows one person's data must not count for the next."""
    sign_in(app, browser, an_account(app))
    token = _token(browser)
    sign_in(app, browser, an_account(app, number=2))

    assert _send(browser, token) == 403


def test_se_6_a_form_of_the_same_person_in_another_browser_does_not_count(
    app: Application, browser: FlaskClient
) -> None:
    account = an_account(app)
    elsewhere = app.test_client()
    sign_in(app, elsewhere, account)
    sign_in(app, browser, account)
    _token(browser)

    assert _send(browser, _token(elsewhere)) == 403


@pytest.mark.parametrize(
    "bent",
    [lambda t: t[:-1], lambda t: t[:20], lambda t: t + "A", lambda t: t + t, lambda t: "A" * 64],
)
def test_se_6_a_token_that_was_bent_does_not_count(
    app: Application, browser: FlaskClient, bent: object
) -> None:
    sign_in(app, browser, an_account(app))
    token = _token(browser)

    assert _send(browser, bent(token)) == 403  # type: ignore[operator]
    assert _send(browser, token) == 303
