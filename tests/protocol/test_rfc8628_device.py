"""RFC 8628: the device flow, with the page `/perangkat`."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import Authentication
from idp.domain.identity.audit import Action, AuditEvent
from tests.elsewhere import DEVICE, a_device, decide_on, enter_code, refusal
from tests.fakes import FixedClock
from tests.portal import ISSUER, Portal, a_portal, an_account, sign_in
from tests.racing import at_once

METADATA = {"redirect_uris": [], "grant_types": [DEVICE], "token_endpoint_auth_method": "none"}


@pytest.fixture
def box(app: Application, browser: FlaskClient) -> Portal:
    """The client of a device without a keyboard, which has nothing to prove itself with."""
    return a_portal(app, browser, **METADATA)


# --- §3.1, §3.2: device authorization


def test_a_device_gets_both_codes_and_where_to_enter_the_short_one(box: Portal) -> None:
    told = a_device(box).told

    assert re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", told["user_code"])
    assert told["verification_uri"] == f"{ISSUER}/perangkat"
    assert told["verification_uri_complete"].endswith(f"?user_code={told['user_code']}")
    assert (told["expires_in"], told["interval"]) == (600, 5)
    assert len(told["device_code"]) >= 43


def test_the_answer_is_kept_by_nobody(box: Portal) -> None:
    answer = box.token(path="/device_authorization", scope="openid")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"


def test_no_two_devices_have_a_code_in_common(box: Portal) -> None:
    devices = [a_device(box).told for _ in range(5)]

    assert len({told["user_code"] for told in devices}) == 5
    assert len({told["device_code"] for told in devices}) == 5


def test_metadata_names_the_endpoint_and_the_grant(browser: FlaskClient) -> None:
    told = browser.get("/.well-known/openid-configuration").get_json()

    assert told["device_authorization_endpoint"] == f"{ISSUER}/device_authorization"
    assert DEVICE in told["grant_types_supported"]


def test_only_clients_registered_for_it_ask(portal: Portal) -> None:
    answer = portal.token(path="/device_authorization", scope="openid")

    assert refusal(answer) == "unauthorized_client"


def test_a_confidential_client_proves_itself(app: Application, browser: FlaskClient) -> None:
    confidential = a_portal(app, browser, redirect_uris=[], grant_types=[DEVICE])
    form = {"client_id": confidential.client_id, "scope": "openid"}

    assert refusal(browser.post("/device_authorization", data=form), 401) == "invalid_client"
    assert a_device(confidential).told["device_code"]


def test_an_unknown_client_gets_no_codes(browser: FlaskClient) -> None:
    answer = browser.post("/device_authorization", data={"client_id": "x", "scope": "openid"})

    assert refusal(answer, 401) == "invalid_client"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": None}, "invalid_scope"),
        ({"scope": "nik"}, "invalid_scope"),
        ({"scope": "unknown"}, "invalid_scope"),
        ({"scope": 'open"id'}, "invalid_scope"),
        ({"resource": "https://x.example"}, "invalid_target"),
        ({"authorization_details": "{"}, "invalid_authorization_details"),
        ({"authorization_details": '[{"type":"x"}]'}, "invalid_authorization_details"),
    ],
)
def test_what_the_client_may_not_ask_for_is_refused(
    box: Portal, changes: dict[str, str | None], error: str
) -> None:
    answer = box.token(path="/device_authorization", **{"scope": "openid", **changes})

    assert refusal(answer) == error


@pytest.mark.parametrize("name", ["scope", "client_id", "acr_values", "foo"])
def test_oa_4_a_parameter_given_twice_is_an_error(box: Portal, name: str) -> None:
    answer = box.browser.post(
        "/device_authorization",
        data=f"client_id={box.client_id}&scope=openid&{name}=a&{name}=b",
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.status_code in {400, 401}
    assert answer.get_json()["error"] in {"invalid_request", "invalid_client"}


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(box: Portal, method: str) -> None:
    answer = box.browser.open("/device_authorization", method=method)

    assert answer.status_code == 405


def test_json_is_no_form(box: Portal) -> None:
    answer = box.browser.post("/device_authorization", json={"client_id": box.client_id})

    assert refusal(answer) == "invalid_request"


# --- §3.4, §3.5: polling


def test_the_device_gets_its_tokens_once_the_person_allowed_it(
    box: Portal, person: Account
) -> None:
    device = a_device(box, scope="openid profile")
    assert refusal(device.poll()) == "authorization_pending"

    done = decide_on(box.browser, device, "allow")

    assert urlsplit(done.headers["Location"]).path == "/perangkat/selesai"
    told = device.poll().get_json()
    assert told["scope"] == "openid profile"
    assert box.claims(told["id_token"])["aud"] == box.client_id
    assert box.userinfo(told["access_token"]).get_json()["name"] == "Budi Santoso"


def test_a_device_code_is_good_once(box: Portal, person: Account, clock: FixedClock) -> None:
    device = a_device(box)
    decide_on(box.browser, device, "allow")
    assert device.poll().status_code == 200
    clock.move(10)

    assert refusal(device.poll()) == "invalid_grant"


def test_a_device_code_brought_many_times_at_once_is_good_once(
    box: Portal, person: Account
) -> None:
    device = a_device(box)
    decide_on(box.browser, device, "allow")

    answers = at_once([device.poll] * 6)

    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]


def test_whoever_polls_too_fast_is_told_to_slow_down_by_five_seconds_each_time(
    box: Portal, clock: FixedClock
) -> None:
    device = a_device(box)
    assert refusal(device.poll()) == "authorization_pending"
    clock.move(4)
    assert refusal(device.poll()) == "slow_down"

    clock.move(9)
    assert refusal(device.poll()) == "slow_down"
    clock.move(15)
    assert refusal(device.poll()) == "authorization_pending"


def test_the_first_poll_after_the_interval_is_not_too_fast(box: Portal, clock: FixedClock) -> None:
    device = a_device(box)
    for _ in range(3):
        assert refusal(device.poll()) == "authorization_pending"
        clock.move(5)


def test_a_no_of_the_person_ends_it(box: Portal, person: Account) -> None:
    device = a_device(box)

    done = decide_on(box.browser, device, "deny")

    assert done.status_code == 303
    assert refusal(device.poll()) == "access_denied"


def test_a_code_expires_for_the_device_and_for_the_person(
    box: Portal, person: Account, clock: FixedClock
) -> None:
    device = a_device(box)
    clock.move(600)

    assert refusal(device.poll()) == "expired_token"
    assert enter_code(box.browser, device.user_code).status_code == 422


def test_what_was_allowed_expires_too(box: Portal, person: Account, clock: FixedClock) -> None:
    device = a_device(box)
    decide_on(box.browser, device, "allow")
    clock.move(600)

    assert refusal(device.poll()) == "expired_token"


def test_another_client_learns_nothing_and_spends_nothing(
    box: Portal, person: Account, register: Callable[..., Portal]
) -> None:
    device, other = a_device(box), register(**METADATA)
    decide_on(box.browser, device, "allow")

    stolen = other.token(grant_type=DEVICE, device_code=device.told["device_code"])

    assert refusal(stolen) == "invalid_grant"
    assert device.poll().status_code == 200


def test_polls_of_another_client_slow_nobody_down(
    box: Portal, register: Callable[..., Portal]
) -> None:
    device, other = a_device(box), register(**METADATA)

    for _ in range(3):
        other.token(grant_type=DEVICE, device_code=device.told["device_code"])

    assert refusal(device.poll()) == "authorization_pending"


def test_oa_19_a_bent_device_code_is_unknown(box: Portal) -> None:
    code = a_device(box).told["device_code"]

    for bent in (code[:-1], f"{code}A", f"{code}=", code.swapcase(), f" {code}", code[::-1], "é"):
        answer = box.token(grant_type=DEVICE, device_code=bent)
        assert refusal(answer) == "invalid_grant", bent


def test_a_poll_without_its_code_is_no_request(box: Portal) -> None:
    assert refusal(box.token(grant_type=DEVICE)) == "invalid_request"


def test_a_user_code_buys_nothing(box: Portal) -> None:
    answer = box.token(grant_type=DEVICE, device_code=a_device(box).user_code)

    assert refusal(answer) == "invalid_grant"


def test_oa_14_a_device_stays_connected_only_with_offline_access(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    box = a_portal(app, browser, **METADATA)
    for scope, stays in (("openid", False), ("openid offline_access", True)):
        device = a_device(box, scope=scope)
        decide_on(browser, device, "allow")

        told = device.poll().get_json()

        assert ("refresh_token" in told) is stays
        if stays:
            assert box.refresh(told["refresh_token"]).status_code == 200


def test_a_device_lives_longer_than_the_browser_that_allowed_it(
    box: Portal, person: Account
) -> None:
    device = a_device(box)
    decide_on(box.browser, device, "allow")
    app = box.app
    with app.wiring.services.store.write() as tx:
        app.wiring.services.sessions.end_all_in(
            person.id, kept_sid=None, reason="a_test", now=app.wiring.services.clock.now(), tx=tx
        )

    told = device.poll().get_json()

    assert box.userinfo(told["access_token"]).status_code == 200
    assert "sid" not in box.claims(told["id_token"])


def test_a_device_may_ask_for_a_resource(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    api = "https://api.example"
    box = a_portal(app, browser, **METADATA, resources=[api])
    device = a_device(box, resource=api)
    decide_on(browser, device, "allow")

    told = device.poll(resource=api).get_json()

    assert box.claims(told["access_token"])["aud"] == api


def test_a_device_may_ask_for_details_which_the_person_sees(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    box = a_portal(app, browser, **METADATA, authorization_details_types=["kemnaker_jkp_claim"])
    wanted = '[{"type":"kemnaker_jkp_claim","actions":["read"]}]'
    device = a_device(box, authorization_details=wanted)

    page = enter_code(browser, device.user_code)
    decide_on(browser, device, "allow")

    assert "Melihat status klaim JKP Anda" in page.text
    told = device.poll().get_json()
    assert told["authorization_details"] == [{"type": "kemnaker_jkp_claim", "actions": ["read"]}]


# --- §3.3, §5: the page


def test_the_page_takes_the_code_in_any_spelling(box: Portal, person: Account) -> None:
    code = a_device(box).user_code
    letters = code.replace("-", "")

    for spelling in (code, code.lower(), letters, f" {letters[:2]} {letters[2:]} ", f"--{letters}"):
        assert enter_code(box.browser, spelling).status_code == 200


@pytest.mark.parametrize(
    "typed", ["", "BCDF", "BCDFGHJKL", "AEIOUAEI", "12345678", "BCDFGHJ<", "é" * 8, "\x00" * 8]
)
def test_what_is_no_code_is_said_beside_the_field(box: Portal, person: Account, typed: str) -> None:
    answer = enter_code(box.browser, typed)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_the_person_sees_who_asks_for_what_and_compares_the_code(
    box: Portal, person: Account
) -> None:
    device = a_device(box, scope="openid profile email")

    page = enter_code(box.browser, device.user_code)

    assert "Portal Uji" in page.text
    assert device.user_code in page.text
    assert "Alamat email" in page.text


def test_the_address_with_the_code_fills_the_field_and_does_nothing_by_itself(
    box: Portal, person: Account
) -> None:
    device = a_device(box)
    complete = urlsplit(device.told["verification_uri_complete"])

    page = box.browser.get(f"{complete.path}?{complete.query}")

    assert f'value="{device.user_code}"' in page.text
    assert "decision" not in page.text
    assert refusal(device.poll()) == "authorization_pending"


def test_who_is_not_signed_in_signs_in_first_and_finds_the_code_again(
    box: Portal, app: Application
) -> None:
    device, stranger = a_device(box), app.test_client()

    answer = stranger.get(f"/perangkat?user_code={device.user_code}")
    assert answer.headers["Location"] == "/masuk?lanjut=device"
    sign_in(app, stranger, an_account(app))

    assert f'value="{device.user_code}"' in stranger.get("/perangkat").text


def test_a_code_that_was_answered_can_not_be_answered_again(box: Portal, person: Account) -> None:
    device = a_device(box)
    decide_on(box.browser, device, "allow")

    answer = enter_code(box.browser, device.user_code, decision="deny")

    assert answer.status_code == 422
    assert device.poll().status_code == 200


def test_wrong_codes_are_counted_so_that_nobody_tries_them_all(
    box: Portal, person: Account
) -> None:
    for _ in range(10):
        assert enter_code(box.browser, "BCDF-GHJK").status_code == 422

    answer = enter_code(box.browser, a_device(box).user_code)

    assert answer.status_code == 429
    assert "Portal Uji" not in answer.text


def test_se_6_the_page_has_a_token(box: Portal, person: Account) -> None:
    device = a_device(box)

    answer = box.browser.post(
        "/perangkat", data={"user_code": device.user_code, "decision": "allow"}
    )

    assert answer.status_code == 403
    assert refusal(device.poll()) == "authorization_pending"


def test_a_device_of_a_suspended_client_can_not_be_allowed(
    box: Portal, person: Account, forget_clients: Callable[[], None]
) -> None:
    device = a_device(box)
    box.app.wiring.services.clients.suspend(box.client_id)

    assert enter_code(box.browser, device.user_code).status_code == 422


def test_a_client_that_wants_more_proof_makes_the_person_prove_it_first(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    box = a_portal(app, browser, **METADATA, acr_floor=2)
    device = a_device(box)

    answer = enter_code(browser, device.user_code, decision="allow")
    assert answer.headers["Location"] == "/masuk/metode?lanjut=device"
    assert refusal(device.poll()) == "authorization_pending"
    sign_in(app, browser, person, Authentication(2, ("pwd", "otp", "mfa")))
    decide_on(browser, device, "allow")

    assert box.claims(device.poll().get_json()["id_token"])["acr"] == "urn:kemnaker:aal:2"


def test_a_client_that_wants_a_better_proved_identity_is_not_allowed(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    box = a_portal(app, browser, **METADATA, ial_floor=2)
    device = a_device(box)

    answer = enter_code(browser, device.user_code, decision="allow")

    assert answer.status_code == 422
    assert "Identitas akun Anda" in answer.text


@pytest.mark.parametrize(
    ("decision", "action"),
    [("allow", Action.REQUEST_ALLOWED), ("deny", Action.REQUEST_DENIED)],
)
def test_pd_6_the_answer_is_audited(
    box: Portal,
    person: Account,
    audited: Callable[[Action], list[AuditEvent]],
    decision: str,
    action: Action,
) -> None:
    decide_on(box.browser, a_device(box), decision)

    (event,) = audited(action)
    assert (event.account_id, event.client_id) == (person.id, box.client_id)


def test_the_device_appears_among_the_portals_and_can_be_cut_off(
    box: Portal, person: Account
) -> None:
    device = a_device(box)
    decide_on(box.browser, device, "allow")
    token = device.poll().get_json()["access_token"]

    page = box.browser.get("/akun/portal")
    assert "Portal Uji" in page.text
    box.token(path="/revoke", token=token)

    assert box.userinfo(token).status_code == 401
