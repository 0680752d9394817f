"""The pages of factors in Chromium: an app, passkeys, recovery codes, from adding to signing in."""

import base64
from collections.abc import Callable

import pytest

from idp.services.totp import code_at
from tests.browser.gallery import picture
from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-after-sign-in")]

Visit = Callable[..., Visitor]

SECURITY = "/akun/keamanan"
PASSKEYS = "/akun/keamanan/kunci-sandi"


def code_on(visitor: Visitor, world: World) -> str:
    """Return what an app shows that scanned the page."""
    seed = base64.b32decode(visitor.page.locator("#seed").inner_text().replace(" ", ""))
    return code_at(seed, world.services.clock.now())


def test_a_passkey_is_added_and_signs_in_alone_next_time(visit: Visit, world: World) -> None:
    visitor = visit()
    visitor.with_authenticator()
    visitor.enter(world.an_account())
    visitor.open(PASSKEYS)
    visitor.look("factors-passkeys-none")
    visitor.follow("Tambah kunci sandi")
    visitor.wait_for(f"{PASSKEYS}/baru")
    visitor.look("factors-passkey-new")
    visitor.fill(label="Ponsel saya")
    visitor.press("Tambah kunci sandi")
    visitor.wait_for(PASSKEYS)
    visitor.look("factors-passkeys")
    visitor.open(SECURITY)
    visitor.look("factors-security")

    visitor.context.clear_cookies()
    # the field's autofill offers it, and this authenticator's owner never looks away
    visitor.page.goto(world.url("provider", "/masuk"), wait_until="commit")
    visitor.wait_for("/akun")

    visitor.open(PASSKEYS)
    visitor.follow("Ubah kunci sandi Ponsel saya")
    visitor.look("factors-passkey")
    visitor.follow("Hapus kunci sandi")
    visitor.look("factors-passkey-drop")
    visitor.press("Ya, hapus")
    visitor.wait_for(PASSKEYS)
    assert "Kunci sandi dihapus." in visitor.text
    # what was done is told once
    visitor.page.reload()
    assert "Kunci sandi dihapus." not in visitor.text


def test_the_app_and_recovery_codes_without_script(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit(script=False)
    visitor.enter(account)
    visitor.open(f"{SECURITY}/kode-pemulihan")
    visitor.press("Buat kode baru")
    picture(visitor.page, "factors-codes-nojs-m")
    code = visitor.page.locator("#codes li").first.inner_text()
    visitor.open(f"{SECURITY}/totp")
    visitor.fill(code=code_on(visitor, world))
    visitor.press("Simpan")
    visitor.wait_for(SECURITY)

    other = visit(script=False)
    other.open("/masuk")
    assert "Kunci sandi memerlukan JavaScript" in other.text
    other.sign_in(account)
    other.wait_for("/masuk/kode")
    picture(other.page, "factors-login-app-nojs-m")
    other.follow("Pakai cara lain")
    other.page.check("input[value=recovery]")
    other.press("Lanjut")
    other.wait_for("/masuk/kode")
    other.fill(recovery_code=code)
    other.press("Konfirmasi")
    other.wait_for("/akun")


def test_pages_of_the_second_step_and_of_confirming(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.with_authenticator()
    visitor.enter(account)
    visitor.open(f"{SECURITY}/kode-pemulihan")
    visitor.look("factors-codes-none")
    visitor.press("Buat kode baru")
    visitor.look("factors-codes")
    visitor.open(f"{SECURITY}/totp")
    visitor.look("factors-app")
    visitor.fill(code="000000")
    visitor.press("Simpan")
    visitor.summary().wait_for()
    visitor.look("factors-app-error")
    visitor.fill(code=code_on(visitor, world))
    visitor.press("Simpan")
    visitor.wait_for(SECURITY)

    other = visit()
    other.open("/masuk")
    other.look("factors-login")
    other.sign_in(account)
    other.wait_for("/masuk/kode")
    other.look("factors-login-app")
    other.fill(code="000000")
    other.press("Konfirmasi")
    other.summary().wait_for()
    other.look("factors-login-app-error")
    other.follow("Pakai cara lain")
    other.look("factors-login-ways")
    other.page.check("input[value=recovery]")
    other.press("Lanjut")
    other.look("factors-login-recovery")

    visitor.open(f"{PASSKEYS}/baru")
    visitor.fill(label="Laptop")
    visitor.press("Tambah kunci sandi")
    visitor.wait_for(PASSKEYS)
    visitor.open("/konfirmasi?lanjut=app_code")
    visitor.look("factors-confirm")
    visitor.page.check("input[value=passkey]")
    visitor.press("Lanjut")
    visitor.wait_for("/masuk/kode")
    visitor.look("factors-login-passkey")
    visitor.press("Pakai kunci sandi")
    visitor.wait_for(f"{SECURITY}/totp")
    visitor.look("factors-app-again")
