"""OpenID Connect Core §4: sign-ins to portals that begin at our pages (`initiate_login_uri`)."""

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.protocol.client import ClientStatus
from idp.domain.protocol.errors import ProtocolError
from tests.fakes import FixedClock
from tests.portal import ISSUER, Portal, a_portal, sign_in

START = "https://portal.example/mulai"


def tiles(browser: FlaskClient, page: str = "/akun") -> list[str]:
    """Return where the tiles of a page lead."""
    links = re.findall(r'<a href="(https?://[^"]+)"', browser.get(page).text)
    return [unescape(link) for link in links]


def test_a_portal_that_registered_where_to_begin_has_a_tile(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    a_portal(app, browser, client_name="SIAPkerja Pelatihan", initiate_login_uri=START)

    (there,) = tiles(browser)

    assert there == f"{START}?iss=http%3A%2F%2Flocalhost%3A8000"
    assert "SIAPkerja Pelatihan" in browser.get("/akun").text
    assert tiles(browser, "/akun/portal") == [there]


def test_the_issuer_goes_along_and_nothing_about_the_person(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    a_portal(app, browser, initiate_login_uri=f"{START}?tenant=7")

    (there,) = tiles(browser)

    parts = urlsplit(there)
    assert there.startswith(f"{START}?tenant=7&iss=")
    assert parse_qs(parts.query) == {"tenant": ["7"], "iss": [ISSUER]}


def test_the_issuer_is_the_one_of_the_metadata(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    a_portal(app, browser, initiate_login_uri=START)
    told = browser.get("/.well-known/openid-configuration").get_json()

    (there,) = tiles(browser)

    assert parse_qs(urlsplit(there).query)["iss"] == [told["issuer"]]


def test_the_portal_goes_on_with_its_own_request_in_the_same_session(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_portal(app, browser, initiate_login_uri=START)
    portal.tokens()
    assert tiles(browser)

    assert "code" in portal.answer(portal.start(prompt="none"))


def test_a_portal_without_such_an_address_has_no_tile(portal: Portal, browser: FlaskClient) -> None:
    portal.tokens()

    assert tiles(browser) == []
    assert "Buka portal" not in browser.get("/akun").text


@pytest.mark.parametrize("status", [ClientStatus.DRAFT, ClientStatus.SUSPENDED])
def test_a_portal_that_is_not_active_has_no_tile(
    app: Application, browser: FlaskClient, person: Account, status: ClientStatus
) -> None:
    given = {
        "client_name": "Portal",
        "redirect_uris": ["https://portal.example/cb"],
        "initiate_login_uri": START,
    }
    app.wiring.services.clients.register(given, status=status)

    assert tiles(browser) == []


def test_a_portal_that_was_suspended_loses_its_tile(
    app: Application,
    browser: FlaskClient,
    person: Account,
    forget_clients: Callable[[], None],
) -> None:
    portal = a_portal(app, browser, initiate_login_uri=START)
    assert tiles(browser)

    app.wiring.services.clients.suspend(portal.client_id)

    assert tiles(browser) == []


def test_portals_that_the_person_knows_come_first_then_the_newest(
    app: Application, browser: FlaskClient, person: Account, clock: FixedClock
) -> None:
    known = a_portal(app, browser, initiate_login_uri="https://kenal.example/mulai")
    for number in range(13):
        clock.move(1)
        a_portal(app, browser, initiate_login_uri=f"https://p{number}.example/mulai")
    known.tokens()

    hosts = [urlsplit(there).hostname for there in tiles(browser)]

    assert hosts[:2] == ["kenal.example", "p12.example"]
    assert len(hosts) == 12
    assert len(tiles(browser, "/akun/portal")) == 14


def test_who_is_not_signed_in_sees_no_tiles(app: Application, browser: FlaskClient) -> None:
    a_portal(app, browser, initiate_login_uri=START)

    answer = app.test_client().get("/akun")

    assert answer.headers["Location"].startswith("/masuk")


def test_a_hostile_name_or_address_stays_text(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    a_portal(
        app,
        browser,
        client_name='<script>alert(1)</script>"',
        initiate_login_uri="https://portal.example/a?x='onclick='&y=1",
    )

    page = browser.get("/akun").text

    assert "<script>alert" not in page
    assert "'onclick='" not in page
    (there,) = tiles(browser)
    assert there.startswith("https://portal.example/a?x='onclick='&y=1&iss=")


@pytest.mark.parametrize(
    "uri",
    [
        "http://portal.example/mulai",
        "javascript:alert(1)",
        "data:text/html,x",
        "/mulai",
        "https://portal.example/#x",
        "https://u:p@portal.example/",
        "https:///mulai",
        "https://portal.example/\r\n",
        "https://portal.example/\x00",
        "",
        7,
        ["https://portal.example/mulai"],
    ],
)
def test_rd_1_another_kind_of_address_can_not_be_registered(app: Application, uri: Any) -> None:
    given = {
        "client_name": "Portal",
        "redirect_uris": ["https://portal.example/cb"],
        "initiate_login_uri": uri,
    }
    with pytest.raises(ProtocolError) as refused:
        app.wiring.services.clients.register(given)

    assert refused.value.error == "invalid_client_metadata"


def test_the_tiles_speak_english_too(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    a_portal(app, browser, initiate_login_uri=START)
    with app.wiring.services.store.write() as tx:
        account = tx.accounts.find(person.id)
        assert account is not None
        tx.accounts.update(replace(account, locale="en"))
    sign_in(app, browser, person)

    assert "Open a portal" in browser.get("/akun").text
