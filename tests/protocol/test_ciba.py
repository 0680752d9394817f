"""OpenID Connect CIBA Core 1.0 and FAPI-CIBA: poll and ping, plain and signed requests."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.assurance import Authentication
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.protocol.errors import ProtocolError
from idp.services.outbox import OutboxService
from tests.certificates import HEADER, Pair
from tests.elsewhere import (
    CIBA,
    answer_page,
    ask_from_afar,
    page_of_request,
    poll_for,
    refusal,
    signed_request,
)
from tests.fakes import NOW, FixedClock
from tests.jar import encrypted
from tests.keyed import KeyedPortal, a_keyed_portal
from tests.listener import Listener, running_listener
from tests.portal import ISSUER, Portal, a_portal, an_account, form_fields, same_origin, sign_in
from tests.proofs import Holder
from tests.racing import at_once
from tests.signing import Signer, compact

ENDPOINT = f"{ISSUER}/bc-authorize"
METADATA: dict[str, Any] = {
    "redirect_uris": [],
    "grant_types": [CIBA],
    "backchannel_token_delivery_mode": "poll",
}
NOTIFICATION_TOKEN = "a-token-of-the-portal-for-pings"


@pytest.fixture
def desk(app: Application, browser: FlaskClient, person: Account) -> Portal:
    """The client of a counter: somebody else sits at its screen."""
    return a_portal(app, browser, **METADATA)


@pytest.fixture
def signing_desk(app: Application, browser: FlaskClient, person: Account) -> KeyedPortal:
    """A client that must sign its requests."""
    return a_keyed_portal(
        app, browser, **METADATA, backchannel_authentication_request_signing_alg="ES256"
    )


@pytest.fixture
def listener() -> Iterator[Listener]:
    with running_listener() as running:
        yield running


def asked(portal: Portal, **params: str | None) -> str:
    """Return the `auth_req_id` of a good request."""
    answer = ask_from_afar(portal, **params)
    assert answer.status_code == 200, answer.text
    return str(answer.get_json()["auth_req_id"])


def answered(browser: FlaskClient, auth_req_id: str, decision: str = "allow") -> TestResponse:
    """Answer in the person's place, as sandboxes can."""
    told = {"auth_req_id": auth_req_id, "decision": decision}
    return browser.post("/sandbox/ciba", json=told)


# --- §7.1: the request


def test_a_portal_asks_for_somebody_who_is_not_there(desk: Portal) -> None:
    answer = ask_from_afar(desk)

    told = answer.get_json()
    assert set(told) == {"auth_req_id", "expires_in", "interval"}
    assert (told["expires_in"], told["interval"]) == (300, 5)
    assert re.fullmatch(r"[A-Za-z0-9._-]{43,}", told["auth_req_id"])
    assert answer.headers["Cache-Control"] == "no-store"


def test_metadata_says_what_is_offered(browser: FlaskClient) -> None:
    told = browser.get("/.well-known/openid-configuration").get_json()

    assert told["backchannel_authentication_endpoint"] == ENDPOINT
    assert told["backchannel_token_delivery_modes_supported"] == ["poll", "ping"]
    assert told["backchannel_user_code_parameter_supported"] is False
    signing = told["backchannel_authentication_request_signing_alg_values_supported"]
    assert {"ES256", "PS256"} <= set(signing)
    assert {"none", "HS256"}.isdisjoint(signing)
    assert CIBA in told["grant_types_supported"]


@pytest.mark.parametrize("hint", ["budi1@contoh.id", "3273011708909001", "+6281200000001"])
def test_the_login_hint_is_what_people_sign_in_with(desk: Portal, hint: str) -> None:
    assert ask_from_afar(desk, login_hint=hint).status_code == 200


def test_the_id_token_hint_is_one_of_this_clients(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    portal = a_portal(
        app,
        browser,
        grant_types=["authorization_code", CIBA],
        backchannel_token_delivery_mode="poll",
    )
    other = a_portal(app, browser)
    hint = portal.tokens()["id_token"]

    to_us = encrypted(browser, hint, "ECDH-ES", "A256GCM")
    for good in (hint, to_us):
        assert ask_from_afar(portal, login_hint=None, id_token_hint=good).status_code == 200
    foreign = other.tokens()["id_token"]
    head, payload, signature = hint.split(".")
    for bad in (foreign, f"{head}.{payload}.", f"{head}.{payload}.{signature[::-1]}", "x"):
        answer = ask_from_afar(portal, login_hint=None, id_token_hint=bad)
        assert refusal(answer) == "invalid_request"


@pytest.mark.parametrize(
    "hints",
    [
        {"login_hint": None},
        {"login_hint": "", "id_token_hint": ""},
        {"id_token_hint": "x"},
        {"login_hint_token": "x"},
        {"login_hint": None, "login_hint_token": "x", "id_token_hint": "x"},
        {"login_hint": None, "login_hint_token": "x"},
    ],
)
def test_exactly_one_hint_that_we_know_is_needed(
    desk: Portal, hints: dict[str, str | None]
) -> None:
    assert refusal(ask_from_afar(desk, **hints)) == "invalid_request"


@pytest.mark.parametrize(
    "hint", ["nobody@contoh.id", "3273011708909099", "x", "é", "+6281299999999"]
)
def test_a_hint_that_names_nobody_is_told(desk: Portal, hint: str) -> None:
    assert refusal(ask_from_afar(desk, login_hint=hint)) == "unknown_user_id"


@pytest.mark.parametrize("status", [AccountStatus.LOCKED, AccountStatus.SUSPENDED])
def test_an_account_that_gets_no_tokens_is_nobody(
    desk: Portal, person: Account, status: AccountStatus
) -> None:
    with desk.app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(person, status=status))

    assert refusal(ask_from_afar(desk)) == "unknown_user_id"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid nik"}, "invalid_scope"),
        ({"resource": "https://x.example"}, "invalid_target"),
        ({"authorization_details": '[{"type":"x"}]'}, "invalid_authorization_details"),
        ({"binding_message": "x" * 129}, "invalid_binding_message"),
        ({"binding_message": "a<b>"}, "invalid_binding_message"),
        ({"requested_expiry": "0"}, "invalid_request"),
        ({"requested_expiry": "-1"}, "invalid_request"),
        ({"requested_expiry": "1.5"}, "invalid_request"),
        ({"requested_expiry": "soon"}, "invalid_request"),
        ({"user_code": "1234"}, "invalid_request"),
        ({"request": "x"}, "invalid_request"),
        ({"request": "a.b.c"}, "invalid_request"),
        ({"login_hint": "x" * 2049}, "invalid_request"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_by_its_code(
    desk: Portal, changes: dict[str, str | None], error: str
) -> None:
    assert refusal(ask_from_afar(desk, **changes)) == error


@pytest.mark.parametrize("message", ["1234", "Loket 7, nomor A-12", "👍🏿 品川", "x" * 128])
def test_the_message_stands_on_both_screens(desk: Portal, app: Application, message: str) -> None:
    asked(desk, binding_message=message)

    page = desk.browser.get(page_of_request(app))

    assert message in page.text


def test_the_life_of_a_request_may_be_chosen_within_bounds(desk: Portal) -> None:
    lives = {
        given: ask_from_afar(desk, requested_expiry=given).get_json()["expires_in"]
        for given in ("30", "600", "601", "9999999")
    }

    assert lives == {"30": 30, "600": 600, "601": 600, "9999999": 600}


def test_only_clients_registered_for_it_ask(portal: Portal) -> None:
    assert refusal(ask_from_afar(portal)) == "unauthorized_client"


def test_a_client_that_does_not_prove_itself_asks_nobody(desk: Portal) -> None:
    form = {"client_id": desk.client_id, "scope": "openid", "login_hint": "budi1@contoh.id"}

    assert refusal(desk.browser.post("/bc-authorize", data=form), 401) == "invalid_client"


@pytest.mark.parametrize("name", ["scope", "login_hint", "binding_message", "foo"])
def test_oa_4_a_parameter_given_twice_is_an_error(desk: Portal, name: str) -> None:
    answer = desk.browser.post(
        "/bc-authorize",
        data=f"scope=openid&login_hint=budi1@contoh.id&{name}=a&{name}=b",
        content_type="application/x-www-form-urlencoded",
        auth=(desk.client_id, desk.secret or ""),
    )

    assert refusal(answer) == "invalid_request"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_only_post_is_answered(desk: Portal, method: str) -> None:
    assert desk.browser.open("/bc-authorize", method=method).status_code == 405


def test_nobody_is_asked_without_end(
    desk: Portal, register: Callable[..., Portal], clock: FixedClock
) -> None:
    other = register(**METADATA)
    for number in range(10):
        asked(desk if number % 2 else other)

    answer = ask_from_afar(desk)

    assert refusal(answer, 429) == "temporarily_unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    clock.move(900)
    assert ask_from_afar(desk).status_code == 200


@pytest.mark.parametrize(
    "bent",
    [
        {"backchannel_token_delivery_mode": None},
        {"backchannel_token_delivery_mode": "push"},
        {"backchannel_token_delivery_mode": "ping"},
        {"backchannel_user_code_parameter": True},
        {"token_endpoint_auth_method": "none"},
        {"backchannel_authentication_request_signing_alg": "none"},
        {"backchannel_authentication_request_signing_alg": "HS256"},
        {
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": "http://portal.example/ping",
        },
    ],
)
def test_a_registration_says_how_answers_come(app: Application, bent: dict[str, Any]) -> None:
    given = {"client_name": "Loket", **METADATA, **bent}
    with pytest.raises(ProtocolError) as refused:
        app.wiring.services.clients.register(given)

    assert refused.value.error == "invalid_client_metadata"


# --- §7.1.1: signed requests


def send_signed(portal: KeyedPortal, request: str, **form: str | None) -> TestResponse:
    return portal.token(path="/bc-authorize", request=request, **form)


def test_a_signed_request_is_the_only_source(signing_desk: KeyedPortal, app: Application) -> None:
    claims = signed_request(signing_desk, binding_message="A-12", requested_expiry=30)

    answer = send_signed(signing_desk, signing_desk.signer.sign(claims))

    assert answer.status_code == 200
    assert answer.get_json()["expires_in"] == 30
    assert "A-12" in signing_desk.browser.get(page_of_request(app)).text


def test_the_type_of_a_signed_request_may_be_said(signing_desk: KeyedPortal) -> None:
    for typ in ("oauth-authz-req+jwt", "JWT", None):
        signed = signing_desk.signer.sign(signed_request(signing_desk), typ=typ)
        assert send_signed(signing_desk, signed).status_code == 200


def test_a_number_of_seconds_may_be_a_text(signing_desk: KeyedPortal) -> None:
    signed = signing_desk.signer.sign(signed_request(signing_desk, requested_expiry="30"))

    assert send_signed(signing_desk, signed).get_json()["expires_in"] == 30


def test_who_must_sign_is_refused_without(signing_desk: KeyedPortal) -> None:
    assert refusal(ask_from_afar(signing_desk)) == "invalid_request"


@pytest.mark.parametrize(
    "beside",
    [{"scope": "openid"}, {"login_hint": "budi1@contoh.id"}, {"binding_message": "B"}],
)
def test_no_parameter_stands_beside_a_signed_request(
    signing_desk: KeyedPortal, beside: dict[str, str]
) -> None:
    signed = signing_desk.signer.sign(signed_request(signing_desk))

    assert refusal(send_signed(signing_desk, signed, **beside)) == "invalid_request"


@pytest.mark.parametrize(
    "bent",
    [
        {"iss": None},
        {"iss": "another"},
        {"aud": None},
        {"aud": "https://x.example"},
        {"aud": [f"{ISSUER}/"]},
        {"client_id": "another"},
        {"exp": None},
        {"exp": NOW - 11},
        {"exp": NOW + 4200},
        {"exp": str(NOW + 60)},
        {"iat": None},
        {"iat": NOW + 60},
        {"nbf": None},
        {"nbf": NOW + 600},
        {"nbf": NOW - 4200, "exp": NOW + 60},
        {"jti": None},
        {"jti": ""},
        {"jti": 7},
        {"request": "x"},
        {"request_uri": "https://x.example/r"},
        {"login_hint": "a\x00b"},
        {"login_hint": None},
        {"id_token_hint": "x"},
        {"resource": [7]},
    ],
)
def test_a_signed_request_claims_who_for_whom_and_when(
    signing_desk: KeyedPortal, bent: dict[str, Any]
) -> None:
    signed = signing_desk.signer.sign(signed_request(signing_desk, **bent))

    assert refusal(send_signed(signing_desk, signed)) == "invalid_request"


def test_oa_10_other_signatures_are_refused(signing_desk: KeyedPortal) -> None:
    claims = signed_request(signing_desk)
    signer, other = signing_desk.signer, Signer(kid=signing_desk.signer.kid)
    rsa = Signer("RS256", kid=signer.kid)
    good = signer.sign(claims)
    head, payload, signature = good.split(".")
    forged = [
        other.sign(claims),
        rsa.sign(claims),
        compact({"alg": "none"}, claims, None),
        compact({"alg": "HS256"}, claims, b"a secret of enough bytes for SHA-256"),
        signer.sign(claims, crit=["exp"]),
        signer.sign(claims, b64=False, crit=["b64"]),
        signer.sign(claims, typ="client-authentication+jwt"),
        signer.sign(claims, typ="at+jwt"),
        f"{head}.{payload}.{signature[::-1]}",
        f"{head}.{payload}.",
        f"{head}.{payload}",
    ]

    for bad in forged:
        assert refusal(send_signed(signing_desk, bad)) == "invalid_request", bad
    assert send_signed(signing_desk, good).status_code == 200


def test_a_signed_request_is_good_once(signing_desk: KeyedPortal) -> None:
    signed = signing_desk.signer.sign(signed_request(signing_desk))
    assert send_signed(signing_desk, signed).status_code == 200

    assert refusal(send_signed(signing_desk, signed)) == "invalid_request"


def test_a_request_of_another_client_is_refused(
    signing_desk: KeyedPortal, app: Application
) -> None:
    other = a_keyed_portal(app, signing_desk.browser, **METADATA)
    signed = other.signer.sign(signed_request(other))

    assert refusal(send_signed(signing_desk, signed)) == "invalid_request"


@pytest.mark.parametrize("audience", [ISSUER, f"{ISSUER}/token", ENDPOINT, [ENDPOINT, ISSUER]])
def test_a_baseline_assertion_may_name_the_endpoint(
    signing_desk: KeyedPortal, audience: Any
) -> None:
    signed = signing_desk.signer.sign(signed_request(signing_desk))
    assertion = signing_desk.assertion(aud=audience)

    assert send_signed(signing_desk, signed, client_assertion=assertion).status_code == 200


# --- §10.1, §11: polling


def test_the_portal_gets_its_tokens_once_the_person_allowed_it(
    desk: Portal, app: Application
) -> None:
    auth_req_id = asked(desk, scope="openid profile")
    assert refusal(poll_for(desk, auth_req_id)) == "authorization_pending"

    done = answer_page(desk.browser, page_of_request(app), "allow")

    assert done.headers["Location"].startswith("/akun/permintaan/selesai")
    told = poll_for(desk, auth_req_id).get_json()
    claims = desk.claims(told["id_token"])
    assert claims["aud"] == desk.client_id
    assert {"nonce", "sid", "c_hash", "s_hash"}.isdisjoint(claims)
    assert claims["at_hash"]
    assert desk.userinfo(told["access_token"]).get_json()["name"] == "Budi Santoso"


def test_an_auth_req_id_is_good_once(desk: Portal, clock: FixedClock) -> None:
    auth_req_id = asked(desk)
    answered(desk.browser, auth_req_id)
    assert poll_for(desk, auth_req_id).status_code == 200
    clock.move(10)

    assert refusal(poll_for(desk, auth_req_id)) == "invalid_grant"


def test_an_auth_req_id_polled_many_times_at_once_buys_one_set_of_tokens(desk: Portal) -> None:
    auth_req_id = asked(desk)
    answered(desk.browser, auth_req_id)

    answers = at_once([lambda: poll_for(desk, auth_req_id)] * 6)

    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 5]


def test_the_person_answers_once_however_many_times_at_once(desk: Portal) -> None:
    auth_req_id = asked(desk)
    decisions = ("allow", "deny") * 3

    answers = at_once([lambda d=d: answered(desk.browser, auth_req_id, d) for d in decisions])

    assert sorted(answer.status_code for answer in answers) == [200, *[404] * 5]


def test_whoever_polls_too_fast_is_told_to_slow_down(desk: Portal, clock: FixedClock) -> None:
    auth_req_id = asked(desk)
    assert refusal(poll_for(desk, auth_req_id)) == "authorization_pending"
    assert refusal(poll_for(desk, auth_req_id)) == "slow_down"
    clock.move(9)
    assert refusal(poll_for(desk, auth_req_id)) == "slow_down"
    clock.move(15)
    assert refusal(poll_for(desk, auth_req_id)) == "authorization_pending"


def test_a_no_of_the_person_ends_it(desk: Portal, app: Application) -> None:
    auth_req_id = asked(desk)

    answer_page(desk.browser, page_of_request(app), "deny")

    assert refusal(poll_for(desk, auth_req_id)) == "access_denied"


def test_a_request_expires(desk: Portal, app: Application, clock: FixedClock) -> None:
    auth_req_id = asked(desk, requested_expiry="30")
    page = page_of_request(app)
    clock.move(30)

    assert refusal(poll_for(desk, auth_req_id)) == "expired_token"
    assert desk.browser.get(page).status_code == 404


def test_another_client_learns_nothing_and_spends_nothing(
    desk: Portal, register: Callable[..., Portal]
) -> None:
    auth_req_id, other = asked(desk), register(**METADATA)
    answered(desk.browser, auth_req_id)

    assert refusal(poll_for(other, auth_req_id)) == "invalid_grant"
    assert poll_for(desk, auth_req_id).status_code == 200


def test_oa_19_a_bent_auth_req_id_is_unknown(desk: Portal) -> None:
    good = asked(desk)

    for bent in (good[:-1], f"{good}A", f"{good}=", good.swapcase(), good[::-1], "é", "x"):
        assert refusal(poll_for(desk, bent)) == "invalid_grant"
    assert refusal(desk.token(grant_type=CIBA)) == "invalid_request"


def test_oa_14_the_portal_stays_connected_only_with_offline_access(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    desk = a_portal(app, browser, **METADATA)
    for scope, stays in (("openid", False), ("openid offline_access", True)):
        auth_req_id = asked(desk, scope=scope)
        answered(browser, auth_req_id)

        told = poll_for(desk, auth_req_id).get_json()

        assert ("refresh_token" in told) is stays


def test_acr_values_raise_what_the_person_has_to_prove(
    desk: Portal, app: Application, person: Account
) -> None:
    auth_req_id = asked(desk, acr_values="urn:kemnaker:aal:2 urn:unknown")
    page = page_of_request(app)

    answer = desk.browser.get(page)
    assert answer.headers["Location"].startswith("/masuk/metode?permintaan=")
    sign_in(app, desk.browser, person, Authentication(2, ("pwd", "otp", "mfa")))
    answer_page(desk.browser, page, "allow")

    claims = desk.claims(poll_for(desk, auth_req_id).get_json()["id_token"])
    assert claims["acr"] == "urn:kemnaker:aal:2"


@pytest.mark.parametrize(
    ("asked_for", "told"),
    [("2", 2), ("1", 1), ("1 2", 2), ("3 2", 2), (None, 2)],
)
def test_acr_tells_one_of_the_values_asked_for(
    desk: Portal, app: Application, person: Account, asked_for: str | None, told: int
) -> None:
    sign_in(app, desk.browser, person, Authentication(2, ("pwd", "otp", "mfa")))
    values = " ".join(f"urn:kemnaker:aal:{n}" for n in (asked_for or "").split()) or None
    auth_req_id = asked(desk, acr_values=values)
    answer_page(desk.browser, page_of_request(app), "allow")

    claims = desk.claims(poll_for(desk, auth_req_id).get_json()["id_token"])
    assert claims["acr"] == f"urn:kemnaker:aal:{told}"
    assert claims["amr"] == ["pwd", "otp", "mfa"]


def test_default_acr_values_count_where_none_are_asked_for(
    app: Application, browser: FlaskClient, person: Account
) -> None:
    desk = a_portal(app, browser, **METADATA, default_acr_values=["urn:kemnaker:aal:2"])
    asked(desk)

    answer = browser.get(page_of_request(app))

    assert answer.headers["Location"].startswith("/masuk/metode")


# --- §8: the page


def test_the_person_finds_the_request_on_the_account_page_too(
    desk: Portal, app: Application
) -> None:
    asked(desk)
    home = desk.browser.get("/akun").text

    found = re.search(r'href="(/akun/permintaan/[^"]+)"', home)

    assert found is not None
    assert found[1] == page_of_request(app)
    answer_page(desk.browser, found[1], "deny")
    assert "/akun/permintaan/" not in desk.browser.get("/akun").text


def test_nobody_else_sees_or_answers_it(desk: Portal, app: Application) -> None:
    auth_req_id = asked(desk)
    page = page_of_request(app)
    other = app.test_client()
    sign_in(app, other, an_account(app, number=2))

    assert other.get(page).status_code == 404
    fields = form_fields(other.get("/akun/sesi"))
    answer = other.post(page, data={**fields, "decision": "allow"}, headers=same_origin())

    assert answer.status_code == 404
    assert refusal(poll_for(desk, auth_req_id)) == "authorization_pending"


def test_the_auth_req_id_opens_no_page(desk: Portal) -> None:
    assert desk.browser.get(f"/akun/permintaan/{asked(desk)}").status_code == 404


@pytest.mark.parametrize(
    ("decision", "action"), [("allow", Action.REQUEST_ALLOWED), ("deny", Action.REQUEST_DENIED)]
)
def test_pd_6_the_answer_is_audited(
    desk: Portal,
    person: Account,
    audited: Callable[[Action], list[AuditEvent]],
    decision: str,
    action: Action,
) -> None:
    answered(desk.browser, asked(desk), decision)

    (event,) = audited(action)
    assert (event.account_id, event.client_id) == (person.id, desk.client_id)


# --- the answer in a citizen's place: sandbox and test alone


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"auth_req_id": "x", "decision": "allow"}, 404),
        ({"auth_req_id": "x"}, 400),
        ({"decision": "allow"}, 400),
        ({"auth_req_id": "x", "decision": "maybe"}, 400),
        ({"auth_req_id": 7, "decision": "deny"}, 400),
        ({"auth_req_id": "x", "decision": []}, 400),
        ({"auth_req_id": "x", "decision": {}}, 400),
        ({"auth_req_id": "\ud800", "decision": "allow"}, 400),
        (["x"], 400),
    ],
)
def test_the_sandbox_answers_only_what_waits(desk: Portal, document: object, status: int) -> None:
    assert desk.browser.post("/sandbox/ciba", json=document).status_code == status


def test_the_sandbox_answers_once(desk: Portal) -> None:
    auth_req_id = asked(desk)

    assert answered(desk.browser, auth_req_id, "deny").status_code == 200
    assert answered(desk.browser, auth_req_id).status_code == 404
    assert refusal(poll_for(desk, auth_req_id)) == "access_denied"


def test_no_such_answer_exists_in_production(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_ENV="production", SIAPKERJA_ISSUER="https://akun.example")

    answer = app.test_client().post(
        "/sandbox/ciba",
        json={"auth_req_id": "x", "decision": "allow"},
        base_url="https://akun.example",
    )

    assert answer.status_code == 404
    assert answer.get_json(silent=True) is None


# --- §10.2: ping


@pytest.fixture
def pinged(make_app: Callable[..., Application], listener: Listener) -> Portal:
    """A client that is told at its own server when an answer waits."""
    app = make_app(SIAPKERJA_FETCH_PRIVATE_HOSTS=listener.host)
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    return a_portal(
        app,
        browser,
        **METADATA
        | {
            "backchannel_token_delivery_mode": "ping",
            "backchannel_client_notification_endpoint": listener.url("/ping?tenant=1"),
        },
    )


def pings_of(portal: Portal) -> OutboxService:
    """Return the outbox with nothing but pings in it."""
    outbox = portal.app.wiring.services.outbox
    return replace(outbox, deliverers={"ping": outbox.deliverers["ping"]})


@pytest.mark.parametrize("decision", ["allow", "deny"])
def test_a_ping_says_that_an_answer_waits_and_nothing_more(
    pinged: Portal, listener: Listener, decision: str
) -> None:
    auth_req_id = asked(pinged, client_notification_token=NOTIFICATION_TOKEN)
    assert pings_of(pinged).deliver_due() == {}
    answered(pinged.browser, auth_req_id, decision)

    assert pings_of(pinged).deliver_due() == {"delivered": 1}

    (call,) = listener.calls
    assert call.path == "/ping?tenant=1"
    assert call.headers["authorization"] == f"Bearer {NOTIFICATION_TOKEN}"
    assert call.headers["content-type"] == "application/json"
    assert json.loads(call.body) == {"auth_req_id": auth_req_id}


def test_after_the_ping_the_portal_fetches_its_tokens(pinged: Portal) -> None:
    auth_req_id = asked(pinged, client_notification_token=NOTIFICATION_TOKEN)
    assert refusal(poll_for(pinged, auth_req_id)) == "authorization_pending"
    answered(pinged.browser, auth_req_id)

    assert poll_for(pinged, auth_req_id).status_code == 200


@pytest.mark.parametrize("status", [200, 204])
def test_either_success_counts(pinged: Portal, listener: Listener, status: int) -> None:
    listener.statuses = [status]
    answered(pinged.browser, asked(pinged, client_notification_token=NOTIFICATION_TOKEN))

    assert pings_of(pinged).deliver_due() == {"delivered": 1}


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_a_ping_that_fails_is_sent_again_three_times_in_all(
    pinged: Portal, listener: Listener, clock: FixedClock, status: int
) -> None:
    listener.statuses, listener.headers = [status], {"Location": listener.url("/elsewhere")}
    answered(pinged.browser, asked(pinged, client_notification_token=NOTIFICATION_TOKEN))

    for _ in range(20):
        pings_of(pinged).deliver_due()
        clock.move(20)

    assert [call.path for call in listener.calls] == ["/ping?tenant=1"] * 3


@pytest.mark.parametrize("status", [302, 307, 400, 401, 403, 404])
def test_a_ping_that_is_refused_is_not_sent_again(
    pinged: Portal, listener: Listener, clock: FixedClock, status: int
) -> None:
    """It would be refused again, and nobody follows a redirect."""
    listener.statuses, listener.headers = [status], {"Location": listener.url("/elsewhere")}
    auth_req_id = asked(pinged, client_notification_token=NOTIFICATION_TOKEN)
    answered(pinged.browser, auth_req_id)

    for _ in range(9):
        pings_of(pinged).deliver_due()
        clock.move(20)

    assert [call.path for call in listener.calls] == ["/ping?tenant=1"]
    assert poll_for(pinged, auth_req_id).status_code == 200


def test_a_ping_that_failed_once_arrives(
    pinged: Portal, listener: Listener, clock: FixedClock
) -> None:
    listener.statuses = [503, 204]
    answered(pinged.browser, asked(pinged, client_notification_token=NOTIFICATION_TOKEN))

    assert pings_of(pinged).deliver_due() == {"status": 1}
    clock.move(20)
    assert pings_of(pinged).deliver_due() == {"delivered": 1}


@pytest.mark.parametrize(
    "token", [None, "", "short", "x" * 1025, "with a blank in its middle", "ü" * 22, "a\r\nb" * 9]
)
def test_a_ping_needs_a_bearer_token_of_the_client(pinged: Portal, token: str | None) -> None:
    assert refusal(ask_from_afar(pinged, client_notification_token=token)) == "invalid_request"


def test_a_polling_client_is_never_pinged(desk: Portal) -> None:
    answered(desk.browser, asked(desk, client_notification_token=NOTIFICATION_TOKEN))

    assert pings_of(desk).deliver_due() == {}


# --- FAPI-CIBA


@pytest.fixture
def strict(app: Application, browser: FlaskClient, person: Account) -> KeyedPortal:
    """A client of the fapi2 profile that binds its tokens by DPoP."""
    return a_keyed_portal(app, browser, **METADATA, profile="fapi2")


def test_fapi_every_request_is_signed(strict: KeyedPortal) -> None:
    assert refusal(ask_from_afar(strict, binding_message="A-12")) == "invalid_request"
    signed = strict.signer.sign(signed_request(strict))
    assert send_signed(strict, signed).status_code == 200


def test_fapi_every_request_says_what_it_is_about(app: Application, browser: FlaskClient) -> None:
    sign_in(app, browser, an_account(app))
    kind = "kemnaker_jkp_claim"
    client = a_keyed_portal(
        app, browser, **METADATA, profile="fapi2", authorization_details_types=[kind]
    )
    details = [{"type": kind, "actions": ["read"]}]

    def sent(**told: Any) -> TestResponse:
        return send_signed(client, client.signer.sign(signed_request(client, **told)))

    assert refusal(sent(binding_message=None)) == "invalid_request"
    assert sent(binding_message="A-12").status_code == 200
    assert sent(binding_message=None, authorization_details=details).status_code == 200


@pytest.mark.parametrize("audience", [f"{ISSUER}/token", ENDPOINT, [ISSUER], [ISSUER, ENDPOINT]])
def test_fapi_the_issuer_is_the_sole_audience_of_an_assertion(
    strict: KeyedPortal, audience: Any
) -> None:
    signed = strict.signer.sign(signed_request(strict))
    assertion = strict.assertion(aud=audience)

    answer = send_signed(strict, signed, client_assertion=assertion)

    assert refusal(answer, 401) == "invalid_client"


@pytest.mark.parametrize("alg", ["PS256", "Ed25519"])
def test_fapi_other_strong_algorithms_do(
    app: Application, browser: FlaskClient, person: Account, alg: str
) -> None:
    client = a_keyed_portal(app, browser, **METADATA, profile="fapi2", signer=Signer(alg))

    assert send_signed(client, client.signer.sign(signed_request(client))).status_code == 200


def test_fapi_rs256_is_refused(app: Application, browser: FlaskClient, person: Account) -> None:
    client = a_keyed_portal(app, browser, **METADATA, profile="fapi2", signer=Signer("PS256"))
    weak = client.signer.sign(signed_request(client), alg="RS256", signed_by="RS256")

    assert refusal(send_signed(client, weak)) == "invalid_request"


def test_fapi_tokens_are_bound_to_a_key(strict: KeyedPortal, app: Application) -> None:
    signed = strict.signer.sign(signed_request(strict))
    auth_req_id = send_signed(strict, signed).get_json()["auth_req_id"]
    answered(strict.browser, auth_req_id)
    key, nonce = Holder(), app.wiring.provider.proofs.nonce()

    assert refusal(poll_for(strict, auth_req_id)) == "invalid_request"
    bound = key.calls(strict, nonce=nonce)
    answer = poll_for(bound, auth_req_id)

    told = answer.get_json()
    assert told["token_type"] == "DPoP"
    assert strict.claims(told["access_token"])["cnf"] == {"jkt": key.jkt}
    assert strict.userinfo(told["access_token"]).status_code == 401


def test_fapi_tokens_are_bound_to_a_certificate_where_that_is_registered(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(
        SIAPKERJA_HTTP_TRUSTED_PROXIES="127.0.0.1",
        SIAPKERJA_HTTP_CLIENT_CERT_HEADER=HEADER,
    )
    browser = app.test_client()
    sign_in(app, browser, an_account(app))
    client = a_keyed_portal(
        app,
        browser,
        **METADATA,
        tls_client_certificate_bound_access_tokens=True,
        backchannel_authentication_request_signing_alg="ES256",
    )
    signed = client.signer.sign(signed_request(client))
    auth_req_id = send_signed(client, signed).get_json()["auth_req_id"]
    answered(browser, auth_req_id)
    shown, other = Pair(), Pair()

    assert poll_for(client, auth_req_id).status_code in {400, 401}
    told = poll_for(replace(client, headers=shown.headers()), auth_req_id).get_json()

    token = told["access_token"]
    assert client.claims(token)["cnf"] == {"x5t#S256": shown.x5t}
    assert client.userinfo(token).status_code == 401
    seen = browser.get("/userinfo", headers={"Authorization": f"Bearer {token}", **shown.headers()})
    assert seen.status_code == 200
    stolen = browser.get(
        "/userinfo", headers={"Authorization": f"Bearer {token}", **other.headers()}
    )
    assert stolen.status_code == 401


def test_a_client_may_prove_itself_by_basic(desk: Portal) -> None:
    pair = b64encode(f"{desk.client_id}:{desk.secret}".encode()).decode()
    form = {"scope": "openid", "login_hint": "budi1@contoh.id"}

    answer = desk.browser.post(
        "/bc-authorize", data=form, headers={"Authorization": f"Basic {pair}"}
    )

    assert answer.status_code == 200
