"""Exactly one account for a NIK, however many ask at once (RG-2, R-12), and one effect (R-11)."""

import os
from collections import Counter
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from adapters.system import SystemClock
from idp.app import Application
from idp.domain.identity.phone import parse_phone
from idp.ports.clock import Clock
from idp.wiring import Given
from tests.fakes import FixedClock
from tests.racing import at_once
from tests.registrant import Registrant, a_wrong
from tests.sandbox_server import Sandbox

Citizen = Callable[..., Registrant]

#: `CHAOS=full` runs the figures of `security.md` section 9.
FULL = os.environ.get("CHAOS") == "full"
ROUNDS = 50 if FULL else 2
CROWD = 20
GUESSES = 40


@pytest.fixture
def make_nodes(
    make_app: Callable[..., Application], sandbox: Sandbox
) -> Callable[[Clock], list[Application]]:
    """Return what makes two applications on one database, as two processes would be."""
    roomy = {**sandbox.environment(), "SIAPKERJA_LIMITS_FACTOR": "1000"}
    return lambda clock: [make_app(Given(clock=clock), **roomy) for _ in range(2)]


@pytest.fixture
def nodes(make_nodes: Callable[[Clock], list[Application]], clock: FixedClock) -> list[Application]:
    return make_nodes(clock)


def count(app: Application, table: str) -> int:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - names of our own tables


def test_rg_2_r_12_twenty_registrations_of_one_nik_open_one_account(
    nodes: list[Application], sandbox: Sandbox
) -> None:
    for number in range(ROUNDS):
        person = sandbox.add_person()
        crowd = [
            Registrant(
                nodes[index % 2],
                sandbox,
                person,
                phone=f"0812 {1000 + number} {4000 + index}",
                address=f"203.0.113.{index}",
            ).until_code()
            for index in range(CROWD)
        ]
        nodes[0].wiring.services.outbox.deliver_due()
        calls = []
        for citizen in crowd:
            code, page = citizen.code(), citizen.get("/daftar/kode")
            calls.append(lambda c=citizen, code=code, page=page: c.confirm(code, page))
        answers = at_once(calls)

        told = Counter(answer.headers.get("Location") for answer in answers)
        assert {answer.status_code for answer in answers} == {303}
        assert told == {"/daftar/selesai": 1, "/daftar/sudah-terdaftar": CROWD - 1}
        assert count(nodes[0], "account") == number + 1
        signed_in = [c for c in crowd if c.browser.get_cookie("sid") is not None]
        assert len(signed_in) == 1


def test_r_11_one_form_sent_twenty_times_at_once_has_one_effect(
    make_nodes: Callable[[Clock], list[Application]], sandbox: Sandbox
) -> None:
    # the second click waits for the first one's answer: really
    nodes = make_nodes(SystemClock())
    siti = Registrant(nodes[0], sandbox, sandbox.person())

    def tabs() -> list[Registrant]:
        """The same browser, as twenty requests that carry its cookies."""
        made = []
        for index in range(CROWD):
            tab = Registrant(nodes[index % 2], sandbox, siti.person)
            for name in ("flow", "sid", "device"):
                cookie = siti.browser.get_cookie(name)
                if cookie is not None:
                    tab.browser.set_cookie(name, cookie.value)
            made.append(tab)
        return made

    page = siti.get("/daftar")
    answers = at_once([lambda t=tab: t.ktp(page) for tab in tabs()])
    assert {a.headers.get("Location") for a in answers} == {"/daftar/kontak"}
    assert sandbox.dukcapil_calls() == 1
    page = siti.get("/daftar/kontak")
    answers = at_once([lambda t=tab: t.contact(page) for tab in tabs()])
    assert {a.headers.get("Location") for a in answers} == {"/daftar/kode"}
    assert len(siti.codes()) == 1
    page, code = siti.get("/daftar/kode"), siti.code()
    answers = at_once([lambda t=tab: t.confirm(code, page) for tab in tabs()])

    assert {a.headers.get("Location") for a in answers} == {"/daftar/selesai"}
    assert count(nodes[0], "account") == 1
    assert count(nodes[0], "login_session") == 1


def test_different_tabs_with_the_right_code_open_one_account(
    nodes: list[Application], sandbox: Sandbox
) -> None:
    siti = Registrant(nodes[0], sandbox, sandbox.person()).until_code()
    code = siti.code()
    pages = [siti.get("/daftar/kode") for _ in range(8)]
    tabs = []
    for index in range(8):
        tab = Registrant(nodes[index % 2], sandbox, siti.person)
        tab.browser.set_cookie("flow", siti.browser.get_cookie("flow").value)
        tabs.append(tab)
    answers = at_once(
        [
            lambda tab=tab, page=page: tab.confirm(code, page)
            for tab, page in zip(tabs, pages, strict=True)
        ]
    )

    assert {a.headers.get("Location") for a in answers} == {"/daftar/selesai"}
    assert count(nodes[0], "account") == 1


def test_three_people_who_prove_one_phone_at_once_leave_it_with_one(
    nodes: list[Application], sandbox: Sandbox, clock: FixedClock
) -> None:
    calls = []
    for index, pace in enumerate((60, 120, 0)):
        citizen = Registrant(
            nodes[index % 2],
            sandbox,
            sandbox.person(index=index),
            phone="0812 0000 0177",
            email=f"warga{index}@contoh.id",
        ).until_code()
        code, page = citizen.code(), citizen.get("/daftar/kode")
        calls.append(lambda c=citizen, code=code, page=page: c.confirm(code, page))
        clock.move(pace)
    answers = at_once(calls)

    assert [a.headers.get("Location") for a in answers] == ["/daftar/selesai"] * 3
    with nodes[0].app_context(), nodes[0].extensions["sqlalchemy"].engine.connect() as connection:
        kept = connection.execute(
            sa.text("SELECT count(*) FROM account WHERE phone_index IS NOT NULL")
        ).scalar_one()
    with nodes[0].wiring.services.store.read() as tx:
        assert tx.accounts.find_by_phone(parse_phone("081200000177")) is not None
    assert (count(nodes[0], "account"), kept) == (3, 1)


def test_ot_3_forty_guesses_at_once_are_compared_five_times_and_end_the_code(
    nodes: list[Application], sandbox: Sandbox
) -> None:
    siti = Registrant(nodes[0], sandbox, sandbox.person()).until_code()
    code = siti.code()
    calls = []
    for index in range(GUESSES):
        tab = Registrant(nodes[index % 2], sandbox, siti.person)
        tab.browser.set_cookie("flow", siti.browser.get_cookie("flow").value)
        page = tab.get("/daftar/kode")
        # the right one is among them, behind more wrong ones than are compared
        guess = code if index == GUESSES - 1 else a_wrong(code)
        calls.append(lambda tab=tab, page=page, guess=guess: tab.confirm(guess, page))
    at_once(calls[: GUESSES - 1])
    late = calls[-1]()

    assert late.status_code == 422
    assert count(nodes[0], "account") == 0
    with nodes[0].app_context(), nodes[0].extensions["sqlalchemy"].engine.connect() as connection:
        attempts = connection.execute(sa.text("SELECT max(attempts) FROM otp_challenge"))
        # each was counted before it could be compared
        assert attempts.scalar_one() == GUESSES
