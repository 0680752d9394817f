"""Which language a page speaks (`ui.md` section 9)."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from tests.guest import Guest
from tests.portal import a_portal, an_account, sign_in


def _language(page: TestResponse) -> str:
    return page.text.partition('<html lang="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        ("id", "id"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("in", "id"),
        ("fr", "id"),
        ("", "id"),
        ("fr;q=0.9, en;q=0.1", "en"),
        ("*", "id"),
    ],
)
def test_the_browser_s_language_is_taken_where_we_have_it(
    app: Application, accepted: str, shown: str
) -> None:
    assert _language(Guest(app, language=accepted).get("/masuk")) == shown


def test_what_the_person_chose_stays_on_the_next_page(app: Application) -> None:
    guest = Guest(app)
    guest.get("/masuk?lang=en")

    assert _language(guest.get("/daftar")) == "en"


@pytest.mark.parametrize("value", ["", "fr", "en-", "EN;id", "../en", "id%00"])
def test_a_language_that_we_do_not_have_changes_nothing(app: Application, value: str) -> None:
    guest = Guest(app)
    page = guest.get(f"/masuk?lang={value}")

    assert _language(page) in {"id", "en"}
    assert page.status_code == 200
    if value in {"", "fr"}:
        assert "lang=" not in str(page.headers.getlist("Set-Cookie"))


def test_the_account_s_language_comes_before_the_browser_s(
    app: Application, browser: FlaskClient
) -> None:
    sign_in(app, browser, an_account(app, locale="en"))

    assert _language(browser.get("/akun", headers={"Accept-Language": "id"})) == "en"


def test_the_switch_works_on_the_pages_of_the_account_too(
    app: Application, browser: FlaskClient
) -> None:
    sign_in(app, browser, an_account(app))
    assert _language(browser.get("/akun")) == "id"
    assert _language(browser.get("/akun?lang=en")) == "en"

    assert _language(browser.get("/akun/keamanan")) == "en"


def _waiting(app: Application, guest: Guest, **params: Any) -> str:
    portal = a_portal(app, guest.browser)
    return str(portal.start(**params).headers["Location"])


def test_ui_locales_come_before_what_was_chosen_elsewhere(app: Application) -> None:
    guest = Guest(app)
    guest.get("/?lang=id")

    assert _language(guest.get(_waiting(app, guest, ui_locales="en"))) == "en"


def test_whoever_switches_during_a_sign_in_keeps_the_language_until_its_end(
    app: Application,
) -> None:
    guest = Guest(app)
    there = _waiting(app, guest, ui_locales="id")
    guest.get(f"{there}&lang=en")

    assert _language(guest.get(there)) == "en"
    assert _language(guest.get(there.replace("/masuk", "/daftar"))) == "en"
    # another portal's wish is asked anew
    assert _language(guest.get(_waiting(app, guest, ui_locales="id"))) == "id"


@pytest.mark.parametrize("place", ["x", "%0d%0aSet-Cookie:a=b", "é" * 8, "a" * 500])
def test_nothing_of_an_address_gets_into_the_cookie_unread(app: Application, place: str) -> None:
    page = Guest(app).get(f"/masuk?i={place}&lang=en")
    cookies = str(page.headers.getlist("Set-Cookie"))

    assert page.status_code == 400
    assert "Set-Cookie:" not in cookies
    assert len(cookies) < 600
