"""Signing in to the console: a link, a password, always a second factor (AD-1, AU-15, SE-3)."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.sql.tables import audit_event
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.admin import INVITATION_SECONDS, AdminStatus
from idp.domain.identity.audit import OPERATOR, Action, Origin
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor
from idp.services.admin_login import Joining
from idp.services.admin_sessions import AdminEntered
from idp.services.totp import STEP_SECONDS, code_at
from tests.fakes import FixedClock
from tests.officer import PASSWORD, Officer, a_half_signed_in, an_admin, an_officer
from tests.operator_console import Operator
from tests.portal import form_fields, same_origin
from tests.racing import at_once

EMAIL = "rina@kemnaker.example"


def invite(app: Application, email: str = EMAIL, *roles: Role) -> str:
    services = app.wiring.services
    invited = services.admins.invite(email, roles or (Role.REGISTRAR,), OPERATOR)
    return f"/admin/undangan/{invited.secret}"


def seed_on(page: TestResponse) -> bytes:
    import base64

    found = re.search(r'id="seed">([A-Z2-7 ]+)<', page.text)
    assert found is not None
    return base64.b32decode(found[1].replace(" ", ""))


def post(browser: FlaskClient, url: str, page: TestResponse, **fields: Any) -> TestResponse:
    return browser.post(url, data={**form_fields(page), **fields}, headers=same_origin())


def join(app: Application, url: str, **changed: Any) -> tuple[FlaskClient, bytes, TestResponse]:
    """Open a link and send its form, in a browser of its own."""
    browser = app.test_client()
    page = browser.get(url)
    seed = seed_on(page)
    fields = {
        "full_name": "Rina Wulandari",
        "password": PASSWORD,
        "code": code_at(seed, app.wiring.services.clock.now()),
        **changed,
    }
    return browser, seed, post(browser, url, page, **fields)


def log_in(
    app: Application, browser: FlaskClient, email: str = EMAIL, password: str = PASSWORD
) -> TestResponse:
    page = browser.get("/admin/masuk")
    return post(browser, "/admin/masuk", page, email=email, password=password)


def actions(app: Application) -> list[tuple[str, str]]:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        query = sa.select(audit_event.c.action, audit_event.c.actor).order_by(audit_event.c.id)
        return [tuple(row) for row in connection.execute(query)]


def status_of(app: Application, email: str = EMAIL) -> AdminStatus:
    return app.wiring.services.admins.get_by_email(email).status


def hash_of(app: Application) -> str:
    return str(app.wiring.services.admins.get_by_email(EMAIL).password_hash)


def test_au_3_an_admins_password_is_hashed_anew_when_the_parameters_rise(
    make_app: Callable[..., Application],
) -> None:
    join(make_app(), invite(make_app()))
    strong = make_app(SIAPKERJA_PASSWORD_MEMORY_KIB="128")
    before = hash_of(strong)

    assert log_in(strong, strong.test_client(), password="bukan ini sandinya").status_code == 422
    assert hash_of(strong) == before
    assert log_in(strong, strong.test_client()).status_code == 303
    assert hash_of(strong).startswith("$argon2id$v=19$m=128,t=1,p=1$")
    assert log_in(strong, strong.test_client()).status_code == 303


# The link -----------------------------------------------------------------------------------------


def test_a_link_lets_somebody_set_everything_and_be_in(app: Application) -> None:
    browser, _, answer = join(app, invite(app))

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin?pesan=bergabung")
    page = browser.get("/admin?pesan=bergabung")
    assert page.status_code == 200
    assert "Rina Wulandari" in page.text
    assert "Admin klien" in page.text
    assert "Akun admin Anda siap dipakai." in page.text
    assert status_of(app) is AdminStatus.ACTIVE
    assert actions(app) == [
        ("admin.invited", "operator"),
        ("admin.joined", "admin"),
        ("admin.signed_in", "admin"),
    ]


def test_the_link_says_for_whom_it_is_and_shows_a_code_to_scan(app: Application) -> None:
    page = app.test_client().get(invite(app, EMAIL, Role.AUDITOR, Role.APPROVER))

    assert EMAIL in page.text
    assert "Auditor, Penyetuju" in page.text
    assert '<svg class="qr" role="img"' in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_opening_a_link_spends_nothing_and_using_it_does(app: Application) -> None:
    url = invite(app)
    for _ in range(3):
        assert app.test_client().get(url).status_code == 200
    join(app, url)

    again = app.test_client().get(url)
    assert again.status_code == 410
    assert "Tautan tidak berlaku" in again.text


@pytest.mark.parametrize("late", [INVITATION_SECONDS, INVITATION_SECONDS + 86400])
def test_au_15_a_link_is_good_for_thirty_minutes(
    app: Application, clock: FixedClock, late: int
) -> None:
    url = invite(app)
    clock.move(INVITATION_SECONDS - 1)
    assert app.test_client().get(url).status_code == 200
    clock.move(late - INVITATION_SECONDS + 1)

    assert app.test_client().get(url).status_code == 410


def test_a_second_invitation_ends_the_first_and_changes_the_roles(app: Application) -> None:
    first = invite(app, EMAIL, Role.READER)
    second = invite(app, EMAIL.upper(), Role.AUDITOR)

    assert app.test_client().get(first).status_code == 410
    assert "Auditor" in app.test_client().get(second).text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"password": "pendek sekali"}, "password"),
        ({"password": "a" * 257}, "password"),
        ({"password": "rina wulandari rina"}, "password"),
        ({"password": "kemnaker siapkerja"}, "password"),
        ({"code": "000000"}, "code"),
        ({"code": ""}, "code"),
        ({"full_name": "  "}, "full_name"),
        ({"full_name": "R" * 81}, "full_name"),
        ({"full_name": "Rina\x00"}, "full_name"),
    ],
)
def test_au_1_what_is_wrong_is_named_at_its_field_and_nothing_is_kept(
    app: Application, changed: dict[str, str], field: str
) -> None:
    url = invite(app)
    _, _, answer = join(app, url, **changed)

    assert answer.status_code == 422
    assert f'id="{field}-e"' in answer.text
    assert status_of(app) is AdminStatus.INVITED
    assert PASSWORD not in answer.text
    _, _, mended = join(app, url)
    assert mended.status_code == 303


def test_guessing_the_code_of_a_link_is_slowed(app: Application) -> None:
    url = invite(app)
    statuses = [join(app, url, code="000000")[2].status_code for _ in range(7)]

    assert statuses == [422] * 5 + [429] * 2


# Password, then a second factor -------------------------------------------------------------------


@pytest.fixture
def joined(app: Application, clock: FixedClock) -> bytes:
    """Somebody who has joined; the seed of their app, whose last code is spent."""
    _, seed, _ = join(app, invite(app))
    clock.move(STEP_SECONDS)
    return seed


def test_ad_1_password_and_code_open_the_console(
    app: Application, joined: bytes, clock: FixedClock
) -> None:
    browser = app.test_client()
    answer = log_in(app, browser)
    assert answer.headers["Location"] == "/admin/masuk/kode"
    half = browser.get_cookie("asid").value
    assert browser.get("/admin").headers["Location"] == "/admin/masuk/kode"

    page = browser.get("/admin/masuk/kode")
    done = post(browser, "/admin/masuk/kode", page, code=code_at(joined, clock.now()))

    assert (done.status_code, done.headers["Location"]) == (303, "/admin")
    assert browser.get("/admin").status_code == 200
    # SE-2: another cookie than before the factor, and the old one is dead
    assert browser.get_cookie("asid").value != half
    other = app.test_client()
    other.set_cookie("asid", half)
    assert other.get("/admin").status_code == 303


def test_se_1_the_cookie_of_the_console_is_its_own_and_strictly_ours(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_ISSUER="https://akun.contoh.go.id")
    base = "https://akun.contoh.go.id"
    url = invite(app)
    browser = app.test_client()
    page = browser.get(url, base_url=base)
    answer = browser.post(
        url,
        base_url=base,
        data={
            **form_fields(page),
            "full_name": "Rina",
            "password": PASSWORD,
            "code": code_at(seed_on(page), app.wiring.services.clock.now()),
        },
        headers={"Origin": base, "Sec-Fetch-Site": "same-origin"},
    )
    cookies = {c.partition("=")[0]: c for c in answer.headers.getlist("Set-Cookie")}

    assert set(cookies) == {"__Host-asid", "__Host-flow"}
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookies["__Host-asid"]


@pytest.mark.parametrize("bad", ["000000", "12345", "abcdef", ""])
def test_a_wrong_code_opens_nothing(app: Application, joined: bytes, bad: str) -> None:
    browser = app.test_client()
    log_in(app, browser)
    answer = post(browser, "/admin/masuk/kode", browser.get("/admin/masuk/kode"), code=bad)

    assert answer.status_code == 422
    assert browser.get("/admin").headers["Location"] == "/admin/masuk/kode"


def test_au_9_a_code_counts_once_and_for_a_step_on_either_side(
    app: Application, joined: bytes, clock: FixedClock
) -> None:
    clock.move(10 * STEP_SECONDS)
    now = clock.now()

    def enter(code: str) -> int:
        browser = app.test_client()
        log_in(app, browser)
        page = browser.get("/admin/masuk/kode")
        return post(browser, "/admin/masuk/kode", page, code=code).status_code

    assert enter(code_at(joined, now - 2 * STEP_SECONDS)) == 422
    assert enter(code_at(joined, now + 2 * STEP_SECONDS)) == 422
    assert enter(code_at(joined, now)) == 303
    assert enter(code_at(joined, now)) == 422
    # what is older than a code that was spent is spent too
    assert enter(code_at(joined, now - STEP_SECONDS)) == 422
    assert enter(code_at(joined, now + STEP_SECONDS)) == 303


def test_au_9_five_wrong_codes_stop_further_ones_for_a_while(
    app: Application, joined: bytes, clock: FixedClock
) -> None:
    browser = app.test_client()
    log_in(app, browser)
    page = browser.get("/admin/masuk/kode")
    wrong = [
        post(browser, "/admin/masuk/kode", page, code=f"00000{n}").status_code for n in range(6)
    ]
    right = post(browser, "/admin/masuk/kode", page, code=code_at(joined, clock.now()))
    clock.move(901)
    log_in(app, browser)
    later = post(
        browser,
        "/admin/masuk/kode",
        browser.get("/admin/masuk/kode"),
        code=code_at(joined, clock.now()),
    )

    assert wrong == [422] * 5 + [429]
    assert right.status_code == 429
    assert int(right.headers["Retry-After"]) > 0
    assert later.status_code == 303


NEITHER = [("tidak-ada@kemnaker.example", PASSWORD), (EMAIL, "bukan kata sandinya"), ("x", "y")]


@pytest.mark.parametrize(("email", "password"), NEITHER)
def test_au_5_every_failure_reads_the_same_and_takes_its_time(
    app: Application, joined: bytes, clock: FixedClock, email: str, password: str
) -> None:
    slept = clock.slept
    answer = log_in(app, app.test_client(), email, password)

    assert answer.status_code == 422
    assert html.unescape(answer.text).count("Email atau kata sandi tidak sesuai") == 2
    assert clock.slept - slept == pytest.approx(0.4)
    assert "asid" not in " ".join(answer.headers.getlist("Set-Cookie"))


def test_section_8_five_tries_for_an_account_and_twenty_for_an_address(
    app: Application, joined: bytes
) -> None:
    def wrong(email: str, address: str) -> int:
        browser = app.test_client()
        browser.environ_base["REMOTE_ADDR"] = address
        return log_in(app, browser, email, "bukan kata sandinya").status_code

    of_account = [wrong(EMAIL.upper() if n % 2 else EMAIL, f"203.0.113.{n}") for n in range(6)]
    of_address = [wrong(f"a{n}@kemnaker.example", "203.0.113.200") for n in range(21)]

    assert of_account == [422] * 5 + [429]
    assert of_address == [422] * 20 + [429]
    assert log_in(app, app.test_client()).status_code == 429


def test_right_passwords_never_use_up_the_tries(app: Application, joined: bytes) -> None:
    assert {log_in(app, app.test_client()).status_code for _ in range(8)} == {303}


def test_failures_are_told_to_the_audit(app: Application, joined: bytes) -> None:
    log_in(app, app.test_client(), EMAIL, "bukan kata sandinya")
    browser = app.test_client()
    log_in(app, browser)
    post(browser, "/admin/masuk/kode", browser.get("/admin/masuk/kode"), code="000000")

    assert [a for a, _ in actions(app)].count(Action.ADMIN_SIGN_IN_FAILED) == 2


def test_au_9_one_code_twenty_times_at_once_opens_once(
    app: Application, joined: bytes, clock: FixedClock
) -> None:
    services = app.wiring.services
    admin = services.admins.get_by_email(EMAIL)
    visitor = Visitor(bytes(32), "127.0.0.1", Origin())
    with services.store.write() as tx:
        halves = [services.admin_sessions.begin_half(admin, visitor, tx=tx) for _ in range(20)]
    code = code_at(joined, clock.now())

    def enter(half: AdminEntered) -> str:
        try:
            services.admin_login.enter_code(half.here, code, visitor)
        except Refused as refusal:
            return refusal.code
        return "in"

    outcomes = at_once([lambda half=half: enter(half) for half in halves])

    assert outcomes.count("in") == 1
    assert set(outcomes) <= {"in", "app.code", "admin.throttled"}


def test_a_link_used_twenty_times_at_once_lets_one_in(app: Application, clock: FixedClock) -> None:
    services = app.wiring.services
    secret = invite(app).rpartition("/")[2]
    code = code_at(services.admin_login.open_invitation(secret).seed, clock.now())
    visitor = Visitor(bytes(32), "127.0.0.1", Origin())

    def come() -> str:
        try:
            services.admin_login.join(secret, Joining("Rina", PASSWORD, code), visitor)
        except Refused as refusal:
            return refusal.code
        return "in"

    outcomes = at_once([come] * 20)

    assert outcomes.count("in") == 1
    assert set(outcomes) <= {"in", "admin.link", "admin.throttled"}


# How long it lasts --------------------------------------------------------------------------------


def test_se_3_a_session_ends_after_fifteen_idle_minutes(
    app: Application, clock: FixedClock
) -> None:
    officer = an_officer(app, Role.READER)
    for _ in range(4):
        clock.move(899)
        assert officer.get("/admin").status_code == 200
    clock.move(901)

    assert officer.get("/admin").headers["Location"] == "/admin/masuk"


def test_se_3_a_session_ends_after_eight_hours(app: Application, clock: FixedClock) -> None:
    officer = an_officer(app, Role.READER)
    for _ in range(8 * 4):
        clock.move(899)
        assert officer.get("/admin").status_code == 200
    clock.move(600)

    assert officer.get("/admin").status_code == 303


def test_the_second_factor_must_follow_within_ten_minutes(
    app: Application, clock: FixedClock
) -> None:
    half = a_half_signed_in(app, Role.READER)
    clock.move(599)
    assert half.get("/admin/masuk/kode").status_code == 200
    clock.move(1)

    assert half.get("/admin/masuk/kode").headers["Location"] == "/admin/masuk"


def test_signing_out_ends_the_session_on_the_server(app: Application) -> None:
    officer = an_officer(app, Role.READER)
    cookie = officer.browser.get_cookie("asid").value
    answer = officer.post("/admin/keluar")
    thief = app.test_client()
    thief.set_cookie("asid", cookie)

    assert answer.headers["Location"] == "/admin/masuk?pesan=keluar"
    assert officer.browser.get_cookie("asid") is None
    assert thief.get("/admin").status_code == 303
    assert "Anda sudah keluar" in officer.get("/admin/masuk?pesan=keluar").text


def test_a_form_of_the_console_needs_its_own_token(app: Application) -> None:
    one, other = an_officer(app, Role.READER), an_officer(app, Role.READER)
    foreign = form_fields(other.get("/admin/keluar"))
    for fields in ({}, foreign, {"csrf_token": "x"}):
        answer = one.browser.post("/admin/keluar", data=fields, headers=same_origin())
        assert answer.status_code == 403
    elsewhere = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    fields = form_fields(one.get("/admin/keluar"))
    assert one.browser.post("/admin/keluar", data=fields, headers=elsewhere).status_code == 403
    assert one.get("/admin").status_code == 200


def test_after_signing_in_one_is_where_one_wanted_to_be(
    app: Application, clock: FixedClock, joined: bytes
) -> None:
    browser = app.test_client()
    asked = browser.get("/admin/konfirmasi")
    assert asked.headers["Location"] == "/admin/masuk?lanjut=/admin/konfirmasi"
    url = asked.headers["Location"]
    code_url = post(browser, url, browser.get(url), email=EMAIL, password=PASSWORD).headers[
        "Location"
    ]
    done = post(browser, code_url, browser.get(code_url), code=code_at(joined, clock.now()))

    assert done.headers["Location"] == "/admin/konfirmasi"


@pytest.mark.parametrize(
    "bent",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/admin//evil.example", "/akun",
     "/admin/../akun", "/admin/masuk", "/admin/tidak-ada", "/admin/%0d%0a", "javascript:alert(1)",
     "/admin/konfirmasi@evil.example", "\t//evil.example", "/admin/undangan/x"],
)  # fmt: skip
def test_rd_1_nothing_else_than_a_page_of_the_console_is_gone_to(
    app: Application, bent: str
) -> None:
    officer = an_officer(app, Role.READER)
    page = officer.get("/admin/konfirmasi")
    answer = officer.browser.post(
        "/admin/konfirmasi",
        query_string={"lanjut": bent},
        data={**form_fields(page), "code": officer.code()},
        headers=same_origin(),
    )

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin")


# Shutting out -------------------------------------------------------------------------------------


def test_a_suspended_admin_is_out_at_once_and_stays_out(app: Application, joined: bytes) -> None:
    services = app.wiring.services
    browser, other = app.test_client(), invite(app, "lain@kemnaker.example")
    log_in(app, browser)
    found = services.admins.get_by_email(EMAIL)
    services.admins.suspend(found.id, OPERATOR)
    services.admins.suspend(services.admins.get_by_email("lain@kemnaker.example").id, OPERATOR)

    assert browser.get("/admin/masuk/kode").headers["Location"] == "/admin/masuk"
    assert log_in(app, browser).status_code == 422
    assert app.test_client().get(other).status_code == 410
    services.admins.resume(found.id, OPERATOR)
    assert log_in(app, browser).status_code == 303


# The command line ---------------------------------------------------------------------------------


@pytest.fixture
def operator(database_url: str, app: Application) -> Operator:
    return Operator(database_url)


def test_the_command_prints_a_link_that_works(app: Application, operator: Operator) -> None:
    told = operator.facts("admin", "invite", EMAIL, "--role", "auditor", "--role", "key-officer")

    assert told["link"].startswith("http://localhost:8000/admin/undangan/")
    assert told["roles"] == ["key_officer", "auditor"]
    # the command's clock is the real one, years before the tests'
    assert operator.facts("admin", "list")[0]["status"] == "invited"
    assert operator.facts("admin", "suspend", EMAIL)["status"] == "suspended"
    assert operator.refusal("admin", "invite", EMAIL, "--role", "reader") == "admin.exists"
    assert operator.facts("admin", "resume", EMAIL)["status"] == "invited"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("invite", "bukan-alamat", "--role", "reader"), "email.invalid"),
        (("invite", EMAIL, "--role", "raja"), "role.unknown"),
        (("suspend", EMAIL), "admin.unknown"),
        (("reset", EMAIL), "admin.unknown"),
    ],
)
def test_the_command_says_why_not(operator: Operator, words: tuple[str, ...], code: str) -> None:
    assert operator.refusal("admin", *words) == code


def test_a_reset_ends_what_was_and_lets_everything_be_set_anew(
    app: Application, clock: FixedClock, joined: bytes
) -> None:
    services = app.wiring.services
    inside, _ = an_admin(app, Role.READER)
    browser = app.test_client()
    log_in(app, browser)
    page = browser.get("/admin/masuk/kode")
    post(browser, "/admin/masuk/kode", page, code=code_at(joined, clock.now()))
    found = services.admins.get_by_email(EMAIL)
    by = Officer(app, inside, b"").actor
    url = f"/admin/undangan/{services.admins.reset(found.id, by).secret}"

    assert browser.get("/admin").status_code == 303
    assert log_in(app, app.test_client()).status_code == 422
    assert "Atur ulang akun admin" in app.test_client().get(url).text
    clock.move(STEP_SECONDS)
    _, seed, answer = join(app, url, password="tiga kata acak yang baru")
    assert answer.status_code == 303
    assert seed != joined
    assert log_in(app, app.test_client(), password="tiga kata acak yang baru").status_code == 303
