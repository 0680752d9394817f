"""`/admin/pesan`: the queue without what is in it, and how every template reads (PD-4)."""

import html
from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import OPERATOR, Action, AuditEvent
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.messages import SmsState
from idp.domain.identity.phone import parse_phone
from idp.domain.identity.roles import Role
from idp.ports.store import SmsRecord
from idp.services.messages import LetterKind, SmsKind
from tests.fakes import FixedClock
from tests.officer import Officer, an_officer

RECEIVER = EmailAddress("rahasia@contoh.id")


@pytest.fixture
def officer(app: Application) -> Officer:
    return an_officer(app, Role.SUPPORT)


def shown(officer: Officer) -> str:
    return html.unescape(officer.get("/admin/pesan").text)


def events(app: Application, action: Action) -> Sequence[AuditEvent]:
    return app.wiring.services.audit_search.page(AuditQuery(action=action)).rows


def test_what_waits_is_counted_and_listed_without_receiver_and_text(
    app: Application, officer: Officer, clock: FixedClock
) -> None:
    services = app.wiring.services
    with services.store.write() as tx:
        for _ in range(3):
            services.messages.letter(LetterKind.RECOVERY_LINK, RECEIVER, locale="id", tx=tx,
                                     secret="s3cret-of-a-link")  # fmt: skip
        services.messages.sms(
            SmsKind.NIK_ATTEMPTED, parse_phone("0812 9876 5432"), purpose="notice", locale="id",
            tx=tx,
        )  # fmt: skip
    with services.store.write() as tx:
        [first, *_] = tx.outbox.claim(
            kinds=["mail"], worker="t", now=clock.now(), lease_seconds=1, limit=1
        )
        tx.outbox.retry(first.id, clock.now() + 600, error="unreachable")
    clock.move(120)
    page = shown(officer)

    assert page.count('data-l="Jenis"') == 4
    assert "unreachable" in page
    assert "2 menit" in page
    for word in ("rahasia@", "s3cret", "9876", "5432"):
        assert word not in page


def test_what_was_delivered_waits_no_more(app: Application, officer: Officer) -> None:
    services = app.wiring.services
    with services.store.write() as tx:
        services.messages.letter(LetterKind.EMAIL_PROOF, RECEIVER, locale="id", tx=tx, secret="x")
        now = services.clock.now()
        [message] = tx.outbox.claim(kinds=["mail"], worker="t", now=now, lease_seconds=1, limit=9)
        tx.outbox.finish(message.id, now)

    assert 'data-l="Jenis"' not in shown(officer)
    assert services.outbox.look(9).counts == {}


def test_the_last_hour_s_short_messages_are_told_by_carrier_and_state(
    app: Application, officer: Officer, clock: FixedClock
) -> None:
    services = app.wiring.services
    states = [SmsState.DELIVERED, SmsState.DELIVERED, SmsState.REJECTED]
    with services.store.write() as tx:
        for age, state in [*((60, state) for state in states), (3700, SmsState.DELIVERED)]:
            now = clock.now()
            row = services.entropy.uuid7(services.clock.now_ms())
            tx.sms_records.put(
                SmsRecord(row, "login", state, "0812", now - age, now, gateway="zenziva")
            )

    told = services.outbox.look(9).sms
    assert told == (("zenziva", SmsState.DELIVERED, 2), ("zenziva", SmsState.REJECTED, 1))
    assert "Ditolak operator" in shown(officer)


def test_every_template_is_previewed_in_the_reader_s_language(app: Application) -> None:
    indonesian = shown(an_officer(app, Role.AUDITOR))
    english = shown(an_officer(app, Role.AUDITOR, language="en"))

    for kind in (*LetterKind, *SmsKind):
        assert f">{kind}<" in indonesian, kind
    assert "JANGAN beri tahu siapa pun" in indonesian
    assert "Atur ulang kata sandi Anda" in indonesian
    assert "Atur ulang kata sandi Anda" not in english
    assert "%(" not in indonesian + english


def a_letter_that_failed(app: Application, clock: FixedClock) -> str:
    """Keep a letter whose next try is an hour away; return its id."""
    services = app.wiring.services
    with services.store.write() as tx:
        services.messages.letter(
            LetterKind.EMAIL_PROOF, RECEIVER, locale="id", tx=tx, secret="s3cret-of-a-link"
        )
        [message] = tx.outbox.claim(
            kinds=["mail"], worker="t", now=clock.now(), lease_seconds=1, limit=1
        )
        tx.outbox.retry(message.id, clock.now() + 3600, error="unreachable")
    return str(message.id)


def test_a_message_that_waits_is_tried_at_once_where_an_officer_says_so(
    app: Application, officer: Officer, clock: FixedClock
) -> None:
    message = a_letter_that_failed(app, clock)
    outbox = app.wiring.services.outbox
    assert not outbox.due_kinds()
    page = officer.get("/admin/pesan")
    assert page.text.count("Coba sekarang") == 1

    answer = officer.post("/admin/pesan", page, to="/admin/pesan/coba")

    assert answer.headers["Location"] == "/admin/pesan?pesan=dicoba"
    assert outbox.due_kinds() == {"mail"}
    [claimed] = outbox.claim(["mail"], 9)
    # no further attempt: the one that was to come comes sooner
    assert (str(claimed.id), claimed.attempts) == (message, 2)
    [event] = events(app, Action.MESSAGE_RETRIED)
    assert (event.actor, event.actor_id) == ("admin", officer.admin.id)
    assert event.details == {"kind": "mail", "attempts": 1}
    assert event.object_id == message


@pytest.mark.parametrize("state", ["tried", "delivered", "expired", "unknown"])
def test_what_does_not_wait_is_not_tried_again(
    app: Application, clock: FixedClock, state: str
) -> None:
    message = UUID(a_letter_that_failed(app, clock))
    services = app.wiring.services
    with services.store.write() as tx:
        if state == "tried":
            clock.move(3600)
            tx.outbox.claim(kinds=["mail"], worker="t", now=clock.now(), lease_seconds=9, limit=1)
        elif state == "delivered":
            tx.outbox.finish(message, clock.now())
        elif state == "expired":
            clock.move(tx.outbox.list_waiting(1)[0].expires_at - clock.now())
        else:
            message = uuid4()

    with pytest.raises(Refused, match=r"message\.settled"):
        services.outbox.try_now(message, OPERATOR)
    assert not events(app, Action.MESSAGE_RETRIED)


def test_a_button_that_came_too_late_says_so(
    app: Application, officer: Officer, clock: FixedClock
) -> None:
    message = a_letter_that_failed(app, clock)
    page = officer.get("/admin/pesan")
    with app.wiring.services.store.write() as tx:
        tx.outbox.finish(UUID(message), clock.now())

    answer = officer.post("/admin/pesan", page, to="/admin/pesan/coba")

    assert answer.status_code == 409
    assert "Pesan ini tidak menunggu lagi" in answer.text


def test_what_never_was_a_message_is_not_found(app: Application, officer: Officer) -> None:
    assert officer.post("/admin/pesan/coba", officer.get("/admin/keluar")).status_code == 404


def test_who_only_reads_the_queue_is_shown_no_button(app: Application, clock: FixedClock) -> None:
    a_letter_that_failed(app, clock)

    assert "Coba sekarang" not in shown(an_officer(app, Role.AUDITOR))
