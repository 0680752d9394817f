"""The console's page of old accounts: the cut-over report (issue 5) and conflicts."""

import csv
import io
from typing import Any

import pytest

from idp.app import Application
from idp.domain.identity.audit import Action
from idp.domain.identity.legacy import LegacyAccount
from idp.domain.identity.roles import Role
from idp.services.legacy_import import Export
from tests.events import an_event
from tests.officer import Officer, an_officer
from tests.old_portals import a_row, json_lines

SHARED = [{"value": "bersama@contoh.id", "verified": True}]
OTHER_NIK = "3273011708909002"


@pytest.fixture
def imported(app: Application) -> None:
    """Two people with one address, one dormant row, one bad line, one failed claim."""
    bring(
        app,
        a_row(source_id="1", emails=SHARED),
        a_row(source_id="2", emails=SHARED, nik=OTHER_NIK, name="Sari Dewi"),
        a_row(
            source_id="3",
            nik="3273011708909003",
            emails=[],
            last_login_at="2019-01-01T00:00:00+07:00",
        ),
        a_row(source_id="4", nik="3.27E+15"),
        a_row(source="skkni", source_id="1", nik="3273011708909004", emails=[]),
    )
    with app.wiring.services.store.write() as tx:
        tx.legacy_accounts.note_failure(stored(app, "3").id, "registry.no")


def bring(app: Application, *rows: dict[str, Any]) -> None:
    export = Export(io.BytesIO(json_lines(rows)))
    app.wiring.services.legacy_import.load(export, lambda _: None)


def stored(app: Application, source_id: str) -> LegacyAccount:
    with app.wiring.services.store.read() as tx:
        found = tx.legacy_accounts.find_by_source_id("wlkp", source_id)
    assert found is not None
    return found


def conflict_of(officer: Officer) -> str:
    [(conflict, _)] = officer.app.wiring.services.legacy_report.conflicts()
    return f"/admin/akun-lama/konflik/{conflict.id}"


def test_the_cut_over_report_tells_each_source(app: Application, imported: None) -> None:
    officer = an_officer(app, Role.AUDITOR)

    page = officer.get("/admin/akun-lama").text

    assert "wlkp" in page
    assert "skkni" in page
    assert "registry.no 1" in page
    assert "nik.spreadsheet 1" in page
    assert "Satu alamat email, beberapa NIK" in page
    assert "bersama@contoh.id" not in page


def test_the_report_is_there_as_csv(app: Application, imported: None) -> None:
    officer = an_officer(app, Role.AUDITOR)

    answer = officer.get("/admin/akun-lama.csv")

    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    rows = {row["source"]: row for row in csv.DictReader(io.StringIO(answer.text))}
    assert set(rows) == {"skkni", "wlkp"}
    assert rows["wlkp"]["imported"] == "3"
    assert rows["wlkp"]["failed_by_cause"] == "registry.no 1"
    assert rows["wlkp"]["dormant_long_unused"] == "1"
    assert rows["wlkp"]["refused_by_cause"] == "nik.spreadsheet 1"


def test_a_conflict_shows_no_more_than_an_officer_needs(app: Application, imported: None) -> None:
    officer = an_officer(app, Role.SUPPORT)

    page = officer.get(conflict_of(officer)).text

    assert "327301••••••••02" in page or "3273••••••••••02" in page
    assert OTHER_NIK not in page
    assert "Sari Dewi" not in page
    assert "bersama@contoh.id" not in page


@pytest.mark.parametrize(
    ("decision", "is_contested"),
    [("same_person", False), ("other_people", True), ("portal_mends", True)],
)
def test_a_contact_proves_again_only_where_it_is_one_person(
    app: Application, imported: None, decision: str, is_contested: bool
) -> None:
    officer = an_officer(app, Role.SUPPORT)
    there = conflict_of(officer)
    assert stored(app, "1").in_conflict

    empty = officer.post(there, to=f"{there}/putusan")
    assert empty.status_code == 422
    assert "Pilih satu keputusan" in empty.text
    answer = officer.post(there, to=f"{there}/putusan", decision=decision)

    assert answer.headers["Location"] == "/admin/akun-lama?pesan=konflik"
    assert stored(app, "1").in_conflict is is_contested
    assert officer.get(there).status_code == 404
    assert "Tidak ada yang perlu diputuskan" in officer.get("/admin/akun-lama").text


def test_an_auditor_looks_and_does_not_decide(app: Application, imported: None) -> None:
    officer = an_officer(app, Role.AUDITOR)
    there = conflict_of(officer)

    assert "Simpan keputusan" not in officer.get(there).text
    assert officer.post("/admin/akun-lama", to=f"{there}/putusan").status_code == 403


def test_an_empty_report_says_so_in_both_languages(app: Application) -> None:
    assert "Belum ada yang diimpor" in an_officer(app, Role.AUDITOR).get("/admin/akun-lama").text
    english = an_officer(app, Role.AUDITOR, email="en@kemnaker.example")
    english.language = "en"
    assert english.get("/admin/akun-lama").status_code == 200


def test_what_was_erased_leaves_nothing_to_decide(app: Application, imported: None) -> None:
    services, officer = app.wiring.services, an_officer(app, Role.SUPPORT)
    conflict = conflict_of(officer)
    assert "Satu alamat email, beberapa NIK" in officer.get("/admin/akun-lama").text
    now = services.clock.now()
    with services.store.write() as tx:
        for source_id in ("1", "2"):
            # as six months after the letter about an account that nobody used for years
            legacy = tx.legacy_accounts.find_by_source_id("wlkp", source_id)
            assert legacy is not None
            assert tx.legacy_dormancy.note_told(legacy.id, now)
            assert tx.legacy_dormancy.erase(legacy.id, now)
        tx.audit.record(an_event(Action.LEGACY_ERASED, now))

    assert list(services.legacy_report.conflicts()) == []
    assert "Satu alamat email, beberapa NIK" not in officer.get("/admin/akun-lama").text
    assert officer.get(conflict).status_code == 404
