"""RFC 9470: a resource asks for a stronger or more recent sign-in."""

import re
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import Authentication
from tests.fakes import FixedClock
from tests.keyed import KeyedPortal
from tests.portal import Portal, a_portal, sign_in

AAL = "urn:kemnaker:aal:{}"
TWO_FACTORS = Authentication(2, ("pwd", "otp", "mfa"))


def ask(portal: Portal, token: str, scheme: str = "Bearer", **wanted: str) -> TestResponse:
    query = urlencode(wanted)
    headers = {"Authorization": f"{scheme} {token}"}
    return portal.browser.get(f"/sandbox/resource?{query}", headers=headers)


def challenge_of(answer: TestResponse) -> dict[str, str]:
    header = answer.headers["WWW-Authenticate"]
    return {"scheme": header.partition(" ")[0], **dict(re.findall(r'(\w+)="([^"]*)"', header))}


def test_a_sign_in_that_is_enough_is_let_in(portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    for wanted in ({}, {"acr_values": AAL.format(1)}, {"max_age": "60"}):
        answer = ask(portal, token, **wanted)
        assert answer.status_code == 200
        assert answer.get_json()["acr"] == AAL.format(1)


def test_a_sign_in_that_is_too_weak_gets_the_challenge(portal: Portal) -> None:
    answer = ask(portal, portal.tokens()["access_token"], acr_values=AAL.format(2))

    assert answer.status_code == 401
    told = challenge_of(answer)
    assert told["scheme"] == "Bearer"
    assert told["error"] == "insufficient_user_authentication"
    assert told["acr_values"] == AAL.format(2)
    assert "max_age" not in told
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_sign_in_that_is_too_old_gets_the_challenge(portal: Portal, clock: FixedClock) -> None:
    token = portal.tokens()["access_token"]
    clock.move(60)
    assert ask(portal, token, max_age="60").status_code == 200
    clock.move(1)

    answer = ask(portal, token, max_age="60")

    told = challenge_of(answer)
    assert (answer.status_code, told["error"]) == (401, "insufficient_user_authentication")
    assert told["max_age"] == "60"
    assert "acr_values" not in told


def test_both_may_be_missing_at_once(portal: Portal, clock: FixedClock) -> None:
    token = portal.tokens()["access_token"]
    clock.move(30)

    told = challenge_of(ask(portal, token, acr_values=AAL.format(3), max_age="10"))

    assert (told["acr_values"], told["max_age"]) == (AAL.format(3), "10")


def test_one_of_several_levels_is_enough_and_a_higher_one_too(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    sign_in(app, browser, person, TWO_FACTORS)
    portal = a_portal(app, browser)
    token = portal.tokens(acr_values=AAL.format(2))["access_token"]

    for wanted in (AAL.format(1), AAL.format(2), f"{AAL.format(2)} {AAL.format(3)}"):
        assert ask(portal, token, acr_values=wanted).status_code == 200
    assert ask(portal, token, acr_values=AAL.format(3)).status_code == 401


def test_a_level_that_nobody_knows_is_reached_by_nobody(portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    for wanted in ("urn:unknown", "2", "phr", f"{AAL.format(2)}x"):
        assert ask(portal, token, acr_values=wanted).status_code == 401


def test_a_client_that_follows_the_challenge_is_let_in(
    app: Application, browser: FlaskClient, portal: Portal, person: Account
) -> None:
    told = challenge_of(ask(portal, portal.tokens()["access_token"], acr_values=AAL.format(2)))

    asked = portal.start(acr_values=told["acr_values"])
    assert asked.headers["Location"].startswith("/masuk/metode")
    sign_in(app, browser, person, TWO_FACTORS)
    token = portal.tokens(acr_values=told["acr_values"])["access_token"]

    answer = ask(portal, token, acr_values=AAL.format(2))
    assert answer.status_code == 200
    assert answer.get_json()["acr"] == AAL.format(2)


def test_a_client_that_follows_max_age_signs_in_again(portal: Portal, clock: FixedClock) -> None:
    clock.move(120)

    answer = portal.start(max_age="60")

    assert answer.headers["Location"].startswith("/masuk?")


def test_a_client_acting_for_itself_has_no_sign_in_at_all(keyed_portal: KeyedPortal) -> None:
    token = keyed_portal.by_itself().get_json()["access_token"]

    assert ask(keyed_portal, token).status_code == 200
    assert ask(keyed_portal, token, acr_values=AAL.format(1)).status_code == 401
    assert ask(keyed_portal, token, max_age="3600").status_code == 401


def test_a_bad_token_is_told_before_the_sign_in(portal: Portal) -> None:
    for token in ("x", portal.tokens()["id_token"]):
        told = challenge_of(ask(portal, token, acr_values=AAL.format(3)))
        assert told["error"] == "invalid_token"
        assert "acr_values" not in told


@pytest.mark.parametrize("age", ["-1", "1.5", "soon", "9" * 20])
def test_a_resource_that_asks_for_nonsense_is_no_challenge(portal: Portal, age: str) -> None:
    answer = ask(portal, portal.tokens()["access_token"], max_age=age)

    assert (answer.status_code, answer.get_json()["error"]) == (400, "invalid_request")


def test_nothing_in_the_address_gets_into_the_header(portal: Portal) -> None:
    token = portal.tokens()["access_token"]

    answer = ask(portal, token, acr_values='x" error="none\r\nX: 1')

    assert answer.status_code in {400, 401}
    assert "X" not in answer.headers
    assert challenge_of(answer)["error"] != "none"


def test_the_trial_resource_is_not_there_in_production(make_app: object) -> None:
    app = make_app(  # type: ignore[operator]
        SIAPKERJA_ENV="production", SIAPKERJA_ISSUER="https://akun.example"
    )

    answer = app.test_client().get("/sandbox/resource", base_url="https://akun.example")

    assert answer.status_code == 404
