"""From a portal's own button to the portal, signed in: with script, without, in both languages."""

from collections.abc import Callable

import pytest

from tests.browser.sizes import DESKTOP, PHONE
from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-journeys")]

Visit = Callable[..., Visitor]


def _register(visitor: Visitor, world: World, person: dict[str, str], *, box: str) -> None:
    """Walk the three pages; every one of them names the portal."""
    visitor.wait_for("/daftar")
    assert box in visitor.text
    visitor.fill_in_ktp(person)
    visitor.page.locator("main form button.btn.wide").first.click()
    visitor.wait_for("/daftar/kontak")
    assert box in visitor.text
    visitor.fill_in_contact(person)
    visitor.page.locator("main form button.btn.wide").first.click()
    visitor.wait_for("/daftar/kode")
    assert box in visitor.text
    visitor.enter_code(world.sms_code(person["phone"]))


@pytest.mark.always
@pytest.mark.parametrize(
    ("script", "locale", "size", "button"),
    [
        (True, "id-ID", PHONE, "Masuk"),
        (False, "id-ID", PHONE, "Masuk"),
        (False, "id-ID", PHONE, "Daftar"),
        (True, "en-GB", DESKTOP, "Daftar"),
        (True, "en-GB", DESKTOP, "Masuk"),
    ],
    ids=["script", "no script", "no script, prompt=create", "prompt=create, English", "English"],
)
def test_a_citizen_registers_from_a_portal_and_comes_back_signed_in(
    visit: Visit, world: World, script: bool, locale: str, size: dict[str, int], button: str
) -> None:
    visitor = visit(script=script, locale=locale, size=size)
    person = world.a_person()
    english = locale.startswith("en")

    visitor.open("/", "portal")
    visitor.follow(button, exact=True)
    if button == "Masuk":
        visitor.wait_for("/masuk")
        visitor.follow("Sign up now" if english else "Daftar Sekarang")
    box = "to continue to\nSample Portal" if english else "untuk melanjutkan ke\nPortal Contoh"
    _register(visitor, world, person, box=box)
    visitor.wait_for("/izin")
    assert person["email"] in visitor.text
    visitor.page.locator("main button[value=allow]").click()

    visitor.wait_for("/", "portal")
    assert visitor.heading.upper() == f"HALO, {person['name'].upper()}"
    assert person["email"] in visitor.text
