"""What the command line does of the console's work; what takes two people it only asks for."""

import time
from pathlib import Path

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import OPERATOR, Action, AuditEvent
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.case import CaseKind
from idp.domain.identity.roles import Role
from idp.services.messages import LetterKind
from tests.console.test_console_people import approve
from tests.console.test_console_reviews import submitted
from tests.enrolled import with_app
from tests.fakes import FixedClock
from tests.journeys.test_client_logos import a_picture
from tests.officer import an_admin, an_officer
from tests.operator_console import Operator
from tests.partners import a_developer
from tests.portal import an_account

REASON = ("--reason", "Tiket 4711")


@pytest.fixture
def siapkerja(database_url: str, clock: FixedClock) -> Operator:
    # commands read the clock of the machine: the application that they work beside does too
    clock.move(int(time.time()) - clock.now())
    return Operator(database_url)


def a_locked_account(app: Application, number: int = 1) -> Account:
    account = an_account(app, number=number)
    app.wiring.services.people.lock(account.id, "Laporan", OPERATOR)
    return account


def events(app: Application, action: Action) -> list[AuditEvent]:
    return list(app.wiring.services.audit_search.page(AuditQuery(action=action)).rows)


def letters(app: Application) -> list[str]:
    services = app.wiring.services
    with services.store.write() as tx:
        # the command may have run a second later than the clock stands
        now = services.clock.now() + 60
        given = {"worker": "t", "now": now, "lease_seconds": 1, "limit": 99}
        return [str(m.payload["kind"]) for m in tx.outbox.claim(kinds=["mail"], **given)]


def test_ad_4_a_recovery_goes_to_the_proved_address_and_to_no_operator(
    app: Application, siapkerja: Operator
) -> None:
    account = an_account(app)

    result = siapkerja.run("account", "recover", account.subject, *REASON)

    assert result.exit_code == 0
    assert "http" not in result.output
    assert letters(app) == [LetterKind.RECOVERY_LINK]
    [event] = events(app, Action.PERSON_HELPED)
    assert (event.actor, event.details) == (
        "operator",
        {"reason": "Tiket 4711", "channel": "email"},
    )
    locked = a_locked_account(app, 2)
    assert siapkerja.refusal("account", "recover", locked.subject, *REASON) == "people.status"
    assert siapkerja.refusal("account", "recover", "-" * 22, *REASON) == "account.unknown"


def test_ad_3_a_lock_is_lifted_by_somebody_in_the_console_alone(
    app: Application, siapkerja: Operator
) -> None:
    account = a_locked_account(app)
    approver = an_officer(app, Role.APPROVER)

    asked = siapkerja.facts("account", "unlock", account.subject, *REASON)

    assert siapkerja.facts("account", "show", account.subject)["status"] == "locked"
    again = siapkerja.refusal("account", "unlock", account.subject, *REASON)
    assert again == "approval.waiting"
    assert [one["id"] for one in siapkerja.facts("admin", "approvals")] == [asked["id"]]
    assert "Operator, di baris perintah" in approver.get("/admin/persetujuan").text
    approve(approver)
    assert siapkerja.facts("account", "show", account.subject)["status"] == "active"
    [event] = events(app, Action.ACCOUNT_UNLOCKED)
    assert (event.actor, event.actor_id) == ("operator", None)


def test_ad_3_factors_are_forgotten_by_somebody_in_the_console_alone(
    app: Application, siapkerja: Operator
) -> None:
    account = an_account(app)
    factors = app.wiring.services.factors
    assert siapkerja.refusal("account", "reset-factors", account.subject, *REASON) == "factor.gone"
    with_app(app, account)

    siapkerja.facts("account", "reset-factors", account.subject, *REASON)

    assert factors.of(account.id).is_enrolled
    approve(an_officer(app, Role.APPROVER))
    assert not factors.of(account.id).is_enrolled


def test_ad_3_roles_are_asked_for_and_changed_by_somebody_in_the_console(
    app: Application, siapkerja: Operator
) -> None:
    admin, _ = an_admin(app, Role.READER, email="dimas@kemnaker.example")
    email = admin.email.address
    wanted = ("admin", "roles", email, "--role", "registrar", "--role", "auditor", *REASON)
    asked = siapkerja.facts(*wanted)
    assert asked["kind"] == "admin.roles"
    assert app.wiring.services.admins.get(admin.id).roles == (Role.READER,)

    approve(an_officer(app, Role.APPROVER))

    roles = app.wiring.services.admins.get(admin.id).roles
    assert roles == (Role.REGISTRAR, Role.AUDITOR)
    assert siapkerja.refusal(*wanted) == "role.same"
    unknown = ("admin", "roles", email, "--role", "king", *REASON)
    assert siapkerja.refusal(*unknown) == "role.unknown"


def test_what_the_command_line_asked_for_it_takes_back_and_nothing_else(
    app: Application, siapkerja: Operator
) -> None:
    locked = [a_locked_account(app, number) for number in (1, 2)]
    officer = an_officer(app, Role.SUPPORT)
    services = app.wiring.services
    theirs = services.approvals.propose(
        "people.unlock",
        services.people.unlock_payload(locked[0].id),
        subject=locked[0].id.hex,
        reason="Tiket",
        actor=officer.actor,
    )
    own = siapkerja.facts("account", "unlock", locked[1].subject, *REASON)["id"]

    assert siapkerja.facts("admin", "withdraw", own)["status"] == "withdrawn"
    assert siapkerja.refusal("admin", "withdraw", own) == "approval.over"
    assert siapkerja.refusal("admin", "withdraw", str(theirs.id)) == "approval.unknown"


def test_an_admin_s_sessions_are_ended(app: Application, siapkerja: Operator) -> None:
    officer = an_officer(app, Role.READER, email="dimas@kemnaker.example")
    assert officer.get("/admin").status_code == 200

    assert siapkerja.facts("admin", "end-sessions", officer.admin.email.address)["ended"] == 1
    assert officer.get("/admin").status_code == 303


def test_cases_are_listed_and_shown_without_person_and_evidence(
    app: Application, siapkerja: Operator
) -> None:
    account = an_account(app)
    officer = an_officer(app, Role.SUPPORT)
    assert siapkerja.facts("case", "list") == []
    opened = app.wiring.services.cases.open(
        account.id, CaseKind.NIK_TAKEN, "Fotokopi KTP Siti", "map 12", officer.actor
    )

    [told] = siapkerja.facts("case", "list")
    shown = siapkerja.facts("case", "show", str(opened.id))

    assert (told["id"], told["kind"], told["subject"]) == (
        str(opened.id),
        "nik_taken",
        account.subject,
    )
    assert (shown["evidence"], shown["decision"]) == (1, None)
    printed = siapkerja.run("case", "show", str(opened.id)).output
    assert "KTP" not in printed
    assert account.person.name not in printed
    nobody = "00000000-0000-7000-8000-000000000000"
    assert siapkerja.refusal("case", "show", nobody) == "case.unknown"


def test_reviews_are_listed_and_shown_with_what_would_change(
    app: Application, siapkerja: Operator
) -> None:
    assert siapkerja.facts("review", "list") == []
    submitted(a_developer(app), "nik")

    [told] = siapkerja.facts("review", "list")
    shown = siapkerja.facts("review", "show", told["id"])

    assert (told["client_name"], told["approvals"], told["approvals_needed"]) == (
        "Portal Uji",
        0,
        2,
    )
    assert shown["state"] == "submitted"
    assert "nik" in shown["purposes"]
    assert any(change["member"] == "redirect_uris" for change in shown["changes"])
    nobody = "00000000-0000-7000-8000-000000000000"
    assert siapkerja.refusal("review", "show", nobody) == "release.unknown"


def test_messages_that_wait_are_listed_and_made_due(app: Application, siapkerja: Operator) -> None:
    account = an_account(app)
    services = app.wiring.services
    with services.store.write() as tx:
        services.messages.notify(account, LetterKind.PASSWORD_DISABLED, tx=tx)
        [message] = tx.outbox.claim(
            kinds=["mail"], worker="t", now=services.clock.now(), lease_seconds=1, limit=1
        )
        later = services.clock.now() + 3600
        tx.outbox.retry(message.id, later, error="unreachable")

    [told] = siapkerja.facts("outbox", "list")
    assert (told["id"], told["last_error"]) == (str(message.id), "unreachable")
    assert "to" not in told
    assert siapkerja.facts("outbox", "retry", told["id"])["kind"] == "mail"
    assert siapkerja.facts("outbox", "list")[0]["due_at"] < later
    [event] = events(app, Action.MESSAGE_RETRIED)
    assert event.actor == "operator"


def test_a_logo_is_drawn_anew_or_taken_away(
    app: Application, siapkerja: Operator, tmp_path: Path
) -> None:
    given = {"client_id": "portal", "redirect_uris": ["https://portal.example/cb"]}
    app.wiring.services.clients.register(given)
    picture = tmp_path / "logo.png"
    picture.write_bytes(a_picture())

    drawn = siapkerja.facts("client", "logo", "portal", "--file", str(picture))
    assert drawn["logo"]
    assert siapkerja.facts("client", "logo", "portal")["logo"] is None
    picture.write_bytes(b"<svg onload='alert(1)'/>")
    refused = siapkerja.refusal("client", "logo", "portal", "--file", str(picture))
    assert refused == "invalid_client_metadata"
