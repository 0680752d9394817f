"""Clocks that are wrong and keys that change while tokens live (R-9, R-10)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from adapters.system import SystemClock
from idp.app import Application
from idp.wiring import Given
from tests.fakes import FixedClock
from tests.killing import FULL
from tests.portal import Portal, a_portal, an_account, sign_in
from tests.selfcheck import selfcheck

pytestmark = pytest.mark.chaos

OFFLINE = "openid profile offline_access"
MINUTE, HOUR, DAY = 60, 3600, 86400
#: R-9: no token lives for longer than promised by more than this.
MERCY = 60
VERIFICATIONS = 10_000 if FULL else 240


@pytest.fixture
def portal(app: Application) -> Portal:
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    return a_portal(app, browser)


@pytest.mark.parametrize("step", [MINUTE, HOUR])
def test_r_9_a_clock_that_jumps_ahead_ends_tokens_early_and_breaks_nothing(
    portal: Portal, clock: FixedClock, step: int
) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    code = portal.authorize()
    clock.move(step)

    assert portal.userinfo(tokens["access_token"]).status_code == (200 if step < 300 else 401)
    assert portal.redeem(code).status_code == 400
    assert portal.refresh(tokens["refresh_token"]).status_code == 200
    assert selfcheck(portal.app) == []


@pytest.mark.parametrize("step", [MINUTE, HOUR, DAY])
def test_r_9_a_clock_that_falls_back_prolongs_no_token(
    portal: Portal, clock: FixedClock, step: int
) -> None:
    """The step back makes tokens come from the future: more than a minute of that is refused."""
    tokens, code = portal.tokens(scope=OFFLINE), portal.authorize()
    clock.move(-step)

    alive = portal.userinfo(tokens["access_token"]).status_code == 200
    assert not alive or step <= MERCY
    # what is spent stays spent, whatever the time
    portal.redeem(code)
    assert portal.redeem(code).status_code == 400
    clock.move(step + 300 + MERCY)
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert selfcheck(portal.app) == []


@pytest.mark.parametrize(("off", "is_ready"), [(0, True), (40, False), (-40, False), (HOUR, False)])
def test_r_9_a_process_whose_clock_differs_from_the_databases_is_not_ready(
    make_app: Callable[..., Application], off: int, is_ready: bool
) -> None:
    # the database tells real time
    app = make_app(Given(clock=FixedClock(at=SystemClock().now() + off)))
    answer = app.test_client().get("/readyz")

    assert (answer.status_code == 200) is is_ready
    if not is_ready:
        assert answer.get_json()["problems"] == ["clock_differs_from_database"]


def test_r_10_three_rotations_under_load_on_two_nodes_fail_no_verification(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    """A verifier reads the key set of either node once an hour and knows every `kid` it meets."""
    nodes = [make_app(), make_app()]
    given = {"redirect_uris": [], "grant_types": ["client_credentials"], "scope": "jkp.read"}
    service = a_portal(nodes[0], nodes[0].test_client(), **given)
    rotation = replace(nodes[0].wiring.services.keys, at_once=False)

    def ask(node: Application) -> str:
        caller = Portal(node, node.test_client(), service.client, service.secret)
        return str(caller.token(grant_type="client_credentials").get_json()["access_token"])

    kids = set()
    a_round = VERIFICATIONS // (3 * 10)
    with ThreadPoolExecutor(4) as pool:
        for _ in range(3):
            rotation.rotate()
            for node in [nodes[n % 2] for n in range(10)]:
                kept = KeySet.import_key_set(node.test_client().get("/jwks").get_json())
                # the verifier sits on this key set for an hour
                clock.move(HOUR)
                for token in pool.map(ask, [nodes[n % 2] for n in range(a_round)]):
                    jws.deserialize_compact(token.encode(), kept, algorithms=["ES256"])
                    kids.add(jws.extract_compact(token.encode()).headers()["kid"])
                clock.move(2 * HOUR)
    assert len(kids) == 4
