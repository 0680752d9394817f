"""Factors of citizens: the app, passkeys, recovery codes (AU-9 to AU-11, AU-14, OT-7)."""

import base64
import json
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from adapters.sql.tables import account_passkey, account_recovery_code, account_totp
from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD as BY_PASSWORD
from idp.domain.identity.assurance import SMS_CODE, combine
from idp.domain.identity.audit import OPERATOR, Action
from idp.domain.identity.factors import ProvedBy
from idp.services.totp import STEP_SECONDS, code_at
from tests.authenticator import USER_PRESENT, Authenticator, challenge_in
from tests.enrolled import enter_by, options_in, seed_in, with_app, with_codes, with_passkey
from tests.fakes import FixedClock
from tests.guest import Guest, path_of, without_nonces
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in
from tests.racing import at_once

EMAIL = "budi1@contoh.id"
APP = "/akun/keamanan/totp"
PASSKEYS = "/akun/keamanan/kunci-sandi"
CODES = "/akun/keamanan/kode-pemulihan"
SECURITY = "/akun/keamanan"
BOTH = combine(BY_PASSWORD, SMS_CODE)
LEVEL_2, LEVEL_3 = "urn:kemnaker:aal:2", "urn:kemnaker:aal:3"


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application) -> Account:
    return an_account(app)


@pytest.fixture
def device() -> Authenticator:
    return Authenticator()


def now(app: Application) -> int:
    return app.wiring.services.clock.now()


def show(guest: Guest, url: str, device: Authenticator, **changed: object) -> TestResponse:
    """Show a passkey at a page that asks for one."""
    page = guest.get(url)
    answer = device.get(options_in(page), **changed)
    return guest.post(url, page, by="passkey", passkey_answer=answer)


def actions(app: Application, account: Account) -> list[Action]:
    with app.wiring.services.store.read() as tx:
        return [event.action for event in tx.audit.list_visible(account.id)]


def at_second_step(guest: Guest) -> str:
    """Type the password on a browser that is not known; return where the second step is."""
    answer = guest.log_in(EMAIL)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def by_way(guest: Guest, url: str, way: str) -> str:
    """Choose another way for the second step; return where it is asked for."""
    answer = guest.post(url.replace("/kode", "/metode"), channel=way)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def is_in(guest: Guest) -> bool:
    return guest.get("/akun").status_code == 200


# Enrolling ------------------------------------------------------------------------------------


def test_an_app_counts_once_its_code_came_back(
    app: Application, guest: Guest, account: Account
) -> None:
    sign_in(app, guest.browser, account, BOTH)
    page = guest.get(APP)
    assert '<svg class="qr" role="img"' in page.text

    wrong = guest.post(APP, page, code="000000")
    assert wrong.status_code == 422
    assert "Kode tidak sesuai atau sudah dipakai." in wrong.text
    answer = guest.post(APP, page, code=code_at(seed_in(page), now(app)))

    assert answer.headers["Location"] == f"{SECURITY}?pesan=aplikasi"
    assert "Aplikasi autentikator terpasang." in guest.get(answer.headers["Location"]).text
    assert app.wiring.services.factors.of(account.id).totp is not None
    assert "factor_added" in guest.kinds()
    assert Action.FACTOR_ADDED in actions(app, account)


def test_the_seed_is_sealed_and_recovery_codes_are_kept_as_digests(
    app: Application, account: Account
) -> None:
    seed, codes = with_app(app, account), with_codes(app, account)

    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        sealed = connection.execute(sa.select(account_totp.c.seed_sealed)).scalars().all()
        kept = connection.execute(sa.select(account_recovery_code.c.digest)).scalars().all()
    assert seed not in sealed[0]
    assert len(kept) == len(codes) == len(set(codes)) == 10
    assert all(len(base64.b32decode(code.replace("-", ""))) * 8 == 80 for code in codes)
    written = {code.encode() for code in codes} | {code.replace("-", "").encode() for code in codes}
    assert not written & set(kept)


def test_recovery_codes_are_shown_once_and_new_ones_end_the_old(
    app: Application, guest: Guest, account: Account
) -> None:
    sign_in(app, guest.browser, account, BOTH)
    first = guest.post(CODES)
    assert first.text.count("<li>") >= 10
    assert "Kode ini tidak akan ditampilkan lagi." in first.text
    again = guest.get(CODES)
    assert "Sisa 10 kode." in again.text
    [old, *_] = with_codes(app, account)
    with_codes(app, account)

    other = Guest(app)
    url = by_way(other, at_second_step(other), "recovery")
    refused = other.post(url, recovery_code=old)
    assert refused.status_code == 422
    assert "Kode pemulihan tidak sesuai atau sudah dipakai." in refused.text


def test_a_passkey_is_added_named_and_removed(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    sign_in(app, guest.browser, account, BOTH)
    page = guest.get(f"{PASSKEYS}/baru")
    options = options_in(page)
    assert options["authenticatorSelection"]["userVerification"] == "required"
    handle = base64.urlsafe_b64decode(options["user"]["id"] + "==")
    assert len(handle) == 32
    assert account.nik is not None
    assert account.nik.digits.encode() not in handle
    added = guest.post(
        f"{PASSKEYS}/baru",
        page,
        by="passkey",
        passkey_answer=device.create(options),
        label="Ponsel saya",
    )
    assert added.headers["Location"] == f"{PASSKEYS}?pesan=kunci"
    [kept] = app.wiring.services.factors.of(account.id).passkeys
    assert kept.label == "Ponsel saya"

    # making it was a proof by it: nothing more is asked for the next five minutes
    guest.post(f"{PASSKEYS}/{kept.id}", label="Ponsel kantor")
    assert "Ponsel kantor" in guest.get(PASSKEYS).text
    asked = guest.get(f"{PASSKEYS}/{kept.id}/hapus")
    assert "Hapus kunci sandi Ponsel kantor?" in asked.text
    assert len(app.wiring.services.factors.of(account.id).passkeys) == 1
    removed = guest.post(f"{PASSKEYS}/{kept.id}/hapus", asked)

    assert removed.headers["Location"] == f"{PASSKEYS}?pesan=kunci-hapus"
    assert app.wiring.services.factors.of(account.id).passkeys == ()
    assert {"factor_added", "factor_removed"} <= set(guest.kinds())


def test_somebody_elses_passkey_is_not_kept_twice(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, an_account(app, number=2), device)
    sign_in(app, guest.browser, account, BOTH)
    page = guest.get(f"{PASSKEYS}/baru")

    answer = guest.post(
        f"{PASSKEYS}/baru",
        page,
        by="passkey",
        passkey_answer=device.create(options_in(page)),
        label="x",
    )

    assert answer.status_code == 422
    assert "Kunci sandi tidak dapat diperiksa." in answer.text


def test_nobody_touches_anothers_passkey(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    theirs = with_passkey(app, an_account(app, number=2), device)
    sign_in(app, guest.browser, account, BOTH)

    assert path_of(guest.get(f"{PASSKEYS}/{theirs.id}")) == PASSKEYS
    assert path_of(guest.post(f"{PASSKEYS}/{theirs.id}/hapus", guest.get(CODES))) == PASSKEYS
    with app.wiring.services.store.read() as tx:
        assert tx.account_factors.find_passkey(device.credential_id) is not None


# The second step ------------------------------------------------------------------------------


def test_au_9_a_code_of_the_app_is_the_second_step(
    app: Application, guest: Guest, account: Account
) -> None:
    seed = with_app(app, account)
    url = at_second_step(guest)
    page = guest.get(url)
    assert "Buka aplikasi autentikator Anda" in page.text
    assert "code" not in guest.kinds(), "nothing is sent"

    answer = guest.post(url, page, code=code_at(seed, now(app)))

    assert answer.headers["Location"] == "/akun"
    assert is_in(guest)


@pytest.mark.parametrize("steps", [-2, -1, 1, 2])
def test_au_9_one_step_either_way_is_borne(
    app: Application, guest: Guest, account: Account, steps: int
) -> None:
    seed = with_app(app, account)
    url = at_second_step(guest)

    answer = guest.post(url, code=code_at(seed, now(app) + steps * STEP_SECONDS))

    assert (answer.status_code == 303) is (abs(steps) == 1)


def test_au_9_one_code_20_times_at_once_lets_one_in(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="100")
    account = an_account(app)
    seed = with_app(app, account)
    guests = [Guest(app) for _ in range(20)]
    urls = [at_second_step(guest) for guest in guests]
    pages = [guest.get(url) for guest, url in zip(guests, urls, strict=True)]
    code = code_at(seed, now(app))

    answers = at_once(
        [
            lambda g=guest, u=url, p=page: g.post(u, p, code=code).status_code  # type: ignore[misc]
            for guest, url, page in zip(guests, urls, pages, strict=True)
        ]
    )

    assert sorted(answers) == [303, *[422] * 19]


def test_au_9_five_wrong_codes_stop_the_account_for_a_quarter_of_an_hour(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    seed = with_app(app, account)
    url = at_second_step(guest)
    for _ in range(5):
        assert guest.post(url, code="000000").status_code == 422
    stopped = guest.post(url, code=code_at(seed, now(app)))
    assert stopped.status_code == 429
    assert "Terlalu banyak kode yang salah." in stopped.text
    assert int(stopped.headers["Retry-After"]) > 600

    clock.move(6 * 60)
    assert guest.post(url, code=code_at(seed, now(app))).status_code == 429
    clock.move(10 * 60)
    again = Guest(app)
    assert again.post(at_second_step(again), code=code_at(seed, now(app))).status_code == 303


def test_a_recovery_code_stands_in_once_and_the_person_is_told(
    app: Application, guest: Guest, account: Account
) -> None:
    with_app(app, account)
    [code, *_] = with_codes(app, account)
    url = by_way(guest, at_second_step(guest), "recovery")

    answer = guest.post(url, recovery_code=code.lower().replace("-", " "))

    assert answer.headers["Location"] == "/akun"
    assert "recovery_used" in guest.kinds()
    assert app.wiring.services.factors.of(account.id).recovery_codes_left == 9
    other = Guest(app)
    again = other.post(by_way(other, at_second_step(other), "recovery"), recovery_code=code)
    assert again.status_code == 422


def test_a_passkey_is_the_second_step_too(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device)

    answer = show(guest, at_second_step(guest), device)

    assert answer.headers["Location"] == "/akun"


def test_r_3_the_app_and_passkeys_need_no_gateway(app: Application, device: Authenticator) -> None:
    account = an_account(app, email_verified=False)
    seed = with_app(app, account)
    with_passkey(app, account, device)
    guest, other = Guest(app), Guest(app)

    by_app = guest.post(by_way(guest, at_second_step(guest), "app"), code=code_at(seed, now(app)))
    by_passkey = show(other, at_second_step(other), device)

    assert (by_app.status_code, by_passkey.status_code) == (303, 303)
    assert "code" not in guest.kinds()


def test_whoever_enrolled_is_asked_whatever_the_operators_policy_is(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none")
    guest, account = Guest(app), an_account(app)
    assert guest.log_in(EMAIL).headers["Location"] == "/akun"
    with_app(app, account)

    assert path_of(Guest(app).log_in(EMAIL)) == "/masuk/kode"


def test_a_browser_that_is_remembered_is_not_asked_again(
    app: Application, guest: Guest, account: Account
) -> None:
    seed = with_app(app, account)
    guest.post(at_second_step(guest), code=code_at(seed, now(app)), remember="1")
    guest.post("/keluar", decision="all")

    assert guest.log_in(EMAIL).headers["Location"] == "/akun"


def test_ot_7_short_messages_are_offered_beside_the_app_with_a_word_on_their_risk(
    app: Application, guest: Guest, account: Account
) -> None:
    with_app(app, account)
    url = at_second_step(guest)
    page = guest.get(url.replace("/kode", "/metode"))

    assert "Aplikasi autentikator" in page.text
    assert "Kurang aman bila kartu SIM Anda hilang" in page.text
    assert guest.post(by_way(guest, url, "sms"), code=guest.code()).status_code == 303


def test_au_12_a_way_that_somebody_has_not_is_refused(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    url = at_second_step(guest)
    page = guest.get(url)

    refused = guest.post(url.replace("/kode", "/metode"), channel="app")
    by_passkey = guest.post(url, page, by="passkey", passkey_answer="{}")
    by_recovery = guest.post(url, page, recovery_code="AAAA-AAAA-AAAA-AAAA")

    assert refused.status_code == 422
    assert path_of(by_passkey) == path_of(by_recovery) == "/masuk/metode"
    assert not is_in(guest)


# Passkeys alone -------------------------------------------------------------------------------


def test_a_passkey_alone_signs_in_on_an_unknown_browser(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device)

    answer = show(guest, "/masuk", device)

    assert answer.headers["Location"] == "/akun"
    assert is_in(guest)
    assert "new_device" in guest.kinds()
    assert [event for event in actions(app, account) if event is Action.LOGIN_SUCCEEDED]


def test_the_sign_in_page_asks_for_no_passkey_in_particular(guest: Guest, app: Application) -> None:
    options = options_in(guest.get("/masuk"))

    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    assert len(challenge_in(options)) == 32
    assert 'autocomplete="username webauthn"' in guest.get("/masuk").text


def test_a_passkey_returns_to_the_portal_that_waits(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device)
    portal = a_portal(app, guest.browser)
    there = portal.start(scope="openid").headers["Location"]

    answer = show(guest, there, device)

    assert path_of(answer).startswith("/authorize/")
    assert path_of(guest.get(answer.headers["Location"])) == "/izin"


@pytest.mark.parametrize(
    "broken", ["origin", "host", "unverified", "key", "unknown", "replayed", "late", "elsewhere"]
)
def test_au_10_a_proof_that_is_not_good_lets_nobody_in(
    app: Application,
    guest: Guest,
    account: Account,
    device: Authenticator,
    clock: FixedClock,
    broken: str,
) -> None:
    with_passkey(app, account, device)
    page = guest.get("/masuk")
    options = options_in(page)
    if broken == "origin":
        device.origin = "https://palsu.example"
    elif broken == "host":
        device.host = "palsu.example"
    elif broken == "unverified":
        device.flags = USER_PRESENT
    elif broken == "key":
        device.key = Authenticator().key
    elif broken == "unknown":
        device.credential_id = b"another"
    answer = device.get(options)
    fields = {**form_fields(page), "by": "passkey", "passkey_answer": answer}
    if broken == "replayed":
        assert guest.post("/masuk", page, by="passkey", passkey_answer=answer).status_code == 303
        guest = Guest(app)
        guest.browser.set_cookie("flow", "x" * 32)
        again = guest.get("/masuk")
        fields = {**fields, "csrf_token": form_fields(again)["csrf_token"]}
    elif broken == "late":
        clock.move(301)
    elif broken == "elsewhere":
        guest = Guest(app)
        fields["csrf_token"] = form_fields(guest.get("/masuk"))["csrf_token"]

    sent = guest.browser.post("/masuk", data=fields, headers=same_origin())

    assert sent.status_code == 422
    assert "Kunci sandi tidak dapat diperiksa." in sent.text
    assert not is_in(guest)


def test_au_10_a_counter_that_goes_back_is_refused_and_told(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device)
    device.sign_count = 10
    show(guest, "/masuk", device)
    device.sign_count = 3

    answer = show(Guest(app), "/masuk", device)

    assert answer.status_code == 422
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        [seen] = connection.execute(sa.select(account_passkey.c.sign_count)).scalars()
    assert seen == 11


@pytest.mark.parametrize("answer", ["", "{}", "[]", "x", '{"rawId": 1}', "{" * 9000, "ÿ" * 900])
def test_rubbish_in_the_place_of_a_proof_is_refused(guest: Guest, answer: str) -> None:
    sent = guest.post("/masuk", by="passkey", passkey_answer=answer)

    assert sent.status_code == 422


def test_a_locked_account_is_not_opened_by_its_passkey(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device)
    app.wiring.services.people.lock(account.id, "laporan pemilik", OPERATOR)

    assert show(guest, "/masuk", device).status_code == 422


# Levels ---------------------------------------------------------------------------------------


def token_of(portal: Portal, **asked: str) -> dict[str, object]:
    return dict(portal.claims(portal.tokens(scope="openid", **asked)["id_token"]))


@pytest.mark.parametrize(
    ("is_synced", "acr", "method"), [(True, LEVEL_2, "swk"), (False, LEVEL_3, "hwk")]
)
def test_a_passkey_is_level_2_and_one_that_never_leaves_its_device_level_3(
    app: Application,
    guest: Guest,
    account: Account,
    device: Authenticator,
    is_synced: bool,
    acr: str,
    method: str,
) -> None:
    with_passkey(app, account, device, is_synced=is_synced)
    show(guest, "/masuk", device)

    told = token_of(a_portal(app, guest.browser))

    assert told["acr"] == acr
    assert told["amr"] == [method, "user", "mfa"]


def test_the_app_is_level_2(app: Application, guest: Guest, account: Account) -> None:
    seed = with_app(app, account)
    guest.post(at_second_step(guest), code=code_at(seed, now(app)))

    told = token_of(a_portal(app, guest.browser))

    assert (told["acr"], told["amr"]) == (LEVEL_2, ["pwd", "otp", "mfa"])


def test_a_portal_that_asks_for_level_3_leads_to_the_passkey_alone(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device, is_synced=False)
    with_app(app, account)
    sign_in(app, guest.browser, account, BOTH)
    portal = a_portal(app, guest.browser)
    essential = json.dumps({"id_token": {"acr": {"essential": True, "values": [LEVEL_3]}}})
    there = portal.start(scope="openid", claims=essential).headers["Location"]
    page = guest.get(there)
    assert "Kunci sandi" in page.text
    assert 'value="sms"' not in page.text
    assert 'value="app"' not in page.text

    url = guest.post(there, page, channel="passkey").headers["Location"]
    answer = show(guest, url, device)

    asked = guest.get(answer.headers["Location"]).headers["Location"]
    back = guest.post(asked, decision="allow")
    tokens = portal.redeem(portal.answer(guest.get(back.headers["Location"]))["code"]).get_json()
    assert portal.claims(tokens["id_token"])["acr"] == LEVEL_3


def test_an_essential_level_3_that_nobody_can_reach_is_told_to_the_portal(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device, is_synced=True)
    sign_in(app, guest.browser, account, BOTH)
    portal = a_portal(app, guest.browser)
    essential = json.dumps({"id_token": {"acr": {"essential": True, "values": [LEVEL_3]}}})

    answer = portal.answer(portal.start(scope="openid", claims=essential))

    assert answer["error"] == "unmet_authentication_requirements"


# Recovery and risky changes -------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_au_11_recovery_of_an_account_with_an_app_ends_at_the_apps_step(
    app: Application, guest: Guest, account: Account, channel: str
) -> None:
    seed = with_app(app, account)
    started = guest.post("/kendala/kata-sandi", identifier=EMAIL, channel=channel)
    if channel == "email":
        new = f"/kendala/kata-sandi/baru?k={guest.secret('recovery_link')}"
    else:
        new = guest.post(started.headers["Location"], code=guest.code()).headers["Location"]
    asked = guest.post(new, password="gajah biru makan awan")
    assert path_of(asked) == "/masuk/kode"
    ways = guest.get(asked.headers["Location"].replace("/kode", "/metode")).text
    assert 'value="sms"' not in ways
    assert 'value="email"' not in ways
    assert not is_in(guest)

    answer = guest.post(asked.headers["Location"], code=code_at(seed, now(app)))

    assert answer.status_code == 303
    assert is_in(guest)


def test_au_11_not_even_a_known_browser_skips_the_app_after_a_recovery(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    guest.enter(EMAIL, remember=True)
    guest.post("/keluar", decision="all")
    with_app(app, account)
    clock.move(120)
    guest.post("/kendala/kata-sandi", identifier=EMAIL, channel="email")
    new = f"/kendala/kata-sandi/baru?k={guest.secret('recovery_link')}"

    assert path_of(guest.post(new, password="gajah biru makan awan")) == "/masuk/kode"


@pytest.mark.parametrize("page", [APP, CODES, f"{PASSKEYS}/baru", "/akun/keamanan/kata-sandi"])
def test_au_14_a_change_needs_the_strongest_factor_of_the_last_five_minutes(
    app: Application,
    guest: Guest,
    account: Account,
    device: Authenticator,
    clock: FixedClock,
    page: str,
) -> None:
    with_passkey(app, account, device)
    with_app(app, account)
    for proved_by in (ProvedBy.NOTHING, ProvedBy.APP):
        enter_by(app, guest.browser, account, proved_by)
        assert path_of(guest.get(page)) == "/konfirmasi"
    enter_by(app, guest.browser, account, ProvedBy.PASSKEY)
    assert guest.get(page).status_code == 200
    clock.move(301)
    asked = guest.get(page)
    assert path_of(asked) == "/konfirmasi"

    offered = guest.get(asked.headers["Location"])
    assert 'value="passkey"' in offered.text
    assert 'value="app"' not in offered.text
    assert 'value="sms"' not in offered.text
    url = guest.post(asked.headers["Location"], offered, channel="passkey", action="code")
    back = show(guest, url.headers["Location"], device)

    assert path_of(back) == page


def test_au_14_a_code_by_message_does_not_confirm_whoever_has_an_app(
    app: Application, guest: Guest, account: Account
) -> None:
    with_app(app, account)
    sign_in(app, guest.browser, account, BOTH)
    page = guest.get(f"/konfirmasi?lanjut={'app_code'}")

    refused = guest.post(f"/konfirmasi?lanjut={'app_code'}", page, channel="sms", action="code")

    assert refused.status_code == 422


def test_a_lost_passkey_is_replaced_by_means_of_a_recovery_code(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    kept = with_passkey(app, account, device)
    [code, *_] = with_codes(app, account)
    url = by_way(guest, at_second_step(guest), "recovery")
    guest.post(url, recovery_code=code)
    there = f"{PASSKEYS}/{kept.id}"

    answer = guest.post(f"{there}/hapus", guest.get(there))

    assert answer.headers["Location"] == f"{PASSKEYS}?pesan=kunci-hapus"


def test_ot_7_a_phone_changed_after_a_passkey_may_recover_at_once(
    app: Application, guest: Guest, account: Account, device: Authenticator
) -> None:
    with_passkey(app, account, device)
    enter_by(app, guest.browser, account, ProvedBy.PASSKEY)
    url = guest.post("/akun/keamanan/nomor-handphone", phone="0812 0000 0077").headers["Location"]
    guest.post(url, code=guest.code())

    with app.wiring.services.store.read() as tx:
        changed = tx.accounts.find(account.id)
    assert changed is not None
    assert changed.phone_recovers_at is None


def test_pages_tell_a_stranger_nothing_of_factors(
    app: Application, account: Account, device: Authenticator
) -> None:
    before = without_nonces(Guest(app).log_in(EMAIL, "bukan kata sandinya"))
    with_app(app, account)
    with_passkey(app, account, device)

    after = without_nonces(Guest(app).log_in(EMAIL, "bukan kata sandinya"))

    assert before == after


def test_factors_go_with_their_account(
    app: Application, account: Account, device: Authenticator
) -> None:
    with_app(app, account)
    with_passkey(app, account, device)
    with_codes(app, account)

    app.wiring.services.accounts.delete(account.subject)

    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        for table in (account_totp, account_passkey, account_recovery_code):
            assert connection.execute(sa.select(table)).all() == []
