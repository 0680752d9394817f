"""Every page that people see before they are signed in, in its states, at every size."""

from collections.abc import Callable

import pytest

from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-pages")]

Visit = Callable[..., Visitor]


def test_pages_that_stand_still(visit: Visit) -> None:
    visitor = visit()
    for path, name in (
        ("/", "start"),
        ("/bantuan", "help"),
        ("/privasi", "privacy"),
        ("/syarat", "terms"),
        ("/aksesibilitas", "accessibility"),
        ("/bukan-halaman", "error-404"),
    ):
        visitor.open(path)
        visitor.look(name)


def test_pages_of_registration(visit: Visit, world: World) -> None:
    visitor = visit()
    person = world.a_person()
    visitor.open("/daftar", "portal")
    visitor.look("register-ktp")

    visitor.fill(nik="3273012505889", full_name="Budi Santoso")
    visitor.press("Berikutnya")
    visitor.summary().wait_for()
    visitor.look("register-ktp-error")

    visitor.fill_in_ktp({**person, "mother_name": "BUKAN IBUNYA"})
    visitor.press("Berikutnya")
    visitor.wait_for("/daftar/tidak-cocok")
    visitor.look("register-mismatch")

    visitor.follow("Periksa lagi")
    visitor.wait_for("/daftar")
    world.next_dukcapil("D3", person["nik"])
    visitor.fill_in_ktp(person)
    visitor.press("Berikutnya")
    visitor.summary().wait_for()
    visitor.look("register-ktp-outage")
    visitor.follow("Apa yang dapat saya lakukan?")
    visitor.wait_for("/daftar/tertunda")
    visitor.look("register-delayed")

    visitor.follow("Coba lagi")
    visitor.wait_for("/daftar")
    visitor.fill_in_ktp(person)
    visitor.press("Berikutnya")
    visitor.wait_for("/daftar/kontak")
    visitor.look("register-contact")

    visitor.fill(email="warga@gmial.com", phone="021 555 1234", password="katasandi123")
    visitor.press("Daftar Sekarang")
    visitor.summary().wait_for()
    visitor.look("register-contact-error")

    visitor.open("/daftar")
    visitor.look("register-ktp-unfinished")
    visitor.follow("Lanjutkan pendaftaran")
    visitor.wait_for("/daftar/kontak")
    visitor.fill_in_contact(person)
    visitor.press("Daftar Sekarang")
    visitor.wait_for("/daftar/kode")
    visitor.look("register-code")

    visitor.enter_code("000000")
    visitor.summary().wait_for()
    visitor.look("register-code-error")
    visitor.enter_code(world.sms_code(person["phone"]))
    visitor.wait_for("/daftar/selesai")
    visitor.look("register-done")


def test_pages_of_a_registration_that_went_wrong(visit: Visit, world: World) -> None:
    visitor = visit()
    visitor.open("/daftar?habis=1")
    visitor.look("register-ktp-timed-out")
    person = world.a_person()
    visitor.fill_in_ktp(person)
    visitor.context.clear_cookies()
    visitor.press("Berikutnya")
    visitor.summary().wait_for()
    assert visitor.page.locator("[name=full_name]").input_value() == person["name"]
    assert "Aktifkan kuki" in visitor.summary().inner_text()
    visitor.look("register-ktp-expired")
    visitor.press("Berikutnya")
    visitor.wait_for("/daftar/kontak")
    world.next_sms("rejected", person["phone"], times=4)
    visitor.fill_in_contact(person)
    visitor.press("Daftar Sekarang")
    visitor.wait_for("/daftar/kode")
    for _ in range(50):
        if visitor.page.locator(".note.warn").count() > 1:
            break
        visitor.page.wait_for_timeout(100)
        visitor.page.reload()
    visitor.look("register-code-sms-lost")


def test_page_that_tells_of_a_session_that_ended(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/masuk/kode?m=tidak-ada")
    visitor.wait_for("/masuk")
    visitor.look("login-session-ended")


def test_page_that_tells_of_the_account_that_a_nik_has(visit: Visit, world: World) -> None:
    person = world.a_person()
    world.an_account(nik=person["nik"], name=person["name"])
    visitor = visit()
    visitor.open("/daftar")
    visitor.fill_in_ktp(person)
    visitor.press("Berikutnya")
    visitor.wait_for("/daftar/sudah-terdaftar")
    visitor.look("register-exists")
    visitor.follow("Akun ini bukan milik saya")
    visitor.wait_for("/kendala/nik-terdaftar")
    visitor.look("recovery-nik-report")
    visitor.press("Laporkan, akun itu bukan milik saya")
    visitor.page.get_by_text("Laporan Anda sudah diterima").wait_for()
    visitor.look("recovery-nik-reported")


def test_pages_of_signing_in(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.open("/masuk", "portal")
    visitor.look("login-portal")
    visitor.press("Masuk")
    visitor.summary().wait_for()
    visitor.look("login-empty")

    visitor.open("/masuk")
    visitor.look("login")
    visitor.sign_in({**account, "password": "bukan kata sandinya"})
    visitor.summary().wait_for()
    visitor.look("login-error")
    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    visitor.look("login-code")
    visitor.enter_code("000000")
    visitor.summary().wait_for()
    visitor.look("login-code-error")
    visitor.follow("Pakai cara lain")
    visitor.wait_for("/masuk/metode")
    visitor.look("login-method")
    visitor.page.check("[value=sms]")
    visitor.press("Kirim kode")
    visitor.wait_for("/masuk/kode")
    visitor.look("login-code-sms")


def test_page_of_a_code_that_did_not_get_through(visit: Visit, world: World) -> None:
    account = world.an_account(email_verified=None)
    world.next_sms("rejected", account["phone_number"], times=4)
    visitor = visit()
    visitor.open("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    for _ in range(50):
        if visitor.page.locator(".note.warn").count() > 1:
            break
        visitor.page.wait_for_timeout(100)
        visitor.page.reload()
    assert "SMS belum dapat dikirim ke nomor Anda." in visitor.text
    visitor.look("login-code-sms-lost")


def test_page_for_the_holders_of_old_accounts(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/masuk/akun-lama")
    visitor.look("login-old")
    visitor.press("Masuk")
    visitor.summary().wait_for()
    visitor.look("login-old-error")


def test_page_of_a_sign_in_that_failed_too_often(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.open("/masuk")
    for _ in range(6):
        visitor.sign_in({**account, "password": "bukan kata sandinya"})
        visitor.summary().wait_for()
        visitor.page.wait_for_load_state()
    visitor.look("login-throttled")


def test_pages_of_a_forgotten_password(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.open("/masuk", "portal")
    visitor.follow("Kendala masuk ke akun?")
    visitor.wait_for("/kendala")
    visitor.look("recovery-hub")
    for path, name in (
        ("/kendala/kontak", "recovery-contact"),
        ("/kendala/nik-terdaftar", "recovery-nik"),
        ("/kendala/kontak-berubah", "recovery-changed"),
        ("/kendala/kata-sandi", "recovery-start"),
    ):
        visitor.open(path)
        visitor.look(name)
    visitor.press("Kirim petunjuk")
    visitor.summary().wait_for()
    visitor.look("recovery-start-error")

    visitor.fill(identifier=account["email"])
    visitor.page.check("[value=sms]")
    visitor.press("Kirim petunjuk")
    visitor.wait_for("/kendala/kata-sandi/kode")
    visitor.look("recovery-code")
    visitor.enter_code("000000")
    visitor.summary().wait_for()
    visitor.look("recovery-code-error")
    visitor.enter_code(world.sms_code(account["phone_number"]))
    visitor.wait_for("/kendala/kata-sandi/baru")
    visitor.look("recovery-new")
    visitor.fill(password="pendek")
    visitor.press("Simpan")
    visitor.summary().wait_for()
    visitor.look("recovery-new-error")
    visitor.open("/kendala/kata-sandi/baru?k=tidak-ada")
    visitor.look("recovery-invalid")


def test_pages_of_lost_contacts(visit: Visit, world: World) -> None:
    person = world.a_person()
    world.an_account(nik=person["nik"])
    visitor = visit()
    visitor.open("/kendala/kontak")
    visitor.press("Berikutnya")
    visitor.summary().wait_for()
    visitor.look("lost-contact-who-error")
    visitor.fill_in_ktp(person)
    visitor.press("Berikutnya")
    visitor.wait_for("/kendala/kontak/kirim")
    visitor.look("lost-contact-new")
    visitor.fill(phone=person["phone"], email=person["email"])
    visitor.press("Kirim kode")
    visitor.wait_for("/kendala/kontak/kode")
    visitor.look("lost-contact-code")
    visitor.enter_code(world.sms_code(person["phone"]))
    visitor.wait_for("/kendala/kontak/status")
    visitor.look("lost-contact-ticket")
    visitor.open("/kendala/kontak/status")
    visitor.look("lost-contact-status")


def test_pages_for_requests_that_make_no_sense(visit: Visit) -> None:
    visitor = visit()
    discovery = visitor.context.request.get(
        visitor.world.url("provider", "/.well-known/openid-configuration")
    ).json()
    authorize = discovery["authorization_endpoint"]
    visitor.page.goto(f"{authorize}?client_id=tidak-ada&response_type=code")
    visitor.look("request-unknown-client")
    visitor.page.goto(
        f"{authorize}?client_id=portal-contoh&response_type=code&redirect_uri=https://x.example/"
    )
    visitor.look("request-bad-redirect")
    visitor.open("/masuk?i=tidak-ada")
    visitor.look("request-over")
