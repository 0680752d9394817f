"""The console in Chromium: its pages at every size, passkeys by a real browser, both languages."""

import re
from collections.abc import Callable

import pytest

from idp.domain.identity.audit import OPERATOR
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.roles import Role
from idp.services.messages import LetterKind
from idp.services.totp import code_at
from tests.browser.sizes import DESKTOP
from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-console")]

Visit = Callable[..., Visitor]

PASSWORD = "gajah biru makan awan senja"
#: The person looks away.
NOBODY = "() => { navigator.credentials.get = () => Promise.reject(new Error()) }"
REASON = "Tim bertambah satu orang."


def a_link(world: World, email: str, *roles: Role) -> str:
    invited = world.services.admins.invite(email, roles, OPERATOR)
    return f"/admin/undangan/{invited.secret}"


def seed_on(visitor: Visitor) -> bytes:
    import base64

    text = visitor.page.locator("#seed").inner_text()
    return base64.b32decode(text.replace(" ", ""))


def now(world: World) -> int:
    return world.services.clock.now()


def test_an_administrator_joins_signs_in_and_confirms_by_passkey(
    visit: Visit, world: World
) -> None:
    given = {"client_name": "Portal Rahasia", "redirect_uris": ["https://portal.example/cb"]}
    ending = world.a_client(**given)["client_id"]
    world.services.clients.rotate_secret(ending, overlap_seconds=5 * 86400)
    visitor = visit()
    visitor.with_authenticator()
    visitor.open(a_link(world, "ika@kemnaker.example", Role.ADMINISTRATOR))
    visitor.look("console-invitation")
    visitor.fill(full_name="Ika Lestari", password="pendek")
    visitor.press("Pakai kunci sandi")
    visitor.summary().wait_for()
    visitor.look("console-invitation-error")
    visitor.fill(full_name="Ika Lestari", password=PASSWORD)
    visitor.press("Pakai kunci sandi")
    visitor.wait_for("/admin")
    visitor.look("console-overview")
    visitor.page.get_by_role("link", name="Portal Rahasia").click()
    visitor.look("console-client-ending")
    visitor.open("/admin")
    visitor.page.get_by_role("link", name="Keluar").click()
    visitor.press("Keluar")
    visitor.wait_for("/admin/masuk")
    visitor.look("console-login")

    visitor.fill(email="ika@kemnaker.example", password=PASSWORD)
    visitor.press("Lanjut")
    visitor.wait_for("/admin/masuk/kode")
    visitor.look("console-code-passkey")
    visitor.press("Pakai kunci sandi")
    visitor.wait_for("/admin")
    visitor.open("/admin/saya")
    visitor.look("console-own")
    visitor.open("/admin/konfirmasi?lanjut=/admin/saya")
    visitor.look("console-confirm")
    visitor.press("Pakai kunci sandi")
    visitor.wait_for("/admin/saya")


def test_an_app_is_enough_without_script(visit: Visit, world: World) -> None:
    visitor = visit(script=False)
    visitor.open(a_link(world, "dimas@kemnaker.example", Role.REGISTRAR))
    assert "Kunci sandi memerlukan JavaScript" in visitor.text
    seed = seed_on(visitor)
    visitor.fill(full_name="Dimas", password=PASSWORD, code=code_at(seed, now(world)))
    visitor.press("Simpan dan masuk")
    visitor.wait_for("/admin")

    assert visitor.heading == "Ringkasan"


def test_a_passkey_that_nobody_showed_says_so_and_leaves_the_other_way(
    visit: Visit, world: World
) -> None:
    visitor = visit()
    session = visitor.with_authenticator()
    visitor.enter_console(Role.READER)
    visitor.open("/admin/saya/kunci-sandi")
    visitor.look("console-passkey")
    visitor.fill(label="laptop")
    visitor.press("Tambah kunci sandi")
    visitor.wait_for("/admin/saya")
    session.send("WebAuthn.disable")
    visitor.open("/admin/konfirmasi")
    visitor.page.evaluate(NOBODY)
    visitor.press("Pakai kunci sandi")
    visitor.page.get_by_text("Kunci sandi tidak jadi dipakai").wait_for()

    assert visitor.page.locator("[name=code]").is_visible()


def keep_a_message_that_waits(world: World) -> None:
    """Keep a letter whose next try is some minutes away: its receiver's server was silent."""
    with world.services.store.write() as tx:
        address = EmailAddress("siti@contoh.id")
        world.services.messages.letter(
            LetterKind.EMAIL_PROOF, address, locale="id", tx=tx, secret="x"
        )
        given = {"worker": "t", "now": now(world), "lease_seconds": 1, "limit": 1}
        for message in tx.outbox.claim(kinds=["mail"], **given):
            tx.outbox.retry(message.id, now(world) + 600, error="unreachable")


def test_pages_of_one_s_own_and_of_other_admins(visit: Visit, world: World) -> None:
    visitor = visit(size=DESKTOP)
    visitor.enter_console(Role.ADMINISTRATOR, name="Ika Lestari")
    other = visit()
    dimas = other.enter_console(Role.REGISTRAR, name="Dimas Pratama")
    keep_a_message_that_waits(world)
    for path, name in (
        ("/admin/admin", "console-admins"),
        (f"/admin/admin/{dimas.id}", "console-admin"),
        (f"/admin/admin/{dimas.id}/tangguhkan", "console-admin-suspend"),
        (f"/admin/admin/{dimas.id}/peran", "console-admin-roles"),
        ("/admin/pengaturan", "console-settings"),
        ("/admin/pesan", "console-messages"),
        ("/admin/saya/kata-sandi", "console-own-password"),
        ("/admin/saya/aplikasi", "console-own-app"),
        ("/admin/saya/kode-pemulihan", "console-own-codes"),
        ("/admin/keluar", "console-sign-out"),
    ):
        visitor.open(path)
        visitor.look(name)
    visitor.open("/admin/saya/kode-pemulihan")
    visitor.press("Buat kode baru")
    visitor.page.locator("#codes").wait_for()
    visitor.look("console-own-codes-made")
    other.open("/admin/admin")
    other.look("console-forbidden")
    other.complaints = [one for one in other.complaints if "403" not in one]
    nobody = visit()
    nobody.open("/admin/undangan/tidak-ada")
    nobody.look("console-link-over")
    nobody.complaints = [one for one in nobody.complaints if "410" not in one]


def test_a_second_person_decides_what_the_first_asked_for(visit: Visit, world: World) -> None:
    author, approver = visit(), visit(size=DESKTOP)
    author.enter_console(Role.ADMINISTRATOR, name="Ika Lestari")
    approver.enter_console(Role.APPROVER, name="Agus Hartono")
    author.open("/admin/admin/undang")
    author.press("Ajukan")
    author.look("console-invite-error")
    author.fill(email="siti@kemnaker.example", reason=REASON)
    author.page.get_by_label("Auditor").check()
    author.press("Ajukan")
    author.wait_for("/admin/persetujuan")
    author.look("console-approvals-own")
    author.follow("Undang admin baru")
    author.look("console-approval-own")

    approver.open("/admin/persetujuan")
    approver.look("console-approvals")
    approver.follow("Undang admin baru")
    approver.look("console-approval")
    approver.press("Setujui dan jalankan")
    approver.wait_for("/admin/persetujuan")
    approver.look("console-approvals-decided")

    link = world.mail_link("siti@kemnaker.example", "/admin/undangan/")
    invited = visit()
    invited.page.goto(link)
    assert "siti@kemnaker.example" in invited.text


@pytest.mark.parametrize("path", ["/admin", "/admin/saya", "/admin/admin", "/admin/pengaturan"])
def test_the_console_in_english(visit: Visit, world: World, path: str) -> None:
    visitor = visit(locale="en-GB")
    visitor.enter_console(Role.ADMINISTRATOR, locale="en")
    visitor.open(path)
    visitor.look(f"console-en{path.replace('/', '-')}")

    assert visitor.page.locator("html").get_attribute("lang") == "en"
    # words of ours that slipped through: Indonesian ones that English has not
    words = re.findall(r"\b(yang|dan|tidak|untuk|dengan|Anda)\b", visitor.text)
    assert words == []
