"""Reporting an account that somebody else opened with one's NIK (contract 6.5, `ui.md` §2)."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, Actor
from idp.domain.identity.case import CaseKind, Decision
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from tests.fakes import FixedClock
from tests.officer import an_officer
from tests.portal import an_account
from tests.racing import at_once
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox

Citizen = Callable[..., Registrant]

PAGE = "/kendala/nik-terdaftar"
REPORTED = f"{PAGE}?pesan=laporan"
BUTTON = {"id": "Laporkan, akun itu bukan milik saya", "en": "Report it, that account isn"}
THANKS = {"id": "Laporan Anda sudah diterima", "en": "Your report has been received"}


@pytest.fixture
def owner(app: Application, sandbox: Sandbox) -> Account:
    """Return the account of the NIK of the registry's first person."""
    return an_account(app, nik=sandbox.person().nik, number=61, email="pemilik@contoh.id")


def matched(citizen: Citizen, **given: str) -> Registrant:
    siti = citizen(**given)
    assert siti.ktp().headers["Location"] == "/daftar/sudah-terdaftar"
    return siti


def cases(app: Application) -> list[tuple[object, ...]]:
    return [
        (shown.case.account_id, shown.case.kind, shown.case.opened_by)
        for shown in app.wiring.services.cases.queue()
    ]


def told(app: Application, action: str) -> list[sa.Row]:
    statement = sa.text("SELECT actor, details FROM audit_event WHERE action = :action")
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return list(connection.execute(statement, {"action": action}))


@pytest.mark.parametrize("language", ["id", "en"])
def test_whoever_was_matched_reports_the_account_and_an_officer_finds_a_case(
    app: Application, citizen: Citizen, owner: Account, language: str
) -> None:
    siti = matched(citizen, language=language)
    assert f'href="{PAGE}"' in siti.get("/daftar/sudah-terdaftar").text
    page = siti.get(PAGE)
    assert BUTTON[language] in page.text

    answer = siti.post(PAGE, page)
    assert (answer.status_code, answer.headers["Location"]) == (303, REPORTED)
    after = siti.browser.get(REPORTED, headers={"Accept-Language": language}).text
    assert THANKS[language] in after
    assert BUTTON[language] not in after
    assert cases(app) == [(owner.id, CaseKind.NIK_TAKEN, None)]
    case = app.wiring.services.cases.queue()[0].case
    assert app.wiring.services.cases.show(case.id).notes == ()
    [event] = told(app, "case.opened")
    assert event.actor == "system"
    for personal in (siti.person.nik, siti.person.name, "pemilik@"):
        assert personal not in str(event.details)
        assert personal not in page.text + after
    officer = an_officer(app, Role.SUPPORT)
    assert "terbuka otomatis" in officer.get(f"/admin/verifikasi/{case.id}").text


def test_rg_1_nobody_reports_without_a_match_in_their_own_browser(
    app: Application, citizen: Citizen, owner: Account, sandbox: Sandbox
) -> None:
    matched(citizen)
    nearly, free = citizen(), citizen(person=sandbox.person(index=1))
    assert "tidak-cocok" in nearly.ktp(mother_name="Bukan Ibunya").headers["Location"]
    assert free.ktp().headers["Location"] == "/daftar/kontak"
    for stranger in (Registrant(app, sandbox, sandbox.person()), nearly, free):
        page = stranger.get(PAGE)
        assert BUTTON["id"] not in page.text
        # the token of another form of this browser is as good as that of the button
        answer = stranger.post(PAGE, stranger.get("/masuk"), identifier=None, password=None)

        assert answer.status_code == 422
        assert "Cocokkan dulu data KTP Anda" in answer.text
    assert cases(app) == []


def test_a_match_lets_report_for_15_minutes_and_once(
    app: Application, citizen: Citizen, owner: Account, clock: FixedClock
) -> None:
    late, twice = matched(citizen), matched(citizen)
    page = twice.get(PAGE)
    another = twice.get(PAGE)
    late_page = late.get(PAGE)
    assert twice.post(PAGE, page).status_code == 303
    assert twice.post(PAGE, another).status_code == 422
    clock.move(901)

    assert late.post(PAGE, late_page).status_code == 422
    assert BUTTON["id"] not in late.get(PAGE).text
    assert len(cases(app)) == 1


def test_the_answer_is_the_same_whether_a_case_waits_already(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    people = [matched(citizen), matched(citizen)]
    answers = [siti.post(PAGE) for siti in people]
    pages = [siti.get(PAGE).text for siti in people]

    assert {(a.status_code, a.headers["Location"]) for a in answers} == {(303, REPORTED)}
    assert all(BUTTON["id"] not in page for page in pages)
    assert len(cases(app)) == 1
    assert len(told(app, "case.opened")) == 1


def test_an_account_is_put_before_officers_three_times_a_day_at_most(
    app: Application, owner: Account
) -> None:
    services = app.wiring.services
    officer = Actor("admin", "petugas", id=services.entropy.uuid7(services.clock.now_ms()))
    opened = []
    for number in range(4):
        visitor = Visitor(digest_of(f"flow {number}"), "203.0.113.7", NOWHERE)
        with services.store.write() as tx:
            services.nik_reports.allow(owner, visitor, tx=tx)
        services.nik_reports.report(visitor)
        opened.append(len(cases(app)))
        for shown in services.cases.queue():
            services.cases.decide(shown.case.id, Decision.UPHELD, "diperiksa", officer)

    assert opened == [1, 1, 1, 0]
    [event] = told(app, "limit.reached")
    assert "report.account" in str(event.details)


def test_the_report_alone_changes_nothing_of_the_account(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    matched(citizen).post(PAGE)

    with app.wiring.services.store.read() as tx:
        assert tx.accounts.find(owner.id) == owner
    assert owner.status is AccountStatus.ACTIVE


def test_reports_of_one_account_at_once_open_one_case(
    app: Application, citizen: Citizen, owner: Account
) -> None:
    people = [matched(citizen) for _ in range(3)]
    pages = [siti.get(PAGE) for siti in people]
    answers = at_once(
        [
            lambda siti=siti, page=page: siti.post(PAGE, page)
            for siti, page in zip(people, pages, strict=True)
        ]
    )

    assert [answer.status_code for answer in answers] == [303] * 3
    assert len(cases(app)) == 1
