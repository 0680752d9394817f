"""Factors of admins: passkeys, the app, recovery codes, and what protects them (AU-10, AU-11)."""

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from adapters.sql.tables import admin_passkey, admin_recovery_code, admin_totp
from idp.app import Application
from idp.domain.identity.audit import OPERATOR, Origin
from idp.domain.identity.factors import TOTP
from idp.domain.identity.roles import Role
from idp.domain.identity.visitor import Visitor
from idp.services.totp import STEP_SECONDS, code_at
from tests.authenticator import Authenticator, challenge_in
from tests.fakes import FixedClock
from tests.officer import PASSWORD, Officer, an_admin, an_officer, sign_in_admin
from tests.portal import form_fields, same_origin

CODE_PAGE = "/admin/masuk/kode"
PASSKEY_PAGE = "/admin/masuk/kunci-sandi"


def options_in(page: TestResponse) -> dict[str, Any]:
    """What the page asks the browser."""
    found = re.search(r'data-options="([^"]+)"', page.text)
    assert found is not None, page.text
    told: dict[str, Any] = json.loads(html.unescape(found[1]))
    return told


def add_passkey(officer: Officer, key: Authenticator, label: str = "laptop") -> TestResponse:
    page = officer.get("/admin/saya/kunci-sandi")
    answer = key.create(options_in(page))
    return officer.post("/admin/saya/kunci-sandi", page, label=label, passkey_answer=answer)


def prove(
    officer: Officer, key: Authenticator, at: str = CODE_PAGE, **changed: Any
) -> TestResponse:
    """Show a passkey at a page that asks for a factor."""
    page = officer.get(at)
    answer = key.get(options_in(page), **changed)
    to = at.replace("/kode", "/kunci-sandi") if at == CODE_PAGE else f"{at}/kunci-sandi"
    fields = {**form_fields(page), "passkey_answer": answer, "by": "passkey"}
    return officer.browser.post(to, data=fields, headers=same_origin())


def another_half(app: Application, officer: Officer) -> Officer:
    """The same person in another browser, who showed the password alone there."""
    services = app.wiring.services
    half = Officer(app, officer.admin, officer.seed)
    with services.store.write() as tx:
        visitor = Visitor(bytes(32), "127.0.0.1", Origin())
        entered = services.admin_sessions.begin_half(officer.admin, visitor, tx=tx)
    half.browser.set_cookie("asid", entered.cookie)
    return half


def half_with(app: Application, key: Authenticator, *roles: Role) -> Officer:
    """Somebody with a passkey who showed the password in another browser."""
    officer = an_officer(app, *roles)
    assert add_passkey(officer, key).status_code == 303
    return another_half(app, officer)


def letters_to(app: Application, officer: Officer) -> list[str]:
    """Kinds of the letters that wait for somebody."""
    services = app.wiring.services
    now = services.clock.now()
    with services.store.write() as tx:
        found = tx.outbox.claim(kinds=["mail"], worker="t", now=now, lease_seconds=1, limit=99)
    address = officer.admin.email.address
    return [str(m.payload["kind"]) for m in found if m.payload["to"] == address]


# Passkeys -----------------------------------------------------------------------------------------


def test_ad_1_a_link_can_be_used_with_a_passkey_and_the_highest_role_is_awake(
    app: Application,
) -> None:
    services = app.wiring.services
    secret = services.admins.invite("ika@kemnaker.example", [Role.ADMINISTRATOR], OPERATOR).secret
    url, key = f"/admin/undangan/{secret}", Authenticator()
    officer = Officer(app, None, b"")  # type: ignore[arg-type]
    page = officer.get(url)
    options = options_in(page)
    answer = officer.post(
        url,
        page,
        full_name="Ika",
        password=PASSWORD,
        by="passkey",
        passkey_answer=key.create(options),
    )

    assert answer.status_code == 303
    assert officer.get("/admin/admin").status_code == 200
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["rp"]["id"] == "localhost"
    assert len(challenge_in(options)) == 32
    # nothing of the person is in the handle
    assert "ika" not in options["user"]["id"]


def test_ad_1_the_highest_role_sleeps_without_a_passkey_and_the_others_do_not(
    app: Application,
) -> None:
    both = an_officer(app, Role.AUDITOR, Role.ADMINISTRATOR, factor=TOTP)

    assert both.get("/admin/admin").status_code == 200
    assert both.get("/admin/admin/undang").status_code == 403
    assert "hanya berlaku bila Anda masuk dengan kunci sandi" in both.get("/admin").text
    alone = an_officer(app, Role.ADMINISTRATOR, factor=TOTP)
    assert alone.get("/admin").status_code == 200
    assert alone.get("/admin/admin").status_code == 403


def test_a_passkey_is_the_second_step_and_wakes_every_role(app: Application) -> None:
    key = Authenticator()
    half = half_with(app, key, Role.ADMINISTRATOR)
    answer = prove(half, key)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin")
    assert half.get("/admin/admin/undang").status_code == 200


BENT: dict[str, Callable[[Authenticator], dict[str, Any]]] = {
    "another origin": lambda key: {"origin": "https://evil.example"},
    "another challenge": lambda key: {"challenge": "AAAA"},
    "another ceremony": lambda key: {"type": "webauthn.create"},
    "another relying party": lambda key: setattr(key, "host", "evil.example") or {},
    "nobody was there": lambda key: setattr(key, "flags", 0x04) or {},
    "nobody was verified": lambda key: setattr(key, "flags", 0x01) or {},
    "a counter that went back": lambda key: setattr(key, "sign_count", -1) or {},
    "another key": lambda key: setattr(key, "key", Authenticator().key) or {},
    "another credential": lambda key: setattr(key, "credential_id", b"other") or {},
}


@pytest.mark.parametrize("bend", BENT)
def test_au_10_a_bent_proof_opens_nothing(app: Application, bend: str) -> None:
    key = Authenticator(sign_count=5)
    half = half_with(app, key, Role.READER)
    changed = BENT[bend](key)
    answer = prove(half, key, **changed)

    assert answer.status_code == 422
    assert "Kunci sandi tidak dapat diperiksa" in answer.text
    assert half.get("/admin").headers["Location"] == CODE_PAGE


def test_au_10_a_challenge_is_good_once_and_for_five_minutes(
    app: Application, clock: FixedClock
) -> None:
    key = Authenticator()
    half = half_with(app, key, Role.READER)
    page = half.get(CODE_PAGE)
    fields = {**form_fields(page), "passkey_answer": key.get(options_in(page))}
    clock.move(300)
    late = half.browser.post(PASSKEY_PAGE, data=fields, headers=same_origin())
    page = half.get(CODE_PAGE)
    fields = {**form_fields(page), "passkey_answer": key.get(options_in(page))}
    first = half.browser.post(PASSKEY_PAGE, data=fields, headers=same_origin())
    token = form_fields(half.get("/admin/konfirmasi"))["csrf_token"]
    again = half.browser.post(
        "/admin/konfirmasi/kunci-sandi",
        data={**fields, "csrf_token": token},
        headers=same_origin(),
    )

    assert [late.status_code, first.status_code, again.status_code] == [422, 303, 422]


def test_au_10_a_challenge_of_another_session_is_none(app: Application) -> None:
    key = Authenticator()
    half = half_with(app, key, Role.READER)
    other = half_with(app, Authenticator(credential_id=b"second"), Role.READER)
    foreign = other.get(CODE_PAGE)
    fields = {
        **form_fields(half.get(CODE_PAGE)),
        "passkey_token": form_fields(foreign)["passkey_token"],
        "passkey_answer": key.get(options_in(foreign)),
    }

    answer = half.browser.post(PASSKEY_PAGE, data=fields, headers=same_origin())
    assert answer.status_code == 422


@pytest.mark.parametrize(
    "junk",
    ["", "{}", "[]", "null", "{", '{"rawId": 1}', '{"rawId": "AA", "response": []}', "[" * 9000,
     "x" * 20000, '{"rawId": "AA", "id": "AA", "type": "public-key", "response": {}}'],
)  # fmt: skip
def test_junk_in_the_place_of_an_answer_is_refused(app: Application, junk: str) -> None:
    key = Authenticator()
    half = half_with(app, key, Role.READER)
    page = half.get(CODE_PAGE)
    fields = {**form_fields(page), "passkey_answer": junk}
    proof = half.browser.post(PASSKEY_PAGE, data=fields, headers=same_origin())
    officer = an_officer(app, Role.READER)
    made = officer.post("/admin/saya/kunci-sandi", label="x", passkey_answer=junk)

    assert (proof.status_code, made.status_code) == (422, 422)


def test_guessing_at_passkeys_is_slowed(app: Application) -> None:
    half = half_with(app, Authenticator(), Role.READER)
    stranger = Authenticator(credential_id=b"stranger")
    statuses = [prove(half, stranger).status_code for _ in range(7)]

    assert statuses == [422] * 5 + [429] * 2


def test_one_passkey_is_one_person_s(app: Application) -> None:
    key = Authenticator()
    one, other = an_officer(app, Role.READER), an_officer(app, Role.READER)
    first, second = add_passkey(one, key), add_passkey(other, key)

    assert letters_to(app, one) == ["admin_changed"]
    assert (first.status_code, second.status_code) == (303, 422)


# Changing factors ---------------------------------------------------------------------------------


def test_a_weaker_factor_changes_nothing_that_a_passkey_protects(
    app: Application, clock: FixedClock
) -> None:
    key = Authenticator()
    officer = an_officer(app, Role.READER)
    add_passkey(officer, key)
    # the session came by the app: from now on only the passkey changes factors
    assert "Masuk dengan kunci sandi untuk mengubah" in officer.get("/admin/saya").text
    second = add_passkey(officer, Authenticator(credential_id=b"second"))
    codes = officer.post("/admin/saya/kode-pemulihan")
    app_page = officer.get("/admin/saya/aplikasi")
    seed = re.search(r'id="seed">([A-Z2-7 ]+)<', app_page.text)
    assert seed is not None
    offered = base64.b32decode(seed[1].replace(" ", ""))
    replaced = officer.post("/admin/saya/aplikasi", app_page, code=code_at(offered, clock.now()))

    assert {second.status_code, codes.status_code, replaced.status_code} == {422}
    assert prove(officer, key, "/admin/konfirmasi").status_code == 303
    assert add_passkey(officer, Authenticator(credential_id=b"second")).status_code == 303
    # and what came by a passkey is freshened by one alone
    clock.move(301)
    assert officer.get("/admin/saya/kunci-sandi").status_code == 303
    page = officer.get("/admin/konfirmasi")
    assert 'name="code"' not in page.text
    refused = officer.post("/admin/konfirmasi", page, code=officer.code())
    assert refused.status_code == 422
    assert "perlu kunci sandi" in refused.text


def test_the_last_factor_stays(app: Application, clock: FixedClock) -> None:
    key = Authenticator()
    officer = an_officer(app, Role.READER)
    last = officer.post("/admin/saya/aplikasi", to="/admin/saya/aplikasi/hapus")
    add_passkey(officer, key)
    prove(officer, key, "/admin/konfirmasi")
    dropped = officer.post("/admin/saya", to="/admin/saya/aplikasi/hapus")
    listed = officer.get("/admin/saya").text
    [there] = re.findall(r'action="(/admin/saya/kunci-sandi/[^"]+/hapus)"', listed)
    kept = officer.post("/admin/saya", to=there)

    assert last.status_code == 422
    assert "satu-satunya langkah kedua" in last.text
    assert dropped.status_code == 303
    assert kept.status_code == 422
    factors = app.wiring.services.admin_factors.factors_of(officer.admin.id)
    assert (factors.totp, len(factors.passkeys)) == (None, 1)


def test_a_new_app_takes_the_place_of_the_old(app: Application, clock: FixedClock) -> None:
    officer = an_officer(app, Role.READER)
    page = officer.get("/admin/saya/aplikasi")
    found = re.search(r'id="seed">([A-Z2-7 ]+)<', page.text)
    assert found is not None
    seed = base64.b32decode(found[1].replace(" ", ""))
    wrong = officer.post("/admin/saya/aplikasi", page, code=officer.code())
    right = officer.post("/admin/saya/aplikasi", page, code=code_at(seed, clock.now()))
    clock.move(STEP_SECONDS)
    old = officer.post("/admin/konfirmasi", code=officer.code())
    new = officer.post("/admin/konfirmasi", code=code_at(seed, clock.now()))

    assert seed != officer.seed
    assert [wrong.status_code, right.status_code] == [422, 303]
    assert [old.status_code, new.status_code] == [422, 303]
    again = re.search(r'id="seed">([A-Z2-7 ]+)<', officer.get("/admin/saya/aplikasi").text)
    assert again is not None
    assert again[1] != found[1]


FRESH = (
    "/admin/saya/kata-sandi",
    "/admin/saya/aplikasi",
    "/admin/saya/kunci-sandi",
    "/admin/saya/kode-pemulihan",
)


@pytest.mark.parametrize("url", FRESH)
def test_au_14_one_s_own_factors_ask_for_a_fresh_one(
    app: Application, clock: FixedClock, url: str
) -> None:
    officer = an_officer(app, Role.READER)
    clock.move(300)
    assert officer.get(url).status_code == 200
    clock.move(1)
    asked = officer.get(url)

    assert asked.headers["Location"] == f"/admin/konfirmasi?lanjut={url}"
    old = officer.browser.get_cookie("asid").value
    done = officer.post(asked.headers["Location"], code=officer.code())
    assert done.headers["Location"] == url
    assert officer.get(url).status_code == 200
    # SE-2: a fresh factor changes the cookie, and the old one is dead
    thief = app.test_client()
    thief.set_cookie("asid", old)
    assert thief.get("/admin").status_code == 303


def test_a_new_password_that_is_refused_counts_as_no_failure_of_the_old(app: Application) -> None:
    hashed = app.wiring.services.passwords.hash(PASSWORD)
    officer = an_officer(app, Role.READER, password_hash=hashed)
    url = "/admin/saya/kata-sandi"

    for _ in range(6):
        assert "password-e" in officer.post(url, current_password=PASSWORD, password="kurang").text
    right = officer.post(url, current_password=PASSWORD, password="gunung kapas lima ratus")

    assert right.headers["Location"] == "/admin/saya?pesan=kata-sandi"


def test_changing_the_password_ends_every_other_session(app: Application) -> None:
    hashed = app.wiring.services.passwords.hash(PASSWORD)
    officer = an_officer(app, Role.READER, password_hash=hashed)
    other = Officer(app, officer.admin, officer.seed)
    sign_in_admin(app, other.browser, officer.admin, TOTP)
    url = "/admin/saya/kata-sandi"
    wrong = officer.post(
        url, current_password="bukan ini sandinya", password="gunung kapas lima ratus"
    )
    short = officer.post(url, current_password=PASSWORD, password="lima belas kur")
    right = officer.post(url, current_password=PASSWORD, password="gunung kapas lima ratus")

    assert 'id="current_password-e"' in wrong.text
    assert 'id="password-e"' in short.text
    assert right.headers["Location"] == "/admin/saya?pesan=kata-sandi"
    assert officer.get("/admin").status_code == 200
    assert other.get("/admin").status_code == 303
    assert "gunung kapas" not in wrong.text + short.text
    # AU-14: its owner hears of it
    assert letters_to(app, officer) == ["admin_changed"]


# Recovery codes -----------------------------------------------------------------------------------


def test_au_11_ten_codes_are_shown_once_and_each_opens_once(
    app: Application, clock: FixedClock
) -> None:
    officer = an_officer(app, Role.READER)
    page = officer.post("/admin/saya/kode-pemulihan")
    codes = re.findall(r"<li>([A-Z2-7]{4}(?:-[A-Z2-7]{4}){3})</li>", page.text)
    assert len(set(codes)) == 10
    assert codes[0] not in officer.get("/admin/saya/kode-pemulihan").text

    def enter(code: str) -> TestResponse:
        half = another_half(app, officer)
        return half.post("/admin/masuk/pemulihan", recovery_code=code)

    assert enter(codes[0].lower().replace("-", " ")).status_code == 303
    assert enter(codes[0]).status_code == 422
    assert enter(codes[1]).status_code == 303
    assert enter("AAAA-AAAA-AAAA-AAAA").status_code == 422
    assert enter("").status_code == 422
    # new codes end the old ones
    officer.post("/admin/saya/kode-pemulihan")
    assert enter(codes[2]).status_code == 422


def test_km_1_neither_seeds_nor_codes_can_be_read_from_the_database(app: Application) -> None:
    officer = an_officer(app, Role.READER)
    page = officer.post("/admin/saya/kode-pemulihan")
    codes = re.findall(r"<li>([A-Z2-7-]{19})</li>", page.text)
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        seeds = connection.execute(sa.select(admin_totp.c.seed_sealed)).scalars().all()
        kept = connection.execute(sa.select(admin_recovery_code.c.digest)).scalars().all()
        assert connection.execute(sa.select(admin_passkey)).all() == []

    assert all(officer.seed not in bytes(sealed) for sealed in seeds)
    assert not {code.replace("-", "").encode() for code in codes} & {bytes(one) for one in kept}
    assert len(kept) == 10


def test_an_admin_without_a_password_can_not_be_guessed(app: Application) -> None:
    admin, _ = an_admin(app, Role.READER, password_hash=None)
    browser = app.test_client()
    page = browser.get("/admin/masuk")
    answer = browser.post(
        "/admin/masuk",
        data={**form_fields(page), "email": admin.email.address, "password": "!"},
        headers=same_origin(),
    )

    assert answer.status_code == 422
