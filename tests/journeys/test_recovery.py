"""A forgotten password: the same answer for everybody, and never less than the factors enrolled."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from idp.app import Application
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import Action
from idp.services.puzzle import WAIT_SECONDS
from tests.fakes import FixedClock
from tests.guest import PASSWORD, Guest, cookie_of, path_of, without_nonces
from tests.portal import ISSUER, a_portal, an_account, form_fields, sign_in
from tests.sandbox_server import Sandbox

EMAIL = "budi1@contoh.id"
PHONE = "0812 0000 0001"
NIK = "3273011708909001"
NEW = "gajah biru makan awan"
START = "/kendala/kata-sandi"


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application) -> Account:
    return an_account(app)


def start(guest: Guest, identifier: str = PHONE, **more: object) -> str:
    """Ask for help; return the address of the page that takes the code."""
    answer = guest.post(guest.url(START), identifier=identifier, **more)
    assert (answer.status_code, path_of(answer)) == (303, f"{START}/kode"), answer.text
    return answer.headers["Location"]


def by_code(guest: Guest, identifier: str = PHONE) -> str:
    """Bring the code of the short message; return the address that takes the new password."""
    there = start(guest, identifier)
    answer = guest.post(there, code=guest.code())
    assert (answer.status_code, path_of(answer)) == (303, f"{START}/baru"), answer.text
    return answer.headers["Location"]


def by_link(guest: Guest, identifier: str = EMAIL) -> str:
    """Ask for a link; return its address."""
    start(guest, identifier)
    return f"{START}/baru?k={guest.secret('recovery_link')}"


def actions_of(app: Application, account: Account) -> list[Action]:
    with app.wiring.services.store.read() as tx:
        return [event.action for event in tx.audit.list_visible(account.id)]


def can_enter(app: Application, password: str) -> bool:
    answer = Guest(app, address="198.51.100.77").log_in(EMAIL, password)
    return answer.status_code == 303


# --- the ways through -----------------------------------------------------------------------------


def test_the_hub_names_four_ways_and_each_leads_somewhere(guest: Guest) -> None:
    hub = guest.get("/kendala")
    ways = (START, "/kendala/kontak", "/kendala/nik-terdaftar", "/kendala/kontak-berubah")

    for way in ways:
        assert f'href="{way}"' in hub.text
        assert guest.get(way).status_code == 200


@pytest.mark.parametrize(
    ("identifier", "channel", "sent"),
    [
        (EMAIL, None, "recovery_link"),
        (PHONE, None, "code"),
        (NIK, None, "code"),
        (NIK, "email", "recovery_link"),
        (EMAIL, "sms", "code"),
    ],
)
def test_the_person_may_choose_how_help_comes(
    guest: Guest, account: Account, identifier: str, channel: str | None, sent: str
) -> None:
    start(guest, identifier, channel=channel)

    assert guest.kinds() == [sent]


@pytest.mark.parametrize("way", [by_code, by_link])
def test_au_11_after_recovery_the_other_contact_is_still_asked_for(
    guest: Guest, account: Account, way: Callable[[Guest], str]
) -> None:
    answer = guest.post(way(guest), password=NEW)

    assert path_of(answer) == "/masuk/kode"
    assert cookie_of(guest.browser, "sid") is None
    carrier = {told["carrier"] for told in guest.messages() if told["kind"] == "code"}
    assert "mail" in carrier if way is by_code else carrier == {"sms"}
    done = guest.post(answer.headers["Location"], code=guest.code())
    assert path_of(done) == "/akun"
    assert guest.get("/akun").status_code == 200


def test_au_11_whoever_breaks_off_meets_the_other_contact_at_the_next_sign_in(
    app: Application, guest: Guest, account: Account
) -> None:
    guest.post(by_link(guest), password=NEW)
    later = Guest(app, address="198.51.100.9")

    there = later.log_in(EMAIL, NEW).headers["Location"]
    assert "SMS" in later.get(there).text
    method = later.post(there.replace("kode", "metode"), channel="email")
    assert method.status_code == 422


def test_au_11_recovery_by_the_only_contact_lets_in(app: Application, guest: Guest) -> None:
    an_account(app, email_verified=False)

    answer = guest.post(by_code(guest), password=NEW)

    assert answer.headers["Location"] == "/akun?pesan=sandi"
    page = guest.get(answer.headers["Location"])
    assert "Kata sandi telah diubah. Perangkat lain telah dikeluarkan." in page.text


@pytest.mark.parametrize("way", [by_code, by_link])
def test_the_new_password_enters_and_the_old_one_does_not(
    app: Application, guest: Guest, account: Account, way: Callable[[Guest], str]
) -> None:
    guest.post(way(guest), password=NEW)

    assert can_enter(app, NEW)
    assert not can_enter(app, PASSWORD)


def test_other_sessions_and_tokens_end_and_the_person_is_told(
    app: Application, guest: Guest, account: Account
) -> None:
    thief = Guest(app)
    sign_in(app, thief.browser, account)
    portal = a_portal(app, thief.browser)
    tokens = portal.tokens(scope="openid offline_access", prompt="consent")

    guest.post(by_code(guest), password=NEW)

    assert path_of(thief.get("/akun")) == "/masuk"
    assert portal.introspect(tokens["access_token"]) == {"active": False}
    assert portal.userinfo(tokens["access_token"]).status_code == 401
    assert portal.refresh(tokens["refresh_token"]).get_json()["error"] == "invalid_grant"
    assert "password_changed" in guest.kinds()
    assert {Action.RECOVERY_STARTED, Action.RECOVERY_FINISHED} <= set(actions_of(app, account))


def test_browsers_that_were_remembered_are_strangers_again(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    known = Guest(app)
    known.enter(EMAIL, remember=True)
    guest.post(by_link(guest), password=NEW)
    clock.move(61)

    assert path_of(known.log_in(EMAIL, NEW)) == "/masuk/kode"


def test_au_6_recovery_brings_back_a_password_that_was_disabled(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none")
    account = an_account(app)
    services = app.wiring.services
    with services.store.write() as tx:
        tx.credentials.disable(account.id, services.clock.now())
    guest = Guest(app)
    assert guest.log_in(EMAIL).status_code == 422

    guest.post(by_link(guest), password=NEW)

    assert guest.get("/akun").status_code == 200
    assert can_enter(app, NEW)


def test_recovery_forgives_the_waits_of_the_person(
    app: Application, guest: Guest, account: Account
) -> None:
    for _ in range(6):
        guest.log_in(EMAIL, "bukan kata sandinya")
    assert guest.log_in(EMAIL).status_code == 429

    guest.post(by_link(guest), password=NEW)

    assert can_enter(app, NEW)


# --- the same for everybody -----------------------------------------------------------------------


def _nobody(app: Application) -> str:
    return "0812 9999 8888"


def _unproved(app: Application) -> str:
    an_account(app, number=2, email_verified=False, phone_number_verified=False)
    return "0812 0000 0002"


def _suspended(app: Application) -> str:
    account = an_account(app, number=2)
    with app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(account, status=AccountStatus.SUSPENDED))
    return "0812 0000 0002"


def _unreadable(app: Application) -> str:
    return "bukan siapa siapa"


def _pages(guest: Guest, identifier: str) -> list[tuple[int, str]]:
    """Return status and words of everything that somebody sees who guesses; ids taken out."""
    began = guest.post(START, identifier=identifier)
    there = began.headers["Location"]
    answers = [
        began,
        guest.get(there),
        guest.post(there, code="123456"),
        guest.post(there, code=""),
    ]
    journey_id = urlsplit(there).query.removeprefix("m=")
    return [(a.status_code, without_nonces(a).replace(journey_id, "")) for a in answers]


@pytest.mark.parametrize("whose", [_nobody, _unproved, _suspended, _unreadable])
def test_au_5_recovery_answers_the_same_for_everybody(
    app: Application, account: Account, whose: Callable[[Application], str]
) -> None:
    identifier = whose(app)
    somebody, other = Guest(app), Guest(app, address="198.51.100.3")

    assert _pages(other, identifier) == _pages(somebody, PHONE)
    assert {told["to"] for told in other.messages()} == {"+6281200000001"}


def test_au_5_known_and_unknown_wait_for_the_same_floor(
    app: Application, account: Account, clock: FixedClock
) -> None:
    def seconds_of(identifier: str) -> tuple[float, float]:
        guest = Guest(app)
        began = clock.at
        there = start(guest, identifier)
        asked = clock.at - began
        began = clock.at
        guest.post(there, code="123456")
        return round(asked, 3), round(clock.at - began, 3)

    assert seconds_of(PHONE) == seconds_of("0812 9999 8888")


def test_nothing_typed_is_told_beside_the_field(guest: Guest) -> None:
    answer = guest.post(START, identifier="  ")

    assert answer.status_code == 422
    assert "Masukkan email, nomor handphone, atau NIK." in answer.text


def test_an_unproved_contact_gets_nothing(app: Application, guest: Guest) -> None:
    an_account(app, email_verified=False)

    start(guest, EMAIL)

    # the address is unproved: nobody's account yet, so it names nobody but the proved phone helps
    assert {told["carrier"] for told in guest.messages()} <= {"sms"}


# --- codes and links ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{START}/kode", f"{START}/kode?m=never-made"])
def test_au_12_the_code_page_without_a_start_leads_back(guest: Guest, path: str) -> None:
    assert path_of(guest.get(path)) == START
    assert path_of(guest.post(path, guest.get("/masuk"), code="123456")) == START


@pytest.mark.parametrize("query", ["", "?m=", "?m=never-made", "?k=", "?k=never-made"])
def test_au_12_no_new_password_without_a_proof(guest: Guest, query: str) -> None:
    answer = guest.get(f"{START}/baru{query}")

    assert answer.status_code == 410
    assert "Tautan atau kode sudah tidak berlaku. Silakan minta yang baru." in answer.text
    answer = guest.post(f"{START}/baru{query}", guest.get("/masuk"), password=NEW)
    assert answer.status_code == 410


def test_au_12_a_started_recovery_allows_nothing_before_its_code(
    app: Application, guest: Guest, account: Account
) -> None:
    there = start(guest).replace("/kode", "/baru")

    assert guest.get(there).status_code == 410
    assert guest.post(there, guest.get("/masuk"), password=NEW).status_code == 410
    assert can_enter(app, PASSWORD)


def test_ot_1_the_code_of_another_browser_does_not_count(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    other = Guest(app)
    there = start(other)
    start(guest)
    clock.move(61)

    code = other.code()
    other.get(there)
    answer = other.post(there, code=code)
    stranger = guest.post(there, guest.get("/masuk"), code=code)

    assert path_of(stranger) == START
    assert answer.status_code in {303, 422}


def test_ot_1_a_code_for_signing_in_recovers_nothing(
    app: Application, guest: Guest, account: Account
) -> None:
    with app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(account, email_verified_at=None))
    guest.log_in(PHONE)
    code = guest.code()

    answer = guest.post(start(guest), code=code)

    assert answer.status_code == 422


def test_ot_1_a_code_dies_after_five_minutes(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    there = start(guest)
    clock.move(301)

    answer = guest.post(there, code=guest.code())

    assert answer.status_code == 422
    assert "Kode salah atau sudah tidak berlaku" in answer.text


def test_ot_3_five_wrong_codes_end_it_and_the_page_never_says_so(
    guest: Guest, account: Account
) -> None:
    there = start(guest)
    code = guest.code()
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    pages = {without_nonces(guest.post(there, code=wrong)) for _ in range(6)}

    assert len(pages) == 1
    assert guest.post(there, code=code).status_code == 422


def test_a_code_works_once(guest: Guest, account: Account) -> None:
    there = start(guest)
    code = guest.code()
    page = guest.get(there)

    assert guest.post(there, page, code=code).status_code == 303
    assert guest.post(there, code=code).status_code == 422


def test_a_link_works_once(app: Application, guest: Guest, account: Account) -> None:
    link = by_link(guest)
    page = guest.get(link)
    assert guest.post(link, page, password=NEW).status_code == 303

    again = guest.post(link, page, password="lain lagi dari itu semua")

    assert again.status_code == 410
    assert guest.get(link).status_code == 410
    assert can_enter(app, NEW)


def test_se_6_looking_at_a_link_changes_nothing(
    app: Application, guest: Guest, account: Account
) -> None:
    link = by_link(guest)
    for _ in range(3):
        assert guest.get(link).status_code == 200
    assert guest.browser.head(link).status_code == 200

    assert can_enter(app, PASSWORD)
    assert guest.post(link, password=NEW).status_code == 303


def test_a_link_is_good_for_an_hour(guest: Guest, account: Account, clock: FixedClock) -> None:
    link = by_link(guest)
    clock.move(3599 - 1)
    assert guest.get(link).status_code == 200

    clock.move(2)

    assert guest.get(link).status_code == 410


def test_a_link_dies_with_the_next_password(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    first = by_link(guest)
    clock.move(5)
    second = by_link(guest)
    guest.post(second, password=NEW)
    clock.move(5)

    assert guest.get(first).status_code == 410


def test_a_link_dies_when_the_address_changes(
    app: Application, guest: Guest, account: Account
) -> None:
    link = by_link(guest)
    found = app.wiring.services
    other = an_account(app, number=2)
    with found.store.write() as tx:
        tx.accounts.update(replace(other, email=None, email_verified_at=None))
        tx.accounts.update(replace(account, email=other.email))

    assert guest.get(link).status_code == 410


def test_a_link_may_be_opened_in_another_browser(
    app: Application, guest: Guest, account: Account
) -> None:
    link = by_link(guest)
    phone = Guest(app)

    assert path_of(phone.post(link, password=NEW)) == "/masuk/kode"


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "Masukkan kata sandi."),
        ("sebelas kar", "Kata sandi minimal 12 karakter."),
        ("kata" * 65, "Kata sandi paling panjang 256 karakter."),
        ("passwordpassword", "Kata sandi ini mudah ditebak"),
        ("budi santoso 99", "Jangan gunakan nama, NIK, email"),
        (NIK, "Jangan gunakan nama, NIK, email"),
        (PASSWORD, "Gunakan kata sandi yang berbeda dari sebelumnya."),
    ],
)
def test_au_2_a_bad_new_password_is_told_and_the_link_stays_good(
    guest: Guest, account: Account, password: str, words: str
) -> None:
    link = by_link(guest)

    answer = guest.post(link, password=password)

    assert answer.status_code == 422
    assert words in answer.text
    assert f'value="{password}"' not in answer.text
    assert guest.post(link, password=NEW).status_code == 303


# --- limits ---------------------------------------------------------------------------------------


def test_three_an_hour_for_an_identifier_in_any_spelling(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    for typed in (PHONE, "+6281200000001", "81200000001"):
        start(guest, typed)
    answer = guest.post(START, identifier="0812-0000-0001")

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 3000
    assert "Terlalu banyak percobaan" in answer.text
    clock.move(3600)
    start(guest)


def test_the_limit_of_an_identifier_tells_nothing_of_accounts(guest: Guest) -> None:
    for _ in range(3):
        start(guest, "0812 9999 8888")

    assert guest.post(START, identifier="0812 9999 8888").status_code == 429


def test_an_account_gets_three_an_hour_over_all_its_identifiers_in_silence(
    app: Application, account: Account, clock: FixedClock
) -> None:
    reader = Guest(app)
    for number, typed in enumerate((EMAIL, EMAIL, NIK, PHONE, NIK)):
        start(Guest(app, address=f"198.51.100.{number}"), typed, channel="email")
        clock.move(61)

    assert reader.kinds() == ["recovery_link"] * 3


def test_ten_an_hour_for_an_address_then_a_puzzle_without_script(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    for number in range(10):
        start(guest, f"orang{number}@contoh.id")
    answer = guest.post(START, identifier=EMAIL)
    assert answer.status_code == 429
    assert 'name="puzzle"' in answer.text
    assert EMAIL in answer.text
    early = guest.post(START, answer, identifier=EMAIL)
    assert early.status_code == 429

    clock.move(WAIT_SECONDS)
    done = guest.post(START, early, identifier=EMAIL)

    assert done.status_code == 303
    assert "recovery_link" in guest.kinds()


def test_the_puzzle_of_another_purpose_does_not_count(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    for number in range(10):
        start(guest, f"orang{number}@contoh.id")
    puzzle = form_fields(guest.post(START, identifier=EMAIL))["puzzle"]
    clock.move(WAIT_SECONDS)
    other = Guest(app, address="198.51.100.4")
    for number in range(10):
        start(other, f"warga{number}@contoh.id")

    assert other.post(START, identifier=EMAIL, puzzle=puzzle).status_code == 429


# --- back to the portal ---------------------------------------------------------------------------


def _from_portal(app: Application, guest: Guest, **changes: str) -> None:
    answer = a_portal(app, guest.browser, first_party=True).start(**changes)
    guest.query = {"i": urlsplit(answer.headers["Location"]).query.removeprefix("i=")}


def _to_the_end(guest: Guest, answer) -> str:
    """Follow our own redirects; return where they lead out of the pages."""
    for _ in range(6):
        there = answer.headers["Location"]
        if not there.startswith("/") or answer.status_code != 303:
            return there
        if there.startswith("/masuk/kode"):
            answer = guest.post(there, code=guest.code())
        elif there.startswith("/akun"):
            return there
        else:
            answer = guest.get(there)
    raise AssertionError(there)


def test_whoever_came_from_a_portal_returns_to_it_by_the_code(
    app: Application, guest: Guest, account: Account
) -> None:
    _from_portal(app, guest)
    there = by_code(guest)
    assert "Portal Uji" in guest.get(there).text

    assert _to_the_end(guest, guest.post(there, password=NEW)).startswith("https://portal.example")


def test_whoever_came_from_a_portal_returns_to_it_by_the_link(
    app: Application, sandbox: Sandbox, guest: Guest, account: Account
) -> None:
    _from_portal(app, guest)
    start(guest, EMAIL)
    link = link_in_letter(app, sandbox)
    assert "Portal Uji" in guest.get(link).text

    assert _to_the_end(guest, guest.post(link, password=NEW)).startswith("https://portal.example")


def test_a_link_from_a_portal_opened_in_another_browser_ends_at_the_account(
    app: Application, sandbox: Sandbox, guest: Guest, account: Account
) -> None:
    _from_portal(app, guest)
    start(guest, EMAIL)
    link = link_in_letter(app, sandbox)
    phone = Guest(app)
    assert "Portal Uji" not in phone.get(link).text

    assert _to_the_end(phone, phone.post(link, password=NEW)).startswith("/akun")


def test_no_word_of_the_address_gets_into_a_letter(
    app: Application, sandbox: Sandbox, guest: Guest, account: Account
) -> None:
    guest.query = {"i": "https://evil.example", "lanjut": "https://evil.example", "permintaan": "x"}
    start(guest, EMAIL)

    assert "evil" not in link_in_letter(app, sandbox)


def link_in_letter(app: Application, sandbox: Sandbox) -> str:
    """Return path and query of the one link in the newest letter."""
    app.wiring.services.outbox.deliver_due()
    text = sandbox.mail_to(EMAIL)[0]["text"]
    [link] = [word for word in text.split() if word.startswith(ISSUER)]
    return link.removeprefix(ISSUER)


def test_the_page_that_asked_for_sign_in_is_returned_to(app: Application, guest: Guest) -> None:
    an_account(app, email_verified=False)
    guest.query = {"lanjut": "account_sessions"}
    page = guest.get(guest.url("/masuk"))

    assert 'href="/kendala?lanjut=account_sessions"' in page.text
    assert path_of(guest.post(by_code(guest), password=NEW)) == "/akun/sesi"


def test_the_pages_are_there_in_english(guest: Guest, account: Account) -> None:
    guest.language = "en"

    assert '<html lang="en">' in guest.get(start(guest)).text
