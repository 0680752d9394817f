"""Merging two accounts of one person by two officers (AD-3, RG-5)."""

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, Action
from idp.domain.identity.case import CaseKind
from idp.domain.identity.legacy import LegacyAccount
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import Client
from idp.services.legacy_import import Export
from tests.console.test_console_people import activity_of, approve, events, person_url, status_of
from tests.events import an_event
from tests.everywhere import BOTH
from tests.guest import Guest
from tests.officer import Officer, an_officer
from tests.old_portals import a_row, json_lines
from tests.operator_console import Operator
from tests.portal import Portal, a_portal, an_account, sign_in

REASON = "Tiket 4711: dua akun."
NIK = "3273011708909001"
STRANGER = Visitor(b"", "203.0.113.9", NOWHERE)
Former = Callable[..., Account]


@pytest.fixture
def officer(app: Application) -> Officer:
    return an_officer(app, Role.SUPPORT, name="Sari Dewi")


@pytest.fixture
def approver(app: Application) -> Officer:
    return an_officer(app, Role.APPROVER, name="Joko Anwar")


@pytest.fixture
def to(app: Application) -> Account:
    """Return the account that the registry confirmed."""
    return an_account(app)


@pytest.fixture
def make_former(app: Application) -> Former:
    """Return what makes an account of level 0 that brought an old one with this NIK home."""

    def make(nik: str | None = NIK, number: int = 2) -> Account:
        services = app.wiring.services
        made = an_account(app, number=number)
        with services.store.write() as tx:
            former = tx.accounts.update(replace(made, ial=0, nik=None, verified_at=None))
        row = a_row(source_id=str(number), nik=nik if nik is not None else ...)
        services.legacy_import.load(Export(io.BytesIO(json_lines([row]))), lambda _: None)
        with services.store.write() as tx:
            legacy = tx.legacy_accounts.find_by_source_id("wlkp", str(number))
            services.upgrade.link_in(legacy.id, former, STRANGER, tx=tx)
        return former

    return make


def old_of(app: Application, account: Account) -> list[LegacyAccount]:
    with app.wiring.services.store.read() as tx:
        return list(tx.legacy_accounts.list_for_account(account.id))


def ask(officer: Officer, former: Account, to: str) -> TestResponse:
    return officer.post(person_url(former, "gabungkan"), stays=to, reason=REASON)


@pytest.mark.parametrize("named_by", ["id", "subject"])
def test_ad_3_two_accounts_are_merged_by_a_second_officer_and_all_of_the_former_ends(
    app: Application,
    officer: Officer,
    approver: Officer,
    make_former: Former,
    to: Account,
    named_by: str,
) -> None:
    former = make_former()
    browser = app.test_client()
    sign_in(app, browser, former, BOTH)
    portal = Portal(*_connected(app, browser))
    tokens = portal.tokens(scope="openid offline_access")
    assert "Minta gabungkan akun" in officer.get(person_url(former)).text
    asked = ask(officer, former, str(getattr(to, named_by)))
    before = (status_of(app, former), len(old_of(app, to)))
    told_before = {told["kind"] for told in Guest(app).messages()}
    decided = approve(approver)

    assert (asked.status_code, decided.status_code) == (303, 303)
    assert before == (AccountStatus.ACTIVE, 0)
    assert "account_merged" not in told_before
    assert status_of(app, former) is AccountStatus.LOCKED
    assert [legacy.record.source for legacy in old_of(app, to)] == ["wlkp"]
    assert old_of(app, former) == []
    assert app.wiring.services.sessions.list_alive(former.id) == ()
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.refresh(tokens["refresh_token"]).status_code == 400
    with app.wiring.services.store.read() as tx:
        assert tx.accounts.find(to.id) == to
    letters = [told for told in Guest(app).messages() if told["kind"] == "account_merged"]
    assert {letter["to"] for letter in letters} == {"budi1@contoh.id", "budi2@contoh.id"}


def _connected(
    app: Application, browser: FlaskClient
) -> tuple[Application, FlaskClient, Client, str]:
    made = a_portal(app, browser, ial_floor=0)
    return app, browser, made.client, made.secret


def test_a_merge_stands_in_both_accounts_with_the_officers_and_points_at_the_other(
    app: Application, officer: Officer, approver: Officer, make_former: Former, to: Account
) -> None:
    former = make_former()
    ask(officer, former, str(to.id))
    approve(approver)

    found = {row.account_id: row for row in events(app, Action.ACCOUNT_MERGED)}
    assert found.keys() == {former.id, to.id}
    for account, other in ((former, to), (to, former)):
        row = found[account.id]
        assert (row.actor, row.actor_id, row.object_id) == (
            "admin", officer.admin.id, other.id.hex,
        )  # fmt: skip
        assert row.details == {
            "reason": REASON, "approved_by": approver.actor.name, "stays": account is to,
        }  # fmt: skip
    assert "Petugas menggabungkan dua akun Anda" in activity_of(app, to)
    moved = events(app, Action.LEGACY_RELEASED)[-1]
    assert (moved.actor, moved.account_id) == ("admin", former.id)
    assert NIK not in str([row.details for row in events(app)])


def test_what_a_merge_moved_can_be_taken_back_by_the_person(
    app: Application, officer: Officer, approver: Officer, make_former: Former, to: Account
) -> None:
    former = make_former()
    ask(officer, former, str(to.id))
    approve(approver)
    # a second person lifted the lock of the former account
    with app.wiring.services.store.write() as tx:
        locked = tx.accounts.find(former.id)
        tx.accounts.update(replace(locked, status=AccountStatus.ACTIVE))
        tx.audit.record(an_event(Action.ACCOUNT_UNLOCKED, 1, account_id=former.id))
    upgrade = app.wiring.services.upgrade
    [(link, _)] = upgrade.home(to)
    upgrade.undo(link.id, to, STRANGER)

    assert len(old_of(app, former)) == 1
    assert old_of(app, to) == []


@pytest.mark.parametrize("nik", [None, "3273011708909009"])
def test_rg_5_accounts_that_nothing_proves_to_be_of_one_person_are_not_merged(
    app: Application, officer: Officer, make_former: Former, to: Account, nik: str | None
) -> None:
    former = make_former(nik)
    answer = ask(officer, former, str(to.id))

    assert answer.status_code == 422
    assert "belum terbukti milik satu orang" in answer.text
    assert events(app, Action.APPROVAL_ASKED) == []


def test_an_account_is_not_merged_with_itself_or_the_unknown_or_one_of_its_own_kind(
    app: Application, officer: Officer, make_former: Former, to: Account
) -> None:
    former, another = make_former(), make_former(number=3)
    answers = [
        ask(officer, former, typed)
        for typed in ("", str(former.id), "tidak-ada", str(another.id), "\x00")
    ]

    assert [answer.status_code for answer in answers] == [422] * 5
    assert officer.get(person_url(to, "gabungkan")).status_code == 404
    assert events(app, Action.APPROVAL_ASKED) == []


def test_ad_3_a_merge_of_what_changed_since_it_was_asked_is_not_carried_out(
    app: Application, officer: Officer, approver: Officer, make_former: Former, to: Account
) -> None:
    former = make_former()
    ask(officer, former, str(to.id))
    with app.wiring.services.store.write() as tx:
        [legacy] = tx.legacy_accounts.list_for_account(former.id)
        tx.legacy_accounts.release(legacy.id, former.id, legacy.state)
    answer = approve(approver)

    assert answer.status_code in {409, 422}
    assert status_of(app, former) is AccountStatus.ACTIVE
    assert events(app, Action.ACCOUNT_MERGED) == []


def test_the_page_of_a_merge_is_there_in_english(
    app: Application, make_former: Former, to: Account
) -> None:
    officer = an_officer(app, Role.SUPPORT, language="en")
    page = officer.get(person_url(make_former(), "gabungkan")).text

    assert "Ask to merge accounts" in page
    assert "Account that stays" in page


def test_ad_3_an_operator_asks_and_somebody_in_the_console_merges(
    app: Application, database_url: str, approver: Officer, to: Account, make_former: Former
) -> None:
    former, other = make_former(), an_account(app, number=3)
    siapkerja = Operator(database_url)
    assert siapkerja.refusal("account", "merge", other.subject, to.subject, "--reason", "x") == (
        "merge.former"
    )

    siapkerja.facts("account", "merge", former.subject, to.subject, "--reason", REASON)
    assert status_of(app, former) is AccountStatus.ACTIVE
    assert approve(approver).status_code == 303

    assert status_of(app, former) is AccountStatus.LOCKED
    assert len(old_of(app, to)) == 1


def test_a_case_about_an_account_without_a_nik_leads_to_merging_it(
    app: Application, officer: Officer, approver: Officer, to: Account, make_former: Former
) -> None:
    former, cases = make_former(), app.wiring.services.cases
    opened = cases.open(former.id, CaseKind.LEGACY, "Dua akun.", "", officer.actor)
    other = cases.open(to.id, CaseKind.OTHER, "Ragu.", "", officer.actor)
    link = f'href="{person_url(former, "gabungkan")}"'

    assert link in officer.get(f"/admin/verifikasi/{opened.id}").text
    assert "gabungkan" not in officer.get(f"/admin/verifikasi/{other.id}").text
    # who only decides on requests asks for none
    assert "gabungkan" not in approver.get(f"/admin/verifikasi/{opened.id}").text
