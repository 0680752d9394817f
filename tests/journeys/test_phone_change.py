"""Changing the phone: a fresh proof, a code to the new number, word to the old contacts."""

from collections.abc import Callable

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD as BY_PASSWORD
from idp.domain.identity.assurance import SMS_CODE, combine
from idp.domain.identity.audit import Action
from tests.fakes import FixedClock
from tests.guest import PASSWORD, Guest, path_of, without_nonces
from tests.portal import a_portal, an_account, form_fields, same_origin, sign_in
from tests.racing import at_once
from tests.registrant import Registrant

EMAIL = "budi1@contoh.id"
OLD = "+6281200000001"
NEW = "+6281200000077"
CHANGE = "/akun/keamanan/nomor-handphone"
SECURITY = "/akun/keamanan"
BOTH = combine(BY_PASSWORD, SMS_CODE)
HOLD = 48 * 3600


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
    """Somebody whom no code can reach: the password is all that there is to prove."""
    account = an_account(app, email_verified=False, phone_number=None)
    sign_in(app, guest.browser, account)
    return account


def code_page(guest: Guest, number: str = NEW) -> str:
    """Give the new number; return where its code is asked for."""
    answer = guest.post(CHANGE, phone=number)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def change(guest: Guest, number: str = NEW) -> str:
    """Change the phone all the way; return where it led."""
    answer = guest.post(code_page(guest, number), code=guest.code())
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def kept(app: Application, account: Account) -> Account:
    with app.wiring.services.store.read() as tx:
        found = tx.accounts.find(account.id)
    assert found is not None
    return found


def phone_of(app: Application, account: Account) -> str | None:
    phone = kept(app, account).verified_phone
    return phone.e164 if phone is not None else None


def told(guest: Guest) -> set[tuple[str, str, str]]:
    return {(m["carrier"], m["kind"], m["to"]) for m in guest.messages() if m["kind"] != "code"}


def test_the_new_number_counts_once_its_code_came_back(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest, "0812-0000 0077")
    assert phone_of(app, account) == OLD
    [code] = [m for m in guest.messages() if m["kind"] == "code"]
    assert (code["to"], code["purpose"]) == (NEW, "phone_change")

    answer = guest.post(there, code=guest.code())

    assert answer.headers["Location"] == f"{SECURITY}?pesan=nomor"
    page = guest.get(answer.headers["Location"]).text
    assert "Nomor handphone akun Anda telah diganti." in page
    assert "0812-••••-••77" in page
    assert phone_of(app, account) == NEW


def test_portals_hear_of_the_new_number(app: Application, guest: Guest, account: Account) -> None:
    portal = a_portal(app, guest.browser)
    token = portal.tokens(scope="openid phone")["access_token"]

    change(guest)

    shown = portal.userinfo(token).get_json()
    assert (shown["phone_number"], shown["phone_number_verified"]) == (NEW, True)


def test_au_14_the_old_phone_and_the_address_are_told(guest: Guest, account: Account) -> None:
    code_page(guest)
    assert told(guest) == set()

    guest.post(code_page(guest), code=guest.code())

    assert told(guest) == {("sms", "phone_changed", OLD), ("mail", "phone_changed", EMAIL)}


def test_au_14_the_change_stands_among_the_events_that_the_citizen_sees(
    app: Application, guest: Guest, account: Account
) -> None:
    change(guest)

    with app.wiring.services.store.read() as tx:
        [event] = [
            event
            for event in tx.audit.list_visible(account.id)
            if event.action is Action.PHONE_CHANGED
        ]
    assert event.details == {"held": False}
    assert "Nomor handphone diganti" in guest.get("/akun/aktivitas").text


def test_au_14_a_stale_or_weak_proof_changes_no_phone(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    page = guest.get(CHANGE)
    clock.move(301)
    assert path_of(guest.get(CHANGE)) == "/konfirmasi"
    assert path_of(guest.post(CHANGE, page, phone=NEW)) == "/konfirmasi"
    sign_in(app, guest.browser, account)
    assert guest.get(CHANGE).headers["Location"] == "/konfirmasi?lanjut=change_phone"

    assert guest.kinds() == []


def test_au_14_the_code_counts_in_the_session_that_was_confirmed_alone(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    page = guest.get(there)
    guest.browser.delete_cookie("sid")
    sign_in(app, guest.browser, account)

    answer = guest.post(there, page, code=guest.code())

    assert answer.headers["Location"] == f"{SECURITY}?pesan=nomor-usai"
    assert guest.get(there).headers["Location"] == f"{SECURITY}?pesan=nomor-usai"
    assert phone_of(app, account) == OLD


def test_au_12_the_code_page_of_another_account_or_browser_is_over(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    thief = Guest(app)
    sign_in(app, thief.browser, an_account(app, number=2), BOTH)

    for bent in (there, there[:-1], f"{CHANGE}/kode", f"{CHANGE}/kode?m="):
        assert thief.get(bent).headers["Location"] == f"{SECURITY}?pesan=nomor-usai"


def test_without_a_session_both_pages_ask_to_sign_in(app: Application) -> None:
    stranger = Guest(app)

    assert stranger.get(CHANGE).headers["Location"] == "/masuk?lanjut=change_phone"
    assert path_of(stranger.get(f"{CHANGE}/kode")) == "/masuk"


# --- OT-7: what a new number may do ---------------------------------------------------------------


def recover_by_phone(app: Application, number: str) -> list[str]:
    """Ask for a new password with a number; return the kinds of messages that went out."""
    stranger = Guest(app, address="198.51.100.9")
    stranger.messages()
    stranger._read = []
    stranger.post("/kendala/kata-sandi", identifier=number, channel="sms")
    return [m["kind"] for m in stranger.messages()]


def test_ot_7_a_number_confirmed_by_a_second_factor_recovers_at_once(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    assert change(guest) == f"{SECURITY}?pesan=nomor"
    clock.move(60)

    assert kept(app, account).phone_recovers_at is None
    assert recover_by_phone(app, NEW) == ["code"]


def test_ot_7_a_number_that_the_password_alone_allowed_recovers_after_48_hours(
    app: Application, guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    there = change(guest)
    page = guest.get(there).text
    assert "setelah 48 jam" in page
    assert "Nomor handphone yang baru dapat memulihkan akun mulai" in page

    assert recover_by_phone(app, NEW) == []
    clock.move(HOLD - 1)
    assert recover_by_phone(app, NEW) == []
    clock.move(1)
    assert recover_by_phone(app, NEW) == ["code"]


def test_ot_7_a_held_number_still_is_a_second_step(
    app: Application, guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    change(guest)
    clock.move(60)
    later = Guest(app, address="198.51.100.9")

    there = later.log_in(NEW, PASSWORD).headers["Location"]

    assert "melalui SMS" in later.get(there).text


def test_ot_7_while_the_phone_is_held_a_proved_address_recovers(
    app: Application, guest: Guest, unreachable: Account
) -> None:
    change(guest)
    guest.post("/akun/keamanan/email")
    guest.post(f"/email/bukti/{guest.secret('email_proof')}")

    assert recover_by_phone(app, NEW) == ["recovery_link"]


def test_ot_7_the_contact_that_recovered_the_password_is_no_second_factor(
    app: Application, guest: Guest, account: Account
) -> None:
    guest.post("/kendala/kata-sandi", identifier=EMAIL)
    new = "gajah biru makan awan"
    secret = guest.secret("recovery_link")
    guest.post(f"/kendala/kata-sandi/baru?k={secret}", password=new)
    sign_in(app, guest.browser, account, BOTH)

    assert change(guest) == f"{SECURITY}?pesan=nomor-ditahan"


def test_ot_7_a_held_number_lifts_no_hold_of_the_next_one(
    app: Application, guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    assert change(guest) == f"{SECURITY}?pesan=nomor-ditahan"
    clock.move(60)
    later = Guest(app, address="198.51.100.9")
    later.enter(NEW)

    assert change(later, "+6281200000078") == f"{SECURITY}?pesan=nomor-ditahan"


def test_ot_7_the_old_phone_recovers_nothing_that_it_began_before(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    thief = Guest(app, address="198.51.100.9")
    asked, proved = (
        thief.post("/kendala/kata-sandi", identifier=OLD, channel="sms").headers["Location"]
        for _ in range(2)
    )
    code = thief.code()
    new = thief.post(proved, code=code).headers["Location"]
    page, page_of_code = thief.get(new), thief.get(asked)
    clock.move(61)

    change(guest)

    assert thief.post(asked, page_of_code, code=code).status_code == 422
    assert thief.get(new).status_code == 410
    assert thief.post(new, page, password="gajah biru makan awan").status_code == 410


def test_ot_7_a_code_to_the_old_phone_ends_no_sign_in_after_the_change(
    app: Application, guest: Guest, clock: FixedClock
) -> None:
    account = an_account(app, email_verified=False)
    sign_in(app, guest.browser, account, BOTH)
    thief = Guest(app, address="198.51.100.9")
    there = thief.log_in(EMAIL).headers["Location"]
    code = thief.code()
    clock.move(61)
    change(guest)

    answer = thief.post(there, code=code)

    assert path_of(answer) == "/masuk/metode"
    assert thief.browser.get_cookie("sid") is None


# --- one account for a number ---------------------------------------------------------------------


def test_a_number_moves_from_the_account_that_had_it_and_its_owner_is_told(
    app: Application, guest: Guest, account: Account
) -> None:
    other = an_account(app, number=2, phone_number=NEW)

    change(guest)

    assert phone_of(app, account) == NEW
    assert phone_of(app, other) is None
    assert ("mail", "phone_moved", "budi2@contoh.id") in told(guest)


def test_whether_somebody_has_the_number_is_told_to_nobody_before_its_code(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    an_account(app, number=2, phone_number=NEW)
    taken = guest.post(CHANGE, phone=NEW)
    free = guest.post(CHANGE, phone="+6281200000078")

    assert path_of(taken) == path_of(free)
    pages = [without_nonces(guest.get(answer.headers["Location"])) for answer in (taken, free)]
    assert pages[0].replace("••77", "••78") == pages[1].replace(
        free.headers["Location"].partition("m=")[2], taken.headers["Location"].partition("m=")[2]
    )
    assert told(guest) == set()


def test_two_accounts_that_prove_one_number_at_once_leave_it_to_one(
    app: Application, clock: FixedClock
) -> None:
    accounts, tries = [], []
    for number in (1, 2):
        person = Guest(app, address=f"203.0.113.{number}")
        accounts.append(an_account(app, number=number))
        sign_in(app, person.browser, accounts[-1], BOTH)
        there = code_page(person)
        page, code = person.get(there), person.code()
        tries.append(lambda p=person, t=there, g=page, c=code: p.post(t, g, code=c))
        # the second message to one phone waits
        clock.move(60)

    answers = at_once(tries)

    assert {answer.status_code for answer in answers} == {303}
    owners = [account for account in accounts if phone_of(app, account) == NEW]
    assert len(owners) == 1


def test_the_number_of_a_registration_is_taken_from_whoever_changed_to_it(
    app: Application,
    guest: Guest,
    citizen: Callable[..., Registrant],
    clock: FixedClock,
) -> None:
    account = an_account(app, number=5)
    sign_in(app, guest.browser, account, BOTH)
    change(guest, "+6281200000078")
    clock.move(120)
    siti = citizen(phone="0812 0000 0078")

    siti.register()

    assert phone_of(app, account) is None
    assert "Tambah" in guest.get(SECURITY).text


# --- what is typed --------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "x", "0812345", "02112345678", "0841234567", "٠٨١٢"])
def test_a_malformed_number_is_told_beside_the_field(
    guest: Guest, account: Account, typed: str
) -> None:
    answer = guest.post(CHANGE, phone=typed)

    assert answer.status_code == 422
    assert "Nomor handphone belum benar." in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert guest.kinds() == []


def test_ot_5_a_foreign_number_is_refused_kindly(guest: Guest, account: Account) -> None:
    answer = guest.post(CHANGE, phone="+60 12-345 6789")

    assert answer.status_code == 422
    assert "Gunakan nomor handphone Indonesia" in answer.text
    assert 'value="+60 12-345 6789"' in answer.text
    assert guest.kinds() == []


def test_the_number_that_the_account_has_is_no_change(guest: Guest, account: Account) -> None:
    answer = guest.post(CHANGE, phone="0812 0000 0001")

    assert answer.status_code == 422
    assert "sudah menjadi nomor handphone akun Anda" in answer.text
    assert guest.kinds() == []


def test_ot_3_five_wrong_codes_kill_it_and_nothing_changes(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    right = guest.code()
    wrong = f"{(int(right) + 1) % 10**6:06d}"

    answers = [guest.post(there, code=wrong) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [422] * 5
    assert "Sisa percobaan: 4." in answers[0].text
    assert guest.post(there, code=right).status_code == 422
    assert phone_of(app, account) == OLD


def test_ot_1_a_code_for_signing_in_changes_no_phone(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    other = Guest(app, address="198.51.100.9")
    other.post("/masuk/metode" + other.log_in(OLD).headers["Location"][11:], channel="email")
    codes = [m for m in other.messages() if m["kind"] == "code" and m["to"] == EMAIL]

    assert guest.post(there, code=codes[-1]["values"]["code"]).status_code == 422
    assert phone_of(app, account) == OLD


def test_ot_4_another_code_waits_its_minute_and_kills_the_first(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    there = code_page(guest)
    first = guest.code()
    early = guest.post(there, action="resend", code="")
    assert early.status_code == 429
    assert int(early.headers["Retry-After"]) > 0
    clock.move(60)

    assert guest.post(there, action="resend", code="").headers["Location"] == there
    second = guest.code()

    assert "Gunakan kode dari SMS terbaru." in guest.post(there, code=first).text
    assert path_of(guest.post(there, code=second)) == SECURITY
    assert phone_of(app, account) == NEW


def test_the_same_number_again_within_the_minute_goes_on_with_its_code(
    guest: Guest, account: Account
) -> None:
    first, second = code_page(guest), code_page(guest)

    assert first != second
    assert guest.kinds() == ["code"]
    assert path_of(guest.post(second, code=guest.code())) == SECURITY
    assert guest.get(first).headers["Location"] == f"{SECURITY}?pesan=nomor-usai"


def test_a_get_sends_nothing_and_the_number_stands_in_no_address(
    guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    for path in (CHANGE, there, there):
        assert guest.get(path).status_code == 200

    assert guest.kinds() == ["code"]
    assert "77" not in there.partition("m=")[0]
    assert "81200000077" not in guest.get(there).text


def test_r_11_a_double_click_is_answered_alike(guest: Guest, account: Account) -> None:
    there = code_page(guest)
    page, code = guest.get(there), guest.code()

    answers = [guest.post(there, page, code=code) for _ in range(2)]

    assert {answer.headers["Location"] for answer in answers} == {f"{SECURITY}?pesan=nomor"}


def test_a_form_of_another_page_changes_nothing(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    fields = {**form_fields(guest.get(there)), "code": guest.code()}
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    assert guest.browser.post(there, data=fields, headers=foreign).status_code == 403
    fields.pop("csrf_token")
    assert guest.browser.post(there, data=fields, headers=same_origin()).status_code == 403
    assert phone_of(app, account) == OLD


def test_the_pages_are_there_in_english(app: Application, account: Account, guest: Guest) -> None:
    english = Guest(app, browser=guest.browser, language="en")
    page = english.get(f"{CHANGE}?lang=en")
    assert "Change mobile number" in page.text

    there = english.post(CHANGE, phone=NEW).headers["Location"]

    assert "Enter the OTP code" in english.get(there).text
