"""Citizens in the console: found by what is exact, masked; nobody looks quietly (AD-4, AD-6)."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from adapters.sql.tables import audit_event
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import CATALOGUE, Action
from idp.domain.identity.people import masked_name
from idp.domain.identity.roles import Role
from idp.domain.protocol.subject import subject_for
from idp.services.people import PAGE
from tests.everywhere import BOTH
from tests.fakes import FixedClock
from tests.guest import PASSWORD, Guest
from tests.officer import Officer, an_officer
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in

PLAIN = (
    "3273011708909001",
    "Budi",
    "Santoso",
    "budi1@contoh.id",
    "0812 0000 0001",
    "+6281200000001",
)
REASON = "Tiket 4711: lupa email."


@pytest.fixture
def officer(app: Application) -> Officer:
    return an_officer(app, Role.SUPPORT, name="Sari Dewi")


@pytest.fixture
def approver(app: Application) -> Officer:
    return an_officer(app, Role.APPROVER, name="Joko Anwar")


@pytest.fixture
def account(app: Application) -> Account:
    return an_account(app)


def person_url(account: Account, *more: str) -> str:
    return "/".join((f"/admin/pengguna/{account.id}", *more))


def search(officer: Officer, q: str, client_id: str = "") -> TestResponse:
    return officer.post("/admin/pengguna", q=q, client_id=client_id)


def events(app: Application, *actions: Action) -> list[Any]:
    statement = sa.select(audit_event).order_by(audit_event.c.id)
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        found = list(connection.execute(statement))
    return [row for row in found if not actions or row.action in actions]


def status_of(app: Application, account: Account) -> AccountStatus:
    with app.wiring.services.store.read() as tx:
        found = tx.accounts.find(account.id)
    assert found is not None
    return found.status


def activity_of(app: Application, account: Account) -> str:
    guest = Guest(app)
    sign_in(app, guest.browser, account, BOTH)
    return str(guest.get("/akun/aktivitas").text)


def approve(approver: Officer, decision: str = "approve") -> TestResponse:
    """Decide on the one request that waits."""
    [there] = set(
        re.findall(r"/admin/persetujuan/[0-9a-f-]{36}", approver.get("/admin/persetujuan").text)
    )
    page = approver.get(there)
    return approver.browser.post(
        f"{there}/putusan",
        data={**form_fields(page), "decision": decision, "reason": "Sudah diperiksa."},
        headers=same_origin(),
    )


# Search -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["3273011708909001", "3273.0117.0890.9001", "0812 0000 0001", "+6281200000001",
     "budi1@contoh.id", "BUDI1@contoh.id", " budi1@contoh.id "],
)  # fmt: skip
def test_an_account_is_found_by_exact_nik_phone_or_email_and_shown_masked(
    officer: Officer, account: Account, typed: str
) -> None:
    answer = search(officer, typed)
    result = answer.text.partition("Hasil")[2]

    assert answer.status_code == 200
    assert f"/admin/pengguna/{account.id}" in result
    assert "3273••••••••••01" in result
    for plain in PLAIN:
        assert plain not in result


def test_an_account_is_found_by_its_own_sub_and_by_a_portals_pairwise_sub(
    app: Application, officer: Officer, account: Account
) -> None:
    portal = a_portal(app, app.test_client(), subject_type="pairwise")
    public = a_portal(app, app.test_client(), subject_type="public")
    key = app.wiring.services.vault.pairwise_key()
    sub = subject_for(portal.client, account.subject, key)

    assert str(account.id) in search(officer, account.subject).text
    assert sub != account.subject
    assert str(account.id) in search(officer, sub, portal.client_id).text
    assert str(account.id) in search(officer, account.subject, public.client_id).text
    assert str(account.id) not in search(officer, sub).text
    assert search(officer, sub, "tidak-ada").status_code == 422


@pytest.mark.parametrize(
    "typed", ["", "Budi Santoso", "budi", "327301", "0812", "%", "' OR 1=1 --"]
)
def test_nothing_is_found_by_a_name_or_a_part(
    officer: Officer, account: Account, typed: str
) -> None:
    answer = search(officer, typed)

    assert answer.status_code == 422
    assert str(account.id) not in answer.text


def test_what_is_searched_stands_in_no_address_and_not_in_the_audit(
    app: Application, officer: Officer, account: Account
) -> None:
    page = officer.get("/admin/pengguna?q=3273011708909001")
    search(officer, "3273011708909001")
    search(officer, "3273011708909009")

    assert 'method="post"' in page.text
    assert str(account.id) not in page.text
    found, missed = events(app, Action.PERSON_SEARCHED)
    assert (found.account_id, found.details) == (account.id, {"by": "nik", "found": True})
    assert (missed.account_id, missed.details) == (None, {"by": "nik", "found": False})
    assert found.actor_id == officer.admin.id


def test_nobody_may_try_numbers_one_after_another(app: Application, officer: Officer) -> None:
    for number in range(200):
        search(officer, f"327301170890{number:04d}"[:15] + "1")
        if number == 100:
            officer.let_time_pass()
    assert search(officer, "3273011708909001").status_code == 429


# The page -----------------------------------------------------------------------------------------


def test_the_page_shows_state_and_trail_and_nothing_personal(
    app: Application, officer: Officer, account: Account
) -> None:
    guest = Guest(app)
    guest.enter("budi1@contoh.id")
    portal = Portal(*_connected(app, guest))
    portal.tokens()
    page = officer.get(person_url(account)).text

    for shown in ("Aktif", "3273••••••••••01", "Dukcapil", "Sesi aktif: 1", "Portal terhubung: 1"):
        assert shown in page
    for words in ("<p>Masuk</p>", "login.succeeded", "· Warga"):
        assert words in page
    for plain in PLAIN:
        assert plain not in page
    for secret in ("$argon2", account.subject):
        assert secret not in page


def _connected(app: Application, guest: Guest) -> tuple[Any, ...]:
    portal = a_portal(app, guest.browser)
    return portal.app, portal.browser, portal.client, portal.secret


def test_nobody_opens_a_page_quietly(app: Application, officer: Officer, account: Account) -> None:
    officer.get(person_url(account))
    officer.get(person_url(account, "riwayat"))

    [opened] = events(app, Action.PERSON_OPENED)
    assert (opened.account_id, opened.actor, opened.actor_id) == (
        account.id, "admin", officer.admin.id,
    )  # fmt: skip
    told = activity_of(app, account)
    assert "Petugas membuka halaman akun Anda" in told
    assert "198.51.100" not in told
    assert "Sari" not in told


def test_the_same_look_is_told_once_and_a_later_or_anothers_one_again(
    app: Application, officer: Officer, account: Account, clock: FixedClock
) -> None:
    for _ in range(3):
        officer.get(person_url(account))
    an_officer(app, Role.SUPPORT).get(person_url(account))
    clock.move(601)
    officer.get(person_url(account))

    assert len(events(app, Action.PERSON_OPENED)) == 3


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SUPPORT])
def test_ad_2_nobody_but_support_sees_a_citizen(
    app: Application, account: Account, role: Role
) -> None:
    other = an_officer(app, role)

    for path in ("", "/lihat", "/riwayat", "/kunci", "/pemulihan", "/buka-kunci"):
        assert other.get(person_url(account) + path).status_code == 403
    assert events(app, Action.PERSON_OPENED) == []


def test_the_timeline_goes_on_page_by_page_to_the_first_event(
    app: Application, officer: Officer, account: Account
) -> None:
    guest = Guest(app)
    for _ in range(4):
        guest.log_in("budi1@contoh.id", "bukan kata sandinya")
    services = app.wiring.services
    for number in range(PAGE + 3):
        services.people.end_sessions(account.id, f"Uji {number}", officer.actor)
    seen: list[str] = []
    there = person_url(account, "riwayat")
    while there:
        page = officer.get(there).text
        seen += re.findall(r'<p class="muted small mono">(\w+\.[\w.]+)</p>', page)
        following = re.search(r'class="btn quiet sm" href="([^"]+sebelum=[^"]+)"', page)
        there = following[1].replace("&amp;", "&") if following else ""

    kept = [row.action for row in events(app) if row.account_id == account.id]
    assert seen == kept[::-1]
    assert len(seen) > PAGE
    assert officer.get(person_url(account, "riwayat") + "?sebelum=AAAA").status_code == 303


# Personal data ------------------------------------------------------------------------------------


def test_ad_6_personal_data_need_a_reason_and_are_shown_once(
    app: Application, officer: Officer, account: Account
) -> None:
    url = person_url(account, "lihat")
    without = officer.post(url, reason=" ")
    page = officer.post(url, reason=REASON)

    assert without.status_code == 422
    for plain in ("3273011708909001", "Budi Santoso", "budi1@contoh.id"):
        assert plain not in without.text
        assert plain in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "3273011708909001" not in officer.get(person_url(account)).text
    [look] = events(app, Action.PERSON_UNMASKED)
    assert (look.account_id, look.actor_id) == (account.id, officer.admin.id)
    assert look.details == {"reason": REASON}
    assert "Petugas melihat data pribadi Anda" in activity_of(app, account)


def test_a_reason_with_a_nik_in_it_is_refused(
    app: Application, officer: Officer, account: Account
) -> None:
    answer = officer.post(person_url(account, "lihat"), reason="Warga 3273011708909001 lupa.")

    assert answer.status_code == 422
    assert events(app, Action.PERSON_UNMASKED) == []


def test_ad_6_twenty_a_day_then_an_approver(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    url = person_url(account, "lihat")
    for _ in range(20):
        assert "3273011708909001" in officer.post(url, reason=REASON).text
    over = officer.post(url, reason=REASON)
    asked = officer.post(url, reason=REASON, ask="approver")
    early = officer.post(url, reason=REASON)
    decided = approve(approver)
    looked = officer.post(url, reason=REASON)
    again = officer.post(url, reason=REASON)

    assert (over.status_code, early.status_code, again.status_code) == (429, 429, 429)
    assert (asked.status_code, decided.status_code) == (303, 303)
    assert "3273011708909001" not in over.text + early.text + again.text
    assert "3273011708909001" in looked.text
    assert len(events(app, Action.PERSON_UNMASKED)) == 21
    [allowed] = events(app, Action.PERSON_LOOK_ALLOWED)
    assert allowed.details == {"approved_by": approver.actor.name}


def test_ad_6_an_approved_look_is_of_one_officer_at_one_account(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    other = an_account(app, number=2)
    for _ in range(20):
        officer.post(person_url(account, "lihat"), reason=REASON)
    officer.post(person_url(account, "lihat"), reason=REASON, ask="approver")
    approve(approver)

    assert officer.post(person_url(other, "lihat"), reason=REASON).status_code == 429


def test_ad_6_the_day_is_over_and_another_begins(
    officer: Officer, account: Account, app: Application, clock: FixedClock
) -> None:
    people = app.wiring.services.people
    for _ in range(20):
        officer.post(person_url(account, "lihat"), reason=REASON)
    clock.move(86401)

    assert people.open(account.id, officer.actor).looks_left == 20


def test_a_dangerous_page_asks_for_a_fresh_factor(
    officer: Officer, account: Account, clock: FixedClock
) -> None:
    clock.move(301)

    for path in ("lihat", "kunci", "akhiri-sesi", "pemulihan"):
        answer = officer.get(person_url(account, path))
        assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (
            303, "/admin/konfirmasi",
        )  # fmt: skip


# Lock, unlock, sessions, recovery -----------------------------------------------------------------


def test_a_locked_account_signs_in_no_more_and_its_tokens_end(
    app: Application, officer: Officer, account: Account
) -> None:
    guest = Guest(app)
    guest.enter("budi1@contoh.id")
    portal = Portal(*_connected(app, guest))
    tokens = portal.tokens(scope="openid offline_access")
    answer = officer.post(person_url(account, "kunci"), reason=REASON)

    assert answer.status_code == 303
    assert status_of(app, account) is AccountStatus.LOCKED
    assert guest.get("/akun").status_code == 303
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.refresh(tokens["refresh_token"]).status_code == 400
    assert Guest(app).log_in("budi1@contoh.id").status_code == 422
    [locked] = events(app, Action.ACCOUNT_LOCKED)
    assert (locked.details, locked.actor_id) == ({"reason": REASON}, officer.admin.id)
    [ended] = events(app, Action.SESSION_ENDED)
    assert (ended.actor, ended.actor_id) == ("admin", officer.admin.id)


def test_ad_3_a_lock_is_lifted_by_a_second_person_alone(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    Guest(app).enter("budi1@contoh.id")
    page = officer.get(person_url(account, "kunci"))
    assert "Sesi aktif: 1 · Portal terhubung: 0" in page.text
    officer.post(person_url(account, "kunci"), page, reason=REASON)
    page = officer.get(person_url(account, "buka-kunci"))
    assert "Sesi aktif: 0 · Portal terhubung: 0" in page.text
    asked = officer.post(person_url(account, "buka-kunci"), page, reason=REASON)
    still = status_of(app, account)
    own = an_officer(app, Role.SUPPORT, Role.APPROVER)
    approve(approver)

    assert asked.status_code == 303
    assert still is AccountStatus.LOCKED
    assert status_of(app, account) is AccountStatus.ACTIVE
    assert own.get(person_url(account, "buka-kunci")).status_code == 404
    [unlocked] = events(app, Action.ACCOUNT_UNLOCKED)
    assert unlocked.details == {"approved_by": approver.actor.name}
    assert unlocked.actor_id == officer.admin.id
    assert "Petugas membuka kunci akun Anda" in activity_of(app, account)
    assert Guest(app).log_in("budi1@contoh.id").status_code == 303


def test_the_citizen_is_told_by_letter_of_a_lock_and_of_its_end(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    officer.post(person_url(account, "kunci"), reason=REASON)
    officer.post(person_url(account, "buka-kunci"), reason=REASON)
    before = Guest(app).messages()
    approve(approver)
    after = Guest(app).messages()

    for told, kind in ((before, "account_locked"), (after, "account_unlocked")):
        [message] = told
        assert (message["carrier"], message["kind"]) == ("mail", kind)
        assert message["to"] == "budi1@contoh.id"
        assert set(message["values"]) == {"at"}


def test_whose_address_nobody_proved_is_told_of_a_lock_by_short_message_too(
    app: Application, officer: Officer
) -> None:
    account = an_account(app, number=3, email_verified=False)
    officer.post(person_url(account, "kunci"), reason=REASON)

    told = [(one["carrier"], one["kind"]) for one in Guest(app).messages()]
    assert sorted(told) == [("mail", "account_locked"), ("sms", "account_locked")]


def test_a_lock_that_is_refused_tells_nobody(
    app: Application, officer: Officer, account: Account
) -> None:
    officer.post(person_url(account, "kunci"), reason=REASON)
    Guest(app).messages()

    with pytest.raises(Refused, match=r"people\.status"):
        app.wiring.services.people.lock(account.id, REASON, officer.actor)
    assert Guest(app).messages() == []


def test_ad_3_what_changed_meanwhile_is_not_unlocked(
    app: Application, officer: Officer, approver: Officer, account: Account
) -> None:
    officer.post(person_url(account, "kunci"), reason=REASON)
    officer.post(person_url(account, "buka-kunci"), reason=REASON)
    store = app.wiring.services.store
    with store.write() as tx:
        found = tx.accounts.find(account.id)
        assert found is not None
        tx.accounts.update(found)
        tx.audit.record(_any_event(app, account))

    assert approve(approver).status_code == 422
    assert status_of(app, account) is AccountStatus.LOCKED


def _any_event(app: Application, account: Account) -> Any:
    from tests.events import an_event

    return an_event(Action.EMAIL_CHANGED, app.wiring.services.clock.now(), account_id=account.id)


def test_sessions_are_ended_and_the_citizen_signs_in_again(
    app: Application, officer: Officer, account: Account
) -> None:
    guest = Guest(app)
    guest.enter("budi1@contoh.id")
    officer.post(person_url(account, "akhiri-sesi"), reason=REASON)

    assert guest.get("/akun").status_code == 303
    [ended] = events(app, Action.PERSON_SIGNED_OUT)
    assert ended.details == {"reason": REASON, "sessions": 1}
    assert Guest(app).log_in("budi1@contoh.id").status_code == 303


def test_ot_7_no_recovery_is_sent_to_an_address_that_recovers_nothing_yet(
    app: Application, officer: Officer, account: Account
) -> None:
    services = app.wiring.services
    with services.store.write() as tx:
        later = services.clock.now() + 1
        tx.accounts.update(replace(account, email_recovers_at=later, phone_recovers_at=later))

    answer = officer.post(person_url(account, "pemulihan"), reason=REASON)

    assert answer.status_code == 422
    assert "belum dapat memulihkan akun" in answer.text
    assert Guest(app).kinds() == []


def test_ad_4_a_recovery_goes_to_the_citizen_and_nothing_of_it_to_the_officer(
    app: Application, officer: Officer, account: Account
) -> None:
    guest = Guest(app)
    answer = officer.post(person_url(account, "pemulihan"), reason=REASON)
    page = officer.get(answer.headers["Location"])
    secret = guest.secret("recovery_link")

    assert answer.status_code == 303
    for seen in (answer.text, page.text, answer.headers["Location"], repr(events(app))):
        assert secret not in seen
    assert Guest(app).log_in("budi1@contoh.id", PASSWORD).status_code == 303
    assert "Petugas membantu Anda mengatur ulang kata sandi" in activity_of(app, account)


def test_ad_4_a_proved_phone_alone_hears_where_to_recover_and_gets_no_code(
    app: Application, officer: Officer
) -> None:
    account = an_account(app, number=3, email_verified=False)
    guest = Guest(app)

    assert officer.post(person_url(account, "pemulihan"), reason=REASON).status_code == 303

    [notice] = guest.messages()
    assert (notice["carrier"], notice["kind"]) == ("sms", "recovery_helped")
    assert (notice["to"], notice["values"]) == ("+6281200000003", {})
    [helped] = events(app, Action.PERSON_HELPED)
    assert helped.details == {"reason": REASON, "channel": "sms"}
    # the citizen's own browser asks for the code, and sets the password
    guest.post("/kendala/kata-sandi", identifier="0812 0000 0003")
    assert guest.code()
    assert Guest(app).log_in("budi3@contoh.id", PASSWORD).status_code == 303


def test_ad_4_no_recovery_without_a_proved_contact(app: Application, officer: Officer) -> None:
    account = an_account(app, number=3, email_verified=False, phone_number_verified=False)

    answer = officer.post(person_url(account, "pemulihan"), reason=REASON)

    assert answer.status_code == 422
    assert "tidak memiliki email atau nomor handphone yang terbukti" in answer.text
    assert Guest(app).kinds() == []


def test_a_phone_is_told_where_to_recover_three_times_a_day(
    app: Application, officer: Officer
) -> None:
    account = an_account(app, number=3, email_verified=False)
    url = person_url(account, "pemulihan")
    for _ in range(3):
        assert officer.post(url, reason=REASON).status_code == 303

    assert officer.post(url, reason=REASON).status_code == 422
    assert len(Guest(app).messages()) == 3


def test_ad_4_no_route_of_the_console_sets_a_credential_or_acts_as_a_citizen(
    app: Application, officer: Officer, account: Account
) -> None:
    page = officer.get(person_url(account))

    assert not [
        c for c in page.headers.getlist("Set-Cookie") if c.startswith(("sid", "__Host-sid"))
    ]
    for word in ("password", "code", "seed", "secret"):
        assert f'name="{word}"' not in page.text
    assert officer.browser.get("/akun").status_code == 303


# Support codes ------------------------------------------------------------------------------------


def test_a_support_code_leads_to_the_timeline_and_the_account(
    app: Application, officer: Officer, account: Account
) -> None:
    refused = Guest(app).log_in("budi1@contoh.id", "bukan kata sandinya")
    [code] = re.findall(r"\b[A-Z\d]{4}-[A-Z\d]{4}\b", refused.text)

    page = search(officer, code)

    assert page.status_code == 200
    for shown in (
        "login.failed",
        "citizen.login",
        str(account.id),
        refused.headers["X-Request-Id"],
    ):
        assert shown in page.text
    for plain in PLAIN:
        assert plain not in page.text
    assert search(officer, "BCDF-GHJK").status_code == 404


# Words, languages, load ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/admin/pengguna", "", "/lihat", "/riwayat", "/kunci", "/pemulihan"]
)
def test_every_page_is_there_in_english(app: Application, account: Account, path: str) -> None:
    officer = an_officer(app, Role.SUPPORT, language="en")
    page = officer.get(path if path.startswith("/admin") else person_url(account) + path)

    assert page.status_code == 200
    assert '<html lang="en">' in page.text
    for word in ("Pengguna", "Alasan", "Kunci akun", "Jejak"):
        assert f">{word}" not in page.text


def test_names_are_masked_word_by_word() -> None:
    assert masked_name("Budi Santoso") == "B••• S••••••"
    assert masked_name("A") == "A"
    assert masked_name("") == ""


def test_what_officers_do_to_an_account_is_seen_by_its_owner() -> None:
    for action in Action:
        if action.startswith("person.") and action not in {
            Action.PERSON_SEARCHED, Action.PERSON_LOOK_ALLOWED,
        }:  # fmt: skip
            assert CATALOGUE[action].is_visible, action


_FILL = """
INSERT INTO audit_event
  (id, at, action, outcome, actor, account_id, network, request_id, device, details, mac)
SELECT gen_random_uuid(), 1000000 + n, 'login.failed', 'refused', 'citizen',
  CASE WHEN n % 50 = 0 THEN CAST(:who AS uuid) ELSE gen_random_uuid() END,
  '', '', '', '{"is_known": false}', decode(repeat('00', 32), 'hex')
FROM generate_series(1, :most) AS n;
INSERT INTO account
  (id, subject, status, ial, nik_index, phone_index, email_index, person_sealed,
   locale, created_at, updated_at, version)
SELECT gen_random_uuid(), left(md5(n::text), 22), 'active', 1, sha256(('n' || n)::bytea),
  sha256(('p' || n)::bytea), sha256(('e' || n)::bytea), '', 'id', 1, 1, 1
FROM generate_series(1, :most) AS n;
INSERT INTO failure
  (id, code, at, process, side, endpoint, status, cause, detail, request_id, trail)
SELECT gen_random_uuid(), upper(left(md5(n::text), 8)), n, 'p', 'page', 'e', 404, 'c', '', 'r',
  sha256(n::text::bytea)
FROM generate_series(1, :most) AS n;
INSERT INTO login_session
  (digest, sid, account_id, aal, amr, auth_time, created_at, seen_at, expires_at, device, network)
SELECT sha256(subject::bytea), left(md5(subject), 22), id, 1, '[]', 1, 1, 1, 2000000000, '', ''
FROM account;
INSERT INTO client_grant
  (id, account_id, client_id, scope, resources, claims, details, aal, amr, auth_time, is_offline,
   created_at, expires_at)
SELECT gen_random_uuid(), id, 'portal', 'openid', '[]', '{}', '[]', 1, '[]', 1, false, 1, 2000000000
FROM account;
"""
MANY = 60_000
LARGE = {"account", "audit_event", "failure", "login_session", "client_grant"}


def test_no_list_of_people_reads_a_large_table_from_end_to_end(
    app: Application, officer: Officer, account: Account, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--database") != "postgresql":
        pytest.skip("plans are those of PostgreSQL")
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    with engine.begin() as connection:
        for statement in _FILL.split(";")[:-1]:
            connection.execute(
                sa.text(statement.replace("::", "\\:\\:")), {"who": account.id, "most": MANY}
            )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
    plans: list[tuple[str, str]] = []

    def explain(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and any(f" {name}" in statement for name in LARGE):
            told = conn.connection.cursor().execute(f"EXPLAIN {statement}", parameters).fetchall()
            plans.append((statement, "\n".join(line for (line,) in told)))

    took = []
    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        for ask in _looks(app, officer, account):
            ask()
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)
    for ask in _looks(app, officer, account) * 5:
        began = time.perf_counter()
        assert ask().status_code in {200, 404}
        took.append(time.perf_counter() - began)

    assert len(plans) > 8
    for statement, plan in plans:
        for name in LARGE:
            assert not re.search(rf"Seq Scan on {name}\b", plan), (statement, plan)
    # far below the bound of a quiet machine: this one may be busy
    assert sorted(took)[int(len(took) * 0.95)] < 0.6


def _looks(
    app: Application, officer: Officer, account: Account
) -> list[Callable[[], TestResponse]]:
    timeline = person_url(account, "riwayat")
    following = re.search(
        r'class="btn quiet sm" href="([^"]+sebelum=[^"]+)"', officer.get(timeline).text
    )
    assert following is not None
    return [
        *(
            lambda q=q: search(officer, q)  # type: ignore[misc]
            for q in (
                "3273011708909001",
                "081200000001",
                "budi1@contoh.id",
                account.subject,
                "BCDF-GHJK",
            )
        ),
        lambda: officer.get(person_url(account)),
        lambda: officer.get(timeline),
        lambda: officer.get(following[1].replace("&amp;", "&")),
    ]
