"""Portals in the console, in Chromium: every page at every size, and the way from kind to live."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from idp.app import Application
from idp.domain.identity.audit import Origin
from idp.domain.identity.factors import TOTP
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor as Caller
from idp.domain.ids import digest_of
from tests.browser.sizes import DESKTOP
from tests.browser.visitor import Visitor
from tests.browser.world import World
from tests.officer import an_admin

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-console-portals")]

Visit = Callable[..., Visitor]


def enter_console(
    visitor: Visitor, world: World, *roles: Role, name: str, language: str = "id"
) -> None:
    """Let somebody with these roles in, as password and factor would."""
    app = cast("Application", SimpleNamespace(wiring=SimpleNamespace(services=world.services)))
    admin, _ = an_admin(app, *roles, name=name, locale=language)
    caller = Caller(digest_of("flow"), "127.0.0.1", Origin(device="Chrome, Linux"))
    with world.services.store.write() as tx:
        entered = world.services.admin_sessions.begin_full(admin, TOTP, caller, tx=tx)
    where = {"url": world.url("provider"), "httpOnly": True, "sameSite": "Lax"}
    visitor.context.add_cookies([cast("Any", {"name": "asid", "value": entered.cookie, **where})])


def test_pages_of_portals_in_the_console(visit: Visit, world: World) -> None:
    for number in range(27):
        world.a_client(
            client_name=f"Portal Contoh {number:02d}",
            redirect_uris=[f"https://p{number:02d}.kemnaker.example/kembali"],
            owner="Ditjen Binapenta dan PKK",
        )
    visitor = visit(size=DESKTOP)
    enter_console(visitor, world, Role.REGISTRAR, name="Rina Wulandari")
    visitor.open("/admin/portal")
    visitor.look("console-portals")
    visitor.open("/admin/portal?q=tidak-ada-yang-begini")
    visitor.look("console-portals-none")
    visitor.open("/admin/portal?q=contoh+07")
    visitor.follow("Portal Contoh 07")
    visitor.look("console-portal")
    here = visitor.path

    for section in (
        "identitas", "alamat", "autentikasi", "cakupan", "tingkat", "permintaan", "jawaban",
    ):  # fmt: skip
        visitor.open(f"{here}/ubah/{section}")
        visitor.look(f"console-portal-{section}")

    visitor.open(f"{here}/ubah/alamat")
    visitor.fill(
        redirect_uris="https://p07.kemnaker.example/kembali\nhttp://p07.kemnaker.example/x"
    )
    visitor.press("Simpan perubahan")
    assert visitor.summary().is_visible()
    visitor.look("console-portal-faults")
    visitor.fill(redirect_uris="https://p07.kemnaker.example/baru")
    visitor.press("Simpan perubahan")
    visitor.look("console-portal-difference")
    visitor.press("Ajukan ke orang kedua")
    visitor.look("console-portal-difference-reason")
    visitor.fill(reason="Alamat pindah ke server baru")
    visitor.press("Ajukan ke orang kedua")
    visitor.wait_for(here)
    visitor.look("console-portal-waiting")

    visitor.open(f"{here}/versi")
    visitor.look("console-portal-versions")
    visitor.open(f"{here}/versi/1")
    visitor.look("console-portal-version")
    visitor.open(f"{here}/rahasia")
    visitor.look("console-portal-secrets")
    visitor.press("Buat rahasia baru")
    visitor.page.locator("#secret").wait_for()
    visitor.look("console-portal-secret")
    visitor.follow("Saya sudah menyimpannya")
    visitor.wait_for(here)
    visitor.open(f"{here}/rahasia")
    visitor.page.get_by_role("link", name="Akhiri").first.click()
    visitor.look("console-portal-secret-end")
    visitor.open(f"{here}/logo")
    visitor.look("console-portal-logo")
    visitor.page.set_input_files(
        "#logo", files=[{"name": "l.png", "mimeType": "image/png", "buffer": b"x" * 1000}]
    )
    visitor.press("Simpan logo")
    visitor.summary().wait_for()
    visitor.look("console-portal-logo-fault")
    for path in ("tangguhkan", "hentikan", "hapus"):
        visitor.open(f"{here}/{path}")
        visitor.look(f"console-portal-{path}")
    visitor.fill(reason="Portal ganda")
    visitor.press("Ajukan penghapusan")
    visitor.wait_for(here)


def test_two_officers_edit_one_portal_and_see_both_versions(visit: Visit, world: World) -> None:
    world.a_client(
        client_id="bersama", client_name="Portal Bersama", redirect_uris=["https://b.example/cb"]
    )
    here = f"/admin/portal/{world.services.clients.get('bersama').id}/ubah/identitas"
    rina, bayu = visit(size=DESKTOP), visit(size=DESKTOP)
    enter_console(rina, world, Role.REGISTRAR, name="Rina Wulandari")
    enter_console(bayu, world, Role.REGISTRAR, name="Bayu Prakoso")
    rina.open(here)
    bayu.open(here)
    bayu.fill(owner="Unit dari Bayu")
    bayu.press("Simpan perubahan")
    bayu.wait_for(here.partition("/ubah")[0])

    rina.fill(client_name="Nama dari Rina")
    rina.press("Simpan perubahan")

    assert rina.heading == "Portal ini baru saja diubah orang lain"
    rina.look("console-portal-conflict")
    rina.press("Simpan gabungan ini")
    rina.wait_for(here.partition("/ubah")[0])
    client = world.services.clients.get("bersama")
    assert (client.name_in("id"), client.owner) == ("Nama dari Rina", "Unit dari Bayu")


@pytest.mark.parametrize(
    ("locale", "start", "kind", "register", "saved"),
    [
        ("id-ID", "Daftarkan portal", "Situs web dengan server", "Daftarkan portal",
         "Saya sudah menyimpannya"),
        ("en-GB", "Register a portal", "Website with a server", "Register a portal",
         "I have saved it"),
    ],
)  # fmt: skip
def test_an_officer_registers_a_portal_by_its_kind(
    visit: Visit, world: World, locale: str, start: str, kind: str, register: str, saved: str
) -> None:
    visitor = visit(size=DESKTOP, locale=locale)
    enter_console(visitor, world, Role.REGISTRAR, name="Rina W.", language=locale[:2])
    name = f"Portal {locale}"
    visitor.open("/admin/portal")
    visitor.follow(start)
    visitor.look(f"console-portal-kinds-{locale[:2]}")
    visitor.follow(kind)
    visitor.look(f"console-portal-new-{locale[:2]}")
    visitor.fill(client_name=name, redirect_uris="https://baru.kemnaker.example/kembali")
    visitor.press(register)
    visitor.page.locator("#secret").wait_for()
    visitor.look(f"console-portal-made-{locale[:2]}")
    visitor.follow(saved)

    assert visitor.heading == name
    assert urlsplit(visitor.page.url).path.startswith("/admin/portal/")


def test_a_portal_is_looked_after_without_script(visit: Visit, world: World) -> None:
    world.a_client(
        client_id="tanpa-skrip",
        client_name="Portal Tanpa Skrip",
        redirect_uris=["https://t.example/cb"],
    )
    here = f"/admin/portal/{world.services.clients.get('tanpa-skrip').id}"
    visitor = visit(script=False, size=DESKTOP)
    enter_console(visitor, world, Role.REGISTRAR, name="Rina Wulandari")
    visitor.open(f"{here}/tangguhkan")
    visitor.fill(reason="laporan warga")
    visitor.press("Tangguhkan sekarang")
    visitor.wait_for(here)

    assert "Portal ditangguhkan" in visitor.text
