"""One-time codes: `security.md` OT-1 to OT-5, paces of `sms.md` section 2."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import Origin
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.otp import Challenge, Channel, Purpose
from idp.domain.identity.phone import Phone, parse_phone
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.services import Services
from idp.services.puzzle import Solution
from tests.fakes import FixedClock

PHONE = parse_phone("0812 0000 0011")
EMAIL = EmailAddress("budi@contoh.id")
SUBJECT = digest_of("a registration")


def a_visitor(number: int = 0, *, address: str = "203.0.113.7") -> Visitor:
    return Visitor(digest_of(f"browser {number}"), address, Origin())


class Person:
    """Asks for codes and reads the newest one that left."""

    def __init__(self, services: Services) -> None:
        self.services = services

    def send(
        self, subject: bytes = SUBJECT, to: Phone | EmailAddress = PHONE, **given
    ) -> Challenge:
        given = {"purpose": Purpose.SIGNUP, "visitor": a_visitor(), **given}
        with self.services.store.write() as tx:
            return self.services.otp.send(subject=subject, to=to, tx=tx, **given)

    def resend(
        self, subject: bytes = SUBJECT, to: Phone | EmailAddress = PHONE, **given
    ) -> Challenge:
        with self.services.store.write() as tx:
            return self.services.otp.resend(
                subject=subject, to=to, tx=tx, **{"visitor": a_visitor(), **given}
            )

    def redeem(self, code: str, subject: bytes = SUBJECT, **given) -> Challenge:
        given = {"purpose": Purpose.SIGNUP, **given}
        with self.services.store.write() as tx:
            return self.services.otp.redeem(subject=subject, code=code, tx=tx, **given)

    def code(self, position: int = -1) -> str:
        """The code of the newest message that waits, or of an earlier one."""
        return self.codes()[position]

    def codes(self) -> list[str]:
        now = self.services.clock.now()
        with self.services.store.write() as tx:
            claimed = tx.outbox.claim(
                kinds=("sms", "mail"), worker="test", now=now, lease_seconds=-1, limit=100
            )
        told = sorted(claimed, key=lambda message: (message.created_at, message.id))
        return [message.payload["values"]["code"] for message in told]


@pytest.fixture
def person(services: Services) -> Person:
    return Person(services)


def refusal_of(call, *given, **named) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*given, **named)
    return caught.value


def a_wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


# -- codes


def test_ot_1_a_right_code_is_good_once(person: Person) -> None:
    person.send()
    code = person.code()

    assert person.redeem(code).purpose is Purpose.SIGNUP
    assert refusal_of(person.redeem, code).code == "otp.expired"


def test_ot_1_a_code_dies_after_five_minutes(person: Person, clock: FixedClock) -> None:
    person.send()
    code = person.code()
    clock.move(299)
    person.redeem(code)
    person.send(digest_of("other"), parse_phone("081200000012"))
    code = person.code()
    clock.move(301)

    assert refusal_of(person.redeem, code, digest_of("other")).code == "otp.expired"


def test_ot_1_a_code_for_one_purpose_or_subject_never_works_for_another(person: Person) -> None:
    person.send()
    code = person.code()

    for given in (
        {"purpose": Purpose.LOGIN},
        {"subject": digest_of("another row")},
    ):
        assert refusal_of(person.redeem, code, **given).code == "otp.expired"
    person.redeem(code)


def test_ot_1_a_new_code_kills_the_old_one_and_says_which_counts(
    person: Person, clock: FixedClock
) -> None:
    person.send()
    old = person.code()
    clock.move(61)
    person.resend()
    new = person.code()

    assert refusal_of(person.redeem, old).code == "otp.older"
    person.redeem(new)


def test_ot_1_codes_keep_leading_zeros_and_are_uniform(services: Services) -> None:
    codes = [services.otp._make_code() for _ in range(20_000)]
    firsts = Counter(code[0] for code in codes)
    expected = len(codes) / 10

    assert all(len(code) == 6 and code.isdigit() for code in codes)
    # chi-square, 9 degrees of freedom: 33.7 is passed once in ten thousand runs
    assert sum((firsts[d] - expected) ** 2 / expected for d in "0123456789") < 33.7


def test_ot_2_only_a_keyed_digest_is_kept(person: Person, app: Application) -> None:
    person.send()
    code = person.code()
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM otp_challenge")).all()

    assert code not in repr(rows)
    assert digest_of(code) not in rows[0]


def test_ot_3_five_wrong_tries_kill_a_code(person: Person) -> None:
    person.send()
    code = person.code()

    told = [refusal_of(person.redeem, a_wrong(code)) for _ in range(5)]

    assert [(r.code, r.values.get("left")) for r in told] == [
        ("otp.wrong", 4),
        ("otp.wrong", 3),
        ("otp.wrong", 2),
        ("otp.wrong", 1),
        ("otp.attempts", None),
    ]
    assert refusal_of(person.redeem, code).code == "otp.attempts"


def test_ot_3_forty_guesses_at_once_are_five_comparisons(person: Person) -> None:
    person.send()
    code = person.code()
    guesses = [a_wrong(code)] * 40

    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda guess: refusal_of(person.redeem, guess).code, guesses))

    assert Counter(told) == {"otp.wrong": 4, "otp.attempts": 36}
    assert refusal_of(person.redeem, code).code == "otp.attempts"


def test_ot_3_fifteen_wrong_in_a_day_stop_the_purpose_for_that_phone(
    person: Person, clock: FixedClock
) -> None:
    for number in range(3):
        person.send(digest_of(f"row {number}"))
        for _ in range(5):
            refusal_of(person.redeem, a_wrong(person.code()), digest_of(f"row {number}"))
        clock.move(1000)

    refusal = refusal_of(person.send, digest_of("row 4"))

    assert refusal.code == "otp.stopped"
    assert refusal.values["until_at"] > clock.now() + 20 * 3600
    clock.move(86_401)
    person.send(digest_of("row 5"))


def test_ot_3_wrong_codes_of_an_account_count_over_its_contacts(
    person: Person, clock: FixedClock
) -> None:
    account = b"an account"
    for number in range(3):
        row = digest_of(f"row {number}")
        person.send(row, parse_phone(f"0812000010{number:02d}"), counted=[account])
        code = person.code()
        for _ in range(5):
            refusal_of(person.redeem, a_wrong(code), row, counted=[account])
        clock.move(1)

    other = parse_phone("081200001099")
    assert refusal_of(person.send, SUBJECT, other, counted=[account]).code == "otp.stopped"
    person.send(SUBJECT, other)


# -- sending


def test_ot_4_the_ladder_paces_a_phone_whatever_the_browser(
    person: Person, clock: FixedClock
) -> None:
    waits = []
    for number in range(4):
        person.send(digest_of(f"row {number}"), visitor=a_visitor(number))
        early = refusal_of(person.send, digest_of("other"), visitor=a_visitor(100 + number))
        assert early.code == "otp.wait"
        waits.append(early.values["seconds"])
        clock.move(waits[-1])

    assert waits == [60, 120, 240, 480]


def test_ot_4_an_early_press_sends_nothing_and_kills_nothing(
    person: Person, clock: FixedClock
) -> None:
    person.send()
    code = person.code()
    clock.move(30)

    refusal = refusal_of(person.resend)

    assert (refusal.code, refusal.values["seconds"]) == ("otp.wait", 30)
    assert len(person.codes()) == 1
    person.redeem(code)


def test_ot_4_three_messages_for_a_challenge(person: Person, clock: FixedClock) -> None:
    person.send()
    for wait in (60, 120):
        clock.move(wait)
        person.resend()
    clock.move(240)

    assert refusal_of(person.resend).code == "otp.limit"
    clock.move(61)
    person.resend()


def test_ot_4_five_messages_a_day_for_a_phone_over_all_purposes_and_spellings(
    person: Person, clock: FixedClock
) -> None:
    spellings = ["081200000021", "+62 812-0000-0021", "6281200000021", "812 0000 0021"]
    spellings.append("+62 (0)812 0000 0021")
    for number, (spelling, purpose) in enumerate(zip(spellings, Purpose, strict=False)):
        person.send(
            digest_of(f"row {number}"),
            parse_phone(spelling),
            purpose=purpose,
            visitor=a_visitor(number),
        )
        clock.move(1000)

    refusal = refusal_of(
        person.send, digest_of("row 9"), parse_phone(spellings[0]), visitor=a_visitor(99)
    )

    assert refusal.code == "otp.limit"
    assert refusal.values["until_at"] > clock.now() + 80_000


def test_ot_4_five_an_hour_for_a_nik_or_browser(person: Person, clock: FixedClock) -> None:
    nik = digest_of("nik")
    for number in range(5):
        person.send(
            digest_of(f"row {number}"),
            parse_phone(f"08120000{number:04d}"),
            visitor=a_visitor(number, address=f"203.0.113.{number}"),
            counted=[nik],
        )
        clock.move(1)

    other = parse_phone("081277770000")
    assert refusal_of(person.send, to=other, counted=[nik]).code == "otp.limit"
    person.send(to=other)


def test_ot_4_twenty_an_hour_for_a_block_of_numbers(person: Person, clock: FixedClock) -> None:
    for number in range(20):
        person.send(
            digest_of(f"row {number}"),
            parse_phone(f"08131234{number:04d}"),
            visitor=a_visitor(number, address=f"203.0.113.{number}"),
        )
        clock.move(1)

    assert refusal_of(person.send, to=parse_phone("081312349999")).code == "otp.limit"
    person.send(to=parse_phone("081312350000"))


def test_ot_4_an_address_needs_a_puzzle_after_ten_and_stops_after_sixty(
    services: Services, person: Person, clock: FixedClock
) -> None:
    def another(number: int, puzzle: Solution | None = None) -> None:
        person.send(
            digest_of(f"row {number}"),
            parse_phone(f"0812{number:04d}0000"),
            visitor=a_visitor(number),
            puzzle=puzzle,
        )
        clock.move(1)

    for number in range(10):
        another(number)
    assert refusal_of(another, 10).code == "puzzle.required"
    for number in range(10, 60):
        another(number, _waited(services, clock, a_visitor(number)))
    refusal = refusal_of(another, 60, _waited(services, clock, a_visitor(60)))

    assert refusal.code == "limit.address"
    assert refusal.values["until_at"] > clock.now()


def _waited(services: Services, clock: FixedClock, visitor: Visitor) -> Solution:
    puzzle = services.puzzles.issue("code", visitor)
    clock.move(30)
    return Solution(puzzle.token, "")


def _solved(services: Services, visitor: Visitor) -> Solution:
    puzzle = services.puzzles.issue("code", visitor)
    return Solution(puzzle.token, work(puzzle.token, puzzle.bits))


def work(token: str, bits: int) -> str:
    number = 0
    while True:
        digest = sha256(f"{token}.{number}".encode()).digest()
        if int.from_bytes(digest, "big") >> (256 - bits) == 0:
            return str(number)
        number += 1


def test_ot_5_a_budget_for_everybody_together(make_app) -> None:
    services = make_app(SIAPKERJA_SMS_PER_DAY="2", SIAPKERJA_SMS_PER_SECOND="2").wiring.services
    person = Person(services)
    for number in range(2):
        person.send(digest_of(str(number)), parse_phone(f"0812111100{number:02d}"))

    assert refusal_of(person.send, to=parse_phone("081211110099")).code == "busy"
    person.send(to=EMAIL)


def test_ot_5_a_pump_trips_the_breaker_for_everybody_until_codes_come_back(
    services: Services, person: Person, clock: FixedClock
) -> None:
    for number in range(200):
        person.send(
            digest_of(f"row {number}"),
            parse_phone(f"08{12 + number % 3}{number:04d}{number:04d}"),
            visitor=a_visitor(number, address=f"203.0.{number}.1"),
        )
        if number % 10 == 0:
            clock.move(1)

    somebody = a_visitor(999, address="198.51.100.1")
    other = parse_phone("081312345678")
    assert refusal_of(person.send, to=other, visitor=somebody).code == "puzzle.required"
    person.send(to=EMAIL, visitor=somebody)
    person.send(to=other, visitor=somebody, puzzle=_solved(services, somebody))
    clock.move(901)
    person.send(to=parse_phone("081312345679"), visitor=somebody)


@pytest.mark.parametrize(("used", "is_pumped"), [(59, True), (60, False)])
def test_ot_5_codes_are_pumped_where_under_30_percent_of_200_are_used(
    services: Services, person: Person, clock: FixedClock, used: int, is_pumped: bool
) -> None:
    for number in range(200):
        person.send(
            digest_of(f"row {number}"),
            parse_phone(f"08{12 + number % 3}{number:04d}{number:04d}"),
            visitor=a_visitor(number, address=f"203.0.{number}.1"),
        )
        if number < used:
            person.redeem(person.code(), digest_of(f"row {number}"))
        if number % 10 == 0:
            clock.move(1)

    with services.store.read() as tx:
        assert services.otp.is_pumped(tx=tx) is is_pumped


def test_limits_are_multiplied_by_the_factor_but_paces_are_not(make_app) -> None:
    person = Person(make_app(SIAPKERJA_LIMITS_FACTOR="1000").wiring.services)
    for number in range(30):
        person.send(digest_of(str(number)), parse_phone(f"0812999900{number:02d}"))

    assert refusal_of(person.resend, digest_of("1"), parse_phone("081299990001")).code == "otp.wait"


def test_a_code_by_letter_travels_by_letter(person: Person) -> None:
    challenge = person.send(to=EMAIL)

    assert challenge.channel is Channel.EMAIL
    person.redeem(person.code())
