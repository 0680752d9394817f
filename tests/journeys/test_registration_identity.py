"""What Dukcapil answers, and what pages, limits and accounts make of it (`dukcapil.md` §4, §5)."""

import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
import sqlalchemy as sa

from adapters.sql.accounts import SqlAccounts
from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import Action
from idp.domain.identity.case import CaseKind
from idp.domain.identity.nik import Nik
from idp.domain.identity.roles import Role
from tests.events import an_event
from tests.fakes import FixedClock
from tests.officer import an_officer
from tests.portal import a_portal, an_account, sign_in
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox

Citizen = Callable[..., Registrant]

MATCHES = ["A1", "A2", "A8"]
REFUSALS = ["A3", "A4", "A5", "A6", "A7", "B1", "B2", "B3", "B4", "B5", "B6", "B7", "E08"]
PAUSES = ["C1", "C2", "C8"]
OUTAGES = [
    *["C3", "C4", "C5", "C6", "C6b", "C7", "D1", "D2", "D3", "D4", "D5"],
    *["D6", "D6b", "D6c", "D6d", "D7", "D7b", "D8", "D9", "E10", "E99"],
]
ANOTHER_NIK = "3273015708909041"


def rows(app: Application, statement: str) -> list:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return list(connection.execute(sa.text(statement)))


def plain(page: str) -> str:
    """A page without what differs from one rendering to the next."""
    page = re.sub(r'(name="csrf_token" value|\?v)="?[\w-]+', "", page)
    return re.sub(r'<span class="mono">[A-Z\d]{4}-[A-Z\d]{4}</span>', "", page)


@pytest.mark.parametrize("kind", MATCHES)
def test_a_match_goes_on(app: Application, citizen: Citizen, sandbox: Sandbox, kind: str) -> None:
    siti = citizen()
    sandbox.next_dukcapil(kind)

    assert siti.ktp().headers["Location"] == "/daftar/kontak"
    [check] = rows(app, "SELECT * FROM registry_check")
    assert (check.outcome, check.method) == ("match", "CALL_VERIFY_BY_ELEMEN")
    assert check.threshold == 90
    siti.contact()
    siti.confirm()
    assert rows(app, "SELECT account_id FROM registry_check")[0].account_id is not None


@pytest.mark.parametrize("kind", REFUSALS)
def test_every_no_is_the_same_page(
    app: Application, citizen: Citizen, sandbox: Sandbox, kind: str
) -> None:
    siti = citizen()
    sandbox.next_dukcapil(kind)
    answer = siti.ktp()
    page = siti.browser.get(answer.headers["Location"])

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/daftar/tidak-cocok?sisa=2"
    assert "tidak sesuai dengan data kependudukan" in page.text
    assert "2 kali lagi hari ini" in page.text
    assert "1500537" in page.text
    for word in ("meninggal", "ganda,", "tidak aktif", "Sesuai (", "59", kind):
        assert word not in plain(page.text)
    assert rows(app, "SELECT * FROM registration") == []
    [check] = rows(app, "SELECT * FROM registry_check")
    assert check.outcome != "match"


@pytest.mark.parametrize(
    ("nik", "kind"),
    [
        ("3299010101909015", "W_REGENCY_UNKNOWN"),
        ("3273013002909013", "W_DATE_IMPOSSIBLE"),
        ("3273010101159017", "W_AGE_UNDER_15"),
    ],
)
def test_a_nik_that_looks_odd_is_asked_about_all_the_same_and_counted(
    app: Application, citizen: Citizen, nik: str, kind: str
) -> None:
    answer = citizen().ktp(nik=nik)

    assert answer.headers["Location"].startswith("/daftar/tidak-cocok")
    [check] = rows(app, "SELECT * FROM registry_check")
    assert check.outcome != "match"
    figures = app.wiring.metrics.exposition().decode()
    assert f'siapkerja_nik_oddities_total{{kind="{kind}"}} 1.0' in figures


def test_rg_1_no_one_who_has_not_matched_learns_anything(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    people = [sandbox.person(index=index) for index in range(4)]
    an_account(app, nik=people[1].nik, number=60)
    answers = []
    for person, changes in (
        (people[0], {"mother_name": "Bukan Ibunya"}),
        (people[1], {"mother_name": "Bukan Ibunya"}),
        (people[2], {"full_name": "Bukan Namanya"}),
        (people[3], {"nik": ANOTHER_NIK}),
    ):
        siti = citizen(person=person)
        answer = siti.ktp(**changes)
        page = siti.browser.get(answer.headers["Location"])
        answers.append((answer.status_code, answer.headers["Location"], plain(page.text)))

    assert len(set(answers)) == 1


@pytest.mark.parametrize("kind", OUTAGES)
def test_an_outage_is_told_and_nothing_typed_is_lost_or_kept(
    app: Application, citizen: Citizen, sandbox: Sandbox, kind: str
) -> None:
    siti = citizen()
    sandbox.next_dukcapil(kind, seconds=6 if kind == "D1" else None)
    answer = siti.ktp()

    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Layanan Dukcapil sedang tidak dapat dihubungi" in answer.text
    for typed in siti.ktp_fields().values():
        assert typed in answer.text
    assert rows(app, "SELECT * FROM registration") == []
    assert rows(app, "SELECT * FROM registry_check") == []


@pytest.mark.parametrize("kind", PAUSES)
def test_a_register_that_is_closed_for_today_is_told(
    citizen: Citizen, sandbox: Sandbox, kind: str
) -> None:
    siti = citizen()
    sandbox.next_dukcapil(kind)
    answer = siti.ktp()

    assert answer.status_code == 503
    assert "Silakan coba lagi besok" in answer.text
    assert siti.person.mother_name in answer.text


def test_after_an_outage_the_same_page_is_sent_again_and_goes_on(
    citizen: Citizen, sandbox: Sandbox
) -> None:
    siti = citizen()
    sandbox.next_dukcapil("D3")
    page = siti.get("/daftar")
    refused = siti.ktp(page)
    assert refused.status_code == 503

    assert siti.ktp(refused).headers["Location"] == "/daftar/kontak"


def test_people_are_told_before_they_type(
    citizen: Citizen, sandbox: Sandbox, clock: FixedClock
) -> None:
    siti = citizen()
    assert "belum berhasil" not in siti.get("/daftar").text
    sandbox.next_dukcapil("D3", times=5)
    for _ in range(5):
        siti.ktp()
    page = siti.get("/daftar")
    assert page.status_code == 200
    assert "pendaftaran mungkin belum berhasil" in page.text
    calls = sandbox.dukcapil_calls()
    assert siti.ktp().status_code == 503
    assert sandbox.dukcapil_calls() == calls
    help_page = siti.get("/daftar/tertunda")
    assert "belum dapat dihubungi" in help_page.text
    clock.move(31)

    assert siti.ktp().headers["Location"] == "/daftar/kontak"


# -- limits


def test_rg_3_three_refused_checks_a_day_for_a_nik(
    citizen: Citizen, sandbox: Sandbox, clock: FixedClock
) -> None:
    told = []
    for number in range(3):
        siti = citizen(address=f"203.0.113.{number}")
        told.append(siti.ktp(mother_name="Bukan Ibunya").headers["Location"][-1])
    page = citizen().browser.get("/daftar/tidak-cocok?sisa=0")
    assert told == ["2", "1", "0"]
    assert "coba lagi besok" in page.text
    siti = citizen()
    # six spellings are one NIK, and the right data come too late
    answer = siti.ktp(nik=f" {siti.person.nik[:6]}.{siti.person.nik[6:12]} {siti.person.nik[12:]}")
    assert answer.status_code == 429
    assert "dalam 24 jam" in answer.text
    assert int(answer.headers["Retry-After"]) <= 86_400
    assert siti.person.mother_name in answer.text
    assert sandbox.dukcapil_calls() == 3
    clock.move(86_401)

    assert siti.ktp().status_code == 303


def test_rg_3_matches_and_outages_give_the_try_back(citizen: Citizen, sandbox: Sandbox) -> None:
    sandbox.next_dukcapil("D3", times=4)
    for _ in range(4):
        assert citizen().ktp().status_code == 503
    for _ in range(4):
        assert citizen().ktp().status_code == 303

    assert "sisa=2" in citizen().ktp(mother_name="Bukan Ibunya").headers["Location"]


def test_rg_3_an_address_gets_a_puzzle_after_five_and_stops_after_thirty(
    app: Application, citizen: Citizen, sandbox: Sandbox, clock: FixedClock
) -> None:
    people = iter(range(50))

    def another(**more: str):
        siti = citizen(person=sandbox.person(index=next(people)))
        return siti, siti.ktp(mother_name="Bukan Ibunya", **more)

    for _ in range(5):
        assert another()[1].status_code == 303
    siti, asked = another()
    assert asked.status_code == 429
    assert "Lanjut</button>" in asked.text
    assert siti.person.name in asked.text
    assert sandbox.dukcapil_calls() == 5
    # somebody with script works for a second
    token, bits = re.search(r'data-puzzle="([^"]+)" data-bits="(\d+)"', asked.text).groups()
    answer = next(
        number
        for number in range(10**8)
        if int.from_bytes(sha256(f"{token}.{number}".encode()).digest(), "big") >> (256 - int(bits))
        == 0
    )
    assert siti.ktp(asked, mother_name="x", puzzle_answer=str(answer)).status_code == 303
    assert siti.ktp(asked, full_name="Y", puzzle_answer=str(answer)).status_code == 429
    # somebody without waits
    for _ in range(6, 30):
        siti, asked = another()
        clock.move(30)
        assert siti.ktp(asked, mother_name="Bukan Ibunya").status_code == 303
    siti, asked = another()
    assert asked.status_code == 429
    assert "jaringan Anda" in asked.text
    assert 'name="puzzle"' not in asked.text
    other = citizen(person=sandbox.person(index=next(people)), address="198.51.100.9")

    assert other.ktp().status_code == 303


def test_a_puzzle_sent_too_early_says_how_long_and_keeps_its_wait(
    citizen: Citizen, sandbox: Sandbox, clock: FixedClock
) -> None:
    for index in range(5):
        citizen(person=sandbox.person(index=index)).ktp(mother_name="Bukan Ibunya")
    siti = citizen(person=sandbox.person(index=9))
    asked = siti.ktp()
    clock.move(10)
    early = siti.ktp(asked)
    assert (early.status_code, early.headers["Retry-After"]) == (429, "20")
    clock.move(20)

    assert siti.ktp(early).headers["Location"] == "/daftar/kontak"


def test_a_puzzle_that_came_with_a_slip_is_not_lost(
    citizen: Citizen, sandbox: Sandbox, clock: FixedClock
) -> None:
    for index in range(5):
        citizen(person=sandbox.person(index=index)).ktp(mother_name="Bukan Ibunya")
    siti = citizen(person=sandbox.person(index=9))
    asked = siti.ktp()
    clock.move(30)

    slip = siti.ktp(asked, nik="3273")

    assert slip.status_code == 422
    assert siti.ktp(slip).headers["Location"] == "/daftar/kontak"


# -- a NIK that has an account, and one whose holder died


def test_a_taken_nik_is_told_after_a_full_match_alone_and_the_owner_hears_of_it(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    person = sandbox.person()
    an_account(app, nik=person.nik, number=61, email="pemilik@contoh.id")
    siti = citizen()
    answer = siti.ktp()
    page = siti.browser.get(answer.headers["Location"])

    assert answer.headers["Location"] == "/daftar/sudah-terdaftar"
    assert "/masuk" in page.text
    assert "/kendala" in page.text
    assert "pemilik@" not in page.text
    assert "0812" not in page.text
    [letter] = siti.letters("pemilik@contoh.id")
    assert letter["subject"] == "Ada yang mencoba mendaftar dengan NIK Anda"
    assert person.nik not in letter["text"]
    assert rows(app, "SELECT * FROM registration") == []


def test_the_owner_hears_of_it_three_times_a_day_at_most(
    app: Application, citizen: Citizen, sandbox: Sandbox, clock: FixedClock
) -> None:
    an_account(app, nik=sandbox.person().nik, number=61, email="pemilik@contoh.id")
    for _ in range(6):
        citizen().ktp()
    assert len(citizen().letters("pemilik@contoh.id")) == 3
    clock.move(86_401)
    citizen().ktp()

    assert len(citizen().letters("pemilik@contoh.id")) == 4


def test_an_owner_without_address_gets_one_sms_a_day(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    an_account(app, nik=sandbox.person().nik, number=61, email=None, email_verified=None)
    for _ in range(3):
        citizen().ktp()
    app.wiring.services.outbox.deliver_due()

    [notice] = sandbox.sms_to("+6281200000061")
    assert "mencoba mendaftar dengan NIK Anda" in notice["text"]


@pytest.mark.parametrize("kind", ["B4", "B7"])
def test_the_account_of_somebody_reported_dead_is_put_on_hold(
    app: Application, citizen: Citizen, sandbox: Sandbox, kind: str
) -> None:
    person = sandbox.person()
    owner = an_account(app, nik=person.nik, number=62)
    sign_in(app, app.test_client(), owner)
    sandbox.next_dukcapil(kind)
    assert "tidak-cocok" in citizen().ktp().headers["Location"]

    services = app.wiring.services
    with services.store.read() as tx:
        assert tx.accounts.find_by_nik(Nik(person.nik)).status is AccountStatus.SUSPENDED
    assert services.sessions.list_alive(owner.id) == ()
    actions = {row.action for row in rows(app, "SELECT action FROM audit_event")}
    assert "account.suspended" in actions


def test_whoever_changes_an_account_meanwhile_does_not_keep_a_death_from_holding_it_back(
    app: Application, citizen: Citizen, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = sandbox.person()
    owner = an_account(app, nik=person.nik, number=65)
    update, seen = SqlAccounts.update, []

    def beaten_once(accounts: SqlAccounts, account: Account) -> Account:
        seen.append(account.version)
        if len(seen) == 1:
            update(accounts, replace(account, status=AccountStatus.ACTIVE))
        return update(accounts, account)

    monkeypatch.setattr(SqlAccounts, "update", beaten_once)
    sandbox.next_dukcapil("B4")

    assert "tidak-cocok" in citizen().ktp().headers["Location"]
    assert seen == [owner.version, owner.version + 1]
    with app.wiring.services.store.read() as tx:
        assert tx.accounts.find(owner.id).status is AccountStatus.SUSPENDED


def test_a_report_of_a_death_opens_one_case_about_the_account_and_holds_nothing_personal(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    person = sandbox.person()
    owner = an_account(app, nik=person.nik, number=64)
    services = app.wiring.services
    for _ in range(2):
        with services.store.write() as tx:
            found = tx.accounts.find(owner.id)
            tx.accounts.update(replace(found, status=AccountStatus.ACTIVE))
            tx.audit.record(an_event(Action.ACCOUNT_UNLOCKED, 1, account_id=owner.id))
        sandbox.next_dukcapil("B4")
        citizen().ktp()

    [shown] = services.cases.queue()
    case = shown.case
    assert (case.account_id, case.kind, case.opened_by) == (owner.id, CaseKind.DECEASED, None)
    assert services.cases.show(case.id).notes == ()
    [event] = rows(app, "SELECT actor, details FROM audit_event WHERE action = 'case.opened'")
    assert event.actor == "system"
    assert person.nik not in str(event.details)

    officer = an_officer(app, Role.SUPPORT)
    page = officer.get(f"/admin/verifikasi/{case.id}").text
    assert "terbuka otomatis" in page
    assert "putusan" in page


def test_se_4_the_portals_of_an_account_put_on_hold_hear_of_it(
    app: Application, citizen: Citizen, sandbox: Sandbox
) -> None:
    browser = app.test_client()
    sign_in(app, browser, an_account(app, nik=sandbox.person().nik, number=63))
    portal = a_portal(app, browser, backchannel_logout_uri="https://portal.example/keluar")
    portal.tokens()
    sandbox.next_dukcapil("B7")

    citizen().ktp()

    services = app.wiring.services
    with services.store.write() as tx:
        waiting = tx.outbox.claim(
            kinds=("logout",), worker="a test", now=services.clock.now(), lease_seconds=1, limit=9
        )
    assert [message.payload["client_id"] for message in waiting] == [portal.client_id]


def test_only_what_is_asked_of_the_register_is_asked_of_people(
    make_app: Callable[..., Application], sandbox: Sandbox
) -> None:
    elements = {"SIAPKERJA_DUKCAPIL_ELEMENTS": "NIK,NAMA_LGKP"}
    app = make_app(**sandbox.environment(), **elements)
    siti = Registrant(app, sandbox, sandbox.person())
    assert "mother_name" not in siti.get("/daftar").text

    assert siti.ktp(mother_name=None).headers["Location"] == "/daftar/kontak"
