"""The outbox: leased, delivered once committed, never an SMS twice (contract 6.29, R-3)."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import pairwise
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from typing_extensions import override

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import Origin
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.messages import DeliveryReport, Letter, Sms, SmsReceipt, SmsState
from idp.domain.identity.otp import Purpose
from idp.domain.identity.phone import parse_phone
from idp.domain.identity.visitor import Visitor
from idp.ports.errors import GatewayUnavailable
from idp.ports.store import OutboxMessage, SmsRecord
from idp.services import Services
from idp.services.delivery import LetterDeliverer, SmsDeliverer
from idp.services.messages import LetterKind
from idp.services.outbox import OutboxService
from idp.services.outbox_sender import LANE_SIZE, OutboxSender, lanes_of
from tests.fakes import FixedClock

PHONE = parse_phone("081200000031")
EMAIL = EmailAddress("budi@contoh.id")
VISITOR = Visitor(b"f" * 32, "203.0.113.7", Origin())
ACCEPTED = SmsReceipt(SmsState.ACCEPTED, "zenziva", "17")


@dataclass
class Carrier:
    """A carrier that answers as it is told and remembers what it took."""

    receipts: list[SmsReceipt] = field(default_factory=list)
    taken: list[Sms] = field(default_factory=list)
    dies: bool = False

    def send(self, sms: Sms) -> SmsReceipt:
        self.taken.append(sms)
        if self.dies:
            raise SystemExit
        return self.receipts.pop(0) if self.receipts else ACCEPTED

    def read_report(self, gateway, body, *, content_type, headers, url):
        return None


@dataclass
class Post:
    """A mail server that answers as it is told."""

    reasons: list[str] = field(default_factory=list)
    taken: list[Letter] = field(default_factory=list)
    is_slow: threading.Event | None = None

    def send(self, letter: Letter) -> None:
        if self.is_slow is not None:
            self.is_slow.wait(5)
        if self.reasons:
            raise GatewayUnavailable("mail", self.reasons.pop(0))
        self.taken.append(letter)


@dataclass
class World:
    services: Services
    outbox: OutboxService
    carrier: Carrier
    post: Post

    def send_code(self, subject: bytes = b"s" * 32, to=PHONE, **given) -> None:
        with self.services.store.write() as tx:
            self.services.otp.send(
                purpose=Purpose.SIGNUP,
                subject=subject,
                to=to,
                visitor=given.get("visitor", VISITOR),
                tx=tx,
            )

    def send_letter(self, kind=LetterKind.PASSWORD_CHANGED, **values: str) -> None:
        with self.services.store.write() as tx:
            self.services.messages.letter(
                kind, EMAIL, locale="id", tx=tx, at=1_795_485_600, **values
            )

    def records(self) -> list[SmsRecord]:
        with self.services.store.read() as tx:
            rows = tx.connection.execute(sa.text("SELECT id FROM sms_message")).all()
        found = []
        for row in rows:
            with self.services.store.read() as tx:
                found.append(tx.sms_records.find(UUID(str(row.id))))
        return found


@dataclass(frozen=True)
class Counting(OutboxService):
    """The outbox, noting how many messages each claim leased."""

    claims: list[int] = field(default_factory=list)

    @override
    def claim(self, kinds: Collection[str], limit: int) -> Sequence[OutboxMessage]:
        found = super().claim(kinds, limit)
        self.claims.append(len(found))
        return found


def fields_of(outbox: OutboxService) -> dict[str, Any]:
    return {each.name: getattr(outbox, each.name) for each in fields(outbox)}


def wait_until(is_so: Callable[[], bool]) -> None:
    began = monotonic()
    while not is_so():
        assert monotonic() - began < 20
        sleep(0.01)


@pytest.fixture
def world(app: Application) -> World:
    services = app.wiring.services
    composer = services.outbox.deliverers["sms"].composer
    carrier, post = Carrier(), Post()
    outbox = replace(
        services.outbox,
        deliverers={
            "sms": SmsDeliverer(carrier, composer, services.clock, services.metrics),
            "mail": LetterDeliverer(post, composer, services.metrics),
        },
    )
    return World(services, outbox, carrier, post)


def test_what_is_committed_leaves_and_what_is_rolled_back_does_not(world: World) -> None:
    with suppress(Refused), world.services.store.write() as tx:
        world.services.otp.send(
            purpose=Purpose.SIGNUP, subject=b"s" * 32, to=PHONE, visitor=VISITOR, tx=tx
        )
        raise Refused("anything")
    assert world.outbox.deliver_due() == {}
    world.send_code()
    world.send_letter()

    assert world.outbox.deliver_due() == {"delivered": 2}
    assert world.outbox.deliver_due() == {}
    assert [sms.to for sms in world.carrier.taken] == [PHONE]
    assert [letter.to for letter in world.post.taken] == ["budi@contoh.id"]


def test_the_row_is_the_idempotency_key_and_its_payload_is_gone_afterwards(
    world: World, app: Application
) -> None:
    world.send_code()
    world.outbox.deliver_due()

    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        row = connection.execute(sa.text("SELECT * FROM outbox")).one()
    assert bytes(row.payload_sealed) == b""
    assert str(row.id).replace("-", "") == world.carrier.taken[0].id.replace("-", "")


def test_r_3_a_code_that_waited_two_minutes_is_dropped_and_does_not_count(
    world: World, clock: FixedClock
) -> None:
    world.send_code()
    clock.move(121)

    assert world.outbox.deliver_due() == {}
    assert world.carrier.taken == []
    assert [record.state for record in world.records()] == [SmsState.EXPIRED]
    for number in range(5):
        world.send_code(bytes([number]) * 32)
        clock.move(1000)


def test_r_3_a_clear_refusal_is_tried_again_while_the_code_is_fresh(
    world: World, clock: FixedClock
) -> None:
    busy = SmsReceipt(SmsState.REJECTED, "zenziva", reason="busy", retryable=True)
    world.carrier.receipts = [busy, busy]
    world.send_code()

    assert world.outbox.deliver_due() == {"busy": 1}
    assert world.outbox.deliver_due() == {}
    clock.move(5)
    assert world.outbox.deliver_due() == {"busy": 1}
    clock.move(10)
    assert world.outbox.deliver_due() == {"delivered": 1}
    assert [record.state for record in world.records()] == [SmsState.ACCEPTED]
    assert len({sms.id for sms in world.carrier.taken}) == 1


def test_r_3_no_send_is_counted_when_no_carrier_took_it(world: World, clock: FixedClock) -> None:
    busy = SmsReceipt(SmsState.REJECTED, "zenziva", reason="busy", retryable=True)
    world.carrier.receipts = [busy] * 20
    world.send_code()
    for _ in range(8):
        world.outbox.deliver_due()
        clock.move(20)
    world.carrier.receipts = []

    for number in range(5):
        world.send_code(bytes([number]) * 32)
        clock.move(1000)


def test_a_number_that_takes_no_sms_is_told_and_counts(world: World) -> None:
    world.carrier.receipts = [SmsReceipt(SmsState.REJECTED, "zenziva", reason="number")]
    world.send_code()

    assert world.outbox.deliver_due() == {"number": 1}
    assert [record.state for record in world.records()] == [SmsState.REJECTED]
    with pytest.raises(Refused, match=r"otp\.wait"):
        world.send_code(b"o" * 32)


def test_an_unknown_outcome_is_never_sent_again(world: World, clock: FixedClock) -> None:
    world.carrier.receipts = [SmsReceipt(SmsState.UNKNOWN, "zenziva", reason="timeout")]
    world.send_code()

    assert world.outbox.deliver_due() == {"timeout": 1}
    clock.move(60)
    assert world.outbox.deliver_due() == {}
    assert len(world.carrier.taken) == 1


def test_a_sender_that_died_while_sending_leaves_an_unknown_outcome(
    world: World, clock: FixedClock
) -> None:
    world.carrier.dies = True
    world.send_code()
    with pytest.raises(SystemExit):
        world.outbox.deliver_due()
    world.carrier.dies = False
    clock.move(119)
    assert world.outbox.deliver_due() == {}
    clock.move(2)
    world.outbox.deliver_due()

    assert len(world.carrier.taken) == 1
    assert [record.state for record in world.records()] != [SmsState.QUEUED]


def test_a_letter_is_tried_for_a_day_with_growing_waits(world: World, clock: FixedClock) -> None:
    world.post.reasons = ["unreachable"] * 8
    world.send_letter()
    tries = []
    for _ in range(24 * 60):
        if world.outbox.deliver_due():
            tries.append(round(clock.at))
        clock.move(60)

    waits = [late - early for early, late in pairwise(tries)]
    assert len(world.post.taken) == 1
    assert waits == sorted(waits)
    assert max(waits) <= 3660


def test_a_letter_that_never_leaves_is_given_up_after_a_day(
    world: World, clock: FixedClock
) -> None:
    world.post.reasons = ["refused"] * 100
    world.send_letter()
    for _ in range(50):
        world.outbox.deliver_due()
        clock.move(3600)
    world.post.reasons = []

    assert world.outbox.deliver_due() == {}
    assert world.post.taken == []


def test_an_address_that_does_not_exist_is_given_up_at_once(world: World) -> None:
    world.post.reasons = ["recipient"]
    world.send_letter()

    assert world.outbox.deliver_due() == {"recipient": 1}
    assert world.outbox.deliver_due() == {}


def test_a_code_by_letter_lives_no_longer_than_the_code(world: World, clock: FixedClock) -> None:
    world.post.reasons = ["timeout"]
    world.send_code(to=EMAIL)
    world.outbox.deliver_due()
    clock.move(301)

    assert world.outbox.deliver_due() == {}
    assert world.post.taken == []


def test_r_21_two_senders_never_take_the_same_row(world: World, clock: FixedClock) -> None:
    for number in range(12):
        world.send_letter()
        del number
    others = [replace(world.outbox, worker=partial("worker {}".format, n)) for n in range(4)]

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(lambda outbox: outbox.deliver_due(), others))

    assert sum((Counter(one) for one in told), Counter()) == {"delivered": 12}
    assert len({letter.id for letter in world.post.taken}) == len(world.post.taken) == 12


def test_letters_of_one_second_leave_in_the_order_in_which_they_were_written(world: World) -> None:
    for _ in range(12):
        world.send_letter()
    world.outbox.deliver_due()

    left = [letter.id for letter in world.post.taken]
    assert left == sorted(left)


def test_the_sender_is_woken_by_a_commit_and_stops_cleanly(world: World, app: Application) -> None:
    sender = OutboxSender(world.outbox)
    world.services.store.on_outbox = sender.wake
    sender.start()
    sender.start()
    try:
        sleep(0.1)
        began = monotonic()
        world.send_code()
        while not world.carrier.taken and monotonic() - began < 5:
            sleep(0.01)
        took = monotonic() - began
    finally:
        sender.stop()
        sender.stop()

    assert world.carrier.taken
    assert took < 0.9
    assert not [thread for thread in threading.enumerate() if thread.name == "outbox"]


@pytest.mark.parametrize(
    ("kinds", "lanes"),
    [
        (("sms", "mail", "logout", "ping"), [("sms",), ("mail",), ("logout", "ping")]),
        (("logout", "mail"), [("mail",), ("logout",)]),
        (("sms",), [("sms",)]),
    ],
)
def test_r_20_portals_letters_and_codes_hold_up_nobody_elses(
    kinds: tuple[str, ...], lanes: list[tuple[str, ...]]
) -> None:
    assert list(lanes_of(kinds)) == lanes


def test_slow_mail_holds_up_no_codes(world: World) -> None:
    world.post.is_slow = threading.Event()
    sender = OutboxSender(world.outbox)
    world.services.store.on_outbox = sender.wake
    for _ in range(6):
        world.send_letter()
    sender.start()
    try:
        sleep(0.2)
        world.send_code()
        began = monotonic()
        while not world.carrier.taken and monotonic() - began < 5:
            sleep(0.01)
        assert world.carrier.taken
        assert world.post.taken == []
    finally:
        world.post.is_slow.set()
        sender.stop()


def test_the_letter_about_a_new_device_wakes_nobody_and_leaves_with_the_next_look(
    world: World,
) -> None:
    woken: list[str] = []
    world.services.store.on_outbox = lambda: woken.append("now")

    world.send_letter(LetterKind.NEW_DEVICE, device="Chrome", network="203.0.113.0/24")
    assert woken == []
    assert world.outbox.due_kinds() == {"mail"}
    world.send_letter()
    world.send_code()
    assert woken == ["now", "now"]


def test_a_message_that_an_officer_hastens_wakes_the_sender(world: World, clock) -> None:
    world.post.reasons = ["unreachable"]
    world.send_letter()
    [message] = world.outbox.claim(("mail",), 1)
    world.outbox.deliver(message)
    woken: list[str] = []
    world.services.store.on_outbox = lambda: woken.append("now")

    with world.services.store.write() as tx:
        tx.outbox.hasten(message.id, clock.now())

    assert woken == ["now"]


def test_letters_by_the_dozen_leave_with_few_claims(world: World) -> None:
    for _ in range(12):
        world.send_letter()
    claims: list[int] = []
    sender = OutboxSender(Counting(**fields_of(world.outbox), claims=claims))
    sender.start()
    try:
        wait_until(lambda: len(world.post.taken) == 12)
    finally:
        sender.stop()

    assert len({letter.id for letter in world.post.taken}) == 12
    assert claims == [12]


def test_a_stopping_sender_ends_what_it_tries_and_hands_the_other_letters_back(
    world: World,
) -> None:
    world.post.is_slow = threading.Event()
    for _ in range(9):
        world.send_letter()
    claims: list[int] = []
    sender = OutboxSender(Counting(**fields_of(world.outbox), claims=claims))
    sender.start()
    wait_until(lambda: claims == [9])
    stopping = threading.Thread(target=sender.stop)
    stopping.start()
    wait_until(sender._stopping.is_set)
    world.post.is_slow.set()
    stopping.join()

    tried = len(world.post.taken)
    assert 1 <= tried <= 4
    assert len(world.outbox.claim(("mail",), 20)) == 9 - tried


def _send_six(world: World) -> None:
    """Send a code to each of six people."""
    for number in range(6):
        subject, to = bytes([number]) * 32, parse_phone(f"08120000004{number}")
        world.send_code(subject, to, visitor=Visitor(subject, f"203.0.113.{number}", Origin()))


def test_short_messages_are_leased_for_a_free_place_alone(world: World) -> None:
    _send_six(world)
    claims: list[int] = []
    sender = OutboxSender(Counting(**fields_of(world.outbox), claims=claims))
    sender.start()
    try:
        wait_until(lambda: len(world.carrier.taken) == 6)
    finally:
        sender.stop()

    assert max(claims) <= LANE_SIZE


def test_a_claim_leases_no_more_than_asked_whatever_the_plan(
    world: World, app: Application
) -> None:
    """PostgreSQL runs a subquery of `IN` again for each row where it joins by nested loops."""
    _send_six(world)
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine

    def plan_by(word: str) -> None:
        if engine.dialect.name == "postgresql":
            with engine.begin() as connection:
                for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize"):
                    database = sa.text(f"ALTER DATABASE {engine.url.database} {word.format(way)}")
                    connection.execute(database)
            engine.dispose()

    plan_by("SET enable_{} = off")
    try:
        assert len(world.outbox.claim(("sms",), 4)) == 4
    finally:
        plan_by("RESET enable_{}")


def test_a_server_that_never_calls_start_begins_with_its_first_request(app: Application) -> None:
    app.starts_with_first_request = True
    app.test_client().get("/livez")

    assert [thread for thread in threading.enumerate() if thread.name == "outbox"]
    app.stop()


def test_delivery_reports_come_late_twice_and_in_any_order(world: World, app: Application) -> None:
    reports = world.services.reports
    world.send_code()
    world.outbox.deliver_due()

    def told(state: SmsState, provider_id: str = "17") -> bool:
        with world.services.store.write() as tx:
            return reports._record(DeliveryReport("zenziva", provider_id, state), tx=tx)

    assert told(SmsState.SENT)
    assert told(SmsState.DELIVERED)
    assert told(SmsState.SENT)
    assert told(SmsState.DELIVERED)
    assert not told(SmsState.DELIVERED, "99")
    assert [record.state for record in world.records()] == [SmsState.DELIVERED]


def test_a_report_may_overtake_the_answer_where_the_carrier_uses_our_id(world: World) -> None:
    world.send_code()
    [message] = world.outbox.claim(("sms",), 1)
    with world.services.store.write() as tx:
        world.services.reports._record(
            DeliveryReport("infobip", str(message.id), SmsState.DELIVERED), tx=tx
        )
    world.carrier.receipts = [SmsReceipt(SmsState.ACCEPTED, "infobip", str(message.id))]
    world.outbox.deliver(message)

    assert [record.state for record in world.records()] == [SmsState.DELIVERED]


def test_only_a_kind_of_which_something_waits_is_due(world: World) -> None:
    assert world.outbox.due_kinds() == frozenset()

    world.send_letter()
    assert world.outbox.due_kinds() == {"mail"}
    world.send_code()
    assert world.outbox.due_kinds() == {"mail", "sms"}

    world.outbox.claim(("mail",), 4)
    assert world.outbox.due_kinds() == {"sms"}
