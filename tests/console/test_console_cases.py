"""Cases about whose an account is: evidence, a decision with a reason, a second person."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, Action
from idp.domain.identity.case import CaseKind, Decision
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from tests.console.test_console_people import approve, events, status_of
from tests.events import an_event
from tests.guest import Guest
from tests.officer import Officer, an_officer
from tests.portal import an_account
from tests.racing import at_once

EVIDENCE = "KTP-el dilihat di loket, cocok."
REASON = "Sesuai dengan surat Dukcapil."


@pytest.fixture
def officer(app: Application) -> Officer:
    return an_officer(app, Role.SUPPORT, name="Sari Dewi")


@pytest.fixture
def other(app: Application) -> Officer:
    return an_officer(app, Role.SUPPORT, name="Tono Hadi")


@pytest.fixture
def account(app: Application) -> Account:
    return an_account(app)


def opened(officer: Officer, account: Account, kind: str = "nik_taken") -> str:
    answer = officer.post(
        f"/admin/verifikasi/baru/{account.id}", kind=kind, evidence=EVIDENCE, reference="S-12/2026"
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].partition("?")[0]


def decide(officer: Officer, case: str, decision: str, reason: str = REASON) -> int:
    return officer.post(f"{case}/putusan", decision=decision, reason=reason).status_code


def hold(app: Application, account: Account) -> None:
    """Put an account on hold, as the registry's report of a death does."""
    services = app.wiring.services
    with services.store.write() as tx:
        tx.accounts.update(replace(account, status=AccountStatus.SUSPENDED))
        now = services.clock.now()
        tx.audit.record(an_event(Action.ACCOUNT_SUSPENDED, now, account_id=account.id))


def test_a_case_is_opened_from_a_person_and_waits_in_the_queue_with_its_evidence(
    app: Application, officer: Officer, account: Account
) -> None:
    assert (
        f"/admin/verifikasi/baru/{account.id}" in officer.get(f"/admin/pengguna/{account.id}").text
    )
    case = opened(officer, account)
    added = officer.post(case, to=f"{case}/bukti", evidence="Dukcapil dihubungi.", reference="")
    page = officer.get(case).text

    assert added.status_code == 303
    assert case in officer.get("/admin/verifikasi").text
    for shown in (EVIDENCE, "S-12/2026", "Dukcapil dihubungi.", "NIK dipakai orang lain"):
        assert shown in page
    for plain in ("Santoso", "3273011708909001", "budi1@contoh.id"):
        assert plain not in page
    told = events(app, Action.CASE_OPENED, Action.CASE_EVIDENCE_ADDED)
    assert [row.account_id for row in told] == [account.id, account.id]
    assert {row.object_id for row in told} == {case.rpartition("/")[2].replace("-", "")}


def test_evidence_is_sealed_at_rest(app: Application, officer: Officer, account: Account) -> None:
    opened(officer, account)
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        rows = list(connection.execute(sa.text("SELECT * FROM case_note")))

    assert len(rows) == 1
    assert b"loket" not in b"".join(bytes(v) for v in rows[0] if isinstance(v, bytes | memoryview))


def test_whoever_opened_a_case_does_not_decide_it(
    app: Application, officer: Officer, account: Account
) -> None:
    case = opened(officer, account)

    assert decide(officer, case, "rejected") == 422
    assert status_of(app, account) is AccountStatus.ACTIVE


def test_a_decision_needs_a_reason_and_a_choice_and_comes_once(
    app: Application, officer: Officer, other: Officer, account: Account
) -> None:
    case = opened(officer, account)

    assert decide(other, case, "rejected", reason=" ") == 422
    assert decide(other, case, "") == 422
    assert decide(other, case, "upheld") == 303
    assert decide(other, case, "rejected") == 422
    assert REASON in officer.get(case).text
    assert case not in officer.get("/admin/verifikasi").text
    [decided] = events(app, Action.CASE_DECIDED)
    assert (decided.actor_id, decided.details) == (other.admin.id, {"decision": "upheld"})


def test_a_rejected_account_is_locked(
    app: Application, officer: Officer, other: Officer, account: Account
) -> None:
    assert decide(other, opened(officer, account), "rejected") == 303

    assert status_of(app, account) is AccountStatus.LOCKED
    assert len(events(app, Action.ACCOUNT_LOCKED)) == 1
    assert Guest(app).kinds() == ["account_locked"]


def test_ad_3_an_account_on_hold_comes_back_by_a_second_person_alone(
    app: Application, officer: Officer, other: Officer, account: Account
) -> None:
    hold(app, account)
    decided = decide(other, opened(officer, account, "deceased"), "upheld")
    still = status_of(app, account)
    approve(an_officer(app, Role.APPROVER))

    assert (decided, still) == (303, AccountStatus.SUSPENDED)
    assert status_of(app, account) is AccountStatus.ACTIVE


def test_one_case_of_a_kind_waits_for_an_account(
    app: Application, officer: Officer, other: Officer, account: Account
) -> None:
    case = opened(officer, account)
    cases = app.wiring.services.cases

    with pytest.raises(Refused, match=r"case\.waiting"):
        cases.open(account.id, CaseKind.NIK_TAKEN, EVIDENCE, "", officer.actor)
    decide(other, case, "upheld")
    again = cases.open(account.id, CaseKind.NIK_TAKEN, EVIDENCE, "", officer.actor)
    with pytest.raises(Refused, match=r"case\.own"):
        cases.decide(again.id, Decision.UPHELD, REASON, officer.actor)


@pytest.mark.parametrize("language", ["id", "en"])
def test_every_page_of_a_case_is_there_in_both_languages(
    app: Application, officer: Officer, account: Account, language: str
) -> None:
    case = opened(officer, account)
    reader = an_officer(app, Role.SUPPORT, language=language)

    for path in (
        "/admin/verifikasi",
        f"/admin/verifikasi/baru/{account.id}",
        case,
        f"{case}/putusan",
    ):
        page = reader.get(path)
        assert page.status_code == 200
        assert f'<html lang="{language}">' in page.text
    assert ("Menunggu" in reader.get(case).text) == (language == "id")


def test_cases_that_open_in_the_same_moment_are_one(app: Application, account: Account) -> None:
    services = app.wiring.services
    visitor = Visitor(digest_of("flow"), "203.0.113.7", NOWHERE)

    def open_one() -> bool:
        with services.store.write() as tx:
            opened = services.registration.identity.open_case(
                account.id, CaseKind.NIK_TAKEN, visitor, tx=tx
            )
        return opened is not None

    assert sorted(at_once([open_one] * 8)) == [False] * 7 + [True]
    [shown] = services.cases.queue()
    officer = an_officer(app, Role.SUPPORT)
    services.cases.decide(shown.case.id, Decision.UPHELD, "diperiksa", officer.actor)
    assert open_one()
