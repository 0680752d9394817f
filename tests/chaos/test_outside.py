"""The register and the carriers break; people and portals go on (R-1, R-2, R-3)."""

from collections.abc import Callable, Iterator

import pytest

from adapters.simulators.kinds import REGISTER_KINDS
from idp.app import Application
from tests.fakes import FixedClock
from tests.guest import Guest, path_of
from tests.killing import FULL
from tests.portal import a_portal, an_account, sign_in
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox, running_sandbox
from tests.selfcheck import selfcheck

pytestmark = pytest.mark.chaos

EMAIL = "budi1@contoh.id"
#: What the register answers while it is away: resets, half answers, 500, rubbish, a closed day.
OUTAGES = [kind for kind in REGISTER_KINDS if kind.startswith("D") and kind not in {"D1", "D10"}]
QUOTA = ["C1", "C2"]
ROUNDS = 20 if FULL else 1


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def app(make_app: Callable[..., Application], sandbox: Sandbox) -> Application:
    return make_app(
        **sandbox.environment(),
        SIAPKERJA_LIMITS_FACTOR="10000",
        SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none",
    )


def everybody_else_goes_on(app: Application) -> None:
    """Sign in with a password and at a portal."""
    assert path_of(Guest(app).log_in(EMAIL)) == "/akun"
    browser = app.test_client()
    portal = a_portal(app, browser)
    with app.wiring.services.store.read() as tx:
        person = tx.accounts.find_by_subject(app_subject(app))
    assert person is not None
    sign_in(app, browser, person)
    assert portal.tokens()["access_token"]


def app_subject(app: Application) -> str:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return str(connection.exec_driver_sql("SELECT subject FROM account").scalar_one())


def test_r_1_no_answer_of_a_broken_register_opens_an_account(
    app: Application, sandbox: Sandbox, clock: FixedClock
) -> None:
    an_account(app)
    for _ in range(ROUNDS):
        for number, kind in enumerate(OUTAGES):
            person = sandbox.add_person()
            sandbox.next_dukcapil(kind, nik=person.nik, times=3)
            citizen = Registrant(app, sandbox, person, phone=f"0812 3456 7{number:03d}")
            answer = citizen.ktp()
            assert answer.status_code == 503, (kind, answer.status_code)
            assert citizen.get("/daftar/kontak").status_code == 303
            # the breaker of one outage is not to answer for the next
            clock.move(400)
    everybody_else_goes_on(app)

    assert selfcheck(app) == []
    assert accounts(app) == 1


def test_r_1_after_five_failures_nobody_waits_for_the_register_any_more(
    app: Application, sandbox: Sandbox, clock: FixedClock
) -> None:
    an_account(app)
    sandbox.next_dukcapil("D3", times=1000)
    people = [sandbox.add_person() for _ in range(9)]
    before = sandbox.dukcapil_calls()
    statuses = [Registrant(app, sandbox, person).ktp().status_code for person in people]

    assert statuses == [503] * 9
    assert sandbox.dukcapil_calls() - before <= 5
    everybody_else_goes_on(app)
    # it is back, and so are we, without a restart
    sandbox.reset()
    clock.move(31)
    person = sandbox.add_person()
    assert Registrant(app, sandbox, person).ktp().headers["Location"] == "/daftar/kontak"


@pytest.mark.parametrize("kind", QUOTA)
def test_r_2_a_used_up_quota_pauses_registration_and_opens_nothing(
    app: Application, sandbox: Sandbox, kind: str
) -> None:
    an_account(app)
    sandbox.next_dukcapil(kind, times=100)

    for _ in range(3):
        assert Registrant(app, sandbox, sandbox.add_person()).ktp().status_code == 503

    everybody_else_goes_on(app)
    assert accounts(app) == 1


def test_r_3_a_code_that_could_not_be_sent_costs_no_try_and_others_sign_in(
    app: Application, sandbox: Sandbox, clock: FixedClock
) -> None:
    an_account(app)
    siti = Registrant(app, sandbox, sandbox.add_person())
    sandbox.next_sms("balance", times=100)
    siti.until_contact()
    siti.contact()
    app.wiring.services.outbox.deliver_due()
    everybody_else_goes_on(app)

    sandbox.reset()
    clock.move(61)
    siti.resend()
    answer = siti.confirm()

    assert answer.headers["Location"] == "/daftar/selesai"
    assert selfcheck(app) == []


def accounts(app: Application) -> int:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM account").scalar_one())
