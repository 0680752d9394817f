"""Audit, keys and numbers in Chromium: every page at every size; two people retire a key."""

import re
from collections.abc import Callable

import pytest

from idp.domain.identity.roles import Role
from tests.browser.sizes import DESKTOP
from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-console-log")]

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
def test_pages_of_the_audit_log(visit: Visit, world: World, locale: str) -> None:
    language = locale[:2]
    world.an_account()
    world.services.keys.rotate()
    world.services.audit_log.seal_all()
    world.services.audit_log.keep_head()
    visitor = visit(size=DESKTOP, locale=locale)
    visitor.enter_console(Role.AUDITOR, name="Sari Wibowo", locale=language)
    visitor.open("/admin/audit")
    visitor.look(f"console-audit-{language}")
    visitor.page.locator("table a").first.click()
    visitor.page.wait_for_url(re.compile(r"/admin/audit/[0-9a-f-]{36}$"))
    visitor.look(f"console-audit-event-{language}")
    visitor.open("/admin/audit")
    visitor.page.locator("#jenis").select_option("key.rotated")
    visitor.page.locator("#pelaku").select_option("operator")
    visitor.page.locator("form.audit button").click()
    visitor.page.wait_for_url(re.compile(r"jenis=key\.rotated"))
    codes = visitor.page.locator("td .mono.muted").all_inner_texts()
    assert set(codes) == {"key.rotated"}
    visitor.open("/admin/audit?objek=dua+kata&dari=2026-12-01&sampai=2026-11-01")
    visitor.look(f"console-audit-faults-{language}")
    visitor.open("/admin/audit?objek=tidak-ada-yang-begini")
    visitor.look(f"console-audit-none-{language}")


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
def test_a_key_is_rotated_and_retired_by_two_people(
    visit: Visit, world: World, locale: str
) -> None:
    language = locale[:2]
    keeper = visit(size=DESKTOP, locale=locale)
    keeper.enter_console(Role.KEY_OFFICER, name="Dewi Lestari", locale=language)
    keeper.open("/admin/kunci/darurat")
    keeper.look(f"console-keys-emergency-{language}")
    keeper.open("/admin/kunci/rotasi")
    keeper.look(f"console-keys-rotate-{language}")
    keeper.page.locator("form:has(textarea) button").click()
    keeper.look(f"console-keys-rotate-fault-{language}")
    keeper.fill(reason="Rotasi triwulan.")
    keeper.page.locator("form:has(textarea) button").click()
    keeper.wait_for("/admin/kunci")
    keeper.look(f"console-keys-{language}")
    keeper.page.locator("tr:has(.tag:not(.ok)) a").first.click()
    keeper.look(f"console-keys-retire-{language}")
    keeper.page.locator("#when-now").check()
    keeper.fill(reason="Tidak dipakai lagi.")
    keeper.page.locator("form:has(textarea) button").click()
    keeper.wait_for("/admin/persetujuan")

    approver = visit(size=DESKTOP, locale=locale)
    approver.enter_console(Role.APPROVER, name="Agus Hartono", locale=language)
    approver.open("/admin/persetujuan")
    approver.page.locator("section:first-of-type .list a").last.click()
    approver.look(f"console-keys-approve-{language}")
    approver.page.locator("button[value=approve]").click()
    approver.wait_for("/admin/persetujuan")


@pytest.mark.parametrize("locale", ["id-ID", "en-GB"])
def test_the_numbers_are_drawn(visit: Visit, world: World, locale: str) -> None:
    figures = world.services.figures
    for outcome, times in (("known", 40), ("new", 12), ("failed", 7)):
        for _ in range(times):
            figures.metrics.count("logins", outcome=outcome)
    figures.metrics.count("codes_sent", purpose="login", channel="sms")
    figures.metrics.gauge("registry_quota_left", 4200)
    figures.flush()
    visitor = visit(size=DESKTOP, locale=locale)
    visitor.enter_console(Role.READER, name="Bayu Prakoso", locale=locale[:2])
    visitor.open("/admin")
    visitor.page.locator("#h-logins").locator("xpath=ancestor::section").locator("summary").click()
    visitor.look(f"console-numbers-{locale[:2]}")
