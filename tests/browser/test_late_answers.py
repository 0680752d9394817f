"""A portal that is slow to say whether an old password is right: the page goes on once it did."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.live_server import LiveServer, running_server
from tests.old_portals import a_row, json_lines
from tests.sandbox_server import running_sandbox

PASSWORD = "gajah biru makan awan"
NIK = "3273011708909055"
EMAIL = "lambat@contoh.id"
#: More than a second has room for.
LOOKS = 1000


def bring(server: LiveServer, folder: Path) -> None:
    file = folder / "export.jsonl"
    emails = [{"value": EMAIL, "verified": True}]
    row = a_row(source="bizhub", nik=NIK, emails=emails, phones=[], password=None)
    file.write_bytes(json_lines([row]))
    server.cli("legacy", "import", str(file))


def sign_in(page: Page, server: LiveServer) -> None:
    page.goto(f"{server.url}/masuk/akun-lama")
    for name, value in (("email", EMAIL), ("nik", NIK), ("password", PASSWORD)):
        page.fill(f"[name={name}]", value)
    page.click("main form button:not([type=button])")


@pytest.mark.parametrize("has_script", [True, False])
def test_a_late_yes_leads_on_with_and_without_script(
    chromium: Browser, tmp_path: Path, has_script: bool
) -> None:
    callbacks = tmp_path / "callbacks.json"
    with running_sandbox() as sandbox:
        callbacks.write_text(sandbox.callbacks("bizhub"))
        sandbox.add_old_account("bizhub", "12345", PASSWORD)
        sandbox.next_portal("late", source="bizhub")
        with (
            running_server(SIAPKERJA_LEGACY_CALLBACKS=str(callbacks)) as server,
            chromium.new_context(java_script_enabled=has_script, locale="id-ID") as context,
        ):
            bring(server, tmp_path)
            page = context.new_page()
            sign_in(page, server)
            if not has_script:
                page.wait_for_selector("[data-late]")
            for _ in range(0 if has_script else LOOKS):
                # whoever looks too early is told to sign in again, and may look again
                page.goto(f"{server.url}/masuk/akun-lama/jawaban")
                if urlsplit(page.url).path == "/daftar":
                    break

            page.wait_for_url("**/daftar?lama=*")

            assert "Akun lama Anda ditemukan" in page.inner_text("main")
