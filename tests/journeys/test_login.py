"""Signing in through the pages: password, second step, throttling, and the way back to a portal."""

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import median
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.crypto.passwords import Argon2idHasher
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, Action, Origin
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.services.login import CodeNeeded
from idp.services.puzzle import WAIT_SECONDS
from tests.fakes import FixedClock, NoPlaceToHash
from tests.guest import PASSWORD, Guest, cookie_of, path_of, without_nonces, words_of
from tests.portal import ISSUER, a_portal, an_account, form_fields, same_origin, sign_in

EMAIL = "budi1@contoh.id"
NIK = "3273011708909001"
SPELLINGS_OF_NIK = (
    NIK,
    " 3273011708909001 ",
    "3273 0117 0890 9001",
    "327301-170890-9001",
    "327301\u2011170890\u20119001",
    "3273.0117.0890.9001",
    "32 73 01 17 08 90 90 01",
)
SPELLINGS_OF_PHONE = (
    "081200000001",
    "+6281200000001",
    "6281200000001",
    "81200000001",
    "0812-0000-0001",
    "+62 (0)812 0000 0001",
)


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application) -> Account:
    return an_account(app)


def actions_of(app: Application, account: Account) -> list[Action]:
    with app.wiring.services.store.read() as tx:
        return [event.action for event in tx.audit.list_visible(account.id)]


def fail(guest: Guest, times: int, identifier: str = EMAIL) -> TestResponse:
    """Fail this often and return the last answer; the clock moves by each floor only."""
    answer = None
    for _ in range(times):
        answer = guest.log_in(identifier, "bukan kata sandinya")
    assert answer is not None
    return answer


# --- who signs in, and how ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    [
        EMAIL,
        "Budi1@Contoh.ID",
        f" {EMAIL.replace('@', ' @ ')} ",
        *SPELLINGS_OF_NIK,
        *SPELLINGS_OF_PHONE,
    ],
)
def test_one_field_takes_email_phone_and_nik_in_any_spelling(
    guest: Guest, account: Account, typed: str
) -> None:
    assert path_of(guest.enter(typed)) == "/akun"
    assert guest.get("/akun").status_code == 200


def test_nothing_typed_is_told_beside_the_fields(guest: Guest) -> None:
    answer = guest.log_in("", "")

    assert answer.status_code == 422
    assert "Masukkan email, nomor handphone, atau NIK." in answer.text
    assert "Masukkan kata sandi." in answer.text
    assert "Galat: " in answer.text


def test_whoever_is_signed_in_goes_on_to_the_account(guest: Guest, account: Account) -> None:
    guest.enter(EMAIL)

    assert path_of(guest.get("/masuk")) == "/akun"
    assert path_of(guest.get("/masuk?lanjut=account_sessions")) == "/akun/sesi"


def test_the_page_that_asked_for_sign_in_is_returned_to(guest: Guest, account: Account) -> None:
    guest.query = {"lanjut": "account_sessions"}

    assert path_of(guest.get("/akun/sesi")) == "/masuk"
    assert guest.enter(EMAIL).headers["Location"] == "/akun/sesi"


def test_the_page_and_its_errors_are_there_in_english(guest: Guest) -> None:
    page = guest.get("/masuk?lang=en")

    assert '<html lang="en">' in page.text


def test_a_password_stays_exactly_as_typed_au_4(app: Application, guest: Guest) -> None:
    password = "kata Sandi  yang sangat panjang é一 " + "x" * 60
    an_account(app, password=password)

    for near in (
        password[:72],
        password.lower(),
        password + " ",
        password.strip() + "",
        " " + password,
    ):
        if near != password:
            assert guest.log_in("0812-0000-0001", near).status_code in {422, 429}
            app.wiring.services.clock.move(3600)  # type: ignore[attr-defined]
    assert path_of(guest.enter(EMAIL, password)) == "/akun"


def test_au_4_a_password_typed_as_composed_or_decomposed_letters_is_the_same(
    app: Application, guest: Guest
) -> None:
    an_account(app, password="kafé di sudut kota tua")

    assert path_of(guest.enter(EMAIL, "kafe\u0301 di sudut kota tua")) == "/akun"


def test_au_3_a_password_is_hashed_anew_when_the_parameters_rise(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    weak = make_app()
    account = an_account(weak)
    strong = make_app(SIAPKERJA_PASSWORD_MEMORY_KIB="128")

    Guest(strong).enter(EMAIL)
    clock.move(61)

    with strong.wiring.services.store.read() as tx:
        credential = tx.credentials.find(account.id)
    assert credential is not None
    assert credential.hash.startswith("$argon2id$v=19$m=128,t=1,p=1$")
    assert path_of(Guest(strong).enter(EMAIL)) == "/akun"


def test_au_3_a_right_password_opens_where_there_is_no_place_to_hash_it_anew(
    make_app: Callable[..., Application],
) -> None:
    an_account(make_app())
    login = make_app(SIAPKERJA_PASSWORD_MEMORY_KIB="128").wiring.services.login
    crowded = replace(login, hasher=NoPlaceToHash(login.hasher))

    found = crowded.sign_in(EMAIL, PASSWORD, Visitor(b"x" * 32, "127.0.0.1", NOWHERE))

    assert isinstance(found, CodeNeeded)


def test_au_3_a_full_lane_answers_503_and_counts_no_failure(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_PASSWORD_CONCURRENCY="1", SIAPKERJA_PASSWORD_WAIT_SECONDS="0.01")
    an_account(app)
    guest = Guest(app)
    hasher = app.wiring.services.login.hasher
    assert isinstance(hasher, Argon2idHasher)

    with hasher._places:
        answers = [guest.log_in(EMAIL) for _ in range(7)]

    assert {answer.status_code for answer in answers} == {503}
    assert answers[0].headers["Retry-After"] == "5"
    assert path_of(guest.enter(EMAIL)) == "/akun"


# --- what failures tell ---------------------------------------------------------------------------


def _changed(app: Application, account: Account, status: AccountStatus) -> None:
    with app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(account, status=status))


def _wrong(app: Application) -> tuple[str, str]:
    an_account(app, number=2)
    return "budi2@contoh.id", "bukan kata sandinya"


def _unknown(app: Application) -> tuple[str, str]:
    return "siapa@contoh.id", PASSWORD


def _unreadable(app: Application) -> tuple[str, str]:
    return "bukan siapa siapa", PASSWORD


def _suspended(app: Application) -> tuple[str, str]:
    _changed(app, an_account(app, number=3), AccountStatus.SUSPENDED)
    return "budi3@contoh.id", PASSWORD


def _locked(app: Application) -> tuple[str, str]:
    _changed(app, an_account(app, number=4), AccountStatus.LOCKED)
    return "budi4@contoh.id", PASSWORD


def _disabled(app: Application) -> tuple[str, str]:
    account = an_account(app, number=5)
    with app.wiring.services.store.write() as tx:
        tx.credentials.disable(account.id, app.wiring.services.clock.now())
    return "budi5@contoh.id", PASSWORD


def _unverified(app: Application) -> tuple[str, str]:
    an_account(app, number=6, email="dua@contoh.id", email_verified=False)
    an_account(app, number=7, email="dua@contoh.id", email_verified=False)
    return "dua@contoh.id", PASSWORD


FAILURES = (_wrong, _unknown, _unreadable, _suspended, _locked, _disabled, _unverified)


def test_au_5_whatever_is_wrong_the_answer_is_the_same(app: Application) -> None:
    told = set()
    for make in FAILURES:
        identifier, password = make(app)
        answer = Guest(app).log_in(identifier, password)
        headers = {
            name: value
            for name, value in answer.headers
            if name not in {"X-Request-Id", "Set-Cookie", "Content-Length", "Date"}
        }
        page = without_nonces(answer).replace(identifier, "")
        told.add((answer.status_code, page, tuple(sorted(headers.items()))))

    assert len(told) == 1
    status, page, _ = told.pop()
    assert status == 422
    assert "Data masuk tidak sesuai." in page
    assert "Kendala masuk ke akun?" in page


def test_au_5_failures_answer_no_earlier_than_the_floor(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    began = clock.monotonic()

    guest.log_in("siapa@contoh.id")

    assert clock.monotonic() - began == pytest.approx(0.4)


def test_au_5_unknown_and_known_people_are_compared_for_as_long(
    make_app: Callable[..., Application],
) -> None:
    """Real parameters; the floor, which hides the rest, is off."""
    app = make_app(
        SIAPKERJA_PASSWORD_MEMORY_KIB="19456",
        SIAPKERJA_PASSWORD_PASSES="2",
        SIAPKERJA_LOGIN_FAILURE_FLOOR_MS="0",
        SIAPKERJA_LIMITS_FACTOR="1000",
    )
    an_account(app)
    login = app.wiring.services.login
    visitor = Visitor(digest_of("flow"), "203.0.113.7", Origin())

    def seconds(identifier: str) -> float:
        # of all threads of this process: other work on the machine does not count
        began = time.process_time()
        with pytest.raises(Refused, match=r"login\.failed"):
            login.sign_in(identifier, "bukan kata sandinya", visitor)
        return time.process_time() - began

    kinds = (EMAIL, "siapa@contoh.id", NIK, "081299990000")
    samples: dict[str, list[float]] = {kind: [] for kind in kinds}
    for kind in kinds:
        seconds(kind)
    for _ in range(50):
        for kind in kinds:
            samples[kind].append(seconds(kind))

    medians = [median(taken) for taken in samples.values()]
    assert max(medians) - min(medians) < max(0.010, 0.05 * min(medians))


# --- throttling -----------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", [EMAIL, "siapa@contoh.id", "bukan siapa siapa"])
def test_au_6_after_five_failures_everybody_waits(
    guest: Guest, account: Account, clock: FixedClock, identifier: str
) -> None:
    assert fail(guest, 5, identifier).status_code == 422

    sixth = guest.log_in(identifier)

    assert sixth.status_code == 429
    assert "Terlalu banyak percobaan masuk. Silakan coba lagi dalam 1 menit." in sixth.text
    assert 28 <= int(sixth.headers["Retry-After"]) <= 30


def test_au_6_waits_grow_and_the_right_password_enters_after_them(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    fail(guest, 5)
    waits = []
    for _ in range(7):
        refused = guest.log_in(EMAIL)
        waits.append(int(refused.headers["Retry-After"]))
        clock.move(waits[-1])
        assert guest.log_in(EMAIL, "bukan kata sandinya").status_code == 422
    clock.move(900)

    # the floor of the failure before has passed already
    assert waits == pytest.approx([30, 60, 120, 240, 480, 900, 900], abs=1)
    assert path_of(guest.enter(EMAIL)) == "/akun"


def test_au_6_success_forgives_what_went_before(guest: Guest, account: Account) -> None:
    fail(guest, 4)
    guest.enter(EMAIL)

    assert fail(Guest(guest.app), 5).status_code == 422


@pytest.mark.parametrize("spellings", [SPELLINGS_OF_NIK, SPELLINGS_OF_PHONE])
@pytest.mark.parametrize("is_known", [True, False])
def test_au_6_every_spelling_shares_the_counter(
    app: Application, guest: Guest, spellings: tuple[str, ...], is_known: bool
) -> None:
    if is_known:
        an_account(app)
    for typed in spellings[:5]:
        assert guest.log_in(typed, "bukan kata sandinya").status_code == 422

    assert guest.log_in(spellings[5]).status_code == 429


def test_au_6_other_identifiers_of_one_account_buy_no_more_guesses_and_tell_nothing(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    fail(guest, 5, EMAIL)

    barred = guest.log_in(NIK)

    # a wait would tell that address and NIK belong together: it fails like any other
    assert barred.status_code == 422
    assert "Data masuk tidak sesuai." in barred.text
    clock.move(30)
    assert path_of(guest.enter(NIK)) == "/akun"


def test_au_6_a_stranger_cannot_lock_the_owner_out(
    app: Application, account: Account, clock: FixedClock
) -> None:
    owner, stranger = Guest(app), Guest(app, address="198.51.100.9")
    owner.enter(EMAIL, remember=True)
    owner.browser.delete_cookie("sid")

    for _ in range(14):
        stranger.log_in(EMAIL, "bukan kata sandinya")

    assert stranger.log_in(EMAIL).status_code == 429
    assert path_of(owner.log_in(EMAIL)) == "/akun"


def test_au_6_a_known_browser_has_ten_tries_of_its_own(
    app: Application, account: Account, clock: FixedClock
) -> None:
    owner = Guest(app)
    owner.enter(EMAIL, remember=True)
    owner.browser.delete_cookie("sid")

    assert fail(owner, 10).status_code == 422
    assert owner.log_in(EMAIL).status_code == 429
    clock.move(900)
    assert path_of(owner.log_in(EMAIL)) == "/akun"


def test_au_6_guesses_at_once_are_counted_one_by_one(app: Application, account: Account) -> None:
    def guess(_: int) -> int:
        return Guest(app).log_in(EMAIL, "bukan kata sandinya").status_code

    with ThreadPoolExecutor(12) as pool:
        statuses = list(pool.map(guess, range(24)))

    assert statuses.count(422) == 5
    assert statuses.count(429) == 19


def test_au_6_a_hundred_failures_in_a_row_end_the_password_until_recovery(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    for number in range(100):
        clock.move(900)
        guest.address = f"203.0.113.{number % 200}"
        guest.browser.environ_base["REMOTE_ADDR"] = guest.address
        assert fail(guest, 1).status_code == 422
    clock.move(900)

    refused = guest.log_in(EMAIL)

    assert refused.status_code == 422
    assert "Data masuk tidak sesuai." in refused.text
    assert guest.kinds().count("password_disabled") == 1
    assert actions_of(app, account).count(Action.PASSWORD_DISABLED) <= 1
    with app.wiring.services.store.read() as tx:
        credential = tx.credentials.find(account.id)
    assert credential is not None
    assert credential.disabled_at is not None


def test_au_7_an_address_that_fails_with_many_people_must_work_first(
    app: Application, account: Account
) -> None:
    crowd = Guest(app, address="198.51.100.7")
    statuses = [crowd.log_in(f"orang{n}@contoh.id").status_code for n in range(60)]

    assert statuses == [422] * 20 + [429] * 40
    assert Guest(app, address="198.51.100.8").log_in(EMAIL).status_code == 303


def test_au_7_fifty_failures_of_one_address_ask_for_a_puzzle(
    make_app: Callable[..., Application], clock: FixedClock
) -> None:
    app = make_app()
    crowd = Guest(app, address="198.51.100.7")
    # ten people, each of whom may fail five times
    statuses = [crowd.log_in(f"orang{n % 10}@contoh.id").status_code for n in range(51)]

    assert statuses == [422] * 50 + [429]


def test_au_7_the_puzzle_lets_the_right_password_in_without_script(
    app: Application, account: Account, clock: FixedClock
) -> None:
    crowd = Guest(app, address="198.51.100.7")
    for number in range(20):
        crowd.log_in(f"orang{number}@contoh.id")
    asked = crowd.log_in(EMAIL)

    assert asked.status_code == 429
    assert EMAIL in asked.text
    assert PASSWORD not in asked.text
    early = crowd.log_in(EMAIL, page=asked)
    assert early.status_code == 429
    clock.move(WAIT_SECONDS)
    answer = crowd.log_in(EMAIL, page=early)
    assert path_of(answer) == "/masuk/kode"
    assert crowd.log_in(EMAIL, page=early, password=PASSWORD).status_code in {303, 429}


def test_au_7_a_puzzle_that_came_without_the_password_is_not_lost(
    app: Application, account: Account, clock: FixedClock
) -> None:
    """A page is never filled in with a password: it says so, and the wait counts all the same."""
    crowd = Guest(app, address="198.51.100.7")
    for number in range(20):
        crowd.log_in(f"orang{number}@contoh.id")
    asked = crowd.log_in(EMAIL)
    assert "Masukkan kata sandi sekali lagi." in asked.text
    clock.move(WAIT_SECONDS)

    forgot = crowd.log_in(EMAIL, "", page=asked)

    assert forgot.status_code == 422
    assert path_of(crowd.log_in(EMAIL, page=forgot)) == "/masuk/kode"


def test_au_7_a_puzzle_is_good_once(app: Application, clock: FixedClock) -> None:
    crowd = Guest(app, address="198.51.100.7")
    for number in range(20):
        crowd.log_in(f"orang{number}@contoh.id")
    asked = crowd.log_in("satu@contoh.id")
    clock.move(WAIT_SECONDS)

    assert crowd.log_in("satu@contoh.id", page=asked).status_code == 422
    spent = form_fields(asked)["puzzle"]
    assert crowd.log_in("dua@contoh.id", puzzle=spent, puzzle_answer="").status_code == 429


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Client-IP"])
def test_au_8_forged_headers_do_not_change_the_address(app: Application, header: str) -> None:
    crowd = Guest(app, address="198.51.100.7")
    for number in range(20):
        page = crowd.get("/masuk")
        crowd.browser.post(
            "/masuk",
            data={**form_fields(page), "identifier": f"orang{number}@contoh.id", "password": "x"},
            headers={**same_origin(), header: f"for=203.0.113.{number}, 203.0.113.{number}"},
        )

    assert crowd.log_in("satu@contoh.id").status_code == 429


def test_limits_are_multiplied_by_the_factor(make_app: Callable[..., Application]) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="3")
    guest = Guest(app)

    assert fail(guest, 15).status_code == 422
    assert guest.log_in(EMAIL).status_code == 429


# --- the second step ------------------------------------------------------------------------------


def test_an_unknown_browser_needs_a_code_by_email_first(guest: Guest, account: Account) -> None:
    answer = guest.log_in(EMAIL)

    assert answer.status_code == 303
    assert path_of(answer) == "/masuk/kode"
    assert cookie_of(guest.browser, "sid") is None
    [told] = guest.messages()
    assert (told["carrier"], told["kind"], told["values"]["purpose"]) == ("mail", "code", "login")
    page = guest.get(answer.headers["Location"])
    assert "b•••@contoh.id" in page.text
    assert EMAIL not in page.text
    assert 'autocomplete="one-time-code"' in page.text


def test_a_verified_phone_is_used_where_no_address_is_proved(
    app: Application, guest: Guest
) -> None:
    an_account(app, email_verified=False)

    page = guest.get(guest.log_in(EMAIL).headers["Location"])

    assert guest.messages()[0]["carrier"] == "sms"
    assert "0812-••••-••01" in page.text


def test_without_any_proved_contact_the_password_is_enough(app: Application, guest: Guest) -> None:
    an_account(app, email_verified=False, phone_number_verified=False)

    assert path_of(guest.log_in(EMAIL)) == "/akun"


def test_the_second_step_can_be_switched_off(make_app: Callable[..., Application]) -> None:
    app = make_app(SIAPKERJA_LOGIN_UNKNOWN_DEVICE="none")
    an_account(app)
    guest = Guest(app)

    assert path_of(guest.log_in(EMAIL)) == "/akun"
    assert guest.kinds() == ["new_device"]


def test_a_get_never_sends(guest: Guest, account: Account) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    for _ in range(3):
        guest.get(there)
        guest.get(there.replace("/masuk/kode", "/masuk/metode"))

    assert guest.kinds() == ["code"]


def test_a_wrong_code_costs_a_try_and_a_right_one_enters(guest: Guest, account: Account) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    code = guest.code()

    wrong = guest.post(there, code=f"{(int(code) + 1) % 10**6:06d}")

    assert wrong.status_code == 422
    assert "Sisa percobaan: 4." in wrong.text
    assert path_of(guest.post(there, code=f"{code[:3]} {code[3:]}")) == "/akun"


def test_the_code_is_sent_again_by_a_button_and_not_too_soon(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    first = guest.code()

    early = guest.post(there, action="resend", code="")
    clock.move(61)
    later = guest.post(there, action="resend", code="")

    assert early.status_code == 429
    assert "Kode baru dapat diminta dalam 60 detik." in early.text
    assert later.status_code == 303
    assert guest.code() != first
    older = guest.post(there, code=first)
    assert older.status_code == 422
    assert "Gunakan kode dari email terbaru." in older.text
    assert path_of(guest.post(there, code=guest.code())) == "/akun"


def test_beginning_again_goes_on_with_the_code_that_was_just_sent(
    app: Application, guest: Guest, account: Account
) -> None:
    guest.log_in(EMAIL)
    there = guest.log_in(NIK).headers["Location"]

    assert guest.kinds() == ["code"]
    assert path_of(guest.post(there, code=guest.code())) == "/akun"


def test_a_browser_that_comes_too_soon_after_another_is_told(
    app: Application, guest: Guest, account: Account
) -> None:
    guest.log_in(EMAIL)

    answer = Guest(app).log_in(EMAIL)

    assert path_of(answer) == "/masuk/metode"
    page = Guest(app, browser=guest.browser).get(answer.headers["Location"])
    assert page.status_code in {200, 303}


@pytest.mark.parametrize(
    ("nik", "email_verified", "words"),
    [
        (NIK, True, "Pilih cara lain, atau coba lagi mulai pukul 09.01 WIB."),
        (NIK, None, "Kode belum dapat dikirim. Coba lagi mulai pukul 09.01 WIB."),
        ("7371011708909001", None, "Coba lagi mulai pukul 10.01 WITA."),
    ],
)
def test_whoever_comes_too_soon_is_told_from_when_a_code_may_be_sent(
    app: Application, guest: Guest, nik: str, email_verified: bool | None, words: str
) -> None:
    an_account(app, nik=nik, email_verified=email_verified)
    guest.log_in(nik)
    other = Guest(app)

    page = other.get(other.log_in(nik).headers["Location"])

    assert words in words_of(page)
    assert ("Pilih cara lain" in page.text) == (email_verified is True)
    # by letter was tried, where there is a proved address; a message is at hand
    assert re.search(r'name="channel" value="sms" checked', page.text)


@pytest.mark.parametrize("told", ["0", "-5", "abc", "99999999999", "1"])
def test_a_made_up_time_in_the_address_is_not_told(
    guest: Guest, account: Account, told: str
) -> None:
    there = guest.log_in(EMAIL).headers["Location"].replace("/masuk/kode", "/masuk/metode")

    page = guest.get(f"{there}&pesan=tertunda&mulai={told}")

    assert "coba lagi sebentar lagi." in page.text
    assert "pukul" not in page.text


def test_the_choice_of_a_way_promises_a_code_in_english_too(
    app: Application, account: Account
) -> None:
    """None was sent to what is chosen here: the words must not say so."""
    guest = Guest(app, language="en")
    there = guest.log_in(EMAIL).headers["Location"].replace("/masuk/kode", "/masuk/metode")

    page = words_of(guest.get(there))

    assert "We send a 6-digit OTP code (one-time code) to the contact you choose." in page


def test_another_way_to_get_the_code_can_be_chosen(guest: Guest, account: Account) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    choose = there.replace("/masuk/kode", "/masuk/metode")
    assert "0812-••••-••01" in guest.get(choose).text
    guest.messages()  # what came before the choice

    answer = guest.post(choose, channel="sms")

    assert answer.headers["Location"] == there
    assert guest.messages()[-1]["carrier"] == "sms"
    assert path_of(guest.post(there, code=guest.code())) == "/akun"


@pytest.mark.parametrize("channel", ["", "fax", None])
def test_no_way_or_a_strange_one_is_refused_kindly(
    guest: Guest, account: Account, channel: str | None
) -> None:
    there = guest.log_in(EMAIL).headers["Location"].replace("/masuk/kode", "/masuk/metode")

    answer = guest.post(there, channel=channel)

    assert answer.status_code == 422
    assert "Pilih cara menerima kode." in answer.text


def test_where_no_code_may_be_sent_another_way_is_offered(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    """Ten letters a day to one mailbox: the eleventh sign-in goes by SMS."""
    for _ in range(10):
        assert path_of(guest.log_in(EMAIL)) in {"/masuk/kode", "/masuk/metode"}
        clock.move(3600)

    there = guest.log_in(EMAIL).headers["Location"]
    assert path_of(guest.log_in(EMAIL)) == "/masuk/metode"
    refused = guest.post(there, channel="email")

    assert refused.status_code == 429
    assert "Permintaan kode sudah mencapai batas." in refused.text
    assert path_of(guest.post(there, channel="sms")) == "/masuk/kode"


@pytest.mark.parametrize(
    ("fields", "is_remembered"),
    [
        ({}, False),
        ({"remember": "1"}, True),
        ({"remember_asked": None}, True),
    ],
)
def test_a_browser_is_remembered_if_the_person_wants_it(
    guest: Guest, account: Account, fields: dict[str, str | None], is_remembered: bool
) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    guest.post(there, code=guest.code(), **fields)

    assert (cookie_of(guest.browser, "device") is not None) is is_remembered


def test_a_remembered_browser_needs_no_code_for_30_days_and_gains_no_level(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    guest.enter(EMAIL, remember=True)
    guest.browser.delete_cookie("sid")
    clock.move(29 * 86400)

    assert path_of(guest.log_in(EMAIL)) == "/akun"
    found = app.wiring.services.sessions.find(digest_of(cookie_of(guest.browser, "sid") or ""))
    assert found is not None
    assert (found[0].aal, found[0].amr) == (1, ("pwd",))
    guest.browser.delete_cookie("sid")
    clock.move(86401)
    assert path_of(guest.log_in(EMAIL)) == "/masuk/kode"


def test_a_remembered_browser_is_known_to_one_account_only(
    app: Application, guest: Guest, account: Account
) -> None:
    an_account(app, number=2)
    guest.enter(EMAIL, remember=True)

    answer = (
        guest.post("/masuk?lanjut=x", identifier="budi2@contoh.id", password=PASSWORD)
        if (guest.browser.delete_cookie("sid") is None)
        else None
    )

    assert answer is not None
    assert path_of(answer) == "/masuk/kode"


def test_two_people_share_a_browser(app: Application, guest: Guest, account: Account) -> None:
    an_account(app, number=2)
    for identifier in (EMAIL, "budi2@contoh.id"):
        guest.enter(identifier, remember=True)
        guest.browser.delete_cookie("sid")

    for identifier in (EMAIL, "budi2@contoh.id"):
        assert path_of(guest.log_in(identifier)) == "/akun"
        guest.browser.delete_cookie("sid")


def test_a_planted_device_cookie_is_known_to_nobody_afterwards(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    guest.browser.set_cookie("device", "planted-by-somebody-else-0123456789")
    guest.enter(EMAIL, remember=True)
    clock.move(61)
    thief = Guest(app)
    thief.browser.set_cookie("device", "planted-by-somebody-else-0123456789")

    assert path_of(thief.log_in(EMAIL)) == "/masuk/kode"


def test_a_password_with_a_code_is_level_2(
    app: Application, guest: Guest, account: Account
) -> None:
    guest.enter(EMAIL)

    found = app.wiring.services.sessions.find(digest_of(cookie_of(guest.browser, "sid") or ""))
    assert found is not None
    assert (found[0].aal, found[0].amr) == (2, ("pwd", "otp", "mfa"))


def test_the_person_is_told_of_a_new_browser_once(guest: Guest, account: Account) -> None:
    guest.enter(EMAIL, remember=True)
    guest.browser.delete_cookie("sid")
    guest.enter(EMAIL)

    [letter] = [told for told in guest.messages() if told["kind"] == "new_device"]
    assert letter["to"] == EMAIL
    assert letter["values"]["device"] == "Chrome Mobile, Android"
    assert letter["values"]["network"] == "203.0.113.0/24"


# --- order of steps (AU-12) -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/masuk/kode", "/masuk/metode"])
@pytest.mark.parametrize("query", ["", "?m=", "?m=never-made"])
def test_au_12_a_later_step_without_the_earlier_leads_back(
    guest: Guest, path: str, query: str
) -> None:
    assert path_of(guest.get(path + query)) == "/masuk"
    sent = guest.browser.post(
        path + query,
        data={**form_fields(guest.get("/masuk")), "code": "123456", "channel": "sms"},
        headers=same_origin(),
    )
    assert path_of(sent) == "/masuk"


def test_au_12_another_browser_cannot_go_on_with_a_step(
    app: Application, guest: Guest, account: Account
) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    thief = Guest(app)
    sent = thief.browser.post(
        there,
        data={**form_fields(thief.get("/masuk")), "code": guest.code()},
        headers=same_origin(),
    )

    assert path_of(thief.get(there)) == "/masuk"
    assert path_of(sent) == "/masuk"
    assert cookie_of(thief.browser, "sid") is None
    assert path_of(guest.post(there, code=guest.code())) == "/akun"


def test_au_12_a_step_done_is_not_done_twice(
    app: Application, guest: Guest, account: Account
) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    page = guest.get(there)
    guest.post(there, page, code=guest.code())
    guest.browser.delete_cookie("sid")

    again = guest.browser.post(
        there,
        data={**form_fields(guest.get("/masuk")), "code": guest.code()},
        headers=same_origin(),
    )

    assert path_of(again) == "/masuk"
    assert cookie_of(guest.browser, "sid") is None


def test_au_12_steps_end_after_15_minutes(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    clock.move(900)

    back = guest.get(there)
    assert path_of(back) == "/masuk"
    assert "Sesi Anda telah berakhir." in guest.get(back.headers["Location"]).text


def test_an_account_that_is_suspended_meanwhile_does_not_get_in(
    app: Application, guest: Guest, account: Account
) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    page = guest.get(there)
    _changed(app, account, AccountStatus.SUSPENDED)

    assert path_of(guest.post(there, page, code=guest.code())) == "/masuk"
    assert cookie_of(guest.browser, "sid") is None


# --- sessions and cookies -------------------------------------------------------------------------


def test_se_1_cookies_of_a_whole_walk(make_app: Callable[..., Application]) -> None:
    app = make_app(SIAPKERJA_ISSUER="https://akun.contoh.go.id")
    an_account(app)
    browser = app.test_client()
    headers = {"Origin": "https://akun.contoh.go.id", "Sec-Fetch-Site": "same-origin"}
    base = "https://akun.contoh.go.id"
    seen: dict[str, str] = {}

    def note(answer: TestResponse) -> TestResponse:
        for cookie in answer.headers.getlist("Set-Cookie"):
            seen[cookie.partition("=")[0]] = cookie
        return answer

    page = note(browser.get("/masuk", base_url=base))
    assert set(seen) == {"__Host-flow"}
    answer = note(
        browser.post(
            "/masuk",
            base_url=base,
            data={**form_fields(page), "identifier": EMAIL, "password": PASSWORD},
            headers=headers,
        )
    )
    assert set(seen) == {"__Host-flow"}
    there = answer.headers["Location"]
    page = note(browser.get(there, base_url=base))
    note(
        browser.post(
            there,
            base_url=base,
            data={**form_fields(page), "code": Guest(app).code(), "remember": "1"},
            headers=headers,
        )
    )

    assert set(seen) == {"__Host-flow", "__Host-sid", "__Host-device"}
    for cookie in seen.values():
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"secure", "httponly", "samesite=lax", "path=/"} <= attributes
        assert not any(part.startswith("domain") for part in attributes)
    assert "Max-Age" not in seen["__Host-sid"]
    assert "Max-Age=2592000" in seen["__Host-device"]
    assert len(seen["__Host-sid"].partition("=")[2].partition(";")[0]) == 43


def test_se_2_a_planted_session_cookie_never_becomes_a_session(
    app: Application, guest: Guest, account: Account
) -> None:
    planted = "p" * 43
    guest.browser.set_cookie("sid", planted)
    guest.enter(EMAIL)

    assert cookie_of(guest.browser, "sid") != planted
    thief = Guest(app)
    thief.browser.set_cookie("sid", planted)
    assert path_of(thief.get("/akun")) == "/masuk"


def test_se_2_signing_in_again_changes_the_cookie_and_keeps_the_session(
    app: Application, guest: Guest, account: Account
) -> None:
    portal = a_portal(app, guest.browser)
    sid = sign_in(app, guest.browser, account)
    before = cookie_of(guest.browser, "sid")
    guest.query = {"i": _interaction(portal.start(prompt="login"))}

    guest.enter(EMAIL)

    after = cookie_of(guest.browser, "sid")
    assert after != before
    found = app.wiring.services.sessions.find(digest_of(after or ""))
    assert found is not None
    assert found[0].sid == sid
    assert app.wiring.services.sessions.find(digest_of(before or "")) is None


def test_se_2_a_session_of_somebody_else_in_this_browser_ends(
    app: Application, guest: Guest, account: Account
) -> None:
    other = an_account(app, number=2)
    sign_in(app, guest.browser, other)
    portal = a_portal(app, guest.browser)
    guest.query = {"i": _interaction(portal.start(prompt="login"))}

    guest.enter(EMAIL)

    assert app.wiring.services.sessions.list_alive(other.id) == ()


def test_se_3_an_idle_session_ends_and_a_used_one_after_12_hours(
    guest: Guest, account: Account, clock: FixedClock
) -> None:
    guest.enter(EMAIL)
    clock.move(1801)
    assert path_of(guest.get("/akun")) == "/masuk"

    guest.enter(EMAIL)
    for _ in range(24):
        clock.move(1790)
        assert guest.get("/akun").status_code == 200
    clock.move(400)
    assert path_of(guest.get("/akun")) == "/masuk"


# --- portals --------------------------------------------------------------------------------------


def _interaction(answer: TestResponse) -> str:
    return parse_qs(urlsplit(answer.headers["Location"]).query)["i"][0]


@pytest.fixture
def first_party(app: Application, guest: Guest) -> Callable[..., TestResponse]:
    portal = a_portal(app, guest.browser, first_party=True, client_name="Portal Karier")
    return portal.start


def follow(guest: Guest, answer: TestResponse) -> TestResponse:
    """Follow our own redirects; return the answer that leads away or is a page."""
    while answer.status_code == 303 and answer.headers["Location"].startswith("/"):
        answer = guest.get(answer.headers["Location"])
    return answer


def test_a_person_from_a_portal_returns_to_it(
    guest: Guest, account: Account, first_party: Callable[..., TestResponse]
) -> None:
    there = first_party().headers["Location"]
    page = guest.get(there)
    assert "Portal Karier" in page.text
    assert "portal.example" in page.text

    guest.query = {"i": _interaction(first_party())}
    answer = follow(guest, guest.enter(EMAIL))

    assert answer.headers["Location"].startswith("https://portal.example/cb?")
    assert "code=" in answer.headers["Location"]


def test_two_tabs_finish_each_their_own(
    guest: Guest, account: Account, first_party: Callable[..., TestResponse]
) -> None:
    first, second = (_interaction(first_party(state=state)) for state in ("satu", "dua"))

    guest.query = {"i": second}
    answer = follow(guest, guest.enter(EMAIL))
    assert "state=dua" in answer.headers["Location"]
    guest.query = {"i": first}
    answer = follow(guest, guest.get(guest.url("/authorize/" + first)))
    assert "state=satu" in answer.headers["Location"]


def test_a_tab_that_is_reloaded_after_another_signed_in_goes_on_to_its_portal(
    guest: Guest, account: Account, first_party: Callable[..., TestResponse]
) -> None:
    first, second = (first_party(state=state).headers["Location"] for state in ("satu", "dua"))
    guest.query = {"i": second.partition("i=")[2]}
    guest.enter(EMAIL)

    answer = guest.get(first)

    assert answer.headers["Location"].startswith("https://portal.example/cb?")
    assert "state=satu" in answer.headers["Location"]


@pytest.mark.parametrize(
    "wish",
    [{"prompt": "login"}, {"max_age": "0"}, {"prompt": "select_account"}, {"prompt": "create"}],
)
def test_a_tab_whose_portal_wants_more_than_a_session_asks_who_it_is(
    guest: Guest,
    account: Account,
    first_party: Callable[..., TestResponse],
    wish: dict[str, str],
    clock: FixedClock,
) -> None:
    asked = first_party(**wish).headers["Location"].partition("i=")[2]
    guest.query = {}
    guest.enter(EMAIL)
    clock.move(2)

    assert guest.get(f"/masuk?i={asked}").status_code == 200


def test_a_reload_of_the_code_page_loses_nothing(
    guest: Guest, account: Account, first_party: Callable[..., TestResponse]
) -> None:
    guest.query = {"i": _interaction(first_party())}
    there = guest.log_in(EMAIL).headers["Location"]
    for _ in range(3):
        assert "Portal Karier" in guest.get(there).text

    answer = follow(guest, guest.post(there, code=guest.code()))
    assert answer.headers["Location"].startswith("https://portal.example/cb?")


def test_a_request_of_another_browser_is_refused(
    app: Application, guest: Guest, first_party: Callable[..., TestResponse]
) -> None:
    there = first_party().headers["Location"]

    assert guest.get(there).status_code == 200
    assert Guest(app).get(there).status_code == 400


def test_the_login_hint_fills_the_field(
    guest: Guest, first_party: Callable[..., TestResponse]
) -> None:
    page = guest.get(first_party(login_hint="budi1@contoh.id").headers["Location"])

    assert 'value="budi1@contoh.id"' in page.text


def test_pages_of_a_waiting_portal_let_forms_end_there_and_others_do_not(
    guest: Guest, first_party: Callable[..., TestResponse]
) -> None:
    waiting = guest.get(first_party().headers["Location"])

    assert "form-action 'self' https:" in waiting.headers["Content-Security-Policy"]
    assert "form-action 'self';" in guest.get("/masuk").headers["Content-Security-Policy"]


def test_select_account_goes_on_with_this_one(
    app: Application, guest: Guest, account: Account, first_party: Callable[..., TestResponse]
) -> None:
    sign_in(app, guest.browser, account)
    there = first_party(prompt="select_account").headers["Location"]
    assert path_of(first_party(prompt="select_account")) == "/masuk/akun"
    assert "Budi Santoso" in guest.get(there).text

    answer = follow(guest, guest.post(there, decision="continue"))

    assert answer.headers["Location"].startswith("https://portal.example/cb?")


def test_select_account_goes_on_with_another(
    app: Application, guest: Guest, account: Account, first_party: Callable[..., TestResponse]
) -> None:
    sign_in(app, guest.browser, an_account(app, number=2))
    there = first_party(prompt="select_account").headers["Location"]
    assert path_of(guest.post(there, decision="other")) == "/masuk"

    guest.query = {"i": parse_qs(urlsplit(there).query)["i"][0]}
    answer = follow(guest, guest.enter(EMAIL))

    assert answer.headers["Location"].startswith("https://portal.example/cb?")


def test_au_13_a_higher_level_is_reached_by_a_code(
    app: Application, guest: Guest, account: Account
) -> None:
    portal = a_portal(app, guest.browser, first_party=True)
    sign_in(app, guest.browser, account)
    before = cookie_of(guest.browser, "sid")
    asked = portal.start(acr_values="urn:kemnaker:aal:2").headers["Location"]
    assert asked.startswith("/masuk/metode?")

    there = guest.post(asked, channel="sms").headers["Location"]
    assert guest.messages()[-1]["purpose"] == "step_up"
    answer = follow(guest, guest.post(there, code=guest.code()))

    assert cookie_of(guest.browser, "sid") != before
    tokens = portal.redeem(portal.answer(answer)["code"]).get_json()
    claims = portal.claims(tokens["id_token"])
    assert claims["acr"] == "urn:kemnaker:aal:2"
    assert set(claims["amr"]) == {"pwd", "otp", "sms", "mfa"}


def test_au_13_max_age_asks_again_and_reloading_does_not_skip_it(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    portal = a_portal(app, guest.browser, first_party=True)
    sign_in(app, guest.browser, account)
    clock.move(2)
    asked = portal.start(max_age="1")
    assert path_of(asked) == "/masuk"
    interaction = _interaction(asked)

    assert path_of(guest.get(f"/authorize/{interaction}")) == "/masuk"
    guest.query = {"i": interaction}
    answer = follow(guest, guest.enter(EMAIL))
    tokens = portal.redeem(portal.answer(answer)["code"]).get_json()
    assert portal.claims(tokens["id_token"])["auth_time"] >= clock.now() - 1


def test_a_code_in_a_session_of_somebody_else_raises_nothing(
    app: Application, guest: Guest, account: Account
) -> None:
    sign_in(app, guest.browser, account)
    there = guest.post("/masuk/metode", channel="sms").headers["Location"]
    page, code = guest.get(there), guest.code()
    sign_in(app, guest.browser, an_account(app, number=2))

    answer = guest.browser.post(
        there, data={**form_fields(page), "code": code}, headers=same_origin()
    )

    assert answer.status_code in {303, 403}
    [session] = app.wiring.services.sessions.list_alive(account.id)
    assert session.aal == 1


# --- forms ----------------------------------------------------------------------------------------

#: RD-1: what would lead elsewhere if it were ever used as an address.
ELSEWHERE = (
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http://evil.example",
    "HTTPS://evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "%2f%2fevil.example",
    "%5cevil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "\t//evil.example",
    "\n//evil.example",
    "/\t/evil.example",
    "////evil.example",
    "/./evil.example",
    "/../evil.example",
    "https://localhost:8000@evil.example",
    "https://localhost:8000.evil.example",
    "@evil.example",
    "evil.example",
    ".evil.example",
    "?x=//evil.example",
    "#//evil.example",
    "https://evil.example/akun",
    "//localhost:8000/akun",
    "akun\r\nLocation: https://evil.example",
)


@pytest.mark.parametrize("name", ["lanjut", "permintaan", "next", "pesan"])
def test_rd_1_no_word_in_the_address_leads_elsewhere(
    app: Application, guest: Guest, account: Account, name: str
) -> None:
    sign_in(app, guest.browser, account)

    for target in ELSEWHERE:
        answer = guest.browser.get("/masuk", query_string={name: target})

        there = urlsplit(answer.headers["Location"])
        assert (there.scheme, there.netloc) == ("", ""), target
        assert there.path.startswith("/akun"), target


#: IN-2: texts that break careless code.
TEXTS = (
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u200b",
    "\u202e",
    "\ufeff",
    "\ufffd",
    "\U0001f600",
    "é" * 300,
    "٠٨١٢٣٤٥٦٧٨٩",
    "１２３４５６７８９０１２３４５６",
    "' OR '1'='1",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "%00",
    "%s%n",
    "../../etc/passwd",
    "a" * 5000,
    "\r\nSet-Cookie: x=y",
    "@",
    "a@b@c",
)


def test_in_2_no_text_in_any_field_breaks_a_page(make_app: Callable[..., Application]) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000")
    an_account(app)
    guest = Guest(app)
    there = guest.log_in(EMAIL).headers["Location"]

    for text in TEXTS:
        answers = [
            guest.log_in(text),
            guest.log_in(EMAIL, text),
            guest.post(there, code=text, remember=text),
            guest.post(there.replace("kode", "metode"), channel=text),
        ]
        assert {answer.status_code for answer in answers} == {422}, text
        assert all("<script>alert" not in answer.text for answer in answers)


def test_in_2_invalid_utf_8_breaks_nothing(guest: Guest) -> None:
    token = form_fields(guest.get("/masuk"))["csrf_token"]
    answer = guest.browser.post(
        "/masuk",
        data=b"csrf_token=" + token.encode() + b"&identifier=%ff%fe%c0%af&password=%ed%a0%80",
        content_type="application/x-www-form-urlencoded",
        headers=same_origin(),
    )

    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        (same_origin(), "forged"),
        (same_origin(), ""),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, None),
        ({"Origin": "https://evil.example"}, None),
        ({"Sec-Fetch-Site": "same-site", "Origin": ISSUER}, None),
    ],
)
def test_se_6_a_form_that_is_not_ours_is_shown_again_and_does_nothing(
    guest: Guest, account: Account, headers: dict[str, str], token: str | None
) -> None:
    fields = form_fields(guest.get("/masuk"))
    if token is not None:
        fields["csrf_token"] = token

    answer = guest.browser.post(
        "/masuk", data={**fields, "identifier": EMAIL, "password": PASSWORD}, headers=headers
    )

    assert answer.status_code == 403
    assert EMAIL in answer.text
    assert PASSWORD not in answer.text
    assert guest.messages() == []


def test_se_6_the_token_of_another_browser_does_not_count(
    app: Application, account: Account
) -> None:
    stolen = form_fields(Guest(app).get("/masuk"))
    guest = Guest(app)
    guest.get("/masuk")

    answer = guest.browser.post(
        "/masuk",
        data={**stolen, "identifier": EMAIL, "password": PASSWORD},
        headers=same_origin(),
    )

    assert answer.status_code == 403


def test_r_11_a_form_sent_twice_has_one_effect(guest: Guest, account: Account) -> None:
    page = guest.get("/masuk")
    answers = [guest.log_in(EMAIL, page=page) for _ in range(2)]

    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    assert guest.kinds() == ["code"]


def test_nothing_personal_stands_in_addresses_or_logs(
    guest: Guest, account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    guest.query = {}
    fail(guest, 6, NIK)
    answer = guest.enter("0812-0000-0001") if guest.app is None else guest.log_in(EMAIL)

    told = caplog.text + str(answer.headers)
    for personal in (EMAIL, "budi1", NIK, "81200000001", PASSWORD, "Santoso"):
        assert personal not in told


def test_signed_out_browsers_are_dead(app: Application, guest: Guest, account: Account) -> None:
    guest.enter(EMAIL)
    copied = cookie_of(guest.browser, "sid")
    guest.post("/keluar", decision="all")

    thief: FlaskClient = app.test_client()
    thief.set_cookie("sid", copied or "")
    assert path_of(thief.get("/akun")) == "/masuk"


# --- OT-7: what a short message is good for -------------------------------------------------------


def test_ot_7_short_messages_go_to_a_proved_number_alone(app: Application, guest: Guest) -> None:
    an_account(app, phone_number_verified=False)
    there = guest.log_in(EMAIL).headers["Location"]
    page = guest.get(there.replace("kode", "metode"))

    assert 'value="sms"' not in page.text
    assert guest.post(there.replace("kode", "metode"), page, channel="sms").status_code == 422
    guest.post("/kendala/kata-sandi", identifier="0812 0000 0001", channel="sms")
    assert {told["carrier"] for told in guest.messages()} == {"mail"}


def test_ot_7_the_page_says_what_a_short_message_risks(guest: Guest, account: Account) -> None:
    there = guest.log_in(EMAIL).headers["Location"]
    page = guest.get(there.replace("kode", "metode"))

    assert page.text.index('value="email"') < page.text.index('value="sms"')
    assert page.text.count("Kurang aman bila kartu SIM Anda hilang") == 1


# --- AU-15 ----------------------------------------------------------------------------------------


def test_au_15_a_fresh_installation_has_no_account_and_asks_no_secret_question(
    app: Application, guest: Guest
) -> None:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        accounts = connection.execute(sa.text("SELECT count(*) FROM account")).scalar_one()
    assert accounts == 0
    for name in ("admin", "administrator", "root", "demo", "admin@contoh.id"):
        for password in ("admin", "password", "siapkerja", PASSWORD):
            assert guest.log_in(name, password).status_code in {422, 429}
    # /kendala/kontak opens no account by a question: the registry matches, two officers decide
    for path in ("/kendala", "/kendala/kata-sandi", "/masuk"):
        page = guest.get(path)
        assert "nama ibu" not in page.text.lower()
        assert "pertanyaan" not in page.text.lower()


# --- never a dead end -----------------------------------------------------------------------------


def test_a_request_that_is_over_names_the_way_back_to_its_own_browser_alone(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    home = "https://portal.example/beranda"
    there = a_portal(app, guest.browser, client_uri=home).start().headers["Location"]
    stranger = Guest(app).get(there)
    clock.move(901)
    mine = guest.get(there)

    assert (mine.status_code, stranger.status_code) == (400, 400)
    assert f'href="{home}"' in mine.text
    assert "Kembali ke Portal Uji" in mine.text
    assert "Portal Uji" not in stranger.text


def test_whoever_was_here_before_is_told_that_the_session_ended(
    app: Application, guest: Guest, account: Account, clock: FixedClock
) -> None:
    assert guest.get("/akun").headers["Location"] == "/masuk?lanjut=account_home"
    sign_in(app, guest.browser, account)
    clock.move(1801)
    there = guest.get("/akun/sesi").headers["Location"]

    assert there == "/masuk?lanjut=account_sessions&pesan=berakhir"
    assert "Sesi Anda telah berakhir. Silakan masuk kembali." in guest.get(there).text
    guest.query = {"lanjut": "account_sessions", "pesan": "berakhir"}
    assert guest.enter(EMAIL).headers["Location"] == "/akun/sesi"


def test_a_form_of_a_page_whose_session_ended_in_another_tab_says_so(
    app: Application, guest: Guest, account: Account
) -> None:
    sign_in(app, guest.browser, account)
    page = guest.get("/keluar")
    guest.post("/keluar", decision="all")

    there = guest.post("/akun/sesi", page, action="others").headers["Location"]

    assert there == "/masuk?lanjut=account_sessions&pesan=berakhir"


def test_the_page_of_signing_out_is_not_shown_to_who_is_signed_in(
    app: Application, guest: Guest, account: Account
) -> None:
    sign_in(app, guest.browser, account)
    assert path_of(guest.get("/keluar/selesai")) == "/"

    answer = guest.post("/keluar", decision="all")

    assert "Anda telah keluar" in guest.get(answer.headers["Location"]).text


def test_a_browser_that_keeps_no_cookies_is_told_to_keep_them(
    app: Application, guest: Guest, account: Account
) -> None:
    page = guest.get("/masuk")
    words = "Aktifkan kuki di peramban Anda untuk masuk."
    guest.browser.delete_cookie("flow")
    without = guest.log_in(EMAIL, page=page)
    guest.get("/masuk")
    stale = guest.log_in(EMAIL, page=page)

    assert (without.status_code, words in without.text) == (403, True)
    assert (stale.status_code, words in stale.text) == (403, False)


@pytest.mark.parametrize("page", ["/masuk", "/masuk/akun-lama", "/daftar", "/kendala"])
def test_every_link_beside_a_sign_in_leads_to_a_page(app: Application, page: str) -> None:
    """Also where no portal waits: an empty `i` would name a request that nobody made."""
    guest = Guest(app)
    links = re.findall(r'href="(/(?:masuk|daftar|kendala)[^"]*)"', guest.get(page).text)

    assert links
    for link in links:
        assert guest.get(link.replace("&amp;", "&")).status_code in {200, 303}, link
        assert "i=&" not in f"{link}&", link
