"""Signing in and out in a real browser: tabs, reloads, double clicks, the keyboard alone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visitor import Visitor
from tests.browser.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-journeys")]

Visit = Callable[..., Visitor]


def test_se_4_who_signs_out_sees_which_portals_confirmed(visit: Visit, world: World) -> None:
    visitor = visit(script=False)
    visitor.enter(world.an_account())
    for part in ("portal", "jkp"):
        visitor.open("/masuk", part)
        if visitor.path == "/izin":
            visitor.press("Izinkan dan lanjutkan")
        visitor.wait_for("/", part)

    visitor.open("/keluar")
    visitor.press("Keluar dari semua")
    visitor.wait_for("/keluar/selesai")
    rows = visitor.page.locator(".dl > div")
    for _ in range(50):
        if "Sedang diberi tahu" not in visitor.text:
            break
        visitor.page.wait_for_timeout(100)
        visitor.follow("Perbarui halaman ini")

    told = sorted(" ".join(row.split()) for row in rows.all_inner_texts())
    assert told == ["JKP Sudah keluar", "Portal Contoh Sudah keluar"]
    visitor.open("/", "portal")
    assert visitor.heading == "Satu akun untuk portal ini juga"
    visitor.open("/", "jkp")
    assert visitor.page.get_by_role("link", name="Masuk dengan SIAPkerja ID").is_visible()


def test_a_portal_signs_out_everywhere_and_gets_the_person_back(visit: Visit, world: World) -> None:
    visitor = visit()
    visitor.open("/masuk", "portal")
    account = world.an_account()
    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    visitor.enter_code(world.mail_code(account["email"]))
    visitor.wait_for("/izin")
    visitor.press("Izinkan dan lanjutkan")
    visitor.wait_for("/", "portal")
    visitor.press("Keluar")
    visitor.wait_for("/selesai", "portal")
    visitor.open("/akun")

    assert visitor.path == "/masuk"


def test_jkp_asks_for_two_factors_before_a_claim_is_filed(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.open("/", "jkp")
    visitor.follow("Masuk dengan SIAPkerja ID")
    visitor.wait_for("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    visitor.enter_code(world.mail_code(account["email"]))
    visitor.wait_for("/", "jkp")
    visitor.press("Terima laporan PHK")
    visitor.follow("Ajukan Klaim Manfaat JKP")
    visitor.wait_for("/klaim/ajukan", "jkp")
    visitor.look("jkp-file")
    visitor.press("Ajukan klaim")
    visitor.page.locator("[role=alert]").wait_for()
    visitor.look("jkp-file-error")
    visitor.page.check("#kapk")
    visitor.press("Ajukan klaim")
    visitor.wait_for("/", "jkp")

    assert "Diajukan" in visitor.text
    visitor.look("jkp-filed")


def test_two_tabs_each_finish_their_own_sign_in(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.open("/masuk", "portal")
    other = visitor.new_tab()
    other.goto(world.url("jkp", "/masuk"))
    assert visitor.page.url != other.url

    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    visitor.enter_code(world.mail_code(account["email"]))
    visitor.wait_for("/izin")
    # the second tab still shows its sign-in page: it goes on without asking again for a code
    other.locator("[name=identifier]").fill(account["email"])
    other.locator("[name=password]").fill(PASSWORD)
    other.locator("main form button.btn.wide").first.click()
    other.wait_for_url(world.url("jkp"))
    visitor.press("Izinkan dan lanjutkan")
    visitor.wait_for("/", "portal")

    assert visitor.heading == "Halo, Agus Setiawan"
    assert other.locator("h1").inner_text() == "Halo, Agus Setiawan"


def test_a_double_click_and_a_reload_register_once_and_send_once(
    visit: Visit, world: World
) -> None:
    person = world.a_person()
    visitor = visit()
    visitor.open("/daftar")
    visitor.fill_in_ktp(person)
    visitor.page.locator("main form button.btn.wide").first.dblclick()
    visitor.wait_for("/daftar/kontak")
    visitor.fill_in_contact(person)
    visitor.page.locator("main form button.btn.wide").first.dblclick()
    visitor.wait_for("/daftar/kode")
    visitor.page.reload()
    visitor.page.go_back()
    visitor.page.go_forward()
    visitor.wait_for("/daftar/kode")
    visitor.fill(code=world.sms_code(person["phone"]))
    visitor.page.locator("main form button.btn.wide").first.dblclick()
    visitor.wait_for("/daftar/selesai")

    assert visitor.heading == "Akun Anda sudah aktif"
    sent = world.api.get("/api/sms", params={"to": person["phone"]}).json()["messages"]
    assert len(sent) == 1


def test_the_back_button_loses_nothing_that_was_typed(visit: Visit, world: World) -> None:
    person = world.a_person()
    visitor = visit()
    visitor.open("/daftar", "portal")
    visitor.fill_in_ktp(person)
    visitor.press("Berikutnya")
    visitor.wait_for("/daftar/kontak")
    visitor.page.go_back()
    visitor.wait_for("/daftar")
    visitor.follow("Lanjutkan pendaftaran")
    visitor.wait_for("/daftar/kontak")
    visitor.fill_in_contact(person)
    visitor.press("Daftar Sekarang")
    visitor.wait_for("/daftar/kode")
    visitor.follow("Ganti nomor handphone")
    visitor.wait_for("/daftar/kontak")

    assert visitor.page.locator("[name=email]").input_value() == person["email"]
    assert "untuk melanjutkan ke\nPortal Contoh" in visitor.text
    assert visitor.page.locator("[name=password]").input_value() == ""


def test_a_forgotten_password_is_set_anew_by_the_link_of_a_letter(
    visit: Visit, world: World
) -> None:
    account = world.an_account()
    visitor = visit(script=False)
    visitor.open("/masuk", "portal")
    visitor.follow("Kendala masuk ke akun?")
    visitor.follow("Lupa kata sandi")
    visitor.fill(identifier=account["email"])
    visitor.press("Kirim petunjuk")
    visitor.wait_for("/kendala/kata-sandi/kode")
    visitor.page.goto(world.mail_link(account["email"], "/kendala/kata-sandi/baru"))
    visitor.fill(password="lemari-bulan-pasar-58")
    visitor.press("Simpan")
    visitor.wait_for("/masuk/kode")
    visitor.enter_code(world.sms_code(account["phone_number"]))
    visitor.wait_for("/izin")
    visitor.press("Izinkan dan lanjutkan")
    visitor.wait_for("/", "portal")

    assert visitor.heading == "Halo, Agus Setiawan"


def test_other_devices_are_signed_out_one_by_one_or_all_at_once(visit: Visit, world: World) -> None:
    account = world.an_account(email_verified=None, phone_number_verified=None)
    here, *others = [visit(script=False) for _ in range(4)]
    for visitor in (here, *others):
        visitor.open("/masuk")
        visitor.sign_in(account)
        visitor.wait_for("/akun")
    here.open("/akun/sesi")
    here.page.get_by_role("button", name="Keluarkan", exact=False).first.click()
    here.page.locator(".note.ok").wait_for()
    alive = [other for other in others if _is_signed_in(other)]
    assert len(alive) == 2
    here.press("Keluarkan semua perangkat lain")
    here.page.locator(".note.ok").wait_for()

    assert [other for other in others if _is_signed_in(other)] == []
    assert _is_signed_in(here)


def _is_signed_in(visitor: Visitor) -> bool:
    visitor.open("/akun")
    return visitor.path == "/akun"


def _tab_to(page: Page, selector: str) -> None:
    """Press Tab until something that fits has the focus."""
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            ring = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert ring == "solid"
            return
    raise AssertionError(f"no way to {selector} by keyboard")


def test_everything_from_a_portal_and_back_works_by_keyboard_alone(
    visit: Visit, world: World
) -> None:
    account = world.an_account()
    visitor = visit()
    page = visitor.page
    visitor.open("/", "portal")
    _tab_to(page, "main a[href='/masuk']")
    page.keyboard.press("Enter")
    visitor.wait_for("/masuk")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    _tab_to(page, "[name=identifier]")
    page.keyboard.press("Enter")
    # what is wrong is said first, and its links lead to the fields
    expect(visitor.summary()).to_be_focused()
    _tab_to(page, ".sum a[href='#identifier']")
    page.keyboard.press("Enter")
    page.keyboard.type(account["email"])
    _tab_to(page, "[name=password]")
    page.keyboard.type(account["password"])
    page.keyboard.press("Enter")
    visitor.wait_for("/masuk/kode")
    _tab_to(page, "[name=code]")
    page.keyboard.type(world.mail_code(account["email"]))
    page.keyboard.press("Enter")
    visitor.wait_for("/izin")
    _tab_to(page, "[name=scope]")
    page.keyboard.press("Space")
    _tab_to(page, "[value=allow]")
    page.keyboard.press("Enter")
    visitor.wait_for("/", "portal")

    assert account["phone_number"] in visitor.text.replace("-", "")
