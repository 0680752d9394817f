"""People, cases and support codes in Chromium: every page at every size, in both languages."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from idp.domain.identity.audit import NOWHERE, Actor
from idp.domain.identity.case import CaseKind
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.roles import Role
from tests.browser.sizes import DESKTOP
from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-console-people")]

Visit = Callable[..., Visitor]
SEND = "form:has(textarea) button >> nth=0"
CODE = re.compile(r"\b[A-Z\d]{4}-[A-Z\d]{4}\b")


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
def test_support_follows_a_code_to_a_person_looks_and_opens_a_case(
    visit: Visit, world: World, locale: str
) -> None:
    language = locale[:2]
    account = world.an_account(locale=language)
    citizen = visit(locale=locale)
    citizen.open("/masuk")
    citizen.fill(identifier=account["email"], password="bukan kata sandinya")
    citizen.page.locator("main button.wide:not(.sec)").click()
    citizen.summary().wait_for()
    [code] = CODE.findall(citizen.summary().inner_text())
    citizen.look(f"support-code-{language}")

    officer = visit(size=DESKTOP, locale=locale)
    officer.enter_console(Role.SUPPORT, name="Sari Dewi", locale=language)
    officer.open("/admin/pengguna")
    officer.look(f"console-people-{language}")
    officer.fill(q="Budi")
    officer.page.locator("main form button").click()
    officer.look(f"console-people-fault-{language}")
    officer.fill(q=account["nik"])
    officer.page.locator("main form button").click()
    officer.look(f"console-people-found-{language}")
    officer.fill(q=code)
    officer.page.locator("main form button").click()
    officer.page.locator("h1 .mono").wait_for()
    officer.look(f"console-support-{language}")
    officer.page.locator("a[href*='/admin/pengguna/']").first.click()
    officer.look(f"console-person-{language}")
    here = officer.path

    officer.open(f"{here}/lihat")
    officer.page.locator(SEND).click()
    officer.summary().wait_for()
    officer.look(f"console-person-look-fault-{language}")
    officer.fill(reason="Tiket 4711.")
    officer.page.locator(SEND).click()
    officer.page.get_by_text(account["nik"]).wait_for()
    officer.look(f"console-person-shown-{language}")
    officer.open(f"{here}/riwayat")
    officer.look(f"console-person-timeline-{language}")
    officer.open(f"{here}/kunci")
    officer.look(f"console-person-lock-{language}")

    officer.open(f"/admin/verifikasi/baru/{here.rpartition('/')[2]}")
    officer.look(f"console-case-open-{language}")
    officer.fill(evidence="KTP-el dilihat di loket.", reference="S-12/2026")
    officer.page.locator(SEND).click()
    officer.page.wait_for_url(re.compile(r"/admin/verifikasi/[0-9a-f-]{36}\?"))
    officer.look(f"console-case-{language}")
    case = officer.path
    officer.open("/admin/verifikasi")
    officer.look(f"console-cases-{language}")
    officer.open(f"{case}/putusan")
    officer.look(f"console-case-decide-{language}")

    owner = visit(locale=locale)
    owner.enter(account)
    owner.open("/akun/aktivitas")
    seen = {"id": "Petugas melihat data pribadi Anda", "en": "An officer looked at your personal"}
    assert seen[language] in owner.text


def test_support_asks_for_two_accounts_to_be_merged(visit: Visit, world: World) -> None:
    """From a case about an account without a NIK to the request that a second officer decides."""
    given = world.an_account()
    services = world.services
    with services.store.write() as tx:
        made = tx.accounts.find_by_email(EmailAddress(given["email"]))
        assert made is not None
        former = tx.accounts.update(replace(made, ial=0, nik=None, verified_at=None))
    officer = visit(size=DESKTOP)
    admin = officer.enter_console(Role.SUPPORT, name="Sari Dewi")
    actor = Actor("admin", str(admin.id), NOWHERE, admin.id)
    case = services.cases.open(former.id, CaseKind.LEGACY, "Dua akun satu orang.", "", actor)

    officer.open(f"/admin/verifikasi/{case.id}")
    officer.look("console-case-merge")
    officer.page.get_by_role("link", name="Minta gabungkan akun").click()
    officer.look("console-merge")
    officer.page.locator(SEND).click()
    officer.summary().wait_for()
    officer.look("console-merge-fault")
    officer.fill(stays=str(former.id), reason="Tiket 4711.")
    officer.page.locator(SEND).click()
    officer.page.locator("#stays-e").wait_for()
    assert "tidak digabung dengan dirinya" in officer.text
