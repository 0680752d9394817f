"""Phone and e-mail both lost: matched, asked, decided by two, let in (`ui.md` §2, OT-7, AD-3)."""

import re
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.case import CaseKind
from idp.domain.identity.contact_change import HOLD_SECONDS
from idp.domain.identity.lost_contact import REQUEST_SECONDS
from idp.domain.identity.roles import Role
from tests.console.test_console_people import approve
from tests.fakes import FixedClock
from tests.guest import PASSWORD, Guest, words_of
from tests.officer import an_officer
from tests.portal import an_account, sign_in
from tests.racing import at_once
from tests.registrant import Registrant, a_wrong
from tests.sandbox_server import Sandbox

Citizen = Callable[..., Registrant]

PAGE = "/kendala/kontak"
STATUS = f"{PAGE}/status"
REASON = "Wajah dan Kartu Keluarga cocok dalam panggilan video."


@pytest.fixture
def owner(app: Application, sandbox: Sandbox) -> Account:
    """Return the account of the registry's first person, with contacts that are lost."""
    nik = sandbox.person().nik
    return an_account(app, nik=nik, email="hilang@contoh.id", phone_number="+6281200000077")


def matched(siti: Registrant) -> str:
    answer = siti.post(PAGE, **siti.ktp_fields())
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def asked(siti: Registrant) -> str:
    """Go all the way; return where the ticket is shown."""
    there = siti.post(matched(siti), phone=siti.phone, email=siti.email).headers["Location"]
    answer = siti.post(there, code=siti.code())
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"]


def ticket_of(page: TestResponse) -> str:
    [number] = re.findall(r"<strong>([0-9A-Z-]{14})</strong>", page.text)
    return str(number)


def cases(app: Application) -> list[tuple[object, object]]:
    waiting = app.wiring.services.cases.queue()
    return [(shown.case.account_id, shown.case.kind) for shown in waiting]


def now(app: Application, account: Account) -> Account:
    with app.wiring.services.store.read() as tx:
        found = tx.accounts.find(account.id)
    assert found is not None
    return found


def decided(app: Application, decision: str) -> None:
    officer = an_officer(app, Role.SUPPORT)
    [shown] = app.wiring.services.cases.queue()
    url = f"/admin/verifikasi/{shown.case.id}/putusan"
    answer = officer.post(url, decision=decision, reason=REASON)
    assert answer.status_code == 303, answer.text


def test_the_new_contacts_come_in_after_two_officers_and_recover_after_two_days(
    app: Application, citizen: Citizen, owner: Account, clock: FixedClock, sandbox: Sandbox
) -> None:
    siti = citizen()
    sign_in(app, app.test_client(), owner)
    shown = siti.browser.get(asked(siti))
    number = ticket_of(shown)
    assert "sudah kami terima" in shown.text
    assert cases(app) == [(owner.id, CaseKind.CONTACT_LOST)]
    # the owner's contacts hear of it before anybody decides
    app.wiring.services.outbox.deliver_due()
    assert "Ada yang meminta kontak" in sandbox.mail_to("hilang@contoh.id")[0]["subject"]
    assert "ada yang meminta" in sandbox.sms_to("+6281200000077")[0]["text"]
    assert now(app, owner) == owner

    decided(app, "upheld")
    assert now(app, owner) == owner
    assert "Petugas kedua" in status(citizen(), number).text
    approve(an_officer(app, Role.APPROVER))

    changed = now(app, owner)
    assert (changed.phone, changed.email) == (_phone(siti), _email(siti))
    assert changed.email_verified_at is None
    assert changed.phone_recovers_at == clock.now() + HOLD_SECONDS
    with app.wiring.services.store.read() as tx:
        assert not tx.sessions.list_unended(owner.id)
    letters = [letter["subject"] for letter in siti.letters("hilang@contoh.id")]
    assert "Kontak akun Anda telah diganti" in letters
    assert any("Buktikan" in letter["subject"] for letter in siti.letters())
    page = status(citizen(), number)
    assert "Disetujui" in page.text
    assert recovers(app, siti) is False
    clock.move(HOLD_SECONDS)
    assert recovers(app, siti) is True


def recovers(app: Application, siti: Registrant) -> bool:
    """Return whether the new phone gets a recovery's code."""
    before = len(siti.codes())
    guest = Guest(app, address="203.0.113.99")
    guest.post("/kendala/kata-sandi", identifier=siti.person.nik, channel="sms")
    return len(siti.codes()) > before


def _phone(siti: Registrant) -> object:
    from idp.domain.identity.phone import parse_phone

    return parse_phone(siti.phone)


def _email(siti: Registrant) -> object:
    from idp.domain.identity.email import EmailAddress

    return EmailAddress(siti.email)


def status(siti: Registrant, number: str) -> TestResponse:
    answer = siti.post(STATUS, nik=siti.person.nik, ticket=number.lower().replace("-", " "))
    assert answer.status_code == 303, answer.text
    there = answer.headers["Location"]
    assert number not in there
    assert siti.person.nik not in there
    return siti.browser.get(there)


def test_times_are_told_in_the_zone_of_the_nik(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    """`ui.md` section 9: the letter and the pages of one request tell the same time."""
    siti = citizen(person=sandbox.add_person(nik="7371015708909001"))
    an_account(app, nik=siti.person.nik, email="hilang@contoh.id", phone_number="+6281200000077")
    there = siti.post(matched(siti), phone=siti.phone, email=siti.email).headers["Location"]
    code_page = words_of(siti.get(there))
    early = words_of(siti.post(there, action="resend"))
    shown = siti.post(there, code=siti.code()).headers["Location"]
    number = ticket_of(siti.get(shown))
    asked_again = siti.post(STATUS, nik=siti.person.nik, ticket=number).headers["Location"]

    assert "mulai pukul 10.01 WITA" in code_page
    assert "WIB" not in early
    for where in (shown, asked_again):
        assert "hari ini, 10.00 WITA" in words_of(siti.get(where))


def test_a_no_changes_nothing_and_another_may_be_asked(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    siti = citizen()
    number = ticket_of(siti.browser.get(asked(siti)))
    decided(app, "rejected")

    assert now(app, owner) == owner
    assert "Ditolak" in status(siti, number).text
    assert matched(siti).startswith(f"{PAGE}/kirim")


def test_a_second_no_ends_the_request(app: Application, citizen: Citizen, owner: Account) -> None:
    siti = citizen()
    number = ticket_of(siti.browser.get(asked(siti)))
    decided(app, "upheld")
    second = an_officer(app, Role.APPROVER)
    [waiting] = app.wiring.services.approvals.list_open()
    app.wiring.services.approvals.refuse(
        waiting.request.id, seen=waiting.request.digest, reason=REASON, actor=second.actor
    )

    assert now(app, owner) == owner
    assert "Tidak dilanjutkan" in status(siti, number).text


def test_what_nobody_decides_within_a_month_is_over(
    app: Application, citizen: Citizen, owner: Account, clock: FixedClock
) -> None:
    siti = citizen()
    number = ticket_of(siti.browser.get(asked(siti)))
    clock.move(REQUEST_SECONDS)

    assert "Tidak dilanjutkan" in status(siti, number).text
    officer = an_officer(app, Role.SUPPORT)
    [shown] = app.wiring.services.cases.queue()
    url = f"/admin/verifikasi/{shown.case.id}/putusan"
    refused = officer.post(url, decision="upheld", reason=REASON)
    assert refused.status_code == 422
    assert "kedaluwarsa" in refused.text


def test_rg_1_only_after_a_full_match_is_anything_told(
    app: Application, citizen: Citizen, owner: Account, sandbox: Sandbox
) -> None:
    known, free = citizen(), citizen(person=sandbox.person(index=1))
    answers = [
        siti.post(PAGE, **siti.ktp_fields(mother_name="Bukan Ibunya")) for siti in (known, free)
    ]
    assert {answer.headers["Location"] for answer in answers} == {
        "/daftar/tidak-cocok?sisa=2&dari=kontak"
    }
    page = known.browser.get(answers[0].headers["Location"]).text
    assert f'href="{PAGE}">Periksa lagi' in page
    assert "Langkah 1 dari 3" not in page

    told = free.post(PAGE, **free.ktp_fields())
    assert told.status_code == 409
    assert "tidak ada akun" in told.text
    assert cases(app) == []


def test_the_ticket_of_somebody_else_and_one_that_never_was_are_alike(
    app: Application, citizen: Citizen, owner: Account, sandbox: Sandbox
) -> None:
    siti = citizen()
    number = ticket_of(siti.browser.get(asked(siti)))
    stranger = sandbox.person(index=1).nik
    an_account(app, nik=stranger, number=9)
    tries = (
        {"nik": stranger, "ticket": number},
        {"nik": sandbox.person(index=2).nik, "ticket": number},
        {"nik": siti.person.nik, "ticket": "BCDF-3467-GHJK"},
    )
    pages = [citizen().post(STATUS, **typed) for typed in tries]

    assert {page.status_code for page in pages} == {422}
    assert all("tidak cocok dengan NIK" in page.text for page in pages)
    assert all(number not in page.text for page in pages[2:])


def test_whoever_guesses_tickets_is_stopped(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    siti = citizen()
    answers = [
        siti.post(STATUS, nik=siti.person.nik, ticket="BCDF-3467-GHJK").status_code
        for _ in range(31)
    ]

    assert answers == [422] * 30 + [429]


def test_the_code_counts_in_its_own_browser_and_for_this_alone(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    siti, other = citizen(), citizen()
    there = siti.post(matched(siti), phone=siti.phone, email=siti.email).headers["Location"]
    wrong = siti.post(there, code=a_wrong(siti.code()))
    assert wrong.status_code == 422
    elsewhere = other.post(there, siti.get(there), code=siti.code())
    assert elsewhere.headers["Location"] == other.get(there).headers["Location"] == PAGE
    assert cases(app) == []
    assert siti.post(there, code=siti.code()).status_code == 303


def test_one_request_of_an_account_waits_at_a_time(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    first, second = citizen(), citizen(phone="0812 0000 0102")
    ways = []
    for siti in (first, second):
        there = siti.post(matched(siti), phone=siti.phone, email=siti.email).headers["Location"]
        ways.append((siti, there, siti.get(there), siti.code()))
    answers = at_once(
        [lambda way=way: way[0].post(way[1], way[2], code=way[3]) for way in ways]  # type: ignore[misc]
    )

    there = sorted(answer.headers["Location"].partition("=")[0] for answer in answers)
    assert there == [f"{PAGE}/status?m", f"{PAGE}?menunggu"]
    assert len(cases(app)) == 1
    again = citizen().post(PAGE, **first.ktp_fields())
    assert again.status_code == 409
    assert "sedang diperiksa" in again.text


def test_the_contacts_stand_nowhere_in_clear(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    siti = citizen()
    asked(siti)
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT state FROM journey")).scalars().all()

    for personal in ("81200000101", siti.email, siti.person.nik):
        assert all(personal not in str(row) for row in rows)


def test_a_password_alone_does_not_wait_for_officers(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    siti = citizen()
    asked(siti)

    entered = Guest(app).log_in(siti.person.nik, PASSWORD)
    assert entered.status_code == 303


def stop_page(app: Application) -> str:
    return f"/kendala/kontak/hentikan/{Guest(app).secret('contact_asked')}"


@pytest.mark.parametrize("is_half_granted", [False, True])
def test_ot_7_whoever_has_the_old_address_stops_the_request_by_one_button(
    app: Application, citizen: Citizen, owner: Account, is_half_granted: bool
) -> None:
    siti = citizen()
    number = ticket_of(siti.browser.get(asked(siti)))
    there = stop_page(app)
    holder = Guest(app)
    looked = holder.get(there)
    assert "Hentikan permintaan ini?" in looked.text
    assert len(cases(app)) == 1, "a look stops nothing"
    if is_half_granted:
        decided(app, "upheld")

    answer = holder.post(there, looked)

    assert answer.headers["Location"] == "/kendala/kontak/dihentikan"
    assert "tetap seperti semula" in holder.get(answer.headers["Location"]).text
    assert cases(app) == []
    assert "Dihentikan" in status(siti, number).text
    assert now(app, owner).verified_phone == owner.verified_phone
    if is_half_granted:
        approver = an_officer(app, Role.APPROVER)
        assert approve(approver).status_code == 422
        assert now(app, owner).verified_phone == owner.verified_phone


def test_a_link_that_stopped_or_was_bent_stops_nothing_more(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    asked(citizen())
    there = stop_page(app)
    holder = Guest(app)
    turned = there[:-2] + ("AA" if there[-2:] != "AA" else "BB")
    for bent in (turned, f"{there}AAAA", "/kendala/kontak/hentikan/x"):
        assert holder.get(bent).status_code == 410
    assert len(cases(app)) == 1
    page = holder.get(there)
    holder.post(there, page)

    assert holder.get(there).status_code == 410


def test_the_console_says_who_stopped_a_case(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    asked(citizen())
    [shown] = app.wiring.services.cases.queue()
    there = stop_page(app)
    holder = Guest(app)
    holder.post(there, holder.get(there))

    page = an_officer(app, Role.SUPPORT).get(f"/admin/verifikasi/{shown.case.id}")
    assert "Dihentikan oleh pemegang kontak yang lama." in page.text
