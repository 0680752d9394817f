"""Changing the password behind a fresh proof, and what ends with it (AU-14)."""

from collections.abc import Callable

import pytest

from adapters.system import SystemClock
from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD as BY_PASSWORD
from idp.domain.identity.assurance import SMS_CODE, combine
from idp.domain.identity.audit import Action
from idp.wiring import Given
from tests.fakes import FixedClock
from tests.guest import PASSWORD, Guest, cookie_of, path_of
from tests.portal import a_portal, an_account, form_fields, same_origin, sign_in
from tests.racing import at_once

EMAIL = "budi1@contoh.id"
NEW = "gajah biru makan awan"
CHANGE = "/akun/keamanan/kata-sandi"
CONFIRM = "/konfirmasi?lanjut=change_password"
BOTH = combine(BY_PASSWORD, SMS_CODE)


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application, guest: Guest) -> Account:
    """Somebody who signed in with password and code a moment ago."""
    account = an_account(app)
    sign_in(app, guest.browser, account, BOTH)
    return account


@pytest.fixture
def unreachable(app: Application, guest: Guest) -> Account:
    """Somebody who is signed in and whom no code can reach."""
    account = an_account(app, email_verified=False, phone_number_verified=False)
    sign_in(app, guest.browser, account)
    return account


def change(guest: Guest, new: str = NEW, *, current: str = PASSWORD, page=None):
    return guest.post(CHANGE, page, current_password=current, password=new)


def can_enter(app: Application, password: str) -> bool:
    stranger = Guest(app, address="198.51.100.77")
    return stranger.log_in(EMAIL, password).status_code == 303


def test_the_new_password_counts_from_now_on(
    app: Application, guest: Guest, account: Account
) -> None:
    answer = change(guest)

    assert answer.headers["Location"] == "/akun/keamanan?pesan=sandi"
    assert "Kata sandi telah diubah." in guest.get(answer.headers["Location"]).text
    assert can_enter(app, NEW)
    assert not can_enter(app, PASSWORD)


def test_au_14_other_sessions_and_tokens_end_and_mine_goes_on(
    app: Application, guest: Guest, account: Account
) -> None:
    other = Guest(app)
    sign_in(app, other.browser, account)
    theirs = a_portal(app, other.browser).tokens(scope="openid offline_access", prompt="consent")
    portal = a_portal(app, guest.browser)
    mine = portal.tokens(scope="openid")
    lasting = portal.tokens(scope="openid offline_access", prompt="consent")

    change(guest)

    assert path_of(other.get("/akun")) == "/masuk"
    assert guest.get("/akun").status_code == 200
    assert portal.userinfo(theirs["access_token"]).status_code == 401
    assert portal.userinfo(mine["access_token"]).status_code == 200
    assert portal.refresh(lasting["refresh_token"]).get_json()["error"] == "invalid_grant"


def test_au_14_every_refresh_token_of_other_browsers_ends(
    app: Application, guest: Guest, account: Account
) -> None:
    other = Guest(app)
    sign_in(app, other.browser, account)
    portal = a_portal(app, other.browser)
    token = portal.tokens(scope="openid offline_access", prompt="consent")["refresh_token"]

    change(guest)

    assert portal.refresh(token).get_json()["error"] == "invalid_grant"


def test_se_2_the_cookie_changes_with_the_password(guest: Guest, account: Account, app) -> None:
    before = cookie_of(guest.browser, "sid")
    change(guest)

    assert cookie_of(guest.browser, "sid") != before
    thief = Guest(app)
    thief.browser.set_cookie("sid", before or "")
    assert path_of(thief.get("/akun")) == "/masuk"


def test_au_14_the_person_is_told(app: Application, guest: Guest, account: Account) -> None:
    change(guest)

    assert guest.kinds() == ["password_changed"]
    with app.wiring.services.store.read() as tx:
        actions = [event.action for event in tx.audit.list_visible(account.id)]
    assert Action.PASSWORD_CHANGED in actions


def test_au_14_where_no_address_is_proved_the_phone_is_told_as_well(
    app: Application, guest: Guest
) -> None:
    account = an_account(app, email_verified=False)
    sign_in(app, guest.browser, account, BOTH)
    change(guest)

    told = {(message["carrier"], message["to"]) for message in guest.messages()}
    assert told == {("mail", EMAIL), ("sms", "+6281200000001")}


def test_remembered_browsers_are_strangers_again_but_for_this_one(
    app: Application, clock: FixedClock
) -> None:
    an_account(app)
    mine, other = Guest(app), Guest(app, address="198.51.100.8")
    other.enter(EMAIL, remember=True)
    clock.move(130)
    mine.enter(EMAIL, remember=True)
    change(mine)
    clock.move(130)

    for guest in (mine, other):
        guest.browser.delete_cookie("sid")
    assert path_of(mine.log_in(EMAIL, NEW)) == "/akun"
    assert path_of(other.log_in(EMAIL, NEW)) == "/masuk/kode"


# --- the fresh proof ------------------------------------------------------------------------------


def test_au_14_a_proof_of_five_minutes_ago_is_asked_for_again(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    page = guest.get(CHANGE)
    clock.move(301)

    assert guest.get(CHANGE).headers["Location"] == CONFIRM
    assert change(guest, page=page).headers["Location"] == CONFIRM


def test_au_14_a_code_of_hours_ago_makes_no_password_enough(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    clock.move(301)
    answer = guest.post(CONFIRM, password=PASSWORD)

    assert (answer.status_code, 'type="password"' in answer.text) == (200, False)
    assert guest.get(CHANGE).headers["Location"] == CONFIRM


def test_au_14_the_strongest_way_is_asked_for_where_only_a_password_was_given(
    app: Application, guest: Guest
) -> None:
    account = an_account(app)
    sign_in(app, guest.browser, account)
    assert guest.get(CHANGE).headers["Location"] == CONFIRM
    page = guest.get(CONFIRM)
    assert 'type="password"' not in page.text
    assert guest.post(CONFIRM, page, password=PASSWORD).status_code == 200
    assert guest.get(CHANGE).headers["Location"] == CONFIRM

    answer = guest.post(CONFIRM, page, action="code", channel="sms")
    answer = guest.post(answer.headers["Location"], code=guest.code())

    assert answer.headers["Location"].partition("?")[0] == CHANGE
    assert guest.get(CHANGE).status_code == 200


def test_au_14_a_code_for_signing_in_is_no_fresh_proof(app: Application, clock: FixedClock) -> None:
    account = an_account(app)
    guest = Guest(app)
    there = guest.log_in(EMAIL).headers["Location"]
    code = guest.code()
    sign_in(app, guest.browser, account)
    clock.move(61)
    step = guest.post(CONFIRM, action="code", channel="sms").headers["Location"]

    assert guest.post(step, code=code).status_code == 422
    assert there != step


def test_au_14_without_any_proved_contact_the_password_is_the_strongest(
    guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    clock.move(301)
    before = cookie_of(guest.browser, "sid")

    answer = guest.post(CONFIRM, password=PASSWORD)

    assert path_of(answer) == CHANGE
    assert cookie_of(guest.browser, "sid") != before
    assert guest.get(CHANGE).status_code == 200


def test_au_14_a_wrong_password_proves_nothing_and_ten_are_enough(
    guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    clock.move(301)
    statuses = [guest.post(CONFIRM, password="salah sekali ini").status_code for _ in range(11)]

    assert statuses == [422] * 10 + [429]
    assert guest.post(CONFIRM, password=PASSWORD).status_code == 429
    assert path_of(guest.get(CHANGE)) == "/konfirmasi"


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/akun", "admin"])
def test_rd_1_a_confirmation_leads_to_pages_of_ours_alone(
    guest: Guest, unreachable: Account, target: str
) -> None:
    answer = guest.browser.get("/konfirmasi", query_string={"lanjut": target})
    page = guest.post(f"/konfirmasi?lanjut={target}", answer, password=PASSWORD)

    assert page.headers["Location"] == "/akun"


def test_se_6_a_confirmation_from_elsewhere_proves_nothing(
    guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    clock.move(301)
    fields = {**form_fields(guest.get(CONFIRM)), "password": PASSWORD}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    assert guest.browser.post(CONFIRM, data=fields, headers=foreign).status_code == 403
    no_token = {"password": PASSWORD}
    assert guest.browser.post(CONFIRM, data=no_token, headers=same_origin()).status_code == 403
    assert path_of(guest.get(CHANGE)) == "/konfirmasi"


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("new", "words"),
    [
        ("", "Masukkan kata sandi."),
        ("sebelas kar", "Kata sandi minimal 12 karakter."),
        ("kata" * 65, "Kata sandi paling panjang 256 karakter."),
        ("qwertyuiopas", "mudah ditebak"),
        ("siapkerja12345", "mudah ditebak"),
        ("santoso budi 1", "Jangan gunakan nama, NIK"),
        ("081200000001x", "Jangan gunakan nama, NIK"),
        (PASSWORD, "berbeda dari sebelumnya"),
    ],
)
def test_au_2_a_bad_new_password_is_told_and_changes_nothing(
    app: Application, guest: Guest, account: Account, new: str, words: str
) -> None:
    answer = change(guest, new)

    assert answer.status_code == 422
    assert words in answer.text
    assert can_enter(app, PASSWORD)


def test_a_wrong_current_password_is_told_beside_its_field(
    app: Application, guest: Guest, account: Account
) -> None:
    answer = change(guest, current="salah sekali ini")

    assert answer.status_code == 422
    assert "Kata sandi Anda saat ini tidak sesuai." in answer.text
    assert 'id="current_password-e"' in answer.text
    assert can_enter(app, PASSWORD)


def test_au_6_guesses_at_the_current_password_are_slowed_and_lock_nobody_out(
    app: Application, guest: Guest, account: Account
) -> None:
    statuses = [change(guest, current="salah sekali ini").status_code for _ in range(11)]

    assert statuses[-1] == 429
    assert can_enter(app, PASSWORD)


def test_au_1_a_password_of_a_megabyte_is_refused_unread(guest: Guest, account: Account) -> None:
    assert change(guest, "a" * 1_000_000).status_code == 413
    assert change(guest, "é" * 513).status_code == 422


def test_au_4_the_new_password_stays_exactly_as_typed(
    app: Application, guest: Guest, account: Account
) -> None:
    new = "  dua  spasi é一 di depan "
    assert change(guest, new).status_code == 303

    assert can_enter(app, new)
    assert not can_enter(app, new.strip())


def test_no_password_comes_back_on_the_page(guest: Guest, account: Account) -> None:
    answer = change(guest, "sebelas kar", current="rahasia lama sekali")

    assert "sebelas kar" not in answer.text
    assert "rahasia lama sekali" not in answer.text


def test_se_6_a_password_is_not_changed_from_elsewhere(
    app: Application, guest: Guest, account: Account
) -> None:
    page = guest.get(CHANGE)
    fields = {**form_fields(page), "current_password": PASSWORD, "password": NEW}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    assert guest.browser.post(CHANGE, data=fields, headers=foreign).status_code == 403
    fields["csrf_token"] = form_fields(Guest(app).get("/masuk"))["csrf_token"]
    assert guest.browser.post(CHANGE, data=fields, headers=same_origin()).status_code == 403
    assert can_enter(app, PASSWORD)


def test_r_11_a_double_click_changes_it_once(
    app: Application, guest: Guest, account: Account
) -> None:
    page, cookie = guest.get(CHANGE), cookie_of(guest.browser, "sid")
    answers = [change(guest, page=page)]
    # the second click left the browser before the first one's answer came
    guest.browser.set_cookie("sid", cookie or "")
    answers.append(change(guest, page=page))

    assert {answer.headers["Location"] for answer in answers} == {"/akun/keamanan?pesan=sandi"}
    assert guest.kinds() == ["password_changed"]
    assert guest.get("/akun").status_code == 200


def test_r_11_twenty_clicks_at_once_change_it_once(
    make_app: Callable[..., Application],
) -> None:
    # the second click waits for the first one's answer: really
    app = make_app(Given(clock=SystemClock()))
    account = an_account(app)
    first = Guest(app)
    sign_in(app, first.browser, account, BOTH)
    page = first.get(CHANGE)
    tabs = []
    for _ in range(20):
        tab = Guest(app)
        for name in ("sid", "flow"):
            tab.browser.set_cookie(name, cookie_of(first.browser, name) or "")
        tabs.append(tab)

    answers = at_once([lambda t=tab: change(t, page=page) for tab in tabs])

    assert {answer.status_code for answer in answers} == {303}
    assert first.kinds() == ["password_changed"]


# --- what had begun before ------------------------------------------------------------------------


def test_au_12_a_sign_in_that_began_with_the_old_password_ends_with_it(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    thief = Guest(app, address="198.51.100.66")
    there = thief.log_in(EMAIL).headers["Location"]
    page, code = thief.get(there), thief.code()
    clock.move(5)
    change(guest)

    answer = thief.post(there, page, code=code)

    assert path_of(answer) == "/masuk"
    assert cookie_of(thief.browser, "sid") is None
    assert path_of(thief.get(there.replace("kode", "metode"))) == "/masuk"


def test_au_12_a_sign_in_that_began_before_the_password_was_disabled_ends_with_it(
    app: Application, account: Account
) -> None:
    thief = Guest(app, address="198.51.100.66")
    there = thief.log_in(EMAIL).headers["Location"]
    page, code = thief.get(there), thief.code()
    services = app.wiring.services
    with services.store.write() as tx:
        tx.credentials.disable(account.id, services.clock.now())

    assert path_of(thief.post(there, page, code=code)) == "/masuk"
    assert cookie_of(thief.browser, "sid") is None


def test_au_12_a_recovery_that_was_proved_before_ends_with_the_new_password(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    thief = Guest(app, address="198.51.100.66")
    there = thief.post("/kendala/kata-sandi", identifier="0812 0000 0001").headers["Location"]
    there = thief.post(there, code=thief.code()).headers["Location"]
    page = thief.get(there)
    assert page.status_code == 200
    clock.move(5)
    change(guest)

    assert thief.post(there, page, password="sandi si pencuri itu").status_code == 410
    assert can_enter(app, NEW)
