"""`/akun`: overview, devices and sessions, activity, connected portals."""

import re
from dataclasses import replace
from uuid import uuid4

import pytest

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import Action, Origin
from tests.events import an_event
from tests.fakes import FixedClock
from tests.guest import Guest, cookie_of, path_of
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in

EMAIL = "budi1@contoh.id"
NIK = "3273011708909001"
PAGES = {
    "/akun": "account_home",
    "/akun/keamanan": "account_security",
    "/akun/keamanan/kata-sandi": "change_password",
    "/akun/sesi": "account_sessions",
    "/akun/aktivitas": "account_activity",
    "/akun/portal": "account_portals",
}


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application, guest: Guest) -> Account:
    """Somebody who is signed in."""
    account = an_account(app)
    sign_in(app, guest.browser, account)
    return account


def actions_of(app: Application, account: Account) -> list[Action]:
    with app.wiring.services.store.read() as tx:
        return [event.action for event in tx.audit.list_visible(account.id)]


# --- the pages as such ----------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "word"), PAGES.items())
def test_whoever_is_not_signed_in_signs_in_and_comes_back(
    app: Application, guest: Guest, path: str, word: str
) -> None:
    an_account(app)
    answer = guest.get(path)
    assert answer.headers["Location"] == f"/masuk?lanjut={word}"
    guest.query = {"lanjut": word}

    assert path_of(guest.enter(EMAIL)) == path


@pytest.mark.parametrize(
    "path", ["/akun/sesi", "/akun/keamanan/kata-sandi", "/akun/keamanan/email"]
)
def test_whoever_is_not_signed_in_changes_nothing(guest: Guest, path: str) -> None:
    answer = guest.post(path, guest.get("/masuk"), action="others", sid="x")

    assert path_of(answer) == "/masuk"


def test_the_overview_shows_who_i_am_and_hides_what_others_must_not_read(
    guest: Guest, account: Account
) -> None:
    page = guest.get("/akun")

    for words in ("Budi Santoso", "Terverifikasi Dukcapil", "3273••••••••••01", "Email terbukti"):
        assert words in page.text
    for whole in (NIK, EMAIL, "081200000001", "1200000001"):
        assert whole not in page.text


def test_the_overview_of_somebody_new_says_what_is_missing(app: Application, guest: Guest) -> None:
    account = an_account(app, email_verified=False)
    sign_in(app, guest.browser, account)
    page = guest.get("/akun")

    for words in ("Ada saran", "Email belum terbukti", "Belum ada portal"):
        assert words in page.text


def test_the_account_speaks_the_language_of_its_person(app: Application, guest: Guest) -> None:
    account = an_account(app)
    with app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(account, locale="en"))
    sign_in(app, guest.browser, account)

    assert '<html lang="en">' in guest.get("/akun").text
    assert '<html lang="id">' in guest.get("/akun?lang=id").text


@pytest.mark.parametrize("status", [AccountStatus.SUSPENDED, AccountStatus.LOCKED])
def test_an_account_on_hold_has_no_pages(
    app: Application, guest: Guest, account: Account, status: AccountStatus
) -> None:
    with app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(account, status=status))

    for path in PAGES:
        assert path_of(guest.get(path)) == "/masuk"


def test_se_3_an_idle_session_has_no_pages(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    clock.move(1801)

    assert path_of(guest.get("/akun")) == "/masuk"


# --- devices and sessions -------------------------------------------------------------------------


@pytest.fixture
def elsewhere(app: Application, account: Account) -> Guest:
    """The same person in another browser."""
    other = Guest(app)
    sign_in(app, other.browser, account)
    return other


def _sid_of_other(guest: Guest) -> str:
    text = guest.get("/akun/sesi").text
    return text.partition('name="sid" value="')[2].partition('"')[0]


def test_sessions_name_device_network_and_time(
    guest: Guest, account: Account, elsewhere: Guest
) -> None:
    page = guest.get("/akun/sesi")

    assert page.text.count("Chrome, Android") >= 2
    assert "hari ini, " in page.text
    assert "WIB" in page.text
    assert cookie_of(elsewhere.browser, "sid") not in page.text


def test_se_4_one_session_ends_at_once_with_its_tokens(
    app: Application, guest: Guest, account: Account, elsewhere: Guest
) -> None:
    portal = a_portal(app, elsewhere.browser)
    tokens = portal.tokens(scope="openid")

    answer = guest.post("/akun/sesi", sid=_sid_of_other(guest))

    assert answer.headers["Location"] == "/akun/sesi?pesan=sesi"
    assert path_of(elsewhere.get("/akun")) == "/masuk"
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert "Tidak ada perangkat lain" in guest.get("/akun/sesi").text
    assert guest.get("/akun").status_code == 200
    assert Action.SESSION_ENDED in actions_of(app, account)


def test_se_4_what_outlives_a_session_outlives_its_end(
    app: Application, guest: Guest, account: Account, elsewhere: Guest
) -> None:
    portal = a_portal(app, elsewhere.browser)
    tokens = portal.tokens(scope="openid offline_access", prompt="consent")

    guest.post("/akun/sesi", sid=_sid_of_other(guest))

    assert portal.refresh(tokens["refresh_token"]).status_code == 200


def test_all_other_sessions_end_and_the_person_is_told(
    app: Application, guest: Guest, account: Account, elsewhere: Guest
) -> None:
    third = Guest(app)
    sign_in(app, third.browser, account)

    answer = guest.post("/akun/sesi", action="others")

    assert answer.headers["Location"] == "/akun/sesi?pesan=sesi-lain"
    assert "Perangkat lain telah dikeluarkan." in guest.get(answer.headers["Location"]).text
    assert [path_of(g.get("/akun")) for g in (elsewhere, third)] == ["/masuk"] * 2
    assert guest.get("/akun").status_code == 200
    assert guest.kinds() == ["sessions_ended"]


def test_ending_nothing_tells_nobody(guest: Guest, account: Account) -> None:
    answer = guest.post("/akun/sesi", guest.get("/keluar"), action="others")

    assert answer.status_code == 303
    assert guest.kinds() == []


def test_my_own_session_ends_by_the_page_that_asks(
    app: Application, guest: Guest, account: Account
) -> None:
    sid = app.wiring.services.sessions.list_alive(account.id)[0].sid

    answer = guest.post("/akun/sesi", guest.get("/keluar"), sid=sid)

    assert path_of(answer) == "/keluar"
    assert guest.get("/akun").status_code == 200


def test_se_4_nobody_ends_the_session_of_somebody_else(
    app: Application, guest: Guest, account: Account
) -> None:
    victim = Guest(app)
    sid = sign_in(app, victim.browser, an_account(app, number=2))

    guest.post("/akun/sesi", guest.get("/keluar"), sid=sid)

    assert victim.get("/akun").status_code == 200


@pytest.mark.parametrize("sid", ["", "never-made", "x" * 400, "' OR 1=1 --", "\x00"])
def test_a_session_that_is_none_is_passed_over(guest: Guest, account: Account, sid: str) -> None:
    answer = guest.post("/akun/sesi", guest.get("/keluar"), sid=sid)

    assert answer.status_code in {200, 303}
    assert guest.get("/akun").status_code == 200


def test_r_11_a_double_click_on_end_is_answered_alike(
    guest: Guest, account: Account, elsewhere: Guest
) -> None:
    page = guest.get("/akun/sesi")
    sid = _sid_of_other(guest)
    answers = [guest.post("/akun/sesi", page, sid=sid) for _ in range(2)]

    assert {answer.headers["Location"] for answer in answers} == {"/akun/sesi?pesan=sesi"}


# --- activity -------------------------------------------------------------------------------------


def _note(app: Application, account: Account, number: int) -> None:
    origin = Origin(network="203.0.113.0/24", device=f"Peramban {number}")
    with app.wiring.services.store.write() as tx:
        tx.audit.record(
            an_event(
                Action.LOGIN_SUCCEEDED,
                app.wiring.services.clock.now() + number,
                account_id=account.id,
                origin=origin,
            )
        )


def _following(text: str) -> str:
    """Return the cursor behind the button to what is older; empty where there is none."""
    found = re.search(r'class="btn quiet sm" href="/akun/aktivitas\?sebelum=([^"]+)"', text)
    return found.group(1) if found else ""


def test_activity_is_shown_a_page_at_a_time_newest_first(
    app: Application, guest: Guest, account: Account
) -> None:
    for number in range(60):
        _note(app, account, number)
    seen, path = [], "/akun/aktivitas"
    for _ in range(3):
        text = guest.get(path).text
        seen += [int(part.partition("<")[0]) for part in text.split("Masuk dari Peramban ")[1:]]
        cursor = _following(text)
        path = f"/akun/aktivitas?sebelum={cursor}"

    assert seen == list(range(59, -1, -1))
    assert cursor == ""


CURSORS = ("x", "A" * 48, "%00", "-1", "1 OR 1=1", "'; DROP TABLE audit_event; --", "é", "9" * 500)


@pytest.mark.parametrize("cursor", CURSORS)
def test_in_3_a_cursor_that_we_did_not_write_leads_to_the_first_page(
    guest: Guest, account: Account, cursor: str
) -> None:
    answer = guest.browser.get("/akun/aktivitas", query_string={"sebelum": cursor})

    assert answer.headers["Location"] == "/akun/aktivitas"


def test_in_3_the_cursor_of_somebody_else_is_not_ours(
    app: Application, guest: Guest, account: Account
) -> None:
    victim = an_account(app, number=2)
    for number in range(30):
        _note(app, victim, number)
    other = Guest(app)
    sign_in(app, other.browser, victim)
    cursor = _following(other.get("/akun/aktivitas").text)
    assert cursor

    answer = guest.get(f"/akun/aktivitas?sebelum={cursor}")

    assert answer.headers["Location"] == "/akun/aktivitas"


@pytest.mark.parametrize("action", sorted(Action))
def test_every_event_that_people_see_has_words(
    app: Application, guest: Guest, account: Account, action: Action
) -> None:
    with app.wiring.services.store.write() as tx:
        tx.audit.record(an_event(action, app.wiring.services.clock.now(), account_id=account.id))

    assert guest.get("/akun/aktivitas").status_code == 200


def test_what_somebody_else_may_have_done_is_asked_about(
    app: Application, guest: Guest, account: Account
) -> None:
    _note(app, account, 1)
    page = guest.get("/akun/aktivitas")

    assert "Bukan saya?" in page.text
    assert 'href="/akun/keamanan/kata-sandi"' in page.text


def test_nobody_sees_what_happened_to_others(
    app: Application, guest: Guest, account: Account
) -> None:
    _note(app, an_account(app, number=2), 7)

    assert "Peramban 7" not in guest.get("/akun/aktivitas").text


# --- connected portals ----------------------------------------------------------------------------


@pytest.fixture
def portal(app: Application, guest: Guest, account: Account) -> Portal:
    return a_portal(app, guest.browser)


def _page_of(portal: Portal) -> str:
    return f"/akun/portal/{portal.client.id}"


def test_portals_name_what_they_get_and_since_when(guest: Guest, portal: Portal) -> None:
    assert "Belum ada portal" in guest.get("/akun/portal").text
    portal.tokens(scope="openid email phone")
    page = guest.get("/akun/portal")

    for words in (
        "Portal Uji",
        "portal.example",
        "Alamat email, Nomor handphone, Status verifikasi",
        "hari ini, ",
    ):
        assert words in page.text


def test_withdrawal_ends_every_token_at_once(
    app: Application, guest: Guest, account: Account, portal: Portal
) -> None:
    tokens = portal.tokens(scope="openid offline_access", prompt="consent")
    code = portal.authorize(scope="openid")
    asked = guest.get(_page_of(portal))
    assert "Cabut akses Portal Uji?" in asked.text
    assert portal.userinfo(tokens["access_token"]).status_code == 200

    answer = guest.post(_page_of(portal), asked)

    assert answer.headers["Location"] == "/akun/portal?pesan=portal"
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.introspect(tokens["access_token"]) == {"active": False}
    assert portal.introspect(tokens["refresh_token"]) == {"active": False}
    assert portal.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert portal.redeem(code).get_json()["error"] == "invalid_grant"
    assert portal.answer(portal.start(prompt="none"))["error"] == "consent_required"
    assert "Belum ada portal" in guest.get("/akun/portal").text
    assert Action.CONSENT_WITHDRAWN in actions_of(app, account)
    assert guest.get("/akun").status_code == 200


def test_withdrawal_leaves_other_portals_alone(
    app: Application, guest: Guest, portal: Portal
) -> None:
    other = a_portal(app, guest.browser, client_name="Portal Lain")
    kept = other.tokens()["access_token"]
    portal.tokens()

    guest.post(_page_of(portal))

    assert other.userinfo(kept).status_code == 200
    assert "Portal Lain" in guest.get("/akun/portal").text


def test_a_portal_of_the_ministry_can_be_cut_off_too(
    app: Application, guest: Guest, account: Account
) -> None:
    portal = a_portal(app, guest.browser, first_party=True)
    token = portal.tokens()["access_token"]
    assert "terhubung kembali tanpa bertanya" in guest.get(_page_of(portal)).text

    guest.post(_page_of(portal))

    assert portal.userinfo(token).status_code == 401


def test_looking_withdraws_nothing(guest: Guest, portal: Portal) -> None:
    token = portal.tokens()["access_token"]
    guest.get(_page_of(portal))
    guest.browser.head(_page_of(portal))

    assert portal.userinfo(token).status_code == 200


def test_se_6_nobody_withdraws_from_elsewhere(guest: Guest, portal: Portal) -> None:
    token = portal.tokens()["access_token"]
    fields = form_fields(guest.get(_page_of(portal)))
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    assert guest.browser.post(_page_of(portal), data=fields, headers=foreign).status_code == 403
    assert guest.browser.post(_page_of(portal), headers=same_origin()).status_code == 403
    assert portal.userinfo(token).status_code == 200


def test_r_11_two_tabs_withdraw_once(
    app: Application, guest: Guest, account: Account, portal: Portal
) -> None:
    portal.tokens()
    first, second = guest.get(_page_of(portal)), guest.get(_page_of(portal))
    answers = [guest.post(_page_of(portal), page) for page in (first, first, second)]

    assert [answer.status_code for answer in answers] == [303, 303, 404]
    assert actions_of(app, account).count(Action.CONSENT_WITHDRAWN) == 1


def test_a_portal_that_is_not_mine_is_not_found(
    app: Application, guest: Guest, account: Account
) -> None:
    stranger = a_portal(app, app.test_client())

    assert guest.get(_page_of(stranger)).status_code == 404
    assert guest.get(f"/akun/portal/{uuid4()}").status_code == 404
    assert guest.get("/akun/portal/bukan-nomor").status_code == 404


def test_nobody_withdraws_for_somebody_else(
    app: Application, guest: Guest, account: Account, portal: Portal
) -> None:
    token = portal.tokens()["access_token"]
    thief = Guest(app)
    sign_in(app, thief.browser, an_account(app, number=2))

    assert thief.post(_page_of(portal), thief.get("/keluar")).status_code == 404
    assert portal.userinfo(token).status_code == 200


def test_a_withdrawn_portal_may_be_allowed_again_and_asks_for_everything(
    guest: Guest, portal: Portal
) -> None:
    portal.tokens(scope="openid email")
    guest.post(_page_of(portal))
    answer = portal.start(scope="openid email")

    assert path_of(answer) == "/izin"
    assert portal.userinfo(portal.tokens(scope="openid email")["access_token"]).status_code == 200
