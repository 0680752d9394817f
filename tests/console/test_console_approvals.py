"""AD-3: what one admin asks for another lets happen, and nothing else happens than that."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from adapters.sql.tables import approval as table
from adapters.sql.tables import audit_event
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.admin import AdminStatus
from idp.domain.identity.approval import ApprovalStatus, Change
from idp.domain.identity.audit import OPERATOR, Actor
from idp.domain.identity.roles import Role
from idp.ports.store import Transaction
from idp.services.approvals import ApprovalService
from tests.fakes import FixedClock
from tests.officer import Officer, an_officer
from tests.portal import form_fields, same_origin
from tests.racing import at_once

NEW = "baru@kemnaker.example"
REASON = "Tim bertambah satu orang."


@dataclass
class Recorder:
    """Carries out `test.note`: remembers what it was given."""

    kind: str = "test.note"
    done: list[tuple[Mapping[str, Any], Actor, Actor]] = field(default_factory=list)
    after: list[Mapping[str, Any]] = field(default_factory=list)
    refusal: str = ""

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        return (Change("note", "", str(payload["note"])),)

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        if self.refusal:
            raise Refused(self.refusal)
        self.done.append((payload, author, approver))

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        self.after.append(payload)


@pytest.fixture
def recorder(app: Application) -> Recorder:
    made = Recorder()
    app.wiring.services.approvals.executors["test.note"] = made  # type: ignore[index]
    return made


@pytest.fixture
def approvals(app: Application) -> ApprovalService:
    return app.wiring.services.approvals


@pytest.fixture
def author(app: Application) -> Officer:
    return an_officer(app, Role.REGISTRAR, name="Dimas Pratama")


@pytest.fixture
def approver(app: Application) -> Officer:
    return an_officer(app, Role.APPROVER, name="Agus Hartono")


def ask(approvals: ApprovalService, author: Officer, note: str = "satu") -> UUID:
    request = approvals.propose(
        "test.note", {"note": note}, subject=note, reason=REASON, actor=author.actor
    )
    return request.id


def page_of(request_id: UUID) -> str:
    return f"/admin/persetujuan/{request_id}"


def decide(officer: Officer, request_id: UUID, decision: str, **fields: Any) -> TestResponse:
    """Send the decision's form, with what the page shows to whoever may decide."""
    url = page_of(request_id)
    page = officer.get(url)
    token = (
        form_fields(page).get("csrf_token")
        or form_fields(officer.get("/admin/keluar"))["csrf_token"]
    )
    seen = re.search(r'name="seen" value="([0-9a-f]+)"', page.text)
    data = {"csrf_token": token, "seen": seen[1] if seen else "", "decision": decision, **fields}
    return officer.browser.post(f"{url}/putusan", data=data, headers=same_origin())


def status_of(approvals: ApprovalService, request_id: UUID) -> ApprovalStatus:
    return approvals.show(request_id).request.status


def test_ad_3_another_person_sees_the_difference_and_lets_it_happen(
    approvals: ApprovalService, recorder: Recorder, author: Officer, approver: Officer
) -> None:
    request_id = ask(approvals, author, "dua <b>tiga</b>")
    listed = approver.get("/admin/persetujuan").text
    page = approver.get(page_of(request_id)).text
    answer = decide(approver, request_id, "approve")

    assert page_of(request_id) in listed
    for words in ("Dimas Pratama", REASON, "dua &lt;b&gt;tiga&lt;/b&gt;", "Setujui dan jalankan"):
        assert words in page
    assert answer.headers["Location"] == "/admin/persetujuan?pesan=disetujui"
    [(payload, by, let)] = recorder.done
    assert payload == {"note": "dua <b>tiga</b>"}
    assert (by.id, let.id) == (author.admin.id, approver.admin.id)
    assert recorder.after == [payload]
    assert status_of(approvals, request_id) is ApprovalStatus.APPROVED
    assert "Agus Hartono" in approver.get(page_of(request_id)).text


def test_ad_3_nobody_approves_what_they_asked_for_whatever_their_roles(
    app: Application, approvals: ApprovalService, recorder: Recorder
) -> None:
    both = an_officer(app, Role.REGISTRAR, Role.APPROVER)
    request_id = ask(approvals, both)
    page = both.get(page_of(request_id)).text
    shown = approvals.show(request_id).request
    answer = decide(both, request_id, "approve", seen=shown.digest.hex())

    assert "Setujui dan jalankan" not in page
    assert answer.status_code == 422
    assert "harus diputuskan oleh orang lain" in answer.text
    assert recorder.done == []
    assert status_of(approvals, request_id) is ApprovalStatus.WAITING


def test_ad_3_the_database_itself_refuses_one_pair_of_eyes(
    app: Application, approvals: ApprovalService, recorder: Recorder, author: Officer
) -> None:
    request_id = ask(approvals, author)
    forged = (
        sa.update(table)
        .where(table.c.id == request_id)
        .values(status="approved", decided_by=author.admin.id)
    )
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(forged)
        connection.rollback()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.APPROVER])
def test_ad_3_no_other_role_decides(
    app: Application, approvals: ApprovalService, recorder: Recorder, author: Officer, role: Role
) -> None:
    request_id = ask(approvals, author)
    digest = approvals.show(request_id).request.digest.hex()
    officer = an_officer(app, role)
    token = form_fields(officer.get("/admin/keluar"))["csrf_token"]
    answer = officer.browser.post(
        f"{page_of(request_id)}/putusan",
        data={"csrf_token": token, "seen": digest, "decision": "approve"},
        headers=same_origin(),
    )

    assert answer.status_code == 403
    assert recorder.done == []


@pytest.mark.parametrize("column", ["payload_sealed", "kind", "subject", "digest"])
def test_ad_3_a_request_that_was_edited_is_not_carried_out(
    app: Application,
    approvals: ApprovalService,
    recorder: Recorder,
    author: Officer,
    approver: Officer,
    column: str,
) -> None:
    request_id = ask(approvals, author)
    digest = approvals.show(request_id).request.digest.hex()
    vault = app.wiring.services.vault
    from idp.ports.vault import Place

    place = Place("approval", "payload_sealed", request_id.bytes)
    bent = {
        "payload_sealed": vault.seal(b'{"note": "lain"}', place),
        "kind": "admin.invite",
        "subject": "lain",
        "digest": bytes(32),
    }
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(
            sa.update(table).where(table.c.id == request_id).values({column: bent[column]})
        )
    with pytest.raises(Refused) as refused:
        approvals.approve(request_id, seen=bytes.fromhex(digest), reason="", actor=approver.actor)

    assert refused.value.code == "approval.changed"
    assert recorder.done == []


@pytest.mark.parametrize("seen", ["", "00" * 32, "bukan hex"])
def test_ad_3_what_was_seen_must_be_what_is_stored(
    approvals: ApprovalService,
    recorder: Recorder,
    author: Officer,
    approver: Officer,
    seen: str,
) -> None:
    request_id = ask(approvals, author)
    answer = decide(approver, request_id, "approve", seen=seen)

    assert answer.status_code == 422
    assert recorder.done == []


def test_ad_3_a_request_is_over_after_72_hours(
    app: Application,
    approvals: ApprovalService,
    recorder: Recorder,
    author: Officer,
    approver: Officer,
    clock: FixedClock,
) -> None:
    request_id = ask(approvals, author)
    clock.move(72 * 3600 - 1)
    assert [one.request.id for one in approvals.list_open()] == [request_id]
    clock.move(1)
    late = an_officer(app, Role.APPROVER)
    digest = approvals.show(request_id).request.digest.hex()
    answer = decide(late, request_id, "approve", seen=digest)

    assert answer.status_code == 422
    assert recorder.done == []
    assert approvals.list_open() == ()
    assert "Kedaluwarsa" in late.get(page_of(request_id)).text
    # and the same may be asked for again
    ask(approvals, author)


def test_ad_3_a_decision_is_made_once(
    approvals: ApprovalService, recorder: Recorder, author: Officer, approver: Officer
) -> None:
    request_id = ask(approvals, author)
    seen = approvals.show(request_id).request.digest

    def approve() -> str:
        try:
            approvals.approve(request_id, seen=seen, reason="", actor=approver.actor)
        except Refused as refusal:
            return refusal.code
        return "done"

    answers = at_once([approve] * 10)

    assert sorted(answers) == ["approval.over"] * 9 + ["done"]
    assert len(recorder.done) == 1


def test_what_the_executor_refuses_leaves_the_request_waiting(
    approvals: ApprovalService, recorder: Recorder, author: Officer, approver: Officer
) -> None:
    request_id = ask(approvals, author)
    recorder.refusal = "approval.outdated"
    answer = decide(approver, request_id, "approve")

    assert answer.status_code == 422
    assert "Keadaannya sudah berubah" in answer.text
    assert status_of(approvals, request_id) is ApprovalStatus.WAITING
    assert recorder.after == []


def test_nothing_of_a_suspended_author_gets_through(
    app: Application,
    approvals: ApprovalService,
    recorder: Recorder,
    author: Officer,
    approver: Officer,
) -> None:
    request_id = ask(approvals, author)
    app.wiring.services.admins.suspend(author.admin.id, OPERATOR)
    answer = decide(approver, request_id, "approve")

    assert "tidak lagi berwenang" in answer.text
    assert recorder.done == []


def test_a_role_that_was_taken_away_decides_nothing(
    app: Application,
    approvals: ApprovalService,
    recorder: Recorder,
    author: Officer,
    approver: Officer,
) -> None:
    from dataclasses import replace

    request_id = ask(approvals, author)
    seen = approvals.show(request_id).request.digest
    with app.wiring.services.store.write() as tx:
        tx.admins.update(replace(approver.admin, roles=(Role.READER,)))
    with pytest.raises(Refused) as refused:
        approvals.approve(request_id, seen=seen, reason="", actor=approver.actor)

    assert refused.value.code == "approval.forbidden"


def test_a_refusal_needs_a_reason_and_tells_it_to_the_author(
    approvals: ApprovalService, recorder: Recorder, author: Officer, approver: Officer
) -> None:
    request_id = ask(approvals, author)
    silent = decide(approver, request_id, "refuse")
    answer = decide(approver, request_id, "refuse", reason="Belum ada surat tugas.")

    assert silent.status_code == 422
    assert 'id="reason-e"' in silent.text
    assert answer.headers["Location"] == "/admin/persetujuan?pesan=ditolak"
    assert "Belum ada surat tugas." in author.get(page_of(request_id)).text
    assert recorder.done == []


def test_an_author_sees_and_withdraws_their_own_and_nobody_else_s(
    app: Application, approvals: ApprovalService, recorder: Recorder, author: Officer
) -> None:
    other = an_officer(app, Role.SUPPORT)
    own, foreign = ask(approvals, author, "punya saya"), ask(approvals, other, "punya lain")

    assert page_of(own) in author.get("/admin/persetujuan").text
    assert page_of(foreign) not in author.get("/admin/persetujuan").text
    assert author.get(page_of(foreign)).status_code == 404
    answer = author.post(page_of(own), to=f"{page_of(own)}/tarik")
    assert answer.headers["Location"] == "/admin/persetujuan?pesan=ditarik"
    assert status_of(approvals, own) is ApprovalStatus.WITHDRAWN
    token = form_fields(author.get("/admin/keluar"))["csrf_token"]
    stolen = author.browser.post(
        f"{page_of(foreign)}/tarik", data={"csrf_token": token}, headers=same_origin()
    )
    assert stolen.status_code == 404


def test_one_request_of_a_kind_waits_for_a_thing(
    approvals: ApprovalService, recorder: Recorder, author: Officer
) -> None:
    ask(approvals, author)
    with pytest.raises(Refused) as refused:
        ask(approvals, author)

    assert refused.value.code == "approval.waiting"


def test_ad_1_deciding_asks_for_a_fresh_factor_and_comes_back(
    approvals: ApprovalService,
    recorder: Recorder,
    author: Officer,
    approver: Officer,
    clock: FixedClock,
) -> None:
    request_id = ask(approvals, author)
    digest = approvals.show(request_id).request.digest.hex()
    clock.move(301)
    page = approver.get(page_of(request_id))
    answer = decide(approver, request_id, "approve", seen=digest)

    assert "Konfirmasi diri Anda dulu" in page.text
    assert answer.headers["Location"] == f"/admin/konfirmasi?lanjut={page_of(request_id)}"
    assert recorder.done == []
    url = answer.headers["Location"]
    back = approver.post(url, code=approver.code())
    assert back.headers["Location"] == page_of(request_id)
    assert decide(approver, request_id, "approve").status_code == 303


def test_everything_about_a_request_is_in_the_audit_without_its_content(
    app: Application,
    approvals: ApprovalService,
    recorder: Recorder,
    author: Officer,
    approver: Officer,
) -> None:
    decide(approver, ask(approvals, author, "satu"), "approve")
    decide(approver, ask(approvals, author, "dua"), "refuse", reason="Tidak.")
    approvals.withdraw(ask(approvals, author, "tiga"), author.actor)
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        rows = connection.execute(sa.select(audit_event).order_by(audit_event.c.id)).all()
    told = [(row.action, row.actor, row.actor_id) for row in rows]

    assert told == [
        ("approval.asked", "admin", author.admin.id),
        ("approval.given", "admin", approver.admin.id),
        ("approval.asked", "admin", author.admin.id),
        ("approval.refused", "admin", approver.admin.id),
        ("approval.asked", "admin", author.admin.id),
        ("approval.withdrawn", "admin", author.admin.id),
    ]
    assert not [row for row in rows if REASON in str(row.details)]


# Kinds of our own ---------------------------------------------------------------------------------


def test_an_approved_invitation_goes_by_letter_and_nobody_else_sees_its_link(
    app: Application, approvals: ApprovalService, approver: Officer
) -> None:
    services = app.wiring.services
    administrator = an_officer(app, Role.ADMINISTRATOR)
    request = approvals.propose(
        "admin.invite",
        {"email": NEW, "roles": ["auditor"]},
        subject="x",
        reason=REASON,
        actor=administrator.actor,
    )
    page = approver.get(page_of(request.id)).text
    answer = decide(approver, request.id, "approve")
    invited = services.admins.get_by_email(NEW)
    with services.store.read() as tx:
        [message] = tx.outbox.claim(
            kinds=["mail"], worker="t", now=services.clock.now(), lease_seconds=1, limit=9
        )

    assert NEW in page
    assert "Auditor" in page
    assert answer.status_code == 303
    assert (invited.status, invited.roles) == (AdminStatus.INVITED, (Role.AUDITOR,))
    assert message.payload["to"] == NEW
    secret = message.payload["values"]["secret"]  # type: ignore[index]
    assert secret not in answer.text
    assert app.test_client().get(f"/admin/undangan/{secret}").status_code == 200


def test_changed_roles_count_at_once_and_end_what_was_open(
    app: Application, approvals: ApprovalService, author: Officer, approver: Officer
) -> None:
    administrator = an_officer(app, Role.ADMINISTRATOR)
    payload = {"admin": author.admin.id.hex, "version": 1, "roles": ["auditor", "reader"]}
    request = approvals.propose(
        "admin.roles", payload, subject="x", reason=REASON, actor=administrator.actor
    )
    page = approver.get(page_of(request.id)).text
    decide(approver, request.id, "approve")

    assert "Admin klien" in page
    assert "Pembaca, Auditor" in page
    assert author.get("/admin").status_code == 303
    roles = app.wiring.services.admins.get(author.admin.id).roles
    assert roles == (Role.READER, Role.AUDITOR)


def test_roles_of_somebody_who_changed_meanwhile_and_own_roles_are_not_given(
    app: Application, approvals: ApprovalService, author: Officer, approver: Officer
) -> None:
    administrator = an_officer(app, Role.ADMINISTRATOR)
    stale = {"admin": author.admin.id.hex, "version": 7, "roles": ["auditor"]}
    own = {"admin": approver.admin.id.hex, "version": 1, "roles": ["approver", "registrar"]}
    texts = []
    for payload in (stale, own):
        request = approvals.propose(
            "admin.roles", payload, subject="x", reason=REASON, actor=administrator.actor
        )
        texts.append(decide(approver, request.id, "approve").text)
        approvals.withdraw(request.id, administrator.actor)

    assert "Keadaannya sudah berubah" in texts[0]
    assert "diputuskan oleh orang lain" in texts[1]
    assert app.wiring.services.admins.get(approver.admin.id).roles == (Role.APPROVER,)
