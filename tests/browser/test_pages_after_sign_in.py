"""Every page that people see once they are signed in, in its states, at every size."""

from collections.abc import Callable

import pytest

from tests.browser.gallery import picture
from tests.browser.visitor import Visitor
from tests.browser.world import CIBA, DEVICE, PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-account")]

Visit = Callable[..., Visitor]

POLICY = {
    "policy_uri": "https://portal.example/privasi",
    "tos_uri": "https://portal.example/syarat",
}


def test_pages_between_portal_and_account(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.enter(account)
    visitor.wait_for("/akun")
    visitor.look("account-empty")

    visitor.open("/masuk", "portal")
    visitor.wait_for("/izin")
    visitor.look("consent")
    visitor.press("Izinkan dan lanjutkan")
    visitor.wait_for("/", "portal")
    visitor.look("portal-signed-in")
    visitor.open("/masuk", "jkp")
    visitor.wait_for("/", "jkp")
    visitor.look("jkp-home")

    visitor.open("/akun")
    visitor.look("account")
    visitor.open("/akun/portal")
    visitor.look("account-portals")
    visitor.page.get_by_role("link", name="Cabut akses Portal Contoh").click()
    visitor.page.wait_for_url("**/akun/portal/*")
    visitor.look("account-withdraw")
    visitor.press("Cabut akses")
    visitor.wait_for("/akun/portal")
    visitor.look("account-portals-withdrawn")

    visitor.page.goto(
        world.authorize(
            world.a_client(redirect_uris=[world.url("portal", "/kembali")], **POLICY),
            prompt="select_account",
        )
    )
    visitor.wait_for("/masuk/akun")
    visitor.look("login-account")


def test_pages_of_the_account(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    other = visit()
    visitor.enter(account)
    for path, name in (
        ("/akun/keamanan", "account-security"),
        ("/akun/keamanan/email", "account-email"),
        ("/akun/sesi", "account-sessions-one"),
        ("/akun/aktivitas", "account-activity"),
        ("/akun/portal", "account-portals-empty"),
        ("/akun/keamanan/kata-sandi", "account-password"),
    ):
        visitor.open(path)
        visitor.look(name)
    visitor.fill(current_password="bukan yang ini", password="perahu-kabut-lada-65")
    visitor.press("Simpan")
    visitor.summary().wait_for()
    visitor.look("account-password-error")

    # the next code by e-mail has to wait a minute: another way is offered
    other.open("/masuk")
    other.sign_in(account)
    other.wait_for("/masuk/metode")
    other.look("login-method-waiting")
    other.page.check("[value=sms]")
    other.press("Kirim kode")
    other.wait_for("/masuk/kode")
    other.enter_code(world.sms_code(account["phone_number"]))
    other.wait_for("/akun")
    visitor.open("/akun/sesi")
    visitor.look("account-sessions")
    visitor.open("/akun/keamanan/kata-sandi")
    visitor.fill(current_password=PASSWORD, password="perahu-kabut-lada-65")
    visitor.press("Simpan")
    visitor.wait_for("/akun/keamanan")
    visitor.look("account-security-changed")


def test_pages_of_an_address_that_is_not_proved(visit: Visit, world: World) -> None:
    account = world.an_account(email_verified=None, phone_number_verified=None)
    visitor = visit()
    visitor.open("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/akun")
    visitor.look("account-unproved")
    visitor.open("/akun/keamanan")
    visitor.look("account-security-unproved")
    visitor.open("/akun/keamanan/email")
    visitor.look("account-email-unproved")
    visitor.press("Kirim tautan lagi")
    visitor.page.locator(".note.ok").wait_for()
    visitor.look("account-email-sent")
    visitor.follow("Ganti alamat email")
    visitor.wait_for("/akun/keamanan/email/ganti")
    visitor.look("account-change-email")
    visitor.fill(email="tanpa-tanda-at")
    visitor.press("Kirim tautan")
    visitor.summary().wait_for()
    visitor.look("account-change-email-error")

    link = world.mail_link(account["email"], "/email/bukti/")
    stranger = visit()
    stranger.page.goto(link)
    stranger.look("email-proof")
    stranger.page.locator("main form button").click()
    stranger.wait_for("/email/terbukti")
    stranger.look("email-proved")
    stranger.page.goto(link)
    stranger.look("email-proof-spent")


def test_pages_of_another_phone(visit: Visit, world: World) -> None:
    visitor = visit()
    visitor.enter(world.an_account())
    visitor.open("/akun/keamanan")
    visitor.follow("Ganti nomor handphone")
    visitor.wait_for("/akun/keamanan/nomor-handphone")
    visitor.look("account-change-phone")
    visitor.fill(phone="+60 12-345 6789")
    visitor.press("Kirim kode")
    visitor.summary().wait_for()
    visitor.look("account-change-phone-error")
    number = world.a_phone()
    visitor.fill(phone=number)
    visitor.press("Kirim kode")
    visitor.wait_for("/akun/keamanan/nomor-handphone/kode")
    visitor.look("account-change-phone-code")
    visitor.fill(code="000000")
    visitor.press("Konfirmasi")
    visitor.summary().wait_for()
    visitor.look("account-change-phone-code-error")
    visitor.fill(code=world.sms_code(number))
    visitor.press("Konfirmasi")
    visitor.wait_for("/akun/keamanan")
    visitor.look("account-security-phone-changed")


def test_the_phone_is_changed_without_script_and_held_where_the_password_alone_allowed_it(
    visit: Visit, world: World
) -> None:
    visitor = visit(script=False)
    visitor.open("/masuk")
    visitor.sign_in(world.an_account(email_verified=None, phone_number_verified=None))
    visitor.wait_for("/akun")
    number = world.a_phone()
    visitor.open("/akun/keamanan/nomor-handphone")
    visitor.fill(phone=number)
    visitor.press("Kirim kode")
    visitor.wait_for("/akun/keamanan/nomor-handphone/kode")
    visitor.fill(code=world.sms_code(number))
    visitor.press("Konfirmasi")
    visitor.wait_for("/akun/keamanan")
    picture(visitor.page, "account-security-phone-held-nojs-m")
    assert "setelah 48 jam" in visitor.text


def test_pages_of_another_address(visit: Visit, world: World) -> None:
    visitor = visit()
    visitor.enter(world.an_account())
    visitor.open("/akun/keamanan")
    visitor.follow("Ganti alamat email")
    visitor.wait_for("/akun/keamanan/email/ganti")
    visitor.look("account-another-email")
    address = world.a_mailbox()
    visitor.fill(email=address)
    visitor.press("Kirim kode")
    visitor.wait_for("/akun/keamanan/email/kode")
    visitor.look("account-another-email-code")
    visitor.fill(code=world.mail_code(address))
    visitor.press("Konfirmasi")
    visitor.wait_for("/akun/keamanan")
    visitor.look("account-security-email-changed")


def test_pages_that_ask_who_it_is_before_a_change(visit: Visit, world: World) -> None:
    visitor = visit()
    visitor.enter(world.an_account())
    visitor.open("/konfirmasi?lanjut=change_password")
    visitor.look("confirm-by-code")

    visitor = visit()
    visitor.open("/masuk")
    visitor.sign_in(world.an_account(email_verified=None, phone_number_verified=None))
    visitor.wait_for("/akun")
    visitor.open("/konfirmasi?lanjut=change_password")
    visitor.look("confirm")
    visitor.fill(password="bukan yang ini")
    visitor.press("Konfirmasi")
    visitor.summary().wait_for()
    visitor.look("confirm-error")


def test_pages_of_another_device(visit: Visit, world: World) -> None:
    television = world.a_client(
        client_name="Papan Lowongan", redirect_uris=[], grant_types=[DEVICE]
    )
    visitor = visit()
    visitor.enter(world.an_account())
    visitor.open("/perangkat")
    visitor.look("device")
    visitor.fill(user_code="BCDF-GHJK")
    visitor.press("Lanjut")
    visitor.summary().wait_for()
    visitor.look("device-error")
    for decision, name in (("allow", "device-done"), ("deny", "device-denied")):
        begun = world.post_as(television, "device_authorization_endpoint", scope="openid profile")
        visitor.page.goto(begun["verification_uri_complete"])
        assert visitor.page.locator("[name=user_code]").input_value() == begun["user_code"]
        visitor.press("Lanjut")
        visitor.page.locator(f"[value={decision}]").wait_for()
        if decision == "allow":
            visitor.look("device-confirm")
        visitor.page.locator(f"[value={decision}]").click()
        visitor.wait_for("/perangkat/selesai")
        visitor.look(name)


def test_pages_of_a_request_from_a_counter(visit: Visit, world: World) -> None:
    desk = world.a_client(
        client_name="Loket Disnaker",
        redirect_uris=[],
        grant_types=[CIBA],
        backchannel_token_delivery_mode="poll",
    )
    account = world.an_account()
    visitor = visit()
    visitor.enter(account)
    for decision, name in (("allow", "request-allowed"), ("deny", "request-denied")):
        world.post_as(
            desk,
            "backchannel_authentication_endpoint",
            scope="openid profile",
            login_hint=account["email"],
            binding_message="Loket 7",
        )
        link = world.mail_link(account["email"], "/akun/permintaan/")
        visitor.page.goto(link)
        if decision == "allow":
            visitor.look("request-ask")
        visitor.page.locator(f"[value={decision}]").click()
        visitor.wait_for("/akun/permintaan/selesai")
        visitor.look(name)
    visitor.page.goto(link)
    visitor.look("request-answered")


def test_pages_of_signing_out(visit: Visit, world: World) -> None:
    visitor = visit()
    visitor.enter(world.an_account())
    visitor.open("/masuk", "portal")
    visitor.wait_for("/izin")
    visitor.press("Izinkan dan lanjutkan")
    visitor.wait_for("/", "portal")
    visitor.open("/keluar")
    visitor.look("sign-out")
    visitor.press("Keluar dari semua")
    visitor.wait_for("/keluar/selesai")
    visitor.look("signed-out")


def test_pages_of_portal_and_jkp_for_guests(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/", "portal")
    visitor.look("portal-guest")
    visitor.open("/kembali?error=access_denied&iss=x", "portal")
    visitor.look("portal-error")
    visitor.open("/", "jkp")
    visitor.look("jkp-guest")
    visitor.open("/tidak-ada", "jkp")
    visitor.look("jkp-error")
    visitor.open("/?kind=D3", "sandbox")
    visitor.look("sandbox")
