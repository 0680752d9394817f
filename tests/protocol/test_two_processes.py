"""Two processes of the server on one database: what one does, the other knows (R-5, KM-2, OA-9).

Two applications stand for the processes: nothing but the database, and Redis where it is set, is
between them. Whatever is not a client's registration counts with the very next request.
"""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE
from idp.domain.identity.visitor import Visitor
from tests.fakes import FixedClock
from tests.guest import Guest, path_of
from tests.keyed import KeyedPortal
from tests.portal import Portal, form_fields, same_origin, sign_in
from tests.racing import at_once
from tests.waiting import page_of, sign_in_for

OFFLINE = "openid profile email offline_access"
VISITOR = Visitor(b"x" * 32, "127.0.0.1", NOWHERE)
#: Longest time for which a process may not know that a client has changed.
CLIENT_SECONDS = 5


@pytest.fixture
def twin(app: Application, make_app: Callable[..., Application]) -> Application:
    """The other process."""
    return make_app()


def over_there(portal: Portal, twin: Application) -> Portal:
    """The same portal, with the same browser, served by the other process."""
    browser = twin.test_client()
    for name in ("sid", "flow", "device"):
        cookie = portal.browser.get_cookie(name)
        if cookie is not None:
            browser.set_cookie(name, cookie.value)
    return replace(portal, app=twin, browser=browser)


@pytest.fixture
def elsewhere(portal: Portal, twin: Application) -> Portal:
    """The portal at the other process, which has been used before: its caches are warm."""
    warm = over_there(portal, twin)
    warm.tokens()
    return warm


# --- what a session begins, ends and changes


def test_a_session_that_began_here_is_known_there(portal: Portal, elsewhere: Portal) -> None:
    assert "code" in portal.answer(elsewhere.start(prompt="none"))


def test_a_session_that_ended_here_is_over_there(portal: Portal, elsewhere: Portal) -> None:
    page = portal.browser.get("/keluar")
    portal.browser.post(
        "/keluar", data={**form_fields(page), "decision": "all"}, headers=same_origin()
    )

    assert portal.answer(elsewhere.start(prompt="none"))["error"] == "login_required"


def test_a_session_that_the_person_ended_from_afar_is_over_there(
    app: Application, person: Account, portal: Portal, elsewhere: Portal
) -> None:
    sessions = app.wiring.services.sessions
    for session in sessions.list_alive(person.id):
        sessions.end(person.id, session.sid, VISITOR, reason="ended_by_owner")

    assert portal.answer(elsewhere.start(prompt="none"))["error"] == "login_required"


def test_a_request_that_waits_here_goes_on_there(
    app: Application, twin: Application, person: Account, register: Callable[..., Portal]
) -> None:
    portal = replace(register(), browser=app.test_client())
    waiting = portal.start()
    assert page_of(waiting) == "/masuk"
    sign_in_for(app, portal.browser, person, waiting)

    there = over_there(portal, twin)
    interaction = urlsplit(waiting.headers["Location"]).query.removeprefix("i=")
    answer = there.browser.get(f"/authorize/{interaction}")
    while answer.headers["Location"].startswith("/"):
        answer = there._next(answer.headers["Location"])

    assert there.redeem(portal.answer(answer)["code"]).status_code == 200


def test_a_page_drawn_here_may_be_sent_there(app: Application, twin: Application) -> None:
    here, there = Guest(app), Guest(twin)
    page = here.get("/masuk")
    flow = here.browser.get_cookie("flow")
    assert flow is not None
    there.browser.set_cookie("flow", flow.value)

    # 403 would say that the token of the form is not known there
    assert there.log_in("siapa@contoh.id", page=page).status_code == 422


# --- codes, requests, proofs


def test_a_code_made_here_is_good_there_and_spent_for_both(
    portal: Portal, elsewhere: Portal
) -> None:
    code = portal.authorize()
    bought = elsewhere.redeem(code).get_json()["access_token"]

    assert portal.introspect(bought)["active"] is True
    assert portal.redeem(code).status_code == 400
    # brought twice: what it bought has ended, here and there
    assert elsewhere.introspect(bought) == {"active": False}
    assert elsewhere.userinfo(bought).status_code == 401


def test_a_request_pushed_here_is_used_there_and_used_up_for_both(
    portal: Portal, elsewhere: Portal
) -> None:
    pushed = portal.token(
        path="/par",
        response_type="code",
        redirect_uri=portal.callback,
        scope="openid",
        code_challenge="a" * 43,
        code_challenge_method="S256",
    ).get_json()["request_uri"]
    url = f"/authorize?client_id={portal.client_id}&request_uri={pushed}"

    assert "code=" in elsewhere.browser.get(url).headers["Location"]
    assert "code=" not in portal.browser.get(url).headers.get("Location", "")


def test_oa_9_an_assertion_brought_twelve_times_over_two_processes_is_good_once(
    keyed_portal: KeyedPortal, twin: Application
) -> None:
    for _ in range(3):
        assertion = keyed_portal.assertion()

        def bring(app: Application, assertion: str = assertion) -> int:
            caller = replace(keyed_portal, app=app, browser=app.test_client())
            return caller.by_itself(assertion).status_code

        statuses = at_once([lambda app=app: bring(app) for app in [keyed_portal.app, twin] * 6])

        assert sorted(statuses) == [200] + [401] * 11


# --- tokens that end


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_a_token_revoked_here_is_dead_there(portal: Portal, elsewhere: Portal, which: str) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    assert elsewhere.userinfo(tokens["access_token"]).status_code == 200

    portal.token(path="/revoke", token=tokens[which])

    assert elsewhere.userinfo(tokens["access_token"]).status_code == 401
    assert elsewhere.introspect(tokens["access_token"]) == {"active": False}
    # RFC 7009 §2.1: the whole family goes, whichever of its tokens was brought
    assert elsewhere.refresh(tokens["refresh_token"]).status_code == 400


def test_a_family_that_a_thief_ended_here_is_dead_there(
    public_portal: Portal, twin: Application, clock: FixedClock
) -> None:
    there = over_there(public_portal, twin)
    first = public_portal.tokens(scope=OFFLINE)["refresh_token"]
    second = there.refresh(first).get_json()["refresh_token"]
    clock.move(11)
    assert public_portal.refresh(first).status_code == 400

    assert there.refresh(second).status_code == 400


def test_a_consent_withdrawn_here_ends_the_tokens_there(
    app: Application, person: Account, portal: Portal, elsewhere: Portal
) -> None:
    tokens = portal.tokens(scope=OFFLINE)

    app.wiring.services.consents.withdraw(person.id, portal.client_id, VISITOR)

    assert elsewhere.userinfo(tokens["access_token"]).status_code == 401
    assert elsewhere.refresh(tokens["refresh_token"]).status_code == 400
    assert page_of(elsewhere.start()) == "/izin"


def test_a_person_suspended_here_gets_nothing_there(
    app: Application, person: Account, portal: Portal, elsewhere: Portal
) -> None:
    tokens, code = portal.tokens(scope=OFFLINE), portal.authorize()
    with app.wiring.services.store.write() as tx:
        found = tx.accounts.find(person.id)
        assert found is not None
        tx.accounts.update(replace(found, status=AccountStatus.SUSPENDED))

    assert elsewhere.redeem(code).status_code == 400
    assert elsewhere.refresh(tokens["refresh_token"]).status_code == 400
    assert elsewhere.userinfo(tokens["access_token"]).status_code == 401
    assert elsewhere.introspect(tokens["access_token"]) == {"active": False}


# --- limits


def test_failures_counted_here_count_there(app: Application, twin: Application) -> None:
    for number, process in enumerate([app, twin, app, twin, app]):
        guest = Guest(process, address=f"203.0.113.{number}")
        assert guest.log_in("tidak.ada@contoh.id").status_code == 422

    assert Guest(twin, address="203.0.113.99").log_in("tidak.ada@contoh.id").status_code == 429


def test_an_address_that_asked_too_often_here_is_stopped_there(
    app: Application, twin: Application
) -> None:
    for number in range(20):
        Guest((app, twin)[number % 2]).log_in(f"orang{number}@contoh.id")

    stopped = Guest(twin).log_in("orang-baru@contoh.id")

    assert (stopped.status_code, "puzzle" in stopped.text) == (429, True)


# --- clients that change: five seconds


def changed_within_five_seconds(clock: FixedClock) -> None:
    clock.move(CLIENT_SECONDS)


def test_a_client_suspended_here_stops_there_within_five_seconds(
    app: Application, portal: Portal, elsewhere: Portal, clock: FixedClock
) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    app.wiring.services.clients.suspend(portal.client_id)
    changed_within_five_seconds(clock)

    assert elsewhere.refresh(tokens["refresh_token"]).status_code == 401
    assert elsewhere.userinfo(tokens["access_token"]).status_code == 401
    assert "Location" not in elsewhere.start().headers


def test_a_redirect_uri_that_was_taken_away_here_is_unknown_there_within_five_seconds(
    app: Application, portal: Portal, elsewhere: Portal, clock: FixedClock
) -> None:
    metadata = dict(app.wiring.services.clients.get(portal.client_id).metadata)
    new = "https://portal.example/baru"
    app.wiring.services.clients.replace(portal.client_id, {**metadata, "redirect_uris": [new]})
    changed_within_five_seconds(clock)

    assert "Location" not in elsewhere.start().headers
    assert elsewhere.start(redirect_uri=new).headers["Location"].startswith(new)


def test_a_client_made_here_is_known_there_at_once(
    register: Callable[..., Portal], elsewhere: Portal, twin: Application
) -> None:
    made = over_there(register(), twin)

    assert made.tokens()["access_token"]


def test_a_person_who_signed_in_here_is_not_asked_there_again(
    app: Application, twin: Application, person: Account, browser: FlaskClient
) -> None:
    sign_in(app, browser, person)
    cookie = browser.get_cookie("sid")
    assert cookie is not None
    there = twin.test_client()
    there.set_cookie("sid", cookie.value)

    assert path_of(there.get("/masuk")) == "/akun"
