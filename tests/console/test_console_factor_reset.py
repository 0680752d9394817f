"""Factors that somebody lost are forgotten by two officers (AD-3, AU-11; ui.md section 2)."""

import pytest

from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action
from idp.domain.identity.roles import Role
from tests.authenticator import Authenticator
from tests.console.test_console_people import activity_of, approve, events, person_url
from tests.enrolled import with_app, with_codes, with_passkey
from tests.everywhere import BOTH
from tests.guest import Guest, path_of
from tests.officer import Officer, an_officer
from tests.portal import an_account, sign_in

REASON = "Tiket 4712: ponsel dan daftar kode hilang."
EMAIL = "budi1@contoh.id"
PAGE = "langkah-kedua"


@pytest.fixture
def officer(app: Application) -> Officer:
    return an_officer(app, Role.SUPPORT, name="Sari Dewi")


@pytest.fixture
def approver(app: Application) -> Officer:
    return an_officer(app, Role.APPROVER, name="Joko Anwar")


@pytest.fixture
def account(app: Application) -> Account:
    """Somebody with an app, a passkey and recovery codes."""
    account = an_account(app)
    with_app(app, account)
    with_passkey(app, account, Authenticator())
    with_codes(app, account)
    return account


def test_the_officer_reads_which_ways_somebody_has(officer: Officer, account: Account) -> None:
    page = officer.get(person_url(account)).text

    assert "SMS, email, aplikasi, kunci sandi: 1, kode pemulihan: 10" in page


def test_ad_3_factors_are_forgotten_by_a_second_person_alone(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    asked = officer.post(person_url(account, PAGE), reason=REASON)
    assert path_of(asked) == "/admin/persetujuan"
    assert app.wiring.services.factors.of(account.id).is_enrolled

    assert approve(approver).status_code == 303

    left = app.wiring.services.factors.of(account.id)
    assert (left.totp, left.passkeys, left.recovery_codes_left) == (None, (), 0)
    assert officer.get(person_url(account, PAGE)).status_code == 404
    [removed] = [e for e in events(app, Action.FACTOR_REMOVED) if e.actor == "admin"]
    assert removed.details == {"factor": "all", "approved_by": approver.actor.name}
    assert "Cara masuk dihapus" in activity_of(app, account)
    guest = Guest(app)
    told = {(m["carrier"], m["kind"]) for m in guest.messages()}
    assert {("mail", "factor_removed"), ("sms", "factor_changed")} <= told
    # the password still counts, and a code to a proved contact
    assert path_of(guest.log_in(EMAIL)) == "/masuk/kode"
    assert guest.enter(EMAIL).status_code == 303


def test_every_session_ends(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    guest = Guest(app)
    sign_in(app, guest.browser, account, BOTH)
    officer.post(person_url(account, PAGE), reason=REASON)
    approve(approver)

    assert guest.get("/akun").status_code == 303


def test_ad_3_what_was_enrolled_meanwhile_is_not_forgotten(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    officer.post(person_url(account, PAGE), reason=REASON)
    with_passkey(app, account, Authenticator(credential_id=b"a new phone"))

    assert approve(approver).status_code == 422
    assert len(app.wiring.services.factors.of(account.id).passkeys) == 2


def test_a_reason_is_asked_for_and_nothing_happens_to_who_has_no_factor(
    app: Application, officer: Officer, account: Account
) -> None:
    assert officer.post(person_url(account, PAGE), reason="").status_code == 422
    other = an_account(app, number=2)
    assert officer.get(person_url(other, PAGE)).status_code == 404
    assert "Minta hapus langkah kedua" not in officer.get(person_url(other)).text
