"""Whoever would rather not sign in goes back to the portal, which is told `access_denied`.

OpenID Connect Core §3.1.2.6; the answer travels by the request's own response mode.
"""

import pytest

from idp.app import Application
from idp.domain.ids import decode_base64url
from tests.fakes import FixedClock
from tests.guest import PASSWORD, Guest, path_of
from tests.portal import CALLBACK, Portal, a_portal, an_account, form_fields, sign_in

BUTTON = 'name="action" value="cancel"'


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def portal(app: Application, guest: Guest) -> Portal:
    return a_portal(app, guest.browser)


def at_login(portal: Portal, **changes: str) -> str:
    """Return the address of the sign-in page of a request."""
    answer = portal.start(**changes)
    assert path_of(answer) == "/masuk"
    return answer.headers["Location"]


def test_the_portal_is_told_with_state_and_issuer(guest: Guest, portal: Portal) -> None:
    told = portal.answer(guest.post(at_login(portal), action="cancel"))

    assert set(told) == {"error", "error_description", "state", "iss"}
    assert told["error"] == "access_denied"


def test_it_is_told_by_a_form_where_it_asked_so(guest: Guest, portal: Portal) -> None:
    page = guest.post(at_login(portal, response_mode="form_post"), action="cancel")

    assert page.status_code == 200
    assert f'action="{CALLBACK}"' in page.text
    assert form_fields(page)["error"] == "access_denied"


def test_it_is_told_by_a_signed_answer_where_it_asked_so(guest: Guest, portal: Portal) -> None:
    told = portal.answer(guest.post(at_login(portal, response_mode="jwt"), action="cancel"))

    assert set(told) == {"response"}
    assert b'"error":"access_denied"' in decode_base64url(told["response"].split(".")[1])


def test_the_request_is_over_then(guest: Guest, portal: Portal) -> None:
    there = at_login(portal)
    first = guest.get(there)

    guest.post(there, first, action="cancel")

    assert guest.get(there).status_code == 400
    assert guest.post(there, first, identifier="x", password="y").status_code == 400


def test_a_second_click_gets_the_same_answer(guest: Guest, portal: Portal) -> None:
    there = at_login(portal)
    page = guest.get(there)
    sent = [guest.post(there, page, action="cancel").headers["Location"] for _ in range(2)]

    assert sent[0] == sent[1]


def test_nobody_is_signed_in_or_out_by_it(app: Application, guest: Guest, portal: Portal) -> None:
    sign_in(app, guest.browser, an_account(app))
    there = at_login(portal, prompt="login")

    guest.post(there, action="cancel")

    assert guest.get("/akun").status_code == 200


@pytest.mark.parametrize("prompt", ["select_account", "create"])
def test_every_first_page_of_a_portals_request_offers_it(
    app: Application, guest: Guest, portal: Portal, prompt: str
) -> None:
    sign_in(app, guest.browser, an_account(app))

    assert BUTTON in guest.get(portal.start(prompt=prompt).headers["Location"]).text


def test_the_second_step_offers_it(app: Application, guest: Guest, portal: Portal) -> None:
    an_account(app)
    step = guest.post(at_login(portal), identifier="budi1@contoh.id", password=PASSWORD)
    there = step.headers["Location"]
    page = guest.get(there)

    assert path_of(step) == "/masuk/kode"
    assert BUTTON in page.text
    assert BUTTON in guest.get(there.replace("/kode", "/metode")).text


def test_there_is_no_button_where_no_portal_waits(guest: Guest) -> None:
    assert BUTTON not in guest.get("/masuk").text
    assert guest.post("/masuk", action="cancel").status_code == 422


def test_another_browser_cannot_cancel(app: Application, guest: Guest, portal: Portal) -> None:
    there = at_login(portal)

    other = Guest(app, address="203.0.113.9")

    assert other.post(there, other.get("/masuk"), action="cancel").status_code == 400
    assert guest.get(there).status_code == 200


def test_a_request_that_waited_too_long_cannot_be_cancelled(
    guest: Guest, portal: Portal, clock: FixedClock
) -> None:
    there = at_login(portal)
    page = guest.get(there)
    clock.at += 3600

    answer = guest.post(there, page, action="cancel")

    assert answer.status_code == 400
    assert "Location" not in answer.headers


@pytest.mark.parametrize("action", ["", "Cancel", "cancel ", "deny"])
def test_nothing_else_cancels(guest: Guest, portal: Portal, action: str) -> None:
    assert guest.post(at_login(portal), action=action).status_code == 422


def test_a_form_without_its_token_cancels_nothing(guest: Guest, portal: Portal) -> None:
    there = at_login(portal)

    assert guest.post(there, csrf_token="", action="cancel").status_code == 403
    assert guest.get(there).status_code == 200


def test_the_words_are_there_in_english(guest: Guest, portal: Portal) -> None:
    page = guest.get(f"{at_login(portal)}&lang=en")

    assert "Cancel, back to the portal" in page.text


def test_a_portal_that_was_stopped_is_told_nothing(
    app: Application, guest: Guest, portal: Portal
) -> None:
    there = at_login(portal)
    page = guest.get(there)
    app.wiring.services.clients.suspend(portal.client_id)

    assert guest.post(there, page, action="cancel").status_code == 400
