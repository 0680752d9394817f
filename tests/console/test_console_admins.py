"""`/admin/admin`: who is in the console, and what an administrator may do to others."""

import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.admin import AdminStatus
from idp.domain.identity.roles import Role
from idp.services.audit_search import AuditQuery
from idp.web.admin.audit_words import event_words
from tests.fakes import FixedClock
from tests.officer import Officer, an_admin, an_officer
from tests.portal import form_fields, same_origin

NEW = "baru@kemnaker.example"
WHY = "Pindah tugas sejak hari ini."


@pytest.fixture
def boss(app: Application) -> Officer:
    return an_officer(app, Role.ADMINISTRATOR, name="Ika Lestari")


@pytest.fixture
def other(app: Application) -> Officer:
    return an_officer(app, Role.REGISTRAR, name="Dimas Pratama")


def url_of(officer: Officer, act: str = "") -> str:
    return f"/admin/admin/{officer.admin.id}" + (f"/{act}" if act else "")


def post_roles(officer: Officer, url: str, roles: list[str], **fields: Any) -> TestResponse:
    page = officer.get(url)
    data = {**form_fields(page), "reason": "Bertukar tugas.", "roles": roles, **fields}
    return officer.browser.post(url, data=data, headers=same_origin())


def test_the_list_shows_everybody_and_no_whole_address(boss: Officer, other: Officer) -> None:
    page = boss.get("/admin/admin").text

    assert "Dimas Pratama" in page
    assert "Admin klien" in page
    assert other.admin.email.masked in page
    assert other.admin.email.address not in page


def test_ad_3_an_invitation_is_asked_for_and_lets_nobody_in_by_itself(
    app: Application, boss: Officer
) -> None:
    answer = post_roles(boss, "/admin/admin/undang", ["auditor", "reader"], email=NEW)
    again = post_roles(boss, "/admin/admin/undang", ["auditor"], email=NEW.upper())

    assert answer.headers["Location"] == "/admin/persetujuan?pesan=diajukan"
    assert again.status_code == 422
    assert "masih menunggu keputusan" in again.text
    assert NEW not in boss.get("/admin/admin").text
    [asked] = app.wiring.services.approvals.list_open()
    assert asked.request.payload == {"email": NEW, "roles": ["reader", "auditor"]}
    assert asked.request.author_id == boss.admin.id
    assert NEW not in asked.request.subject


@pytest.mark.parametrize(
    ("roles", "fields", "words"),
    [
        ([], {"email": NEW}, "Pilih paling sedikit satu peran"),
        (["raja"], {"email": NEW}, "Peran ini tidak dikenal"),
        (["reader"], {"email": "bukan alamat"}, "Format alamat email"),
        (["reader"], {"email": NEW, "reason": " "}, "Tuliskan alasannya"),
        (["reader"], {"email": NEW, "reason": "a" * 501}, "paling panjang 500"),
    ],
)
def test_what_is_wrong_with_an_invitation_is_told(
    boss: Officer, roles: list[str], fields: dict[str, str], words: str
) -> None:
    answer = post_roles(boss, "/admin/admin/undang", roles, **fields)

    assert answer.status_code == 422
    assert words in answer.text


def test_ad_3_roles_are_asked_for_and_stay_until_somebody_else_agrees(
    app: Application, boss: Officer, other: Officer
) -> None:
    url = url_of(other, "peran")
    page = boss.get(url).text
    same = post_roles(boss, url, ["registrar"])
    answer = post_roles(boss, url, ["registrar", "support"])

    assert re.search(r'value="registrar" checked', page)
    assert "Peran ini tidak berubah" in same.text
    assert answer.status_code == 303
    assert app.wiring.services.admins.get(other.admin.id).roles == (Role.REGISTRAR,)


def test_suspending_says_what_follows_and_acts_at_once(
    app: Application, boss: Officer, other: Officer
) -> None:
    url = url_of(other, "tangguhkan")
    page = boss.get(url)
    without = boss.post(url, page)
    assert without.status_code == 422
    assert "Tuliskan alasannya" in without.text
    assert app.wiring.services.admins.get(other.admin.id).status is AdminStatus.ACTIVE
    answer = boss.post(url, page, reason=WHY)

    assert "Semua sesi dan tautannya berakhir" in page.text
    assert answer.headers["Location"] == f"{url_of(other)}?pesan=ditangguhkan"
    assert other.get("/admin").status_code == 303
    assert app.wiring.services.admins.get(other.admin.id).status is AdminStatus.SUSPENDED
    assert boss.get(url).status_code == 404
    back = boss.post(url_of(other, "aktifkan"), reason=WHY)
    assert back.headers["Location"] == f"{url_of(other)}?pesan=diaktifkan"
    assert app.wiring.services.admins.get(other.admin.id).status is AdminStatus.ACTIVE


def test_the_page_of_somebody_tells_what_was_done_to_them_and_by_whom(
    app: Application, boss: Officer, other: Officer
) -> None:
    boss.post(url_of(other, "tangguhkan"), reason=WHY)
    page = boss.get(url_of(other)).text
    panel = page.partition('<aside aria-labelledby="h-log">')[2]

    assert str(event_words("admin.suspended")) in panel
    assert "Ika Lestari" in panel
    assert "/admin/audit" not in panel
    services = app.wiring.services
    found = services.audit_search.page(AuditQuery(object_id=other.admin.id.hex), size=9).rows
    reasons = {row.details.get("reason") for row in found}
    assert WHY in reasons
    auditor = an_officer(app, Role.AUDITOR)
    there = f"/admin/audit?objek={other.admin.id.hex}"
    assert there in auditor.get(url_of(other)).text
    assert auditor.get(there).status_code == 200


def test_sessions_of_somebody_end(boss: Officer, other: Officer) -> None:
    assert "Chrome, Linux" in boss.get(url_of(other)).text
    answer = boss.post(url_of(other, "akhiri-sesi"))

    assert answer.status_code == 303
    assert other.get("/admin").status_code == 303
    assert "Tidak ada sesi yang aktif" in boss.get(url_of(other)).text


def test_a_reset_goes_by_letter_and_its_author_never_sees_the_link(
    app: Application, boss: Officer, other: Officer
) -> None:
    services = app.wiring.services
    answer = boss.post(url_of(other, "atur-ulang"), reason=WHY)
    with services.store.read() as tx:
        [message] = tx.outbox.claim(
            kinds=["mail"], worker="t", now=services.clock.now(), lease_seconds=1, limit=9
        )

    assert message.payload["to"] == other.admin.email.address
    assert message.payload["kind"] == "admin_reset"
    secret = message.payload["values"]["secret"]  # type: ignore[index]
    assert secret not in answer.text + answer.headers["Location"]
    assert other.get("/admin").status_code == 303


@pytest.mark.parametrize("act", ["tangguhkan", "atur-ulang", "akhiri-sesi"])
def test_nobody_does_it_to_themselves(boss: Officer, act: str) -> None:
    assert "Tindakan berisiko" not in boss.get(url_of(boss)).text
    given = {} if act == "akhiri-sesi" else {"reason": WHY}
    answer = boss.post(url_of(boss, act), **given)

    if act == "akhiri-sesi":
        assert answer.status_code == 303
    else:
        assert answer.status_code == 422
        assert "pada akun Anda sendiri" in answer.text


@pytest.mark.parametrize("path", ["undang", "{}/peran", "{}/tangguhkan", "{}/atur-ulang"])
def test_ad_1_each_dangerous_page_asks_for_a_fresh_factor(
    boss: Officer, other: Officer, clock: FixedClock, path: str
) -> None:
    clock.move(301)
    url = f"/admin/admin/{path.format(other.admin.id)}"

    assert boss.get(url).headers["Location"] == f"/admin/konfirmasi?lanjut={url}"


def test_an_auditor_reads_and_does_nothing(app: Application, other: Officer) -> None:
    auditor = an_officer(app, Role.AUDITOR)
    page = auditor.get(url_of(other))

    assert page.status_code == 200
    assert "Tindakan berisiko" not in page.text
    assert auditor.get(url_of(other, "tangguhkan")).status_code == 403


def test_unknown_people_and_acts_are_not_found(boss: Officer, other: Officer) -> None:
    nobody = "/admin/admin/00000000-0000-7000-8000-000000000000"

    for url in (nobody, f"{nobody}/peran", f"{nobody}/tangguhkan", url_of(other, "hapus")):
        assert boss.get(url).status_code == 404


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x>', "{{ 7*7 }}"])
def test_a_hostile_name_is_text(app: Application, boss: Officer, name: str) -> None:
    hostile = an_officer(app, Role.READER, name=name)
    for page in (boss.get("/admin/admin"), boss.get(url_of(hostile)), hostile.get("/admin")):
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert ">49<" not in page.text


def test_the_console_speaks_english_too(app: Application) -> None:
    officer = an_officer(app, Role.ADMINISTRATOR, language="en")
    page = officer.get("/admin/admin")

    assert '<html lang="en">' in page.text
    assert "Administrator" in page.text
    assert "Last sign-in" in page.text


def test_the_list_has_25_people_on_a_page(app: Application, boss: Officer) -> None:
    for number in range(30):
        an_admin(app, Role.READER, name=f"Petugas Nomor {number:02}")
    first, second, beyond = (boss.get(f"/admin/admin?halaman={n}") for n in (1, 2, 99))

    assert "1–25 dari 31" in first.text
    assert "26–31 dari 31" in second.text
    assert [page.text.count('<tr role="row"><td') for page in (first, second)] == [25, 6]
    assert "26–31 dari 31" in beyond.text
    for bent in ("", "-1", "x", "\u0661"):
        assert "1–25 dari 31" in boss.get(f"/admin/admin?halaman={bent}").text
