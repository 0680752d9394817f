"""Refresh tokens (RFC 6749 §6, RFC 9700 §4.14, OpenID Connect Core §11, §12)."""

import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, Action
from idp.domain.identity.visitor import Visitor
from tests.fakes import NOW, FixedClock
from tests.portal import Portal
from tests.racing import at_once

DAY = 86400
OFFLINE = "openid profile email offline_access"
VISITOR = Visitor(b"x" * 32, "127.0.0.1", NOWHERE)

#: Rounds of two tabs at once, and of a thief; `CHAOS=full` runs the figures of `security.md`.
FULL = os.environ.get("CHAOS") == "full"
TWINS, THIEVES = (200, 1000) if FULL else (10, 10)


def first_token(portal: Portal) -> str:
    token: str = portal.tokens(scope=OFFLINE)["refresh_token"]
    return token


def refused(response, error: str = "invalid_grant") -> None:
    assert (response.status_code, response.get_json()["error"]) == (400, error), response.text


def events(portal: Portal, action: Action) -> int:
    with portal.app.app_context(), portal.app.extensions["sqlalchemy"].engine.connect() as found:
        rows = found.exec_driver_sql("SELECT action FROM audit_event").fetchall()
    return [row[0] for row in rows].count(action)


# --- who gets one


def test_oa_14_a_refresh_token_needs_offline_access(portal: Portal) -> None:
    assert "refresh_token" not in portal.tokens(scope="openid profile")
    assert "refresh_token" in portal.tokens(scope=OFFLINE)


def test_oa_14_a_client_that_may_not_ask_for_it_gets_none(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(scope="openid")

    answer = portal.answer(portal.start(scope="openid offline_access"))

    assert answer["error"] == "invalid_scope"


def test_oa_14_offline_access_that_was_unticked_gives_none(
    register: Callable[..., Portal], person: Account
) -> None:
    from tests.waiting import decide

    portal = register(optional_scopes=["offline_access"])
    waiting = portal.start(scope=OFFLINE)
    allowed = decide(portal.browser, waiting.headers["Location"], "allow")
    code = portal.answer(portal.browser.get(allowed.headers["Location"]))["code"]

    assert "refresh_token" not in portal.redeem(code).get_json()


# --- confidential clients keep theirs


def test_oa_14_a_confidential_client_keeps_its_token(portal: Portal, clock: FixedClock) -> None:
    token = first_token(portal)
    for _ in range(4):
        clock.move(5 * DAY)
        body = portal.refresh(token).get_json()
        assert body["refresh_token"] == token
        assert portal.claims(body["access_token"])["iat"] == clock.now()


def test_oa_14_a_confidential_clients_token_ends_after_ninety_days(
    portal: Portal, clock: FixedClock
) -> None:
    token = first_token(portal)
    clock.move(90 * DAY - 1)
    assert portal.refresh(token).status_code == 200
    clock.move(1)

    refused(portal.refresh(token))


# --- public clients rotate


def test_oa_14_a_public_client_gets_a_new_token_each_time(public_portal: Portal) -> None:
    token, seen = first_token(public_portal), set()
    for _ in range(5):
        seen.add(token)
        token = public_portal.refresh(token).get_json()["refresh_token"]

    assert len(seen | {token}) == 6


def test_oa_14_a_public_clients_token_ends_unused_after_fourteen_days(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = first_token(public_portal)
    clock.move(14 * DAY - 1)
    token = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(14 * DAY)

    refused(public_portal.refresh(token))


def test_oa_14_a_public_clients_family_ends_after_ninety_days(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = first_token(public_portal)
    for _ in range(8):
        clock.move(11 * DAY)
        token = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(2 * DAY)

    refused(public_portal.refresh(token))


def test_oa_14_rotation_does_not_lengthen_the_familys_life(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = first_token(public_portal)
    for _ in range(89):
        clock.move(DAY)
        token = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(DAY)

    refused(public_portal.refresh(token))


# --- OA-15: reuse


def test_oa_15_within_ten_seconds_the_spent_token_gets_the_same_successor(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = first_token(public_portal)
    successor = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(10)

    again = public_portal.refresh(token)

    assert again.get_json()["refresh_token"] == successor
    assert public_portal.refresh(successor).status_code == 200


def test_oa_15_a_thief_after_eleven_seconds_ends_the_family(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = first_token(public_portal)
    bought = public_portal.refresh(token).get_json()
    clock.move(11)

    refused(public_portal.refresh(token))

    refused(public_portal.refresh(bought["refresh_token"]))
    assert public_portal.userinfo(bought["access_token"]).status_code == 401
    assert events(public_portal, Action.TOKEN_FAMILY_ENDED) == 1


def test_oa_15_a_spent_token_whose_successor_was_used_ends_the_family(
    public_portal: Portal,
) -> None:
    token = first_token(public_portal)
    second = public_portal.refresh(token).get_json()["refresh_token"]
    third = public_portal.refresh(second).get_json()["refresh_token"]

    refused(public_portal.refresh(token))

    refused(public_portal.refresh(third))


def test_oa_15_an_owner_after_a_thief_ends_the_thiefs_family_too(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = first_token(public_portal)
    stolen = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(3600)

    refused(public_portal.refresh(token))
    refused(public_portal.refresh(stolen))


def test_oa_15_the_event_is_told_once_however_often_the_token_comes(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = first_token(public_portal)
    public_portal.refresh(token)
    clock.move(11)
    for _ in range(5):
        refused(public_portal.refresh(token))

    assert events(public_portal, Action.TOKEN_FAMILY_ENDED) == 1


def test_oa_15_other_families_of_the_person_live_on(
    public_portal: Portal, clock: FixedClock
) -> None:
    one, other = first_token(public_portal), first_token(public_portal)
    public_portal.refresh(one)
    clock.move(11)
    refused(public_portal.refresh(one))

    assert public_portal.refresh(other).status_code == 200


def test_oa_15_another_client_with_a_stolen_token_ends_nothing(
    public_portal: Portal, register: Callable[..., Portal], clock: FixedClock
) -> None:
    other = register(token_endpoint_auth_method="none")
    token = first_token(public_portal)
    successor = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(11)

    for stolen in (token, successor):
        refused(other.refresh(stolen))

    assert public_portal.refresh(successor).status_code == 200


def test_oa_15_a_lost_answer_counts_as_lost_until_ten_seconds_after_a_restart(
    public_portal: Portal, make_app: Callable[..., Application], clock: FixedClock
) -> None:
    token = first_token(public_portal)
    successor = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(300)
    restarted = replace(public_portal, browser=make_app().test_client())
    clock.move(10)

    assert restarted.refresh(token).get_json()["refresh_token"] == successor
    clock.move(1)
    refused(restarted.refresh(token))


def test_oa_15_a_lost_answer_counts_as_lost_until_ten_seconds_after_a_worker_begins(
    public_portal: Portal, clock: FixedClock
) -> None:
    token = public_portal.tokens(scope=OFFLINE)["refresh_token"]
    successor = public_portal.refresh(token).get_json()["refresh_token"]
    clock.move(60)
    # what was built before a fork begins in each worker, also in one that replaces another
    public_portal.app.start()
    public_portal.app.stop()
    clock.move(9)

    assert public_portal.refresh(token).get_json()["refresh_token"] == successor


def test_oa_15_a_restart_forgives_nothing_older(
    public_portal: Portal, make_app: Callable[..., Application], clock: FixedClock
) -> None:
    token = first_token(public_portal)
    second = public_portal.refresh(token).get_json()["refresh_token"]
    public_portal.refresh(second)
    clock.move(300)
    restarted = replace(public_portal, browser=make_app().test_client())

    refused(restarted.refresh(token))


def test_oa_15_r_13_two_tabs_at_once_get_one_successor(
    public_portal: Portal, make_app: Callable[..., Application]
) -> None:
    twin = make_app()
    token = first_token(public_portal)
    for _ in range(TWINS):

        def refresh(app: Application, token: str = token) -> str:
            answer = replace(public_portal, browser=app.test_client()).refresh(token)
            assert answer.status_code == 200, answer.text
            found: str = answer.get_json()["refresh_token"]
            return found

        got = at_once([lambda app=app: refresh(app) for app in (public_portal.app, twin)])

        assert len(set(got)) == 1
        assert got[0] != token
        token = got[0]
    assert events(public_portal, Action.TOKEN_FAMILY_ENDED) == 0


def test_oa_15_r_13_every_thief_ends_his_family(public_portal: Portal, clock: FixedClock) -> None:
    for number in range(1, THIEVES + 1):
        token = first_token(public_portal)
        successor = public_portal.refresh(token).get_json()["refresh_token"]
        clock.move(11)
        refused(public_portal.refresh(token))
        refused(public_portal.refresh(successor))
        if number in {1, THIEVES}:
            assert events(public_portal, Action.TOKEN_FAMILY_ENDED) == number


# --- OA-16, OA-17, OA-19


def test_oa_16_nothing_is_issued_once_the_ground_is_gone(
    register: Callable[..., Portal], person: Account
) -> None:
    from tests.portal import sign_in

    services = register().app.wiring.services

    def suspend() -> None:
        with services.store.write() as tx:
            found = tx.accounts.find(person.id)
            assert found is not None
            tx.accounts.update(replace(found, status=AccountStatus.SUSPENDED))

    for method in ("client_secret_basic", "none"):
        portal = register(token_endpoint_auth_method=method)
        sign_in(portal.app, portal.browser, person)
        token = first_token(portal)
        services.consents.withdraw(person.id, portal.client_id, VISITOR)
        refused(portal.refresh(token))
    portal = register()
    token = first_token(portal)
    suspend()
    refused(portal.refresh(token))


def test_oa_16_an_offline_token_outlives_the_session(portal: Portal, clock: FixedClock) -> None:
    token = first_token(portal)
    clock.move(2 * DAY)

    assert portal.refresh(token).status_code == 200


def test_oa_16_a_suspended_client_refreshes_nothing(portal: Portal) -> None:
    token = first_token(portal)
    portal.app.wiring.services.clients.suspend(portal.client_id)

    assert portal.refresh(token).status_code == 401


def test_oa_17_a_token_with_less_narrows_nothing_for_later(portal: Portal) -> None:
    token = first_token(portal)

    narrow = portal.refresh(token, scope="openid email").get_json()
    assert narrow["scope"] == "openid email"
    assert "name" not in portal.userinfo(narrow["access_token"]).get_json()

    assert portal.refresh(token).get_json()["scope"] == OFFLINE


@pytest.mark.parametrize("scope", ["openid phone", f"{OFFLINE} address", "nik", "unknown", "a\tb"])
def test_oa_17_scope_never_grows(portal: Portal, public_portal: Portal, scope: str) -> None:
    for client in (portal, public_portal):
        token = first_token(client)
        refused(client.refresh(token, scope=scope), "invalid_scope")
        # a refusal spends nothing
        assert client.refresh(token).status_code == 200


def test_without_openid_there_is_no_id_token(portal: Portal) -> None:
    token = first_token(portal)

    assert "id_token" in portal.refresh(token).get_json()
    assert "id_token" not in portal.refresh(token, scope="profile").get_json()


def test_oa_19_a_changed_token_is_unknown_and_ends_nothing(
    portal: Portal, public_portal: Portal
) -> None:
    for client in (portal, public_portal):
        token = first_token(client)
        family, generation, mac = token.split(".")
        for changed in (
            token[:-1],
            token + "A",
            token + "=",
            token.swapcase(),
            f"{family}.{int(generation) + 1}.{mac}",
            f"{family}.0{generation}.{mac}",
            f"{family}.-1.{mac}",
            f"{family}.+{generation}.{mac}",
            f"{family}..{mac}",
            f"{family}.{generation}.",
            f".{generation}.{mac}",
            f"{family}.{generation}",
            f"{family}.{generation}.{mac}.{mac}",
            f"{family}.٠.{mac}",
            f"{family[::-1]}.{generation}.{mac}",
            f"{family}.{'9' * 400}.{mac}",
            "é.0.é",
        ):
            refused(client.refresh(changed))
        assert client.refresh(token).status_code == 200


def test_no_other_token_refreshes(portal: Portal) -> None:
    tokens = portal.tokens(scope=OFFLINE)
    for other in (tokens["access_token"], tokens["id_token"], portal.authorize(), "x"):
        refused(portal.refresh(other))


def test_a_missing_token_is_an_error(portal: Portal) -> None:
    response = portal.token(grant_type="refresh_token")

    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_request")


def test_oa_8_a_token_belongs_to_its_client(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    token = first_token(portal)

    refused(register().refresh(token))
    assert portal.refresh(token).status_code == 200


def test_refreshed_tokens_tell_the_first_sign_in(portal: Portal, clock: FixedClock) -> None:
    token = first_token(portal)
    clock.move(1000)

    claims = portal.claims(portal.refresh(token).get_json()["access_token"])

    assert (claims["auth_time"], claims["iat"]) == (NOW, NOW + 1000)
