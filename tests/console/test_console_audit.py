"""`/admin/audit`: every event found by who, what about, which kind and when (PD-5, PD-6)."""

import csv
import io
import re
from html import unescape
from urllib.parse import urlencode
from uuid import UUID

import pytest
import sqlalchemy as sa

from adapters.sql.tables import audit_event as table
from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, Origin
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.roles import Role
from tests.events import an_event
from tests.fakes import NOW
from tests.officer import Officer, an_officer
from tests.portal import an_account

DAY = 86400


@pytest.fixture
def auditor(app: Application) -> Officer:
    return an_officer(app, Role.AUDITOR, name="Sari Wibowo")


def note(app: Application, action: Action, at: int = NOW, **given: object) -> None:
    with app.wiring.services.store.write() as tx:
        tx.audit.record(an_event(action, at, **given))


@pytest.fixture
def account(app: Application) -> Account:
    """Somebody, with nothing of theirs in the log."""
    made = an_account(app)
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(sa.delete(table))
    return made


def events(page: str) -> list[str]:
    """The codes of the events on a page, in their order."""
    return re.findall(r'muted small mono">([a-z_.]+)<', page)


def test_events_are_shown_newest_first_with_who_and_what(
    app: Application, auditor: Officer, account: Account
) -> None:
    note(app, Action.LOGIN_FAILED, NOW - 60, account_id=account.id)
    note(app, Action.KEY_ROTATED, actor="admin", actor_id=auditor.admin.id, object_id="kid-1")

    page = auditor.get("/admin/audit").text

    assert events(page)[:2] == ["key.rotated", "login.failed"]
    for words in ("Sari Wibowo", "kid-1", "Kunci dirotasi", "Gagal masuk", "Warga", "Rantai audit"):
        assert words in page


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("objek=kid-1", ["key.rotated"]),
        ("objek={sub}", ["login.failed"]),
        ("objek={account}", ["login.failed"]),
        ("objek=karirhub", ["client.changed"]),
        ("pelaku=admin", ["key.rotated"]),
        ("pelaku={admin}", ["key.rotated"]),
        ("pelaku=operator", ["client.changed"]),
        ("jenis=login.failed", ["login.failed"]),
        ("dari=2026-11-23&sampai=2026-11-23", ["client.changed"]),
        ("sampai=2026-11-23", ["client.changed"]),
        ("jenis=login.failed&pelaku=operator", []),
    ],
)
def test_events_are_found_by_actor_object_kind_and_time(
    app: Application, auditor: Officer, account: Account, search: str, found: list[str]
) -> None:
    note(app, Action.LOGIN_FAILED, account_id=account.id)
    note(app, Action.CLIENT_CHANGED, NOW - DAY, actor="operator", object_id="karirhub")
    note(app, Action.KEY_ROTATED, actor="admin", actor_id=auditor.admin.id, object_id="kid-1")
    assert len(events(auditor.get("/admin/audit").text)) == 3
    named = search.format(sub=account.subject, account=account.id, admin=auditor.admin.id)

    page = auditor.get(f"/admin/audit?{named}")

    assert page.status_code == 200
    assert events(page.text) == found


@pytest.mark.parametrize(
    ("field", "text", "words"),
    [
        ("objek", "dua kata", "Tulis satu ID tanpa spasi"),
        ("pelaku", "siapa", "Pilih pelaku dari daftar."),
        ("jenis", "login.bent", "Pilih jenis kejadian dari daftar."),
        ("dari", "kemarin", "Tulis tanggal seperti"),
        ("dari", "0001-01-01", "Tulis tanggal seperti"),
        ("sampai", "9999-12-31", "Tulis tanggal seperti"),
        ("sampai", "2026-11-01", "Tanggal akhir harus sesudah"),
    ],
)
def test_what_can_not_be_searched_is_told_at_its_field_and_the_rest_is_kept(
    app: Application, auditor: Officer, field: str, text: str, words: str
) -> None:
    note(app, Action.LOGIN_FAILED)
    fields = {"dari": "2026-11-20", "objek": "kid-1", field: text}

    page = auditor.get("/admin/audit?" + urlencode(fields))

    assert page.status_code == 422
    assert f'id="{field}-e"' in page.text
    assert words in page.text
    for kept in fields.values():
        assert f'value="{kept}"' in page.text or field in {"pelaku", "jenis"}
    assert events(page.text) == []


def test_pages_go_on_to_the_end_with_the_search_kept(app: Application, auditor: Officer) -> None:
    for number in range(60):
        note(app, Action.LOGIN_FAILED, NOW + number)
    note(app, Action.CODE_SENT, NOW + 70)
    url, seen = "/admin/audit?jenis=login.failed", 0
    while url:
        page = auditor.get(url).text
        assert set(events(page)) == {"login.failed"}
        seen += len(events(page))
        following = re.search(r'class="btn quiet sm" href="([^"]*sebelum=[^"]*)"', page)
        url = unescape(following[1]) if following else ""

    assert seen == 60


@pytest.mark.parametrize("cursor", ["x", "A" * 48, "%00", "-1", "' OR 1=1", "9" * 500])
def test_in_3_a_place_that_we_did_not_write_leads_to_the_newest(
    auditor: Officer, cursor: str
) -> None:
    answer = auditor.get(f"/admin/audit?jenis=login.failed&sebelum={cursor}")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/admin/audit?jenis=login.failed"


def test_one_event_is_shown_with_its_details(app: Application, auditor: Officer) -> None:
    origin = Origin("203.0.113.0/24", "rujukan-7", "<b>Firefox</b>")
    note(app, Action.CODE_SENT, origin=origin, details={"purpose": "login", "channel": "sms"})
    app.wiring.services.audit_log.seal_all()
    [there] = re.findall(r'href="(/admin/audit/[0-9a-f-]{36})"', auditor.get("/admin/audit").text)

    page = auditor.get(there).text

    for words in ("203.0.113.0/24", "rujukan-7", "&lt;b&gt;Firefox", "purpose", "login", "sms"):
        assert words in page
    assert "bukan seperti saat ditulis" not in page


def test_pd_5_a_row_that_was_bent_says_so(app: Application, auditor: Officer) -> None:
    note(app, Action.LOGIN_FAILED)
    [there] = re.findall(r'href="(/admin/audit/[0-9a-f-]{36})"', auditor.get("/admin/audit").text)
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(sa.update(table).values(outcome="bent", action="login.bent"))

    page = auditor.get(there)
    listed = auditor.get("/admin/audit")

    assert page.status_code == listed.status_code == 200
    assert "bukan seperti saat ditulis" in page.text
    assert "login.bent" in listed.text


def test_an_event_that_is_not_there_is_not_found(auditor: Officer) -> None:
    assert auditor.get(f"/admin/audit/{UUID(int=7)}").status_code == 404


def test_in_4_the_file_holds_the_search_and_no_formula(app: Application, auditor: Officer) -> None:
    for text in ("=1+1", "+1", "-1", "@sum", "harmless"):
        note(app, Action.KEY_ROTATED, actor="operator", object_id=text)
    note(app, Action.LOGIN_FAILED)

    answer = auditor.get("/admin/audit/csv?jenis=key.rotated")

    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
    head, *lines = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    column = head.index("object_id")
    assert sorted(line[column] for line in lines) == ["'+1", "'-1", "'=1+1", "'@sum", "harmless"]
    assert {line[head.index("action")] for line in lines} == {"key.rotated"}


def test_pd_6_taking_the_file_is_an_event(app: Application, auditor: Officer) -> None:
    auditor.get("/admin/audit/csv?jenis=key.rotated&objek=kid-1")

    [row] = app.wiring.services.audit_search.page(AuditQuery(action=Action.AUDIT_EXPORTED)).rows

    assert (row.actor, row.actor_id, row.object_id) == ("admin", auditor.admin.id, "kid-1")
    assert row.details["action"] == "key.rotated"
    assert auditor.get("/admin/audit/csv?jenis=nonsense").status_code == 303


def test_the_page_speaks_english_too(app: Application) -> None:
    auditor = an_officer(app, Role.AUDITOR, language="en")
    note(app, Action.KEY_ROTATED, actor="operator")

    page = auditor.get("/admin/audit").text

    for words in ("Key rotated", "Actor", "Audit chain", "Kind of event"):
        assert words in page
