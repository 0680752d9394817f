"""Opening an account through the pages, with Dukcapil, carriers and mail on real HTTP and SMTP."""

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.identity.audit import Action
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.messages import Sms, SmsState
from idp.domain.identity.nik import Nik
from idp.domain.identity.phone import parse_phone
from idp.domain.ids import digest_of
from tests.fakes import FixedClock
from tests.guest import Guest, words_of
from tests.portal import a_portal, an_account, form_fields, same_origin
from tests.registrant import PASSWORD, Registrant, a_wrong
from tests.sandbox_server import Sandbox

Citizen = Callable[..., Registrant]


def account_of(app: Application, nik: str):
    with app.wiring.services.store.read() as tx:
        return tx.accounts.find_by_nik(Nik(nik))


def actions_of(app: Application) -> list[str]:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return [row.action for row in connection.execute(sa.text("SELECT action FROM audit_event"))]


def count(app: Application, table: str) -> int:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - names of our own tables


# -- the way through


@pytest.mark.parametrize(
    ("language", "steps"),
    [("id", ("Berikutnya", "Daftar Sekarang", "Konfirmasi")), ("en", ())],
)
def test_three_pages_open_an_account(
    app: Application, citizen: Citizen, language: str, steps: tuple[str, ...]
) -> None:
    siti = citizen(language=language)
    pages = [siti.get("/daftar")]
    assert siti.ktp(pages[0]).headers["Location"] == "/daftar/kontak"
    pages.append(siti.get("/daftar/kontak"))
    assert siti.contact(pages[1]).headers["Location"] == "/daftar/kode"
    pages.append(siti.get("/daftar/kode"))
    answer = siti.confirm(page=pages[2])

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/daftar/selesai"
    for page, word in zip(pages, steps, strict=False):
        assert word in page.text
    for page in pages:
        assert page.status_code == 200
        assert f'lang="{language}"' in page.text
    account = account_of(app, siti.person.nik)
    assert account.verified_phone == parse_phone(siti.phone)
    assert account.verified_email is None
    assert account.email == EmailAddress("siti@contoh.id")
    assert (account.ial, account.locale) == (1, language)
    assert account.person.name == siti.person.name


def test_the_browser_is_signed_in_known_and_welcome(app: Application, citizen: Citizen) -> None:
    siti = citizen()
    siti.register()
    done = siti.get("/daftar/selesai")

    services = app.wiring.services
    cookie = siti.browser.get_cookie("sid").value
    session, account = services.sessions.find(digest_of(cookie))
    assert (session.aal, set(session.amr)) == (2, {"pwd", "otp", "sms", "mfa"})
    device = digest_of(siti.browser.get_cookie("device").value)
    with services.store.read() as tx:
        assert tx.devices.find(account.id, device) is not None
        assert services.passwords.hasher.verify(PASSWORD, tx.credentials.find(account.id).hash)
    assert "s•••@contoh.id" in done.text
    assert {Action.REGISTRY_CHECKED, Action.CODE_SENT, Action.ACCOUNT_OPENED} <= set(
        actions_of(app)
    )


def test_a_letter_asks_to_prove_the_address(citizen: Citizen) -> None:
    siti = citizen()
    siti.register()
    [letter] = siti.letters()

    assert re.search(r"http://localhost:8000/email/bukti/\S{43}\n", letter["text"])


def test_sms_names_the_purpose_and_the_origin(citizen: Citizen, sandbox: Sandbox) -> None:
    siti = citizen().until_code()
    code = siti.code()
    text = sandbox.sms_to(siti.phone)[0]["text"]

    assert text.startswith(f"Kode SIAPkerja untuk mendaftar: {code}. ")
    assert text.endswith(f"\n\n@localhost #{code}")


# -- a portal waits


def test_prompt_create_leads_here_and_back_to_the_portal(
    app: Application, citizen: Citizen
) -> None:
    siti = citizen()
    portal = a_portal(app, siti.browser, first_party=True)
    start = portal.start(prompt="create", ui_locales="en")
    there = urlsplit(start.headers["Location"])
    siti.query = {"i": parse_qs(there.query)["i"][0]}
    assert there.path == "/daftar"
    page = siti.get("/daftar")
    assert "Portal Uji" in page.text
    assert page.text.count(f"/masuk?i={siti.query['i']}") >= 1
    assert "form-action 'self' https:" in page.headers["Content-Security-Policy"]
    answer = siti.ktp(page)
    assert answer.headers["Location"] == f"/daftar/kontak?i={siti.query['i']}"
    siti.contact()
    answer = siti.confirm()

    assert answer.headers["Location"] == f"/authorize/{siti.query['i']}"
    back = siti.browser.get(answer.headers["Location"])
    assert "code" in portal.answer(back)


def test_whoever_came_to_register_may_sign_in_instead(app: Application, citizen: Citizen) -> None:
    siti = citizen()
    portal = a_portal(app, siti.browser, first_party=True)
    there = portal.start(prompt="create").headers["Location"]
    siti.browser.get(there)
    again = siti.browser.get("/authorize/" + parse_qs(urlsplit(there).query)["i"][0])

    assert again.headers["Location"].startswith("/masuk?i=")


def test_a_request_that_ended_meanwhile_does_not_end_the_registration(
    app: Application, citizen: Citizen, clock: FixedClock
) -> None:
    siti = citizen()
    portal = a_portal(app, siti.browser, first_party=True)
    there = portal.start(prompt="create").headers["Location"]
    siti.query = {"i": parse_qs(urlsplit(there).query)["i"][0]}
    siti.until_contact()
    clock.move(1000)
    siti.contact()
    answer = siti.confirm()

    assert answer.headers["Location"].startswith("/daftar/selesai")
    assert siti.get("/daftar/selesai").status_code == 200


def test_whoever_took_longer_than_the_portals_request_gets_back_to_the_portal(
    app: Application, citizen: Citizen, clock: FixedClock
) -> None:
    siti, stranger = citizen(), citizen()
    portal = a_portal(app, siti.browser, client_uri="https://portal.example.go.id/")
    there = portal.start(prompt="create").headers["Location"]
    siti.query = {"i": parse_qs(urlsplit(there).query)["i"][0]}
    siti.until_contact()
    clock.move(1000)
    siti.contact()
    last = siti.browser.get(siti.confirm().headers["Location"])

    assert 'href="https://portal.example.go.id/">Kembali ke Portal Uji</a>' in last.text
    elsewhere = stranger.browser.get("/daftar/selesai", query_string=siti.query)
    assert "Portal Uji" not in elsewhere.text


def test_se_7_a_request_of_another_browser_is_refused(app: Application, citizen: Citizen) -> None:
    siti, thief = citizen(), citizen()
    portal = a_portal(app, siti.browser)
    there = portal.start(prompt="create").headers["Location"]

    assert thief.browser.get(there).status_code == 400


# -- nothing is lost, nothing is sent twice


def test_a_registration_is_resumed_in_the_same_browser_for_half_an_hour(
    citizen: Citizen, clock: FixedClock
) -> None:
    siti = citizen().until_contact()
    assert "/daftar/kontak" in siti.get("/daftar").text
    siti.contact()
    clock.move(1700)
    assert "/daftar/kode" in siti.get("/daftar").text
    clock.move(101)

    page = siti.get("/daftar/kode")
    assert page.headers["Location"] == "/daftar?habis=1"
    assert "Waktu pendaftaran telah habis" in siti.get("/daftar", habis="1").text


def test_another_browser_knows_nothing_of_it(citizen: Citizen) -> None:
    siti, other = citizen().until_code(), citizen()

    assert other.get("/daftar/kode").headers["Location"].startswith("/daftar")
    assert "Lanjutkan" not in other.get("/daftar").text
    answer = other.post(
        "/daftar/kode",
        other.get("/daftar"),
        code=siti.code(),
    )
    assert answer.headers["Location"].startswith("/daftar")
    siti.confirm()


def test_r_11_a_double_click_has_one_effect_and_the_same_answer(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    siti = citizen()
    first = siti.get("/daftar")
    assert siti.ktp(first).headers["Location"] == siti.ktp(first).headers["Location"]
    assert sandbox.dukcapil_calls() == 1
    second = siti.get("/daftar/kontak")
    answers = [siti.contact(second) for _ in range(3)]
    assert {a.headers["Location"] for a in answers} == {"/daftar/kode"}
    assert len(siti.codes()) == 1
    third = siti.get("/daftar/kode")
    code = siti.code()
    answers = [siti.confirm(code, third) for _ in range(3)]

    assert {a.headers["Location"] for a in answers} == {"/daftar/selesai"}
    assert len({a.headers["Set-Cookie"] for a in answers}) == 1
    assert count(app, "account") == 1


def test_reloads_and_back_send_nothing(citizen: Citizen, clock: FixedClock) -> None:
    siti = citizen().until_code()
    for path in ("/daftar/kode", "/daftar/kontak", "/daftar", "/daftar/kode", "/daftar/kode"):
        assert siti.get(path).status_code == 200
    clock.move(5)
    # back to step 2 and forward again with the same number
    assert siti.contact().headers["Location"] == "/daftar/kode"

    assert len(siti.codes()) == 1
    assert siti.confirm().status_code == 303


def test_what_was_typed_is_there_when_coming_back(citizen: Citizen) -> None:
    siti = citizen().until_code()
    page = siti.get("/daftar/kontak")

    assert 'value="siti@contoh.id"' in page.text
    assert 'value="081200000101"' in page.text
    assert PASSWORD not in page.text


def test_a_second_tab_goes_on_where_the_first_one_is(citizen: Citizen) -> None:
    siti = citizen().until_code()
    old_tab = siti.get("/daftar/kode")
    siti.confirm(page=siti.get("/daftar/kode"))

    assert siti.confirm("123456", old_tab).headers["Location"] == "/daftar/selesai"
    assert siti.get("/daftar/kontak").headers["Location"] == "/daftar/selesai"


def test_a_filled_in_page_that_was_overtaken_by_another_person_changes_nothing(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    siti = citizen().until_contact()
    old_tab = siti.get("/daftar/kontak")
    siti.person = sandbox.person(index=1)
    siti.until_contact()

    assert siti.contact(old_tab).headers["Location"] == "/daftar/kontak"
    assert siti.codes() == []


def test_the_number_can_be_changed_and_the_old_code_dies(
    citizen: Citizen, clock: FixedClock
) -> None:
    siti = citizen().until_code()
    old = siti.code()
    clock.move(5)
    siti.phone = "0812 0000 0102"
    assert siti.contact().headers["Location"] == "/daftar/kode"
    new = siti.code()

    assert siti.confirm(old).status_code == 422
    assert siti.confirm(new).status_code == 303


def test_whoever_lost_the_answer_to_the_last_step_signs_in(
    app: Application, citizen: Citizen
) -> None:
    siti = citizen().until_code()
    page, code = siti.get("/daftar/kode"), siti.code()
    siti.confirm(code, page)
    siti.browser.delete_cookie("sid")
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM form_submission"))
    answer = siti.confirm(code, page)

    assert answer.headers["Location"] == "/daftar/selesai"
    done = siti.get("/daftar/selesai")
    assert "Silakan masuk" in done.text
    assert count(app, "account") == 1


# -- the code page


def test_a_wrong_code_says_how_many_tries_are_left(citizen: Citizen) -> None:
    siti = citizen().until_code()
    code = siti.code()
    told = []
    for _ in range(5):
        answer = siti.confirm(a_wrong(code))
        told.append((answer.status_code, re.findall(r"Sisa percobaan: (\d)", answer.text)[:1]))

    assert told == [(422, ["4"]), (422, ["3"]), (422, ["2"]), (422, ["1"]), (422, [])]
    over = siti.confirm(code).text
    assert "telah dibatalkan" in over
    # the rest of the page says the same
    assert "berlaku sampai" not in over
    assert code not in siti.get("/daftar/kode").text


@pytest.mark.parametrize("typed", ["", "12345", "abcdef", "1234567", "١٢٣٤٥٦", "12 34"])
def test_what_is_no_code_costs_no_try(citizen: Citizen, typed: str) -> None:
    siti = citizen().until_code()
    for _ in range(6):
        assert siti.confirm(typed).status_code == 422

    assert siti.confirm().status_code == 303


@pytest.mark.parametrize("spelling", ["{0} {1}", " {0}-{1} ", "{0}{1}"])
def test_a_code_is_taken_with_blanks(citizen: Citizen, spelling: str) -> None:
    siti = citizen().until_code()
    code = siti.code()

    assert siti.confirm(spelling.format(code[:3], code[3:])).status_code == 303


def test_the_page_prints_clock_times(citizen: Citizen, clock: FixedClock) -> None:
    siti = citizen().until_code()
    answer = siti.get("/daftar/kode")
    page = words_of(answer)

    assert "09.00 WIB" in page
    assert "09.05 WIB" in page
    assert "mulai pukul 09.01 WIB" in page
    # `ui.md` section 9: what machines read is UTC
    assert '<time datetime="2026-11-24T02:05:00Z">09.05 WIB</time>' in answer.text
    clock.move(301)
    assert "sudah tidak berlaku" in siti.get("/daftar/kode").text


def test_times_are_told_in_the_zone_of_the_nik(citizen: Citizen, sandbox: Sandbox) -> None:
    """`ui.md` section 9: in Makassar it is ten when it is nine in Jakarta."""
    siti = citizen(person=sandbox.add_person(nik="7371015708909001")).until_code()
    page = words_of(siti.get("/daftar/kode"))

    assert "mulai pukul 10.01 WITA" in page
    assert "WIB" not in page


def test_a_long_wait_is_told_as_a_clock_time(citizen: Citizen, clock: FixedClock) -> None:
    """`ui.md` section 3; the first minute is counted in seconds (`ui-copy.md`, OTP_WAIT)."""
    siti = citizen().until_code()
    clock.move(10)
    assert "Kode baru dapat diminta dalam 50 detik." in words_of(siti.resend())
    clock.move(51)
    assert siti.resend().status_code == 303
    early = siti.resend()

    assert early.status_code == 429
    assert early.headers["Retry-After"] == "120"
    [told] = re.findall(r"Mohon tunggu(.*?)Kode bantuan", words_of(early))
    # a second after 09.03: whoever comes at the minute that was told is not sent away again
    assert told.strip() == "Kode baru dapat diminta mulai pukul 09.04 WIB."
    assert "mulai pukul 09.04 WIB" in words_of(siti.get("/daftar/kode"))


def test_a_wait_until_tomorrow_is_told_with_its_day(citizen: Citizen, clock: FixedClock) -> None:
    """OT-3: fifteen wrong codes stop a phone for a day; "09.03" alone would be in two minutes."""
    siti = citizen().until_code()
    for wait in (60, 120):
        for _ in range(5):
            siti.confirm(a_wrong(siti.code()))
        clock.move(wait)
        siti.resend()
    for _ in range(5):
        siti.confirm(a_wrong(siti.code()))

    assert "coba lagi pada 25 November 2026, 09.03 WIB." in words_of(siti.confirm())


def test_a_name_that_ends_with_a_title_ends_the_sentence_once(
    citizen: Citizen, sandbox: Sandbox
) -> None:
    siti = citizen(person=sandbox.add_person(name="SITI AMINAH, M.KN."))
    page = siti.until_contact().get("/daftar/kontak").text

    assert "SITI AMINAH, M.KN.<" in page
    assert "M.KN.." not in page


def test_an_outage_of_short_messages_is_told_before_anybody_types(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    """`ui.md` section 4: before people type, and with another way where there is one."""
    siti = citizen().until_contact()
    guest = Guest(app)
    pages = {
        "/daftar/kontak": siti,
        "/kendala/kata-sandi": guest,
    }
    for path, who in pages.items():
        assert "Pengiriman SMS sedang terganggu" not in who.get(path).text

    sandbox.next_sms("balance", times=6)
    for number in range(3):
        sms = Sms(f"lost-{number}", parse_phone(siti.phone), "Uji", "signup", 60)
        assert app.wiring.services.reports.gateways.send(sms).state is SmsState.REJECTED

    assert "dapat dilanjutkan di peramban ini selama 30 menit" in siti.get("/daftar/kontak").text
    siti.until_code()
    assert "jadi kode mungkin terlambat" in siti.get("/daftar/kode").text
    assert "Pilih tautan ke email" in guest.get("/kendala/kata-sandi").text


def test_whoever_only_looked_at_the_contact_page_again_gets_back_to_the_code(
    citizen: Citizen,
) -> None:
    siti = citizen().until_contact()
    assert "Kembali ke kode OTP" not in siti.get("/daftar/kontak").text

    siti.contact()

    page = siti.get("/daftar/kontak").text
    assert '<a href="/daftar/kode">Kembali ke kode OTP</a>' in page


def test_resending_is_paced_and_the_newest_code_counts(citizen: Citizen, clock: FixedClock) -> None:
    siti = citizen().until_code()
    early = siti.resend()
    assert (early.status_code, early.headers["Retry-After"]) == (429, "60")
    assert "dalam 60 detik" in early.text
    clock.move(60)
    assert siti.resend().headers["Location"] == "/daftar/kode"
    new, old = siti.codes()

    assert "Gunakan kode dari SMS terbaru." in siti.confirm(old).text
    assert siti.confirm(new).status_code == 303


def test_an_expired_code_is_renewed_on_the_same_page(citizen: Citizen, clock: FixedClock) -> None:
    siti = citizen().until_code()
    old = siti.code()
    clock.move(301)
    assert "sudah tidak berlaku" in siti.confirm(old).text
    siti.resend()

    assert siti.confirm().status_code == 303


def test_a_message_that_no_carrier_takes_is_told(citizen: Citizen, sandbox: Sandbox) -> None:
    siti = citizen(phone="0812 0000 0001")
    sandbox.next_sms("rejected", to="+6281200000001", times=5)
    siti.until_code()
    siti.app.wiring.services.outbox.deliver_due()

    page = siti.get("/daftar/kode")
    assert "SMS belum dapat dikirim ke nomor ini" in page.text


# -- refused fields


def test_every_wrong_field_is_told_at_once_and_nothing_typed_is_lost(
    citizen: Citizen, sandbox: Sandbox
) -> None:
    siti = citizen()
    answer = siti.ktp(nik="32730117", full_name="Siti <b>", mother_name="")

    assert answer.status_code == 422
    assert "<title>Galat: " in answer.text
    for words in ("NIK terdiri dari 16 angka", "Nama hanya boleh berisi", "nama ibu kandung"):
        assert words in answer.text
    assert 'value="32730117"' in answer.text
    assert "Siti &lt;b&gt;" in answer.text
    assert answer.text.count('aria-invalid="true"') == 3
    assert sandbox.dukcapil_calls() == 0


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("email", "siti@", "Format alamat email"),
        ("email", "", "Format alamat email"),
        ("phone", "0812345", "Nomor handphone belum benar"),
        ("phone", "+60123456789", "nomor handphone Indonesia"),
        ("phone", "+1 415 555 2671", "nomor handphone Indonesia"),
        ("password", "", "Masukkan kata sandi"),
        ("password", "kuda hijau1", "minimal 12 karakter"),
        ("password", "x" * 257, "paling panjang 256"),
        ("password", "sayangkamu2026", "mudah ditebak"),
        ("password", "siti@contoh.id", "Jangan gunakan nama"),
        ("agree", None, "Pemberitahuan Privasi"),
    ],
)
def test_contact_fields_are_refused_beside_the_field(
    citizen: Citizen, field: str, typed: str | None, words: str
) -> None:
    siti = citizen().until_contact()
    answer = siti.contact(**{field: typed})

    assert answer.status_code == 422
    assert words in answer.text
    assert f'id="{field}-e"' in answer.text
    assert siti.codes() == []
    assert siti.contact().status_code == 303


def test_everything_wrong_with_the_contact_is_told_at_once(citizen: Citizen) -> None:
    siti = citizen().until_contact()
    answer = siti.contact(email="siti@gmail.co", phone="0812", password="pendek", agree=None)

    assert answer.text.count('class="err"') == 4
    assert "Apakah maksud Anda siti@gmail.com?" in answer.text
    assert "minimal 12 karakter" in answer.text


def test_au_1_a_password_of_a_megabyte_is_answered_at_once(citizen: Citizen) -> None:
    siti = citizen().until_contact()

    assert siti.contact(password="a" * 1_000_000).status_code in {413, 422}
    assert siti.contact(password="é" * 10_000).status_code == 422


@pytest.mark.parametrize(
    "password",
    [
        "é ï ö ü ñ ß ø",
        "kata  dengan  dua  spasi",
        "日本語のパスワードです。",
        "x9!" + "kopi tubruk " * 21,
    ],
)
def test_au_1_every_character_is_welcome(app: Application, citizen: Citizen, password: str) -> None:
    siti = citizen(password=password)
    siti.register()
    account = account_of(app, siti.person.nik)
    with app.wiring.services.store.read() as tx:
        kept = tx.credentials.find(account.id).hash

    verify = app.wiring.services.passwords.hasher.verify
    assert verify(password, kept)
    assert not verify(password[:-1], kept)


def test_au_1_a_longer_password_where_no_second_step_protects(
    make_app: Callable[..., Application], sandbox: Sandbox
) -> None:
    app = make_app(SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none", **sandbox.environment())
    siti = Registrant(app, sandbox, sandbox.person()).until_contact()
    assert "Minimal 15 karakter" in siti.get("/daftar/kontak").text

    assert siti.contact(password="kuda hijau abu").status_code == 422
    assert siti.contact(password="kuda hijau abus").status_code == 303


def test_a_slip_in_the_address_is_asked_about_once(app: Application, citizen: Citizen) -> None:
    siti = citizen(email="siti@gmail.co").until_contact()
    asked = siti.contact()
    assert asked.status_code == 422
    assert "Apakah maksud Anda siti@gmail.com?" in asked.text
    assert siti.codes() == []

    assert siti.contact(asked).status_code == 303
    siti.confirm()
    assert account_of(app, siti.person.nik).email == EmailAddress("siti@gmail.co")


@pytest.mark.parametrize(
    ("name", "mother"),
    [
        ("Sukarno", "Idayu"),
        ("Dr. H. Ahmad Fauzi, S.H., M.Kn.", "Hj. Siti Ma'rifah"),
        ("Ma’ruf Nur'aini", "O"),
        ("Anak Agung Gde Ngurah Putra " * 4, "Ni Luh " * 17),
    ],
)
def test_names_as_people_have_them(
    app: Application, sandbox: Sandbox, citizen: Citizen, name: str, mother: str
) -> None:
    person = sandbox.add_person(name=name.strip(), mother_name=mother.strip())
    siti = citizen(person=person)
    siti.register()

    assert account_of(app, person.nik) is not None


TEXTS = [
    "\u0000",
    "a\u0000b",
    "\r\n",
    "\u001b[31m",
    "\ud800".encode("utf-8", "surrogatepass"),
    b"\xff\xfe\xfd",
    "\u202eabc",
    "'; DROP TABLE account; --",
    "<script>alert(1)</script>",
    "{{ 7*7 }}",
    "%(name)s %s %d",
    "../../etc/passwd",
    "A" * 5000,
    "🧕🏽" * 50,
    "ﷺ" * 100,
    "\u0301" * 200,
    "0" * 2000,
    "1e309",
    "-1",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_in_2_no_text_in_any_field_breaks_a_page(
    citizen: Citizen, clock: FixedClock, text: str | bytes
) -> None:
    siti = citizen().until_contact()
    fields = {
        "/daftar": ("nik", "full_name", "mother_name", "csrf_token", "puzzle"),
        "/daftar/kontak": ("email", "phone", "password", "agree", "registration", "email_asked"),
    }
    for path, names in fields.items():
        known = siti.ktp_fields() if path == "/daftar" else siti.contact_fields()
        for name in names:
            answer = siti.post(path, **{**known, name: text})
            assert answer.status_code < 500, (path, name)
    clock.move(61)
    siti.until_code()
    for name in ("code", "action", "puzzle", "puzzle_answer"):
        assert siti.post("/daftar/kode", **{"code": "", name: text}).status_code < 500


def test_se_6_a_form_without_its_token_or_from_elsewhere_is_shown_again(
    citizen: Citizen, sandbox: Sandbox
) -> None:
    siti = citizen()
    page = siti.get("/daftar")
    stranger = citizen().get("/daftar")
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    for token, headers in (
        ("", same_origin()),
        (form_fields(stranger)["csrf_token"], same_origin()),
        (form_fields(page)["csrf_token"], foreign),
    ):
        answer = siti.browser.post(
            "/daftar", data={**siti.ktp_fields(), "csrf_token": token}, headers=headers
        )
        assert answer.status_code == 403
        assert siti.person.nik in answer.text
        assert "terlalu lama terbuka" in answer.text

    assert sandbox.dukcapil_calls() == 0


def test_tokens_of_later_steps_are_checked_too(citizen: Citizen) -> None:
    siti = citizen().until_contact()
    assert siti.contact(csrf_token="").status_code == 403
    siti.contact()
    assert siti.confirm(csrf_token="").status_code == 403
    assert siti.resend(csrf_token="").status_code == 403
    assert len(siti.codes()) == 1


def test_steps_called_out_of_order_lead_back(citizen: Citizen) -> None:
    siti = citizen()
    page = siti.get("/daftar")
    for path in ("/daftar/kontak", "/daftar/kode"):
        assert siti.get(path).headers["Location"].startswith("/daftar")
        assert siti.post(path, page, code="123456").headers["Location"].startswith("/daftar")
    siti.until_contact()

    assert siti.get("/daftar/kode").headers["Location"] == "/daftar/kontak"


# -- contacts that others have


def test_an_address_that_another_account_proved_is_told_to_its_owner_alone(
    app: Application, citizen: Citizen
) -> None:
    an_account(app, number=70, email="siti@contoh.id")
    siti = citizen()
    siti.register()
    subjects = [letter["subject"] for letter in siti.letters()]

    assert "Alamat email Anda diisi pada akun lain" in subjects
    assert account_of(app, siti.person.nik).verified_email is None


def test_a_proved_phone_moves_and_the_former_account_is_told(
    app: Application, citizen: Citizen
) -> None:
    former = an_account(app, number=71, phone_number="+6281200000101", email="ani@contoh.id")
    siti = citizen(phone="0812-0000-0101")
    siti.until_code()
    page = siti.get("/daftar/kode")
    assert "ani@contoh.id" not in page.text
    siti.confirm()

    services = app.wiring.services
    with services.store.read() as tx:
        assert tx.accounts.find(former.id).phone is None
        holder = tx.accounts.find_by_phone(parse_phone(siti.phone))
    assert holder.nik == Nik(siti.person.nik)
    [letter] = siti.letters("ani@contoh.id")
    assert letter["subject"] == "Nomor handphone Anda dipakai akun lain"
    assert "0101" not in letter["text"]
    assert Action.PHONE_MOVED in actions_of(app)


# -- back to the portal


def test_two_portals_in_two_tabs_each_get_their_answer_after_one_registration(
    app: Application, citizen: Citizen
) -> None:
    siti = citizen()
    first = a_portal(app, siti.browser, first_party=True)
    second = a_portal(app, siti.browser, first_party=True, client_name="Portal Kedua")
    waiting = [
        portal.start(prompt="create", state=state)
        for portal, state in (
            (first, "satu"),
            (second, "dua"),
        )
    ]
    ids = [answer.headers["Location"].rpartition("i=")[2] for answer in waiting]
    for interaction_id in reversed(ids):
        siti.query = {"i": interaction_id}
        siti.get("/daftar")
    answer = siti.register()
    siti.query = {}

    done = siti.get(answer.headers["Location"])
    assert first.answer(done)["state"] == "satu"
    # the other tab is reloaded: its person is signed in by now
    other = siti.get(f"/authorize/{ids[1]}")
    assert second.answer(other)["state"] == "dua"
    # and the first one as well: answered once
    assert siti.get(f"/authorize/{ids[0]}").status_code == 400


def test_a_reload_on_every_page_of_the_way_keeps_the_portal(
    app: Application, citizen: Citizen
) -> None:
    siti = citizen()
    answer = a_portal(app, siti.browser, first_party=True).start(prompt="create")
    siti.query = {"i": answer.headers["Location"].rpartition("i=")[2]}
    for path, step in (("/daftar", siti.ktp), ("/daftar/kontak", siti.contact)):
        for _ in range(2):
            assert "Portal Uji" in siti.get(path).text
        assert f"i={siti.query['i']}" in step().headers["Location"]
    for _ in range(2):
        assert "Portal Uji" in siti.get("/daftar/kode").text

    assert siti.confirm().headers["Location"] == f"/authorize/{siti.query['i']}"
