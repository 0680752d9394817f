"""Changing a proved address: a fresh proof, a code to the new one, word to the old contacts."""

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD as BY_PASSWORD
from idp.domain.identity.assurance import SMS_CODE, combine
from idp.domain.identity.audit import Action
from tests.fakes import FixedClock
from tests.guest import Guest, path_of, without_nonces
from tests.portal import a_portal, an_account, sign_in
from tests.racing import at_once

OLD = "budi1@contoh.id"
NEW = "baru@contoh.id"
PHONE = "+6281200000001"
CHANGE = "/akun/keamanan/email/ganti"
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


def code_page(guest: Guest, address: str = NEW) -> str:
    """Give the new address; return where its code is asked for."""
    answer = guest.post(CHANGE, email=address)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def change(guest: Guest, address: str = NEW) -> str:
    """Change the address all the way; return where it led."""
    answer = guest.post(code_page(guest, address), code=guest.code())
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def change_by_link(guest: Guest, address: str = NEW) -> None:
    """Change an address that was never proved, and prove the new one."""
    guest.post(CHANGE, email=address)
    guest.post(f"/email/bukti/{guest.secret('email_proof')}")


def kept(app: Application, account: Account) -> Account:
    with app.wiring.services.store.read() as tx:
        found = tx.accounts.find(account.id)
    assert found is not None
    return found


def address_of(app: Application, account: Account) -> str | None:
    email = kept(app, account).verified_email
    return email.address if email is not None else None


def told(guest: Guest) -> set[tuple[str, str, str]]:
    return {(m["carrier"], m["kind"], m["to"]) for m in guest.messages() if m["kind"] != "code"}


def recover_by_email(app: Application, address: str) -> list[str]:
    """Ask for a new password with an address; return the kinds of messages that went out."""
    stranger = Guest(app, address="198.51.100.9")
    before = len(stranger.messages())
    stranger.post("/kendala/kata-sandi", identifier=address, channel="email")
    return stranger.kinds()[before:]


def test_the_old_address_stays_until_the_code_of_the_new_one_came_back(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest, " baru@Contoh.id ")
    assert address_of(app, account) == OLD
    [code] = [m for m in guest.messages() if m["kind"] == "code"]
    assert (code["carrier"], code["to"]) == ("mail", NEW)
    assert code["values"]["purpose"] == "email_change"
    assert "b•••@contoh.id" in guest.get(there).text
    assert NEW not in guest.get(there).text

    answer = guest.post(there, code=guest.code())

    assert answer.headers["Location"] == f"{SECURITY}?pesan=email-baru"
    assert "Alamat email akun Anda telah diganti." in guest.get(answer.headers["Location"]).text
    assert address_of(app, account) == NEW


def test_portals_hear_of_the_new_address(app: Application, guest: Guest, account: Account) -> None:
    portal = a_portal(app, guest.browser)
    token = portal.tokens(scope="openid email")["access_token"]

    change(guest)

    shown = portal.userinfo(token).get_json()
    assert (shown["email"], shown["email_verified"]) == (NEW, True)


def test_au_14_the_old_address_and_the_phone_are_told(guest: Guest, account: Account) -> None:
    there = code_page(guest)
    assert told(guest) == set()

    guest.post(there, code=guest.code())

    assert told(guest) == {("mail", "email_changed", OLD), ("sms", "email_changed", PHONE)}


def test_au_14_the_change_stands_among_the_events_that_the_citizen_sees(
    app: Application, guest: Guest, account: Account
) -> None:
    change(guest)

    with app.wiring.services.store.read() as tx:
        [event] = [
            event
            for event in tx.audit.list_visible(account.id)
            if event.action is Action.EMAIL_CHANGED
        ]
    assert event.details == {"held": False}


def test_au_14_a_stale_or_weak_proof_changes_no_proved_address(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    page = guest.get(CHANGE)
    clock.move(301)
    assert path_of(guest.post(CHANGE, page, email=NEW)) == "/konfirmasi"
    sign_in(app, guest.browser, account)
    assert guest.get(CHANGE).headers["Location"] == "/konfirmasi?lanjut=change_email"

    assert guest.kinds() == []


def test_au_14_the_code_counts_in_the_session_that_was_confirmed_alone(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    page = guest.get(there)
    guest.browser.delete_cookie("sid")
    sign_in(app, guest.browser, account)

    answer = guest.post(there, page, code=guest.code())

    assert answer.headers["Location"] == f"{SECURITY}?pesan=email-usai"
    assert "Penggantian alamat itu" in guest.get(answer.headers["Location"]).text
    assert address_of(app, account) == OLD


def test_au_12_a_journey_of_a_phone_is_none_of_an_address(guest: Guest, account: Account) -> None:
    phone = "/akun/keamanan/nomor-handphone"
    asked = guest.post(phone, phone="+6281200000077").headers["Location"]

    bent = asked.replace(f"{phone}/kode", "/akun/keamanan/email/kode")

    assert guest.get(bent).headers["Location"] == f"{SECURITY}?pesan=email-usai"


# --- OT-7: what a new address may do --------------------------------------------------------------


def test_ot_7_an_address_confirmed_by_a_second_factor_recovers_at_once(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    change(guest)
    clock.move(60)

    assert kept(app, account).email_recovers_at is None
    assert recover_by_email(app, NEW) == ["recovery_link"]


def test_ot_7_an_address_that_the_password_alone_allowed_recovers_48_hours_after_its_proof(
    app: Application, guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    guest.post(CHANGE, email=NEW)
    clock.move(600)
    guest.post(f"/email/bukti/{guest.secret('email_proof')}")
    page = guest.get(SECURITY).text
    assert "Alamat email yang baru dapat memulihkan akun mulai" in page

    assert recover_by_email(app, NEW) == []
    clock.move(HOLD - 1)
    assert recover_by_email(app, NEW) == []
    clock.move(1)
    assert recover_by_email(app, NEW) == ["recovery_link"]


def test_ot_7_the_first_address_that_is_proved_recovers_at_once(
    app: Application, guest: Guest, unreachable: Account
) -> None:
    guest.post("/akun/keamanan/email")
    guest.post(f"/email/bukti/{guest.secret('email_proof')}")

    assert recover_by_email(app, OLD) == ["recovery_link"]


def test_ot_7_an_address_changed_by_link_with_a_second_factor_is_not_held(
    app: Application, guest: Guest
) -> None:
    account = an_account(app, email_verified=False)
    sign_in(app, guest.browser, account, BOTH)

    change_by_link(guest)

    assert recover_by_email(app, NEW) == ["recovery_link"]


def test_ot_7_the_contact_that_recovered_the_password_lets_the_new_address_wait(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    guest.post("/kendala/kata-sandi", identifier=OLD)
    secret = guest.secret("recovery_link")
    guest.post(f"/kendala/kata-sandi/baru?k={secret}", password="gajah biru makan awan")
    sign_in(app, guest.browser, account, BOTH)

    there = change(guest)

    assert there == f"{SECURITY}?pesan=email-ditahan"
    assert "setelah 48 jam" in guest.get(there).text
    # the second step of the recovery was a message to the phone: the next one waits
    clock.move(60)
    assert recover_by_email(app, NEW) == ["code"]
    clock.move(HOLD)
    assert recover_by_email(app, NEW) == ["recovery_link"]


def test_ot_7_a_held_address_lifts_no_hold_of_the_next_contact(
    app: Application, guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    change_by_link(guest)
    clock.move(60)
    later = Guest(app, address="198.51.100.9")
    later.enter(NEW)
    phone = "/akun/keamanan/nomor-handphone"

    assert change(later, "lain@contoh.id") == f"{SECURITY}?pesan=email-ditahan"
    asked = later.post(phone, phone="+6281200000077").headers["Location"]
    answer = later.post(asked, code=later.code())
    assert answer.headers["Location"] == f"{SECURITY}?pesan=nomor-ditahan"
    page = later.get(SECURITY).text
    assert "Nomor handphone yang baru dapat memulihkan akun mulai" in page
    assert "Alamat email yang baru dapat memulihkan akun mulai" in page
    assert "kembali masuk lewat" not in page


def test_ot_7_a_held_phone_lifts_no_hold_of_an_address(
    app: Application, guest: Guest, unreachable: Account, clock: FixedClock
) -> None:
    number = "+6281200000077"
    asked = guest.post("/akun/keamanan/nomor-handphone", phone=number).headers["Location"]
    guest.post(asked, code=guest.code())
    clock.move(60)
    later = Guest(app, address="198.51.100.9")
    later.enter(number)

    change_by_link(later)

    assert address_of(app, unreachable) == NEW
    assert recover_by_email(app, NEW) == []


def test_ot_7_an_old_recovery_link_is_dead_even_where_the_address_came_back(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    thief = Guest(app, address="198.51.100.9")
    thief.post("/kendala/kata-sandi", identifier=OLD)
    link = f"/kendala/kata-sandi/baru?k={thief.secret('recovery_link')}"
    page = thief.get(link)
    assert page.status_code == 200
    clock.move(60)

    change(guest)
    assert thief.get(link).status_code == 410
    clock.move(60)
    change(guest, OLD)

    assert address_of(app, account) == OLD
    assert thief.get(link).status_code == 410
    assert thief.post(link, page, password="gajah biru makan awan").status_code == 410


def test_ot_7_a_code_to_the_old_address_ends_no_sign_in_after_the_change(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    thief = Guest(app, address="198.51.100.9")
    there = thief.log_in(PHONE).headers["Location"]
    code = thief.code()
    clock.move(61)
    change(guest)

    answer = thief.post(there, code=code)

    assert path_of(answer) == "/masuk/metode"
    assert thief.browser.get_cookie("sid") is None


# --- one account for an address -------------------------------------------------------------------


def test_an_address_stays_with_the_account_that_proved_it_and_its_owner_is_warned(
    app: Application, guest: Guest, account: Account
) -> None:
    other = an_account(app, number=2)
    there = code_page(guest, "budi2@contoh.id")
    assert told(guest) == {("mail", "contact_used", "budi2@contoh.id")}
    right = guest.code()
    wrong = f"{(int(right) + 1) % 10**6:06d}"
    assert "akun lain" not in guest.post(there, code=wrong).text

    answer = guest.post(there, code=right)

    assert answer.status_code == 409
    assert "sudah dibuktikan oleh akun lain" in answer.text
    assert "Pakai alamat lain" in answer.text
    assert address_of(app, account) == OLD
    assert address_of(app, other) == "budi2@contoh.id"
    assert ("mail", "email_changed", OLD) not in told(guest)


def test_whether_somebody_has_the_address_is_told_to_nobody_before_its_code(
    app: Application, guest: Guest, account: Account
) -> None:
    an_account(app, number=2)
    taken = guest.post(CHANGE, email="budi2@contoh.id")
    free = guest.post(CHANGE, email="bebas@contoh.id")

    assert path_of(taken) == path_of(free)
    pages = [
        without_nonces(guest.get(answer.headers["Location"])).replace(
            answer.headers["Location"].partition("m=")[2], ""
        )
        for answer in (taken, free)
    ]
    assert pages[0] == pages[1]


def test_two_accounts_that_prove_one_address_at_once_leave_it_to_one(
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
        # the second message to one mailbox waits
        clock.move(60)

    answers = at_once(tries)

    assert sorted(answer.status_code for answer in answers) == [303, 409]
    owners = [account for account in accounts if address_of(app, account) == NEW]
    assert len(owners) == 1


# --- what is typed --------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["", "x", "a@b", "a@contoh.id\r\nBcc: x@y.id"])
def test_a_malformed_new_address_is_told_beside_the_field(
    guest: Guest, account: Account, typed: str
) -> None:
    answer = guest.post(CHANGE, email=typed)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert guest.kinds() == []


def test_the_address_that_the_account_has_is_no_change(guest: Guest, account: Account) -> None:
    answer = guest.post(CHANGE, email="Budi1@Contoh.id")

    assert answer.status_code == 422
    assert "sudah menjadi alamat email akun Anda" in answer.text
    assert guest.kinds() == []


def test_ot_3_five_wrong_codes_kill_it_and_the_address_stays(
    app: Application, guest: Guest, account: Account
) -> None:
    there = code_page(guest)
    right = guest.code()
    wrong = f"{(int(right) + 1) % 10**6:06d}"

    answers = [guest.post(there, code=wrong) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [422] * 5
    assert guest.post(there, code=right).status_code == 422
    assert address_of(app, account) == OLD


def test_ot_4_another_letter_waits_its_minute_and_kills_the_first_code(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    there = code_page(guest)
    first = guest.code()
    assert guest.post(there, action="resend", code="").status_code == 429
    clock.move(60)

    assert guest.post(there, action="resend", code="").headers["Location"] == there
    second = guest.code()

    assert "Gunakan kode dari email terbaru." in guest.post(there, code=first).text
    assert path_of(guest.post(there, code=second)) == SECURITY
    assert address_of(app, account) == NEW


def test_r_11_a_double_click_on_the_code_is_answered_alike(guest: Guest, account: Account) -> None:
    there = code_page(guest)
    page, code = guest.get(there), guest.code()

    answers = [guest.post(there, page, code=code) for _ in range(2)]

    assert {answer.headers["Location"] for answer in answers} == {f"{SECURITY}?pesan=email-baru"}


def test_the_pages_of_a_new_address_are_there_in_english(
    app: Application, account: Account, guest: Guest
) -> None:
    english = Guest(app, browser=guest.browser, language="en")
    assert "Current address" in english.get(f"{CHANGE}?lang=en").text

    there = english.post(CHANGE, email=NEW).headers["Location"]

    assert "Use another address" in english.get(there).text
