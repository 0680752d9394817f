"""`/admin/pengaturan`: every value with its source, and no secret (`ui.md` section 2, SC-2)."""

import html
import re
from collections.abc import Callable

import pytest

from config.settings import known_names
from idp.app import Application
from idp.domain.identity.roles import Role
from tests.conftest import ROOT
from tests.officer import an_officer

SECRETS = {
    "SIAPKERJA_OPERATOR_TOKEN": "operator-token-8fK2-wq7R-z0Lm-Xc5T-Vb3N",
    "SIAPKERJA_DUKCAPIL_PASSWORD": "dukcapil-password-9s8d7f",
    "SIAPKERJA_DUKCAPIL_USER_ID": "dukcapil-user-55555",
    "SIAPKERJA_MAIL_URL": "smtp://user:mail-secret-777@localhost:8004",
    "SIAPKERJA_SMS_ZENZIVA_URL": "https://carrier.example",
    "SIAPKERJA_SMS_ZENZIVA_SECRET": "carrier-secret-31415",
}


@pytest.fixture
def page(make_app: Callable[..., Application]) -> str:
    app = make_app(SIAPKERJA_LOGIN_DEVICE_SECONDS="7200", **SECRETS)
    text: str = an_officer(app, Role.AUDITOR).get("/admin/pengaturan").text
    return html.unescape(text)


def row_of(page: str, name: str) -> str:
    return page.partition(f">{name}<")[2].partition("</tr>")[0]


def test_every_setting_is_there_with_its_value_and_source(page: str) -> None:
    for name in known_names():
        assert f">{name}<" in page, name
    given, default = (
        row_of(page, name)
        for name in ("SIAPKERJA_LOGIN_DEVICE_SECONDS", "SIAPKERJA_LOGIN_SESSION_IDLE_SECONDS")
    )
    assert ">7200<" in given
    assert "Lingkungan" in given
    assert ">1800<" in default
    assert "Bawaan" in default


def test_sc_2_no_secret_is_shown_only_that_there_is_one(page: str) -> None:
    for name, secret in SECRETS.items():
        for part in (secret, "mail-secret-777"):
            assert part not in page or name == "SIAPKERJA_SMS_ZENZIVA_URL", name
    assert "carrier.example" not in page
    assert ROOT not in page
    assert "sqlite:///" not in page
    for name in ("SIAPKERJA_SECRET_KEY", "SIAPKERJA_DATABASE_URL", "SIAPKERJA_DUKCAPIL_PASSWORD"):
        assert "rahasia, sudah diatur" in row_of(page, name), name


def test_fixed_rules_are_told_as_people_measure_them(page: str) -> None:
    told = re.sub(r"<[^>]+>", " ", page)

    for words in (
        r"Kata sandi admin, paling sedikit\s+15 karakter",
        r"Sesi admin tanpa kegiatan\s+15 menit",
        r"Sesi admin, paling lama\s+8 jam",
        r"Persetujuan orang kedua\s+3 hari",
        r"Salah kata sandi sampai dinonaktifkan\s+100 kali",
    ):
        assert re.search(words, told), words


def test_the_page_changes_nothing(app: Application) -> None:
    officer = an_officer(app, Role.ADMINISTRATOR)

    assert "<form" not in officer.get("/admin/pengaturan").text
    assert officer.browser.post("/admin/pengaturan").status_code == 405
