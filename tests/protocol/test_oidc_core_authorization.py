"""The authorization endpoint (OpenID Connect Core §3.1.2, RFC 6749 §4.1.1, §4.1.2)."""

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.assurance import Authentication
from idp.domain.identity.audit import NOWHERE
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import ClientStatus
from tests.fakes import NOW, FixedClock
from tests.jar import encrypted
from tests.portal import CALLBACK, CHALLENGE, ISSUER, Portal, an_account, sign_in
from tests.signing import compact
from tests.statements import counted
from tests.waiting import decide, interaction_of, page_of, resumed, sign_in_for

LEVEL_1 = "urn:kemnaker:aal:1"
LEVEL_2 = "urn:kemnaker:aal:2"
LEVEL_3 = "urn:kemnaker:aal:3"
TWO_FACTORS = Authentication(2, ("pwd", "otp", "mfa"))


def consented(portal: Portal, **changes: str) -> None:
    """Let the person allow what the portal will ask for."""
    portal.authorize(**changes)


def stays_here(response) -> bool:
    return response.status_code == 400 and "Location" not in response.headers


# --- prompt (§3.1.2.1)


def test_prompt_none_without_a_session_is_login_required(portal: Portal, app: Application) -> None:
    stranger = app.test_client()

    answer = portal.answer(stranger.get(portal.authorization_url(prompt="none")))

    assert answer["error"] == "login_required"
    assert (answer["state"], answer["iss"]) == ("st", ISSUER)


def test_prompt_none_shows_no_page_even_in_a_frame(portal: Portal) -> None:
    response = portal.start(prompt="none")

    assert response.status_code == 303
    assert response.headers["Location"].startswith(CALLBACK)


def test_prompt_none_without_consent_is_consent_required(portal: Portal) -> None:
    assert portal.answer(portal.start(prompt="none"))["error"] == "consent_required"


def test_prompt_none_with_session_and_consent_gets_a_code(portal: Portal) -> None:
    consented(portal, scope="openid email")

    answer = portal.answer(portal.start(prompt="none", scope="openid email"))

    assert portal.redeem(answer["code"]).status_code == 200


def test_prompt_none_asking_for_more_than_was_allowed_is_consent_required(portal: Portal) -> None:
    consented(portal, scope="openid email")

    answer = portal.answer(portal.start(prompt="none", scope="openid email phone"))

    assert answer["error"] == "consent_required"


def test_prompt_none_with_an_old_sign_in_and_max_age_is_login_required(
    portal: Portal, clock: FixedClock
) -> None:
    consented(portal)
    clock.move(61)

    answer = portal.answer(portal.start(prompt="none", max_age="60"))

    assert answer["error"] == "login_required"


@pytest.mark.parametrize("others", ["login", "consent", "select_account", "create"])
def test_prompt_none_with_another_value_is_an_error(portal: Portal, others: str) -> None:
    answer = portal.answer(portal.start(prompt=f"none {others}"))

    assert answer["error"] == "invalid_request"


@pytest.mark.parametrize("prompt", ["register", "None", "LOGIN", "login,consent", "noneoflogin"])
def test_an_unknown_prompt_is_an_error(portal: Portal, prompt: str) -> None:
    assert portal.answer(portal.start(prompt=prompt))["error"] == "invalid_request"


def test_prompt_login_asks_again_in_spite_of_the_session(portal: Portal) -> None:
    consented(portal)

    assert page_of(portal.start(prompt="login")) == "/masuk"


def test_au_13_prompt_login_can_not_be_skipped_by_going_on(portal: Portal) -> None:
    consented(portal)
    waiting = portal.start(prompt="login")

    for _ in range(3):
        again = resumed(portal.browser, waiting)
        assert page_of(again) == "/masuk"
        assert interaction_of(again) == interaction_of(waiting)


def test_au_13_prompt_login_can_not_be_skipped_by_the_consent_page(portal: Portal) -> None:
    waiting = portal.start(prompt="login consent")

    allowed = decide(portal.browser, f"/izin?i={interaction_of(waiting)}", "allow")

    assert page_of(portal.browser.get(allowed.headers["Location"])) == "/masuk"


def test_prompt_login_is_met_by_a_sign_in_for_this_very_request(
    portal: Portal, person: Account, clock: FixedClock
) -> None:
    consented(portal)
    clock.move(30)
    waiting = portal.start(prompt="login")
    sign_in_for(portal.app, portal.browser, person, waiting)

    code = portal.answer(resumed(portal.browser, waiting))["code"]

    claims = portal.claims(portal.redeem(code).get_json()["id_token"])
    assert claims["auth_time"] == NOW + 30


def test_a_sign_in_for_one_request_does_not_count_for_another_with_prompt_login(
    portal: Portal, person: Account
) -> None:
    consented(portal)
    first, second = portal.start(prompt="login"), portal.start(prompt="login")
    sign_in_for(portal.app, portal.browser, person, first)

    assert "code" in portal.answer(resumed(portal.browser, first))
    assert page_of(resumed(portal.browser, second)) == "/masuk"


def test_prompt_consent_asks_again_for_what_was_allowed(portal: Portal) -> None:
    consented(portal)

    assert page_of(portal.start(prompt="consent")) == "/izin"


def test_prompt_select_account_offers_the_choice(portal: Portal) -> None:
    consented(portal)

    assert page_of(portal.start(prompt="select_account")) == "/masuk/akun"


def test_prompt_create_leads_to_registration(portal: Portal) -> None:
    assert page_of(portal.start(prompt="create")) == "/daftar"


def test_without_a_session_the_person_signs_in(portal: Portal, app: Application) -> None:
    response = app.test_client().get(portal.authorization_url())

    assert page_of(response) == "/masuk"
    assert set(parse_qs(urlsplit(response.headers["Location"]).query)) == {"i"}


# --- max_age (§3.1.2.1), auth_time


def test_au_13_max_age_of_one_second_asks_again_after_two(
    portal: Portal, clock: FixedClock
) -> None:
    consented(portal)
    clock.move(2)

    assert page_of(portal.start(max_age="1")) == "/masuk"


def test_au_13_max_age_is_enforced_when_the_code_is_issued(
    portal: Portal, clock: FixedClock
) -> None:
    waiting = portal.start(max_age="60")
    assert page_of(waiting) == "/izin"
    clock.move(61)

    allowed = decide(portal.browser, waiting.headers["Location"], "allow")

    assert page_of(portal.browser.get(allowed.headers["Location"])) == "/masuk"


def test_max_age_is_met_by_a_recent_sign_in(portal: Portal, clock: FixedClock) -> None:
    consented(portal)
    clock.move(60)

    assert "code" in portal.answer(portal.start(max_age="60"))


def test_max_age_zero_always_asks_again(portal: Portal, person: Account, clock: FixedClock) -> None:
    consented(portal)
    clock.move(1)
    waiting = portal.start(max_age="0")
    assert page_of(waiting) == "/masuk"

    sign_in_for(portal.app, portal.browser, person, waiting)

    assert "code" in portal.answer(resumed(portal.browser, waiting))


@pytest.mark.parametrize("max_age", ["-1", "1.5", "ten", "1e3", "٣", "99999999999", "0x10", "+5"])
def test_max_age_must_be_a_number_of_seconds(portal: Portal, max_age: str) -> None:
    assert portal.answer(portal.start(max_age=max_age))["error"] == "invalid_request"


def test_the_registered_default_max_age_counts_where_none_is_asked(
    register: Callable[..., Portal], person: Account, clock: FixedClock
) -> None:
    portal = register(default_max_age=60)
    consented(portal)
    clock.move(61)

    assert page_of(portal.start()) == "/masuk"
    assert "code" in portal.answer(portal.start(max_age="3600"))


def test_auth_time_stays_the_same_within_a_session(portal: Portal, clock: FixedClock) -> None:
    times = set()
    for _ in range(3):
        times.add(portal.claims(portal.tokens(scope="openid")["id_token"])["auth_time"])
        clock.move(100)

    assert times == {NOW}


# --- id_token_hint (§3.1.2.1, §3.1.2.2)


def test_a_hint_of_the_signed_in_person_changes_nothing(portal: Portal, clock: FixedClock) -> None:
    hint = portal.tokens()["id_token"]
    clock.move(1000)

    assert "code" in portal.answer(portal.start(prompt="none", id_token_hint=hint))


@pytest.mark.parametrize("alg", ["ECDH-ES", "ECDH-ES+A256KW", "RSA-OAEP-256"])
def test_a_hint_may_be_encrypted_to_us(portal: Portal, alg: str) -> None:
    """Who got the ID token encrypted may encrypt what was in it to a key of ours."""
    hint = encrypted(portal.browser, portal.tokens()["id_token"], alg, "A256GCM")

    assert "code" in portal.answer(portal.start(prompt="none", id_token_hint=hint))


def test_an_encrypted_hint_has_to_be_ours_all_the_same(portal: Portal) -> None:
    forged = compact({"alg": "none"}, portal.claims(portal.tokens()["id_token"]), None)
    hint = encrypted(portal.browser, forged, "ECDH-ES", "A256GCM")
    torn = ".".join(["x" * 20] * 5)

    for bad in (hint, torn):
        answer = portal.answer(portal.start(prompt="none", id_token_hint=bad))
        assert answer["error"] == "invalid_request"


def test_a_hint_of_somebody_else_leads_to_the_sign_in_page(portal: Portal) -> None:
    hint = portal.tokens()["id_token"]
    other = portal.app.test_client()
    sign_in(portal.app, other, an_account(portal.app, number=2))

    assert page_of(other.get(portal.authorization_url(id_token_hint=hint))) == "/masuk"
    silent = other.get(portal.authorization_url(id_token_hint=hint, prompt="none"))
    assert portal.answer(silent)["error"] == "login_required"


@pytest.mark.parametrize("by", ["id_token_hint", "claims"])
def test_who_signs_in_as_somebody_else_than_was_asked_for_gets_no_code(
    portal: Portal, by: str
) -> None:
    """§3.1.2.1: an error, such as login_required, and no second try without end."""
    hint = portal.tokens()["id_token"]
    sub = {"id_token": {"sub": {"value": portal.claims(hint)["sub"]}}}
    other = an_account(portal.app, number=2)
    sign_in(portal.app, portal.browser, other)
    waiting = portal.start(**{by: hint if by == "id_token_hint" else json.dumps(sub)})
    assert page_of(waiting) == "/masuk"

    sign_in_for(portal.app, portal.browser, other, waiting)

    answer = portal.answer(resumed(portal.browser, waiting))
    assert answer["error"] == "login_required"


def test_a_hint_of_another_client_is_refused(
    portal: Portal, register: Callable[..., Portal]
) -> None:
    hint = register(client_name="Lain").tokens()["id_token"]

    assert portal.answer(portal.start(id_token_hint=hint))["error"] == "invalid_request"


def test_oa_10_only_an_id_token_of_ours_is_a_hint(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(userinfo_signed_response_alg="ES256")
    tokens = portal.tokens()
    head, payload, signature = tokens["id_token"].split(".")
    told = portal.userinfo(tokens["access_token"]).text
    forged = {
        "access token": tokens["access_token"],
        "signed userinfo": told,
        "no signature": f"{head}.{payload}.",
        "another signature": f"{head}.{payload}.{signature[:-4]}AAAA",
        "alg none": f"eyJhbGciOiJub25lIn0.{payload}.",
        "no token": "hint",
        "dots": "..",
        "not ASCII": "ÿ.ÿ.ÿ",
    }

    refused = {
        name: portal.answer(portal.start(id_token_hint=hint)).get("error")
        for name, hint in forged.items()
    }

    assert refused == dict.fromkeys(forged, "invalid_request")


# --- acr_values and the essential acr (§3.1.2.1, §5.5.1.1)


def acr_claim(*values: str, essential: bool = True) -> str:
    return json.dumps({"id_token": {"acr": {"essential": essential, "values": list(values)}}})


def test_the_acr_says_how_the_person_signed_in(portal: Portal) -> None:
    assert portal.claims(portal.tokens()["id_token"])["acr"] == LEVEL_1


def test_a_wish_for_a_higher_level_leads_to_a_further_proof(portal: Portal) -> None:
    assert page_of(portal.start(acr_values=LEVEL_2)) == "/masuk/metode"


def test_a_wish_that_nobody_can_meet_is_not_insisted_on(portal: Portal) -> None:
    consented(portal)

    assert "code" in portal.answer(portal.start(acr_values=LEVEL_3))


def test_unknown_acr_values_are_passed_over(portal: Portal) -> None:
    consented(portal)

    assert "code" in portal.answer(portal.start(acr_values="urn:else:9 phr"))


def test_several_acr_values_are_met_by_any_of_them(portal: Portal) -> None:
    consented(portal)

    assert "code" in portal.answer(portal.start(acr_values=f"{LEVEL_1} {LEVEL_2}"))


def test_prompt_none_with_a_level_still_to_be_reached_is_an_error(portal: Portal) -> None:
    consented(portal)

    answer = portal.answer(portal.start(prompt="none", acr_values=LEVEL_2))

    assert answer["error"] == "interaction_required"


@pytest.mark.parametrize("values", [(LEVEL_3,), ("urn:else:9",)])
def test_an_essential_acr_that_can_not_be_met_is_an_error(
    portal: Portal, values: tuple[str, ...]
) -> None:
    answer = portal.answer(portal.start(claims=acr_claim(*values)))

    assert answer["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize(
    "asked",
    [
        {"acr_values": LEVEL_1},
        {"acr_values": f"{LEVEL_3} {LEVEL_1}"},
        {"claims": acr_claim(LEVEL_1)},
        {"claims": acr_claim("urn:else:9", LEVEL_1)},
    ],
)
def test_the_acr_in_the_id_token_is_one_of_those_asked_for(
    portal: Portal, person: Account, asked: dict[str, str]
) -> None:
    sign_in(portal.app, portal.browser, person, TWO_FACTORS)

    assert portal.claims(portal.tokens(**asked)["id_token"])["acr"] == LEVEL_1


def test_an_essential_acr_is_met_by_a_session_of_that_level(
    portal: Portal, person: Account
) -> None:
    sign_in(portal.app, portal.browser, person, TWO_FACTORS)

    claims = portal.claims(portal.tokens(claims=acr_claim(LEVEL_2))["id_token"])

    assert (claims["acr"], claims["amr"]) == (LEVEL_2, ["pwd", "otp", "mfa"])


def test_au_13_a_client_that_demands_a_level_gets_no_code_below_it(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(acr_floor=LEVEL_2)

    waiting = portal.start(acr_values=LEVEL_1)

    assert page_of(waiting) == "/masuk/metode"
    allowed = decide(portal.browser, f"/izin?i={interaction_of(waiting)}", "allow")
    assert page_of(portal.browser.get(allowed.headers["Location"])) == "/masuk/metode"


def test_a_client_that_demands_a_proved_identity_turns_others_away(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(ial_floor=2)

    assert portal.answer(portal.start())["error"] == "access_denied"


# --- the claims parameter (§5.5)


def test_a_claim_asked_for_by_name_is_told_where_it_was_asked_for(portal: Portal) -> None:
    asked = json.dumps(
        {"id_token": {"email": None}, "userinfo": {"phone_number": {"essential": True}}}
    )

    tokens = portal.tokens(scope="openid", claims=asked)

    assert portal.claims(tokens["id_token"])["email"] == "budi1@contoh.id"
    told = portal.userinfo(tokens["access_token"]).get_json()
    assert set(told) == {"sub", "phone_number"}


def test_claims_asked_for_by_name_need_consent(portal: Portal) -> None:
    consented(portal, scope="openid")

    waiting = portal.start(scope="openid", claims=json.dumps({"userinfo": {"email": None}}))

    assert page_of(waiting) == "/izin"
    assert "budi1@contoh.id" in portal.browser.get(waiting.headers["Location"]).text


def test_pd_3_the_nik_is_not_told_because_claims_name_it(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(scope="openid nik")
    asked = json.dumps({"id_token": {"nik": None}, "userinfo": {"nik": {"essential": True}}})

    tokens = portal.tokens(scope="openid", claims=asked)

    assert "nik" not in portal.claims(tokens["id_token"])
    assert "nik" not in portal.userinfo(tokens["access_token"]).get_json()


def test_unknown_claims_and_sections_are_passed_over(portal: Portal) -> None:
    asked = json.dumps({"id_token": {"shoe_size": None}, "other": {"x": None}})

    assert "shoe_size" not in portal.claims(portal.tokens(claims=asked)["id_token"])


def test_an_essential_claim_that_is_absent_stops_nothing(portal: Portal) -> None:
    asked = json.dumps({"id_token": {"website": {"essential": True}}})

    assert "website" not in portal.claims(portal.tokens(claims=asked)["id_token"])


@pytest.mark.parametrize(
    "claims",
    [
        "not json",
        "[]",
        "null",
        '"text"',
        "1",
        '{"id_token": []}',
        '{"userinfo": "email"}',
        '{"id_token": {"email": 1}}',
        '{"id_token": {"email": ["x"]}}',
        "[" * 2000,
        '{"id_token":' * 100,
    ],
)
def test_malformed_claims_are_an_error(portal: Portal, claims: str) -> None:
    assert portal.answer(portal.start(claims=claims))["error"] == "invalid_request"


def test_a_sub_that_is_not_the_signed_in_person_leads_to_the_sign_in_page(portal: Portal) -> None:
    asked = json.dumps({"id_token": {"sub": {"value": "somebody-else"}}})

    assert page_of(portal.start(claims=asked)) == "/masuk"
    silent = portal.answer(portal.start(claims=asked, prompt="none"))
    assert silent["error"] == "login_required"


def test_a_sub_that_is_the_signed_in_person_changes_nothing(portal: Portal) -> None:
    sub = portal.claims(portal.tokens()["id_token"])["sub"]
    asked = json.dumps({"id_token": {"sub": {"values": ["x", sub]}}})

    assert "code" in portal.answer(portal.start(claims=asked, prompt="none"))


# --- ui_locales, display, login_hint, nonce, state


@pytest.mark.parametrize(
    ("asked", "language"),
    [("en", "en"), ("en-GB id", "en"), ("id", "id"), ("fr jv", "id"), ("fr en", "en"), ("", "id")],
)
def test_pages_speak_the_first_language_asked_for_that_we_have(
    portal: Portal, asked: str, language: str
) -> None:
    waiting = portal.start(ui_locales=asked)

    page = portal.browser.get(waiting.headers["Location"]).text

    assert f'<html lang="{language}"' in page


@pytest.mark.parametrize("display", ["page", "popup", "touch", "wap", "hologram"])
def test_display_is_a_wish(portal: Portal, display: str) -> None:
    consented(portal)

    assert "code" in portal.answer(portal.start(display=display))


def test_a_login_hint_stays_out_of_every_address(portal: Portal, app: Application) -> None:
    url = portal.authorization_url(login_hint="budi1@contoh.id")

    response = app.test_client().get(url)

    assert "budi1" not in response.headers["Location"]


@pytest.mark.parametrize("state", ["a b&c=d", "é→ü", "x" * 2000, "%00%0d%0a", "<script>", "a+b"])
def test_state_comes_back_exactly(portal: Portal, state: str) -> None:
    consented(portal)

    location = portal.start(state=state).headers["Location"]

    assert dict(parse_qsl(urlsplit(location).query))["state"] == state


def test_without_a_state_none_comes_back(portal: Portal) -> None:
    consented(portal)

    assert "state" not in portal.answer(portal.start(state=None))


@pytest.mark.parametrize("nonce", ["n-0S6_WzA2Mj", "é→ü", "y" * 2000, 'quote"back\\slash'])
def test_the_nonce_comes_back_exactly(portal: Portal, nonce: str) -> None:
    assert portal.claims(portal.tokens(nonce=nonce)["id_token"])["nonce"] == nonce


def test_without_a_nonce_the_id_token_has_none(portal: Portal) -> None:
    assert "nonce" not in portal.claims(portal.tokens(nonce=None)["id_token"])


# --- response_type, response_mode, scope


@pytest.mark.parametrize(
    "response_type",
    [
        "token",
        "id_token",
        "code token",
        "code id_token",
        "id_token token",
        "code id_token token",
        "none",
        "CODE",
        "code code",
        "device_code",
    ],
)
def test_oa_1_every_response_type_but_code_is_refused(portal: Portal, response_type: str) -> None:
    answer = portal.answer(portal.start(response_type=response_type))

    assert answer["error"] == "unsupported_response_type"


def test_a_missing_response_type_is_an_error(portal: Portal) -> None:
    assert portal.answer(portal.start(response_type=None))["error"] == "invalid_request"


@pytest.mark.parametrize("mode", ["web_message", "QUERY", "jwt.query", "form-post", "body"])
def test_oa_1_an_unknown_response_mode_is_an_error(portal: Portal, mode: str) -> None:
    assert portal.answer(portal.start(response_mode=mode))["error"] == "invalid_request"


@pytest.mark.parametrize("scope", [None, "", " ", "foo bar", "OPENID"])
def test_a_request_without_a_scope_that_is_registered_is_an_error(
    portal: Portal, scope: str | None
) -> None:
    assert portal.answer(portal.start(scope=scope))["error"] == "invalid_scope"


@pytest.mark.parametrize("scope", ["openid\temail", "openid\u00a0email", 'openid "', "openid \\"])
def test_a_scope_with_other_characters_is_an_error(portal: Portal, scope: str) -> None:
    assert portal.answer(portal.start(scope=scope))["error"] == "invalid_scope"


def test_whoever_joins_scopes_by_commas_is_told_of_spaces(portal: Portal) -> None:
    """As PHP's league/oauth2-client and Laravel's Socialite do unless told otherwise."""
    answer = portal.answer(portal.start(scope="openid,profile"))

    assert answer["error"] == "invalid_scope"
    assert "spaces" in answer["error_description"]


def test_oa_17_unknown_scopes_are_dropped(portal: Portal) -> None:
    tokens = portal.tokens(scope="openid pemilu email pemilu")

    assert tokens["scope"] == "openid email"


def test_oa_17_a_scope_of_ours_that_is_not_for_this_client_is_refused(portal: Portal) -> None:
    assert portal.answer(portal.start(scope="openid nik"))["error"] == "invalid_scope"


def test_without_openid_there_is_no_id_token(portal: Portal) -> None:
    tokens = portal.tokens(scope="email", nonce=None)

    assert "id_token" not in tokens
    assert portal.userinfo(tokens["access_token"]).status_code == 403


# --- who asks (RFC 6749 §4.1.2.1), OA-4


def test_oa_4_an_unknown_client_is_told_here(portal: Portal) -> None:
    response = portal.start(client_id="nobody")

    assert stays_here(response)
    assert "invalid_client" in response.text


def test_oa_4_a_missing_client_is_told_here(portal: Portal) -> None:
    assert stays_here(portal.start(client_id=None))


@pytest.mark.parametrize("bent", ["\x00", "é", "a" * 2049, "' OR 1=1 --", "\x7f", "a" * 300])
def test_oa_4_a_client_id_that_can_not_be_one_is_told_here(portal: Portal, bent: str) -> None:
    assert stays_here(portal.start(client_id=bent))


@pytest.mark.parametrize("status", [ClientStatus.SUSPENDED, ClientStatus.DRAFT])
def test_a_client_that_is_not_active_gets_nothing(
    portal: Portal, status: ClientStatus, clock: FixedClock
) -> None:
    with portal.app.wiring.services.store.write() as tx:
        tx.clients.update(replace(portal.client, status=status), author="test")
    clock.move(5)

    assert stays_here(portal.start())


def test_oa_16_a_client_suspended_while_a_person_decides_gets_nothing(portal: Portal) -> None:
    waiting = portal.start()
    portal.app.wiring.services.clients.suspend(portal.client_id)

    response = portal.browser.get(f"/authorize/{interaction_of(waiting)}")

    assert stays_here(response)


def test_a_client_without_the_code_grant_may_not_send_people(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(grant_types=["client_credentials"], scope="jkp.read")

    answer = portal.answer(portal.start(scope="jkp.read"))

    assert answer["error"] == "unauthorized_client"


@pytest.mark.parametrize(
    "name", ["state", "nonce", "scope", "response_type", "prompt", "foo", "response_mode"]
)
def test_oa_4_a_parameter_given_twice_is_an_error(portal: Portal, name: str) -> None:
    url = portal.authorization_url(**{name: "x"})

    response = portal.browser.get(f"{url}&{name}=x")

    assert portal.answer(response)["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_oa_4_a_second_client_or_redirect_uri_is_told_here(portal: Portal, name: str) -> None:
    url = portal.authorization_url()
    same = {"client_id": portal.client_id, "redirect_uri": portal.callback}[name]

    assert stays_here(portal.browser.get(f"{url}&{name}={same}"))
    assert stays_here(portal.browser.get(f"{url}&{name}=https://evil.example/"))


def test_oa_4_unknown_parameters_are_passed_over(portal: Portal) -> None:
    consented(portal)

    assert "code" in portal.answer(portal.start(foo="bar", audience="x", gclid="1"))


def test_oa_4_a_parameter_without_value_counts_as_absent(portal: Portal) -> None:
    consented(portal)

    answer = portal.answer(portal.start(prompt="", max_age="", nonce="", state=""))

    assert "code" in answer
    assert "state" not in answer


def test_oa_4_a_value_that_is_too_long_is_refused(portal: Portal) -> None:
    assert portal.answer(portal.start(nonce="x" * 2049))["error"] == "invalid_request"


def test_oa_4_a_state_that_is_too_long_is_told_here(portal: Portal) -> None:
    """What a portal knows its request by must not come back changed, nor be left out."""
    assert stays_here(portal.start(state="x" * 2049))


def test_oa_4_a_request_that_is_too_long_is_refused_unread(portal: Portal) -> None:
    assert portal.start(claims="x" * 32768).status_code == 414


def test_oa_4_a_request_of_several_long_values_is_read(portal: Portal) -> None:
    """A large claims parameter, authorization details and what stands beside them."""
    consented(portal)
    asked = json.dumps({"userinfo": {f"https://claims.example/{n}": None for n in range(99)}})

    answer = portal.answer(portal.start(claims=asked, foo="x" * 2048, state="y" * 2048))

    assert len(asked) > 3000
    assert "code" in answer


@pytest.mark.parametrize("value", ["%00", "%1b", "%7f", "%ff", "%c3%28", "%ed%a0%80"])
def test_in_2_control_characters_and_bad_utf_8_are_refused(portal: Portal, value: str) -> None:
    assert stays_here(portal.browser.get(f"{portal.authorization_url(state=None)}&state={value}"))


def test_more_than_a_hundred_parameters_are_refused(portal: Portal) -> None:
    many = "&".join(f"p{n}=1" for n in range(101))

    assert stays_here(portal.browser.get(f"{portal.authorization_url()}&{many}"))


# --- POST (§3.1.2.1)


def test_a_request_by_post_comes_back_by_get_so_that_the_session_is_seen(portal: Portal) -> None:
    consented(portal)
    form = dict(parse_qsl(urlsplit(portal.authorization_url(state="geheim")).query))

    response = portal.browser.post("/authorize", data=form)

    assert page_of(response) == "/authorize"
    assert "geheim" not in response.headers["Location"]
    assert portal.answer(portal.browser.get(response.headers["Location"]))["state"] == "geheim"


def test_oa_4_query_and_body_are_not_merged(portal: Portal) -> None:
    consented(portal)
    query = portal.authorization_url().partition("?")[2]

    assert stays_here(portal.browser.post(f"/authorize?{query}", data={}))
    assert stays_here(portal.browser.post(f"/authorize?{query}", data={"state": "x"}))


def test_a_bad_request_by_post_is_answered_like_one_by_get(portal: Portal) -> None:
    form = dict(parse_qsl(urlsplit(portal.authorization_url(response_type="token")).query))

    response = portal.browser.post("/authorize", data=form)

    assert portal.answer(response)["error"] == "unsupported_response_type"


# --- the session behind the answer


def test_se_3_an_idle_session_leads_to_the_sign_in_page(portal: Portal, clock: FixedClock) -> None:
    consented(portal)
    clock.move(1801)

    assert page_of(portal.start()) == "/masuk"


def test_se_3_a_session_has_an_absolute_end(portal: Portal, clock: FixedClock) -> None:
    consented(portal)
    for _ in range(24):
        clock.move(1799)
        assert "code" in portal.answer(portal.start())
    clock.move(43200 - 24 * 1799)

    assert page_of(portal.start()) == "/masuk"


def test_oa_16_a_suspended_account_gets_no_code(portal: Portal, person: Account) -> None:
    consented(portal)
    with portal.app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(person, status=AccountStatus.SUSPENDED))

    assert page_of(portal.start()) == "/masuk"
    assert portal.answer(portal.start(prompt="none"))["error"] == "login_required"


# --- consent


def test_the_person_is_asked_once(portal: Portal) -> None:
    assert page_of(portal.start(scope="openid email")) == "/izin"
    consented(portal, scope="openid email")

    assert "code" in portal.answer(portal.start(scope="openid email"))


def test_oa_20_more_scopes_are_asked_for_again(portal: Portal) -> None:
    consented(portal, scope="openid email")

    assert page_of(portal.start(scope="openid email phone")) == "/izin"
    assert "code" in portal.answer(portal.start(scope="openid"))


def test_a_no_is_access_denied(portal: Portal) -> None:
    waiting = portal.start()

    answer = portal.answer(decide(portal.browser, waiting.headers["Location"], "deny"))

    assert answer["error"] == "access_denied"
    assert (answer["state"], answer["iss"]) == ("st", ISSUER)


def test_consent_withdrawn_is_asked_for_again(portal: Portal, person: Account) -> None:
    consented(portal)
    visitor = Visitor(b"x" * 32, "127.0.0.1", NOWHERE)
    portal.app.wiring.services.consents.withdraw(person.id, portal.client_id, visitor)

    assert page_of(portal.start()) == "/izin"


def test_an_optional_scope_may_be_unticked_and_that_is_remembered(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(optional_scopes=["email", "phone"])
    asked = "openid profile email phone"
    waiting = portal.start(scope=asked)
    allowed = decide(portal.browser, waiting.headers["Location"], "allow", "phone")
    code = portal.answer(portal.browser.get(allowed.headers["Location"]))["code"]

    assert portal.redeem(code).get_json()["scope"] == "openid profile phone"
    silent = portal.answer(portal.start(scope=asked, prompt="none"))
    assert portal.redeem(silent["code"]).get_json()["scope"] == "openid profile phone"


def test_a_required_scope_can_not_be_unticked(portal: Portal) -> None:
    waiting = portal.start(scope="openid email")
    allowed = decide(portal.browser, waiting.headers["Location"], "allow")
    code = portal.answer(portal.browser.get(allowed.headers["Location"]))["code"]

    assert portal.redeem(code).get_json()["scope"] == "openid email"


def test_oa_20_a_native_client_is_always_asked_for(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(
        application_type="native",
        redirect_uris=["id.go.kemnaker.app:/cb"],
        token_endpoint_auth_method="none",
    )
    portal.callback = "id.go.kemnaker.app:/cb"
    waiting = portal.start()
    decide(portal.browser, waiting.headers["Location"], "allow")

    assert page_of(portal.start()) == "/izin"


def test_a_client_of_the_ministry_needs_no_consent_page(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(first_party=True)

    assert "code" in portal.answer(portal.start(scope="openid profile email"))


def test_oa_20_the_name_of_a_client_is_escaped(
    register: Callable[..., Portal], person: Account
) -> None:
    portal = register(client_name='<img src=x onerror="alert(1)">"><script>')

    page = portal.browser.get(portal.start().headers["Location"]).text

    assert "<img src=x" not in page
    assert '"><script>' not in page
    assert "&lt;img src=x" in page


# --- the waiting request


def test_se_7_a_request_goes_on_in_its_own_browser_only(portal: Portal, person: Account) -> None:
    waiting = portal.start()
    stranger = portal.app.test_client()
    sign_in(portal.app, stranger, person)

    assert stays_here(stranger.get(f"/authorize/{interaction_of(waiting)}"))
    assert stranger.get(f"/izin?i={interaction_of(waiting)}").status_code == 400


def test_a_request_is_answered_once(portal: Portal) -> None:
    waiting = portal.start()
    decide(portal.browser, waiting.headers["Location"], "allow")
    first = resumed(portal.browser, waiting)

    assert "code" in portal.answer(first)
    assert stays_here(resumed(portal.browser, waiting))


def test_a_denied_request_can_not_be_allowed_afterwards(portal: Portal) -> None:
    waiting = portal.start()
    decide(portal.browser, waiting.headers["Location"], "deny")

    assert portal.browser.get(waiting.headers["Location"]).status_code == 400
    assert stays_here(resumed(portal.browser, waiting))


def test_a_request_waits_for_fifteen_minutes(portal: Portal, clock: FixedClock) -> None:
    waiting = portal.start()
    clock.move(899)
    assert page_of(resumed(portal.browser, waiting)) == "/izin"
    clock.move(1)

    assert stays_here(resumed(portal.browser, waiting))


def test_two_tabs_finish_their_own_requests(portal: Portal) -> None:
    first, second = portal.start(state="one"), portal.start(state="two")
    decide(portal.browser, second.headers["Location"], "allow")

    assert portal.answer(resumed(portal.browser, second))["state"] == "two"
    assert portal.answer(resumed(portal.browser, first))["state"] == "one"


def test_an_unknown_waiting_request_is_told_here(portal: Portal) -> None:
    for name in ("nothing", "a" * 43, "..%2f..", "%00"):
        assert portal.browser.get(f"/authorize/{name}").status_code in {400, 404}


# --- what stands on every answer


def test_rd_2_the_way_to_a_portal_is_303(portal: Portal) -> None:
    consented(portal)

    assert portal.start().status_code == 303
    assert portal.start(response_type="token").status_code == 303


def test_hd_3_nothing_of_an_authorization_answer_is_kept(
    portal: Portal, public_portal: Portal
) -> None:
    consented(portal)
    responses = [
        portal.start(),
        portal.start(prompt="login"),
        portal.start(response_type="token"),
        portal.start(client_id="nobody"),
        public_portal.start(),
    ]

    assert {response.headers["Cache-Control"] for response in responses} == {"no-store"}


def test_the_code_is_bound_to_what_was_asked(portal: Portal) -> None:
    """RFC 6749 §4.1.3: no other redirect URI, client or verifier fits."""
    code = portal.authorize(code_challenge=CHALLENGE)

    assert portal.redeem(code, redirect_uri="https://portal.example/other").status_code == 400
    assert portal.redeem(code).status_code == 200


# --- answers that need no page


def test_an_answer_without_a_page_has_the_headers_of_a_page(portal: Portal) -> None:
    consented(portal)
    page = portal.browser.get("/masuk")

    response = portal.start()

    assert "code" in portal.answer(response)
    assert response.data == b""
    for name in (
        "Content-Security-Policy",
        "Referrer-Policy",
        "X-Content-Type-Options",
        "X-Frame-Options",
        "Permissions-Policy",
        "Cross-Origin-Opener-Policy",
        "Cache-Control",
    ):
        assert response.headers[name] == page.headers[name], name


def test_what_needs_a_page_after_all_is_decided_once(portal: Portal) -> None:
    consented(portal)
    with counted(portal.app) as statements:
        response = portal.start(prompt="login")

    assert response.status_code == 303
    assert page_of(response) == "/masuk"
    kept = [
        statement for statement in statements if statement.startswith("INSERT INTO interaction")
    ]
    assert len(kept) == 1
    assert portal.browser.get(response.headers["Location"]).status_code == 200


def test_a_language_that_comes_with_a_request_is_kept_though_no_page_is_shown(
    portal: Portal,
) -> None:
    consented(portal)

    response = portal.start(lang="en")

    assert "code" in portal.answer(response)
    assert any(c.startswith("lang=en") for c in response.headers.getlist("Set-Cookie"))


def test_a_session_cookie_of_nobody_leads_to_the_sign_in_page(portal: Portal) -> None:
    portal.browser.set_cookie("sid", "x" * 43)

    response = portal.start()

    assert page_of(response) == "/masuk"
    assert portal.browser.get(response.headers["Location"]).status_code == 200
