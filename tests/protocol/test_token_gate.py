"""OA-16: every issue of a token, by any grant, passes one gate."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import OPERATOR, Origin
from idp.domain.identity.visitor import Visitor
from tests.elsewhere import CIBA, DEVICE, a_device, ask_from_afar, decide_on, poll_for
from tests.fakes import FixedClock
from tests.portal import CALLBACK, Portal, a_portal

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
API = "https://api.example"
SCOPE = "openid laporan:baca laporan:tulis"
ONLINE, OFFLINE = SCOPE, f"{SCOPE} offline_access"
METADATA: dict[str, Any] = {
    "redirect_uris": [CALLBACK],
    "scope": OFFLINE,
    "grant_types": ["authorization_code", "refresh_token", DEVICE, CIBA, EXCHANGE],
    "backchannel_token_delivery_mode": "poll",
    "resources": [API],
    "exchange_audiences": [API],
}
NOBODY = Visitor(b"", "127.0.0.1", Origin())

Ask = Callable[[], TestResponse]


@dataclass
class World:
    """A portal that may use every grant type, its person, and the service that it calls."""

    app: Application
    browser: FlaskClient
    clock: FixedClock
    person: Account
    portal: Portal
    server: Portal

    def status(self, status: AccountStatus) -> None:
        with self.app.wiring.services.store.write() as tx:
            account = tx.accounts.find(self.person.id)
            assert account is not None
            tx.accounts.update(replace(account, status=status))

    def registration(self, **changes: Any) -> None:
        given = {**METADATA, **changes}
        self.app.wiring.services.clients.replace(self.portal.client_id, given)


@pytest.fixture
def world(app: Application, browser: FlaskClient, clock: FixedClock, person: Account) -> World:
    server = a_portal(app, browser, redirect_uris=[], grant_types=[], serves=[API])
    return World(app, browser, clock, person, a_portal(app, browser, **METADATA), server)


# --- the ways to a token: each returns the last call, still to be made


def by_code(world: World) -> Ask:
    code = world.portal.authorize(scope=ONLINE, resource=API)
    return lambda: world.portal.redeem(code)


def by_offline_code(world: World) -> Ask:
    code = world.portal.authorize(scope=OFFLINE, resource=API)
    return lambda: world.portal.redeem(code)


def by_refresh(world: World) -> Ask:
    token = world.portal.tokens(scope=OFFLINE, resource=API)["refresh_token"]
    return lambda: world.portal.refresh(token)


def by_device(world: World) -> Ask:
    device = a_device(world.portal, scope=ONLINE, resource=API)
    decide_on(world.browser, device, "allow")
    return device.poll


def by_ciba(world: World) -> Ask:
    told = ask_from_afar(world.portal, scope=ONLINE, resource=API).get_json()
    answered = {"auth_req_id": told["auth_req_id"], "decision": "allow"}
    assert world.browser.post("/sandbox/ciba", json=answered).status_code == 200
    return lambda: poll_for(world.portal, told["auth_req_id"])


def by_exchange(world: World) -> Ask:
    token = world.portal.tokens(scope=ONLINE, resource=API)["access_token"]
    kind = "urn:ietf:params:oauth:token-type:access_token"
    return lambda: world.portal.token(
        grant_type=EXCHANGE, subject_token=token, subject_token_type=kind, audience=API
    )


WAYS = [by_code, by_offline_code, by_refresh, by_device, by_ciba, by_exchange]


# --- what may end before the call


def account_is_locked(world: World) -> None:
    world.status(AccountStatus.LOCKED)


def account_is_in_review(world: World) -> None:
    world.status(AccountStatus.SUSPENDED)


def account_is_closed(world: World) -> None:
    world.status(AccountStatus.CLOSED)


def account_is_deleted(world: World) -> None:
    world.app.wiring.services.accounts.delete(world.person.subject)


def consent_is_withdrawn(world: World) -> None:
    consents = world.app.wiring.services.consents
    consents.withdraw(world.person.id, world.portal.client_id, NOBODY)


def more_factors_are_needed(world: World) -> None:
    world.registration(acr_floor=2)


def a_better_identity_is_needed(world: World) -> None:
    world.registration(ial_floor=2)


def audience_is_suspended(world: World) -> None:
    world.app.wiring.services.clients.suspend(world.server.client_id)


def audience_is_no_longer_allowed(world: World) -> None:
    world.registration(resources=[])


def client_is_suspended(world: World) -> None:
    world.app.wiring.services.clients.suspend(world.portal.client_id)


ENDED = [
    account_is_locked,
    account_is_in_review,
    account_is_closed,
    account_is_deleted,
    consent_is_withdrawn,
    more_factors_are_needed,
    a_better_identity_is_needed,
]


@pytest.mark.parametrize("way", WAYS)
def test_oa_16_a_token_goes_out_while_everything_stands(world: World, way: Any) -> None:
    answer = way(world)()

    claims = world.portal.claims(answer.get_json()["access_token"])
    assert answer.status_code == 200
    assert claims["aud"] == API
    assert set(SCOPE.split()) <= set(claims["scope"].split())


@pytest.mark.parametrize("end", ENDED)
@pytest.mark.parametrize("way", WAYS)
def test_oa_16_no_token_goes_out_once_something_ended(world: World, way: Any, end: Any) -> None:
    ask = way(world)

    end(world)

    for _ in range(2):
        world.clock.move(10)
        answer = ask()
        assert answer.status_code == 400
        assert answer.get_json()["error"] in (
            {"invalid_request", "invalid_grant"} if way is by_exchange else {"invalid_grant"}
        )


@pytest.mark.parametrize(
    ("way", "end"),
    [(way, audience_is_suspended) for way in WAYS]
    # an exchange has a policy of its own
    + [(way, audience_is_no_longer_allowed) for way in WAYS if way is not by_exchange],
)
def test_oa_16_no_token_goes_out_for_an_audience_that_ended(
    world: World, way: Any, end: Any
) -> None:
    ask = way(world)

    end(world)

    world.clock.move(10)
    answer = ask()
    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_target")


@pytest.mark.parametrize("way", WAYS)
def test_oa_16_a_suspended_client_gets_nothing(world: World, way: Any) -> None:
    ask = way(world)

    client_is_suspended(world)

    answer = ask()
    assert (answer.status_code, answer.get_json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("way", WAYS)
def test_oa_16_what_hangs_on_the_session_ends_with_it(world: World, way: Any) -> None:
    ask = way(world)
    services = world.app.wiring.services

    services.people.end_sessions(world.person.id, "hilang", OPERATOR)

    hangs_on_it = way in {by_code, by_exchange}
    assert ask().status_code == (400 if hangs_on_it else 200)


@pytest.mark.parametrize("way", WAYS)
def test_oa_16_what_hangs_on_the_session_ends_where_that_runs_out(world: World, way: Any) -> None:
    for _ in range(25):
        world.clock.move(1700)
        assert world.browser.get("/akun").status_code == 200
    world.clock.move(12 * 3600 - 25 * 1700 - 30)
    ask = way(world)

    world.clock.move(40)

    hangs_on_it = way in {by_code, by_exchange}
    assert ask().status_code == (400 if hangs_on_it else 200)


@pytest.mark.parametrize("way", WAYS)
def test_oa_17_a_scope_that_the_client_lost_is_in_no_token(world: World, way: Any) -> None:
    ask = way(world)

    world.registration(scope="openid offline_access laporan:baca")

    scope = ask().get_json()["scope"].split()
    assert "laporan:baca" in scope
    assert "laporan:tulis" not in scope


@pytest.mark.parametrize("way", [by_code, by_refresh, by_device, by_ciba])
def test_oa_16_what_was_refused_may_come_again_once_it_stands(world: World, way: Any) -> None:
    ask = way(world)
    account_is_locked(world)
    assert ask().status_code == 400

    world.status(AccountStatus.ACTIVE)

    world.clock.move(10)
    assert ask().status_code == 200


@pytest.mark.parametrize("end", [*ENDED[:5], client_is_suspended])
def test_oa_16_a_token_that_is_out_counts_no_longer(world: World, end: Any) -> None:
    token = world.portal.tokens(scope=ONLINE, resource=API)["access_token"]
    mine = world.portal.tokens(scope=ONLINE)["access_token"]
    assert world.server.introspect(token)["active"] is True
    assert world.portal.userinfo(mine).status_code == 200

    end(world)

    world.clock.move(5)
    assert world.server.introspect(token) == {"active": False}
    assert world.portal.userinfo(mine).status_code == 401
