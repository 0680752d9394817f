"""An e-mail address counts only where its owner followed the link, and for one account alone."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import PASSWORD, SMS_CODE, combine
from idp.domain.identity.audit import Action
from idp.domain.identity.email import EmailAddress
from tests.fakes import FixedClock
from tests.guest import Guest, path_of, without_nonces
from tests.portal import a_portal, an_account, form_fields, same_origin, sign_in
from tests.racing import at_once
from tests.registrant import Registrant

EMAIL = "budi1@contoh.id"
ASK = "/akun/keamanan/email"
CHANGE = "/akun/keamanan/email/ganti"
BOTH = combine(PASSWORD, SMS_CODE)


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application, guest: Guest) -> Account:
    """Somebody who is signed in with two proofs and has proved no address yet."""
    account = an_account(app, email_verified=False)
    sign_in(app, guest.browser, account, BOTH)
    return account


@pytest.fixture
def link(guest: Guest, account: Account) -> str:
    """The address in the letter."""
    assert guest.post(ASK).status_code == 303
    return f"/email/bukti/{guest.secret('email_proof')}"


def is_proved(app: Application, account: Account) -> bool:
    with app.wiring.services.store.read() as tx:
        found = tx.accounts.find(account.id)
    assert found is not None
    return found.email_verified_at is not None


def actions_of(app: Application, account: Account) -> list[Action]:
    with app.wiring.services.store.read() as tx:
        return [event.action for event in tx.audit.list_visible(account.id)]


def test_the_link_of_the_first_letter_proves_the_address_of_a_new_account(
    app: Application, citizen: Callable[..., Registrant]
) -> None:
    siti = citizen()
    siti.register()
    [letter] = siti.letters()
    [url] = [word for word in letter["text"].split() if "/email/bukti/" in word]
    path = url.partition("8000")[2]
    assert siti.email not in siti.get(path).text

    answer = siti.post(path)

    assert answer.headers["Location"] == "/akun?pesan=email"
    assert "Alamat email Anda sudah terbukti." in siti.get(answer.headers["Location"]).text


def test_userinfo_says_unverified_until_the_link_was_followed(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    portal = a_portal(app, guest.browser)
    token = portal.tokens(scope="openid email")["access_token"]
    assert portal.userinfo(token).get_json()["email_verified"] is False

    guest.post(link)

    assert portal.userinfo(token).get_json()["email_verified"] is True
    assert Action.EMAIL_VERIFIED in actions_of(app, account)


def test_an_address_signs_in_and_helps_once_it_is_proved(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    guest.post(link)
    later = Guest(app)

    page = later.get(later.log_in(EMAIL).headers["Location"])

    assert "melalui email" in page.text


def test_se_6_looking_at_the_link_proves_nothing(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    for _ in range(3):
        assert guest.get(link).status_code == 200
    guest.browser.head(link)
    guest.browser.options(link)
    assert not is_proved(app, account)

    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    fields = form_fields(guest.get(link))
    assert guest.browser.post(link, data=fields, headers=foreign).status_code == 403
    assert guest.browser.post(link, data={}, headers=same_origin()).status_code == 403
    assert not is_proved(app, account)


def test_the_link_works_without_being_signed_in(
    app: Application, account: Account, link: str
) -> None:
    mailbox = Guest(app)
    page = mailbox.get(link)
    assert EMAIL not in page.text

    answer = mailbox.post(link, page)

    assert path_of(answer) == "/email/terbukti"
    assert mailbox.get("/email/terbukti").status_code == 200
    assert is_proved(app, account)
    assert mailbox.browser.get_cookie("sid") is None


def test_a_link_works_once(app: Application, guest: Guest, link: str) -> None:
    guest.post(link)
    again = guest.get(link)

    assert again.status_code == 410
    assert "Tautan ini sudah pernah dipakai." in again.text
    assert guest.post(link, guest.get("/keluar")).status_code == 410


def test_a_link_works_once_however_many_follow_it_at_once(
    app: Application, account: Account, link: str
) -> None:
    tabs = [Guest(app) for _ in range(8)]
    pages = [tab.get(link) for tab in tabs]

    answers = at_once([lambda t=t, p=p: t.post(link, p) for t, p in zip(tabs, pages, strict=True)])

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [303] + [410] * 7
    assert actions_of(app, account).count(Action.EMAIL_VERIFIED) == 1


def test_r_11_a_double_click_is_answered_alike(guest: Guest, link: str) -> None:
    page = guest.get(link)
    answers = [guest.post(link, page) for _ in range(2)]

    assert {answer.headers["Location"] for answer in answers} == {"/akun?pesan=email"}


def test_a_link_is_good_for_a_day(
    app: Application, guest: Guest, account: Account, link: str, clock: FixedClock
) -> None:
    clock.move(86399)
    assert guest.get(link).status_code == 200
    page = guest.get(link)
    clock.move(1)

    assert guest.get(link).status_code == 410
    assert guest.post(link, page).status_code == 410
    assert not is_proved(app, account)


@pytest.mark.parametrize(
    "bent", ["", "x", "A" * 43, "%00", "é", "..", "' OR 1=1", "{0}x", "{0}%20"]
)
def test_oa_19_a_bent_link_is_unknown(
    app: Application, guest: Guest, account: Account, link: str, bent: str
) -> None:
    secret = link.rpartition("/")[2]
    answer = guest.get(f"/email/bukti/{bent.format(secret)}")

    assert answer.status_code in {404, 410}
    assert not is_proved(app, account)


def test_a_link_for_a_password_proves_no_address(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    guest.post(link)
    guest.post("/kendala/kata-sandi", identifier=EMAIL)

    assert guest.get(f"/email/bukti/{guest.secret('recovery_link')}").status_code == 410
    assert guest.get(f"/kendala/kata-sandi/baru?k={link.rpartition('/')[2]}").status_code == 410


def test_a_link_dies_with_its_address(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    guest.post(CHANGE, email="lain@contoh.id")

    assert guest.get(link).status_code == 410
    assert not is_proved(app, account)


def test_an_address_is_proved_by_one_account_alone(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    other = an_account(app, number=2, email="lain@contoh.id", email_verified=False)
    with app.wiring.services.store.write() as tx:
        tx.accounts.update(
            replace(other, email=EmailAddress(EMAIL), email_verified_at=1_795_000_000)
        )

    answer = guest.post(link)

    assert answer.status_code == 409
    assert "sudah dibuktikan oleh akun lain" in answer.text
    assert not is_proved(app, account)


# --- asking for another link ----------------------------------------------------------------------


def test_another_link_is_sent_by_a_button_five_times_a_day(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    page = guest.get(ASK)
    assert "Belum terbukti" in page.text
    for _ in range(5):
        answer = guest.post(ASK)
        assert answer.headers["Location"] == f"{ASK}?pesan=tautan"
    answer = guest.post(ASK)

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert guest.kinds() == ["email_proof"] * 5


def test_a_get_sends_nothing(guest: Guest, account: Account) -> None:
    for path in (ASK, f"{ASK}?pesan=tautan"):
        guest.get(path)

    assert guest.kinds() == []


def test_every_link_of_the_day_is_good(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    guest.post(ASK)

    assert guest.get(link).status_code == 200


def test_whoever_is_proved_is_told_so(app: Application, guest: Guest, link: str) -> None:
    page = guest.get(ASK)
    guest.post(link)

    answer = guest.post(ASK, page)

    assert answer.status_code == 409
    assert "Alamat email Anda sudah terbukti." in answer.text
    assert "Terbukti" in guest.get(ASK).text


# --- another address ------------------------------------------------------------------------------


def test_a_slip_is_mended_while_nothing_is_proved(
    app: Application, guest: Guest, account: Account
) -> None:
    answer = guest.post(CHANGE, email=" Baru@Contoh.id ")

    assert answer.headers["Location"] == f"{ASK}?pesan=tautan"
    guest.post(f"/email/bukti/{guest.secret('email_proof')}")
    assert is_proved(app, account)
    assert "Baru@contoh.id" in guest.get(ASK).text


def test_au_14_the_old_address_and_the_phone_are_told(guest: Guest, account: Account) -> None:
    guest.post(CHANGE, email="baru@contoh.id")
    told = {(m["carrier"], m["kind"], m["to"]) for m in guest.messages()}

    assert told == {
        ("mail", "email_changed", EMAIL),
        ("sms", "email_changed", "+6281200000001"),
        ("mail", "email_proof", "baru@contoh.id"),
    }


def test_au_14_a_stale_or_weak_proof_changes_no_address(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    page = guest.get(CHANGE)
    clock.move(301)
    assert path_of(guest.get(CHANGE)) == "/konfirmasi"
    assert path_of(guest.post(CHANGE, page, email="baru@contoh.id")) == "/konfirmasi"
    sign_in(app, guest.browser, account)
    assert path_of(guest.get(CHANGE)) == "/konfirmasi"

    assert guest.kinds() == []


@pytest.mark.parametrize("typed", ["", "x", "a@b", "a b@contoh.id", "a@contoh.id\r\nBcc: x@y.id"])
def test_a_malformed_address_is_told_beside_the_field(
    guest: Guest, account: Account, typed: str
) -> None:
    answer = guest.post(CHANGE, email=typed)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert guest.kinds() == []


def test_an_address_that_was_proved_meanwhile_is_not_changed_by_a_link(
    app: Application, guest: Guest, account: Account, link: str
) -> None:
    page = guest.get(CHANGE)
    guest.post(link)

    answer = guest.post(CHANGE, page, email="baru@contoh.id")

    assert path_of(answer) == "/akun/keamanan/email/kode"
    assert guest.kinds() == ["email_proof", "code"]
    assert is_proved(app, account)


def test_an_address_that_somebody_proved_is_told_to_them_and_not_to_me(
    app: Application, guest: Guest, account: Account
) -> None:
    an_account(app, number=2)
    free = guest.post(CHANGE, email="bebas@contoh.id")
    taken = guest.post(CHANGE, email="budi2@contoh.id")

    assert free.headers["Location"] == taken.headers["Location"]
    assert without_nonces(guest.get(ASK)).count("budi2@contoh.id") == 1
    told = [(m["kind"], m["to"]) for m in guest.messages() if m["carrier"] == "mail"]
    assert ("contact_used", "budi2@contoh.id") in told


def test_without_a_session_both_pages_ask_to_sign_in(app: Application) -> None:
    stranger = Guest(app)

    assert stranger.get(ASK).headers["Location"] == "/masuk?lanjut=account_email"
    assert stranger.get(CHANGE).headers["Location"] == "/masuk?lanjut=change_email"
