"""Old accounts come home in a real browser, in both languages, with pictures of every page."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from idp.services.legacy_import import Export
from tests.browser.visitor import Visitor
from tests.browser.world import World
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-journeys")]

Visit = Callable[..., Visitor]

OLD = next(old for old in OLD_HASHES if old.kind == "bcrypt" and len(old.password) > 15)

#: What people press and read, in the language of their browser.
WORDS = {
    "id-ID": {
        "to_old": "Masuk dengan akun lama",
        "sign_in": "Masuk",
        "next": "Berikutnya",
        "register": "Daftar Sekarang",
        "done": "Akun Anda sudah aktif",
        "again": "Lanjut tanpa konfirmasi",
        "unproved": "Identitas Anda belum dikonfirmasi",
        "mend": "Konfirmasi identitas",
        "check": "Cocokkan",
        "proved": "Identitas Anda sudah dicocokkan dengan Dukcapil.",
        "link": "Hubungkan",
        "send": "Kirim kode",
        "linked": "Akun lama Anda sudah terhubung.",
        "release": "Lepaskan",
        "released": "Akun lama telah dilepaskan.",
    },
    "en-GB": {
        "to_old": "Sign in with an older account",
        "sign_in": "Sign in",
        "next": "Next",
        "register": "Sign up now",
        "done": "Your account is active",
        "again": "Go on without confirmation",
        "unproved": "Your identity is not confirmed yet",
        "mend": "Confirm your identity",
        "check": "Check",
        "proved": "Your identity was checked with Dukcapil.",
        "link": "Link",
        "send": "Send code",
        "linked": "Your older account is linked.",
        "release": "Release",
        "released": "The older account was released.",
    },
}


def bring(world: World, person: dict[str, Any], source: str, **changes: Any) -> str:
    """Import an old account of somebody; return its address."""
    number = next(world.numbers)
    email = f"lama{number}@contoh.id"
    row = a_row(
        **{
            "source": source,
            "source_id": str(number),
            "nik": person["nik"],
            "name": person["name"],
            "emails": [{"value": email, "verified": True}],
            "phones": [],
            "password": OLD.given,
            **changes,
        }
    )
    world.services.legacy_import.load(Export(io.BytesIO(json_lines([row]))), lambda _: None)
    return email


def prove(visitor: Visitor, person: dict[str, Any], email: str, words: dict[str, str]) -> None:
    """Go from the ordinary sign-in to the page for old accounts, and prove one there."""
    visitor.open("/masuk")
    visitor.follow(words["to_old"])
    visitor.wait_for("/masuk/akun-lama")
    visitor.fill(email=email, nik=person["nik"], password=OLD.password)
    visitor.press(words["sign_in"])
    visitor.wait_for("/daftar")


def contact(visitor: Visitor, person: dict[str, Any], words: dict[str, str]) -> None:
    visitor.wait_for("/daftar/kontak")
    visitor.fill(email=person["email"], phone=person["phone"])
    visitor.page.check("[name=agree]")
    visitor.press(words["register"])
    visitor.wait_for("/daftar/kode")
    visitor.enter_code(visitor.world.sms_code(person["phone"]))
    visitor.wait_for("/daftar/selesai")


@pytest.mark.parametrize("locale", WORDS)
def test_an_old_account_comes_home_and_a_second_one_is_linked_and_released(
    visit: Visit, world: World, locale: str
) -> None:
    words, language = WORDS[locale], locale[:2]
    person = world.a_person()
    first, second = (bring(world, person, source) for source in ("wlkp", "skkni"))
    visitor = visit(locale=locale)
    visitor.open("/masuk/akun-lama")
    visitor.look(f"old-sign-in-{language}")
    prove(visitor, person, first, words)
    visitor.look(f"old-found-{language}")
    visitor.fill_in_ktp(person)
    visitor.press(words["next"])
    visitor.wait_for("/daftar/kontak")
    visitor.look(f"old-contact-{language}")
    contact(visitor, person, words)
    assert visitor.heading == words["done"]

    visitor.open("/akun/akun-lama")
    visitor.look(f"old-offered-{language}")
    visitor.page.locator("a[href$='/kirim/email']").click()
    visitor.look(f"old-send-code-{language}")
    visitor.press(words["send"])
    visitor.page.locator("[name=code]").wait_for()
    visitor.look(f"old-code-{language}")
    visitor.fill(code=world.mail_code(second))
    visitor.press(words["link"])
    visitor.wait_for("/akun/akun-lama")
    assert words["linked"] in visitor.text
    visitor.look(f"old-linked-{language}")

    visitor.page.locator("main a.btn.bad").first.click()
    visitor.look(f"old-release-{language}")
    visitor.press(words["release"])
    visitor.wait_for("/akun/akun-lama")
    assert words["released"] in visitor.text


@pytest.mark.parametrize("locale", WORDS)
def test_whom_dukcapil_does_not_confirm_comes_home_and_mends_it_later(
    visit: Visit, world: World, locale: str
) -> None:
    words, language = WORDS[locale], locale[:2]
    person = world.a_person()
    email = bring(world, person, "wlkp")
    visitor = visit(locale=locale)
    prove(visitor, person, email, words)
    visitor.fill_in_ktp({**person, "name": "NAMA YANG LAIN"})
    visitor.press(words["next"])
    visitor.wait_for("/daftar/tidak-cocok")
    visitor.look(f"old-mismatch-{language}")
    visitor.follow(words["again"])
    visitor.wait_for("/daftar/kontak")
    visitor.look(f"old-contact-unproved-{language}")
    contact(visitor, person, words)
    visitor.look(f"old-done-unproved-{language}")

    visitor.open("/akun")
    assert words["unproved"] in visitor.text
    visitor.look(f"home-unproved-{language}")
    visitor.follow(words["mend"])
    visitor.wait_for("/akun/identitas")
    visitor.look(f"identity-{language}")
    visitor.fill_in_ktp(person)
    visitor.press(words["check"])
    visitor.wait_for("/akun")
    assert words["proved"] in visitor.text
    visitor.open("/akun/identitas")
    visitor.look(f"identity-confirmed-{language}")


def test_another_match_links_an_old_account_without_script(visit: Visit, world: World) -> None:
    person = world.a_person()
    account = world.an_account(nik=person["nik"], name=person["name"])
    bring(world, person, "bizhub", password=None)
    visitor = visit(script=False)
    visitor.enter(account)
    visitor.open("/akun/akun-lama")
    visitor.follow("Cocokkan dengan Dukcapil")
    visitor.fill(full_name=person["name"], mother_name=person["mother_name"])
    visitor.press("Cocokkan dan hubungkan")
    visitor.wait_for("/akun/akun-lama")

    assert "Akun lama Anda sudah terhubung." in visitor.text
