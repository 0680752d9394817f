"""A team and an officer, from a new team to a portal that citizens meet, in both languages."""

import re
from collections.abc import Callable

import pytest

from idp.domain.identity.roles import Role
from tests.browser.sizes import DESKTOP, PHONE
from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-partner")]

Visit = Callable[..., Visitor]
CALLBACK = "https://portal.example/kembali"

#: What people press and follow, in both languages.
WORDS = {
    "id": {
        "team": "Buat tim",
        "invite": "Kirim undangan",
        "accept": "Terima undangan",
        "register": "Daftarkan",
        "saved": "Saya sudah menyimpannya",
        "try": "Mulai",
        "allow": "Izinkan dan lanjutkan",
        "worked": "Masuk berhasil.",
        "apply": "Ajukan ke produksi",
        "check": "Simpan dan periksa",
        "approve": "Setujui",
        "live": "Tayangkan",
        "is live": "Tayang",
        "cause": "Sebab",
        "read": "Baca",
        "good": "Token ini berlaku.",
    },
    "en": {
        "team": "Create a team",
        "invite": "Send the invitation",
        "accept": "Accept the invitation",
        "register": "Register",
        "saved": "I have saved it",
        "try": "Start",
        "allow": "Allow and continue",
        "worked": "The sign-in worked.",
        "apply": "Submit for production",
        "check": "Save and check",
        "approve": "Approve",
        "live": "Take live",
        "is live": "Live",
        "cause": "Cause",
        "read": "Read",
        "good": "This token is good.",
    },
}


@pytest.mark.parametrize(("language", "size"), [("id", PHONE), ("en", DESKTOP)])
def test_a_team_and_an_officer_go_from_sign_up_to_live(
    visit: Visit, world: World, language: str, size: dict[str, int]
) -> None:
    says = WORDS[language]
    locale = "id-ID" if language == "id" else "en-GB"
    owner, colleague = world.an_account(locale=language), world.an_account(locale=language)
    visitor = visit(locale=locale, size=size)

    def look(name: str) -> None:
        visitor.look(f"partner-{name}-{language}")

    visitor.open("/pengembang")
    assert world.url("provider", "/.well-known/openid-configuration") in visitor.text
    look("start")
    visitor.enter(owner, "/pengembang/tim")
    visitor.wait_for("/pengembang/tim")
    look("teams")
    visitor.fill(name="Dinas Contoh")
    visitor.press(says["team"])
    visitor.page.wait_for_url("**/pengembang/tim/*")
    team = visitor.path
    look("team")

    # a colleague joins by the letter
    visitor.fill(email=colleague["email"])
    visitor.page.check("#role-owner")
    visitor.press(says["invite"])
    visitor.page.locator(".note.ok").wait_for()
    look("team-invited")
    other = visit(locale=locale, size=size)
    other.page.goto(world.mail_link(colleague["email"], "/pengembang/undangan/"))
    other.look(f"partner-invitation-{language}")
    other.page.locator("main a.btn").click()
    other.wait_for("/masuk")
    other.sign_in(colleague)
    other.wait_for("/masuk/kode")
    other.enter_code(world.mail_code(colleague["email"]))
    other.page.wait_for_url("**/terima")
    other.press(says["accept"])
    other.wait_for(team)
    assert other.page.locator(".note.ok").count() == 1

    # a sandbox client at once
    visitor.open("/pengembang/portal/baru")
    visitor.fill(client_name="Portal Pelatihan", redirect_uris="http://portal.example/kembali")
    visitor.press(says["register"])
    visitor.summary().wait_for()
    look("new-error")
    visitor.fill(redirect_uris=CALLBACK)
    visitor.press(says["register"])
    visitor.page.locator("#client-secret").wait_for()
    look("secret")
    visitor.follow(says["saved"])
    visitor.page.wait_for_url(re.compile(r"/pengembang/portal/[0-9a-f-]{36}$"))
    portal = visitor.path
    look("portal")

    # the real flow, step by step
    visitor.open("/pengembang/uji")
    look("tester")
    visitor.fill(scope="openid profile email")
    visitor.press(says["try"])
    visitor.wait_for("/izin")
    look("consent-sandbox")
    visitor.press(says["allow"])
    visitor.wait_for("/pengembang/uji/kembali")
    assert says["worked"] in visitor.text
    assert owner["email"] in visitor.text
    look("tester-result")
    # the code of this page is spent: what comes of it stands among the requests
    visitor.page.reload()
    look("tester-again")
    visitor.open(f"{portal}/permintaan")
    assert says["cause"] in visitor.text
    assert "invalid_grant" in visitor.text
    look("requests")
    visitor.open(f"{portal}/angka")
    look("usage")

    # to production
    visitor.open(f"{portal}/pengajuan")
    look("release")
    visitor.fill(
        policy_uri="https://portal.example/privasi",
        contacts="tim@portal.example",
        purposes="profile: menyapa | UU 27/2022\nemail: kabar lamaran | UU 27/2022",
    )
    visitor.press(says["check"])
    visitor.wait_for(f"{portal}/ajukan")
    look("submit")
    visitor.press(says["apply"])
    visitor.wait_for(portal)
    look("submitted")

    officer = visit(locale=locale, size=size)
    officer.enter_console(Role.REGISTRAR, locale=language)
    officer.open("/admin/tinjauan")
    officer.look(f"admin-reviews-{language}")
    officer.page.get_by_role("link", name="Portal Pelatihan").last.click()
    officer.page.wait_for_url("**/admin/tinjauan/*")
    officer.look(f"admin-review-{language}")
    officer.follow(says["approve"], exact=True)
    officer.page.wait_for_url("**/setujui")
    officer.look(f"admin-review-approve-{language}")
    officer.press(says["approve"])
    officer.page.locator(".note.ok").wait_for()

    visitor.open(portal)
    look("approved")
    visitor.follow(says["live"], exact=True)
    visitor.wait_for(f"{portal}/tayang")
    look("take-live")
    visitor.press(says["live"])
    visitor.page.locator("#client-secret").wait_for()
    client_id = visitor.page.locator("#client-id").inner_text()
    visitor.open(portal)
    assert says["is live"] in visitor.text
    look("live")

    # a citizen whom nobody invited meets it
    citizen = visit(locale=locale, size=size)
    citizen.enter(world.an_account(locale=language))
    citizen.page.goto(
        world.authorize({"client_id": client_id, "redirect_uris": [CALLBACK]}, scope="openid email")
    )
    citizen.wait_for("/izin")
    assert "Portal Pelatihan" in citizen.text


def test_a_release_is_sent_back_with_words(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.enter(account, "/pengembang/tim")
    visitor.fill(name="Dinas Kembali")
    visitor.press("Buat tim")
    visitor.page.wait_for_url("**/pengembang/tim/*")
    visitor.open("/pengembang/portal/baru")
    visitor.fill(client_name="Portal Kembali", redirect_uris=CALLBACK)
    visitor.press("Daftarkan")
    visitor.follow("Saya sudah menyimpannya")
    visitor.page.wait_for_url(re.compile(r"/pengembang/portal/[0-9a-f-]{36}$"))
    portal = visitor.path
    visitor.open(f"{portal}/ubah")
    visitor.look("partner-change")
    visitor.open("/pengembang/uji")
    visitor.press("Mulai")
    visitor.wait_for("/izin")
    visitor.press("Izinkan dan lanjutkan")
    visitor.wait_for("/pengembang/uji/kembali")
    visitor.open(f"{portal}/pengajuan")
    visitor.fill(
        policy_uri="https://portal.example/privasi",
        contacts="tim@portal.example",
        purposes="profile: menyapa | UU 27/2022\nemail: kabar | UU 27/2022",
    )
    visitor.press("Simpan dan periksa")
    visitor.wait_for(f"{portal}/ajukan")
    visitor.press("Ajukan ke produksi")
    visitor.wait_for(portal)

    officer = visit(size=DESKTOP)
    officer.enter_console(Role.REGISTRAR)
    officer.open("/admin/tinjauan")
    officer.page.get_by_role("link", name="Portal Kembali").last.click()
    officer.page.wait_for_url("**/admin/tinjauan/*")
    officer.follow("Minta perubahan")
    officer.page.wait_for_url("**/kembalikan")
    officer.press("Kirim ke tim")
    officer.summary().wait_for()
    officer.look("admin-review-return-error")
    officer.fill(words="Jelaskan mengapa email diperlukan.")
    officer.press("Kirim ke tim")
    officer.page.locator(".note.ok").wait_for()
    officer.look("admin-review-returned")

    visitor.open(portal)
    assert "Jelaskan mengapa email diperlukan." in visitor.text
    visitor.look("partner-returned")


def test_the_smaller_pages_of_the_space(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.enter(account, "/pengembang/portal")
    visitor.look("partner-portals-empty")
    visitor.open("/pengembang/portal/baru")
    visitor.look("partner-new-no-team")
    visitor.open("/pengembang/uji")
    visitor.look("partner-tester-empty")
    visitor.open("/pengembang/undangan/tidak-ada")
    visitor.look("partner-invitation-over")
    visitor.open("/pengembang/uji/kembali?state=tidak-ada")
    visitor.look("partner-tester-over")
    visitor.open("/pengembang/tim")
    visitor.fill(name="Dinas Kecil")
    visitor.press("Buat tim")
    visitor.page.wait_for_url("**/pengembang/tim/*")
    visitor.follow("Ubah Agus")
    visitor.page.wait_for_url("**/anggota/*")
    visitor.look("partner-member")
    visitor.press("Keluarkan")
    visitor.summary().wait_for()
    visitor.look("partner-member-error")
    visitor.open("/pengembang/portal/baru")
    visitor.look("partner-new")
    visitor.fill(client_name="Portal Kecil", redirect_uris=CALLBACK)
    visitor.press("Daftarkan")
    visitor.follow("Saya sudah menyimpannya")
    visitor.page.wait_for_url(re.compile(r"/pengembang/portal/[0-9a-f-]{36}$"))
    portal = visitor.path
    for path, name in (
        ("/permintaan", "requests-empty"),
        ("/rahasia", "renew-secret"),
        ("/akhiri", "retire"),
    ):
        visitor.open(portal + path)
        visitor.look(f"partner-{name}")
    visitor.open("/pengembang/portal")
    visitor.look("partner-portals")
    visitor.open(portal + "/akhiri")
    visitor.press("Akhiri portal")
    visitor.wait_for("/pengembang/portal")
    visitor.look("partner-portals-ended")

    visitor.open("/pengembang/token")
    visitor.look("partner-token")
    visitor.fill(token="bukan.token")
    visitor.press("Baca")
    visitor.summary().wait_for()
    visitor.look("partner-token-error")
