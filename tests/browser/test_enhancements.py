"""What the script adds, what pages weigh, and both languages (`ui.md` sections 8, 9, 13)."""

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Response, expect

from tests.browser.gallery import picture
from tests.browser.sizes import PHONE
from tests.browser.visitor import Visitor
from tests.browser.world import World

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser-journeys")]

Visit = Callable[..., Visitor]

SHIFTS = """() => new Promise(done => { let sum = 0; new PerformanceObserver(seen => {
    for (const shift of seen.getEntries()) if (!shift.hadRecentInput) sum += shift.value })
    .observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 150) })"""
#: The largest thing drawn, once something was.
LARGEST = """() => new Promise(done => new PerformanceObserver(seen => {
    const last = seen.getEntries().at(-1)
    if (last.element) done({url: last.url, text: last.element.textContent})
}).observe({type: 'largest-contentful-paint', buffered: true}))"""
#: What a page says before its scripts, its styles and its pictures came.
WORDS_OF = """html => new DOMParser().parseFromString(html, 'text/html').body.textContent"""
BLOCKING = """() => performance.getEntriesByType('resource')
    .filter(entry => entry.renderBlockingStatus === 'blocking').map(entry => entry.name)"""
KB = 1000
#: A task is long after 50 ms on a processor six times slower (`ui.md` section 13).
SCRIPT_SECONDS = 0.050 / 6


# What people get with script ----------------------------------------------------------------------


def test_a_password_can_be_shown_and_is_hidden_again_before_it_is_sent(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/masuk")
    field = visitor.page.locator("[name=password]")
    visitor.fill(password="perahu-kabut-lada-64")
    visitor.press("Tampilkan")
    expect(field).to_have_attribute("type", "text")
    assert visitor.page.get_by_role("button", name="Sembunyikan").is_visible()
    visitor.page.evaluate("document.forms[0].addEventListener('submit', e => e.preventDefault())")
    visitor.press("Masuk")

    expect(field).to_have_attribute("type", "password")


def test_a_nik_is_grouped_while_typing_and_sent_plain(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/daftar")
    nik = visitor.page.locator("[name=nik]")
    nik.press_sequentially("32730117-0890.9001")
    assert nik.input_value() == "327301 170890 9001"

    with visitor.page.expect_request(lambda request: request.method == "POST") as sent:
        visitor.press("Berikutnya")
    assert "nik=3273011708909001&" in (sent.value.post_data or "")


def test_a_digit_of_a_nik_is_mended_where_it_stands(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/daftar")
    nik = visitor.page.locator("[name=nik]")
    nik.press_sequentially("3471041206889031")
    nik.evaluate("field => field.setSelectionRange(5, 5)")
    nik.press("Backspace")
    nik.press_sequentially("5")
    assert nik.input_value() == "347154 120688 9031"

    # before the space that stands behind the sixth digit, and behind it
    nik.evaluate("field => field.setSelectionRange(6, 6)")
    nik.press_sequentially("9")
    assert nik.input_value() == "347154 912068 89031"
    nik.press("Backspace")
    assert nik.input_value() == "347154 120688 9031"


@pytest.mark.parametrize("typed", ["34710412068890317", "3471O41206889031"])
def test_what_is_wrong_with_a_nik_stays_to_be_told(visit: Visit, typed: str) -> None:
    visitor = visit()
    visitor.open("/daftar")
    visitor.page.locator("[name=nik]").press_sequentially(typed)

    visitor.press("Berikutnya")

    visitor.summary().wait_for()
    assert visitor.page.locator("[name=nik]").input_value().replace(" ", "") == typed


def test_whoever_comes_back_to_a_page_that_told_of_errors_sees_it_anew(
    visit: Visit, world: World
) -> None:
    """Chromium shows its own error page instead where the answer to a form is asked for again."""
    person = world.a_person()
    visitor = visit()
    visitor.open("/daftar")
    visitor.fill_in_ktp(person)
    visitor.press("Berikutnya")
    visitor.wait_for("/daftar/kontak")
    visitor.fill_in_contact({**person, "phone": "0812"})
    visitor.press("Daftar Sekarang")
    visitor.summary().wait_for()
    visitor.fill_in_contact(person)
    visitor.press("Daftar Sekarang")
    visitor.wait_for("/daftar/kode")

    visitor.page.go_back()

    assert visitor.path == "/daftar/kontak"
    assert visitor.summary().count() == 0
    assert visitor.page.locator("[name=email]").input_value() == person["email"]
    visitor.page.go_forward()
    visitor.wait_for("/daftar/kode")
    visitor.enter_code(world.sms_code(person["phone"]))
    visitor.wait_for("/daftar/selesai")


def test_the_resend_button_counts_down_beside_the_clock_time(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit()
    visitor.page.clock.install()
    visitor.open("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    button = visitor.page.get_by_role("button", name="Kirim Ulang Kode", exact=False)
    expect(button).to_have_attribute("aria-disabled", "true")
    assert "Kode baru dapat diminta mulai pukul" in visitor.text
    visitor.page.clock.run_for(61_000)

    expect(button).not_to_have_attribute("aria-disabled", "true")
    expect(visitor.page.locator("#otp-live")).to_have_text("Kode baru sudah bisa diminta.")


def test_an_early_resend_without_script_gets_a_polite_answer(visit: Visit, world: World) -> None:
    account = world.an_account()
    visitor = visit(script=False)
    visitor.open("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    visitor.press("Kirim Ulang Kode")

    assert visitor.path == "/masuk/kode"
    assert "Mohon tunggu" in visitor.summary().inner_text()
    picture(visitor.page, "login-code-early-noscript")


def test_a_code_that_the_phone_reads_is_filled_in_and_sent(visit: Visit, world: World) -> None:
    account = world.an_account(email_verified=None)
    visitor = visit()
    visitor.context.add_init_script(
        "window.OTPCredential = class {};"
        "navigator.credentials.get = asked => new Promise(done => {"
        " window.hand = code => done({code}); window.asked = asked })"
    )
    visitor.open("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/masuk/kode")
    assert visitor.page.evaluate("asked.otp.transport") == ["sms"]
    visitor.page.evaluate("code => hand(code)", world.sms_code(account["phone_number"]))

    visitor.wait_for("/akun")


def test_the_server_s_words_about_a_password_come_when_the_field_is_left(
    visit: Visit, world: World
) -> None:
    person = world.a_person()
    visitor = visit()
    visitor.open("/daftar")
    visitor.fill_in_ktp(person)
    visitor.press("Berikutnya")
    visitor.wait_for("/daftar/kontak")
    said = visitor.page.locator(".said")
    for password, words in (
        ("pendek", "Kata sandi minimal 12 karakter."),
        (
            person["nik"],
            "Jangan gunakan nama, NIK, email, atau nomor handphone sebagai kata sandi.",
        ),
        ("perahu-kabut-lada-64", "Kata sandi ini kuat."),
    ):
        visitor.fill(password=password)
        visitor.page.keyboard.press("Tab")
        expect(said).to_have_text(words)
    visitor.look("register-contact-strong")


def test_two_minutes_before_its_end_a_session_asks_whether_to_go_on(
    visit: Visit, world: World
) -> None:
    account = world.an_account(email_verified=None, phone_number_verified=None)
    visitor = visit()
    visitor.page.clock.install()
    visitor.open("/masuk")
    visitor.sign_in(account)
    visitor.wait_for("/akun")
    notice = visitor.page.locator("main .note.warn")
    visitor.page.clock.run_for(27 * 60_000)
    assert notice.count() == 0
    visitor.page.clock.run_for(2 * 60_000)
    expect(notice).to_contain_text("Demi keamanan, sesi Anda berakhir pukul")
    visitor.look("account-session-ending")
    visitor.follow("Tetap masuk")
    visitor.page.wait_for_load_state()

    assert visitor.path == "/akun"
    assert notice.count() == 0


def test_work_is_proved_by_script_where_a_network_asks_too_often(
    visit: Visit, world: World
) -> None:
    visitor = visit()
    for _ in range(5):
        visitor.open("/daftar")
        visitor.fill_in_ktp({**world.a_person(), "mother_name": "BUKAN IBUNYA"})
        visitor.press("Berikutnya")
        visitor.wait_for("/daftar/tidak-cocok")
    visitor.open("/daftar")
    visitor.fill_in_ktp(world.a_person())
    visitor.press("Berikutnya")
    ready = visitor.page.locator("[data-ready]")
    expect(ready).to_have_text("Siap. Silakan pilih Lanjut.", timeout=20_000)
    visitor.look("register-puzzle")
    visitor.press("Lanjut")

    visitor.wait_for("/daftar/kontak")


# Languages ----------------------------------------------------------------------------------------


def test_the_switch_keeps_the_page_and_the_request_that_waits(visit: Visit) -> None:
    visitor = visit()
    visitor.open("/masuk", "portal")
    before = visitor.page.url
    visitor.page.locator(".lang a").click()
    visitor.page.locator("html[lang=en]").wait_for()

    assert visitor.page.url == f"{before}&lang=en"
    assert "to continue to\nSample Portal" in visitor.text
    visitor.look("login-portal-en")
    visitor.follow("Sign up now")
    visitor.wait_for("/daftar")
    expect(visitor.page.locator("html")).to_have_attribute("lang", "en")


@pytest.mark.parametrize(
    ("locale", "asked", "shown"),
    [("id-ID", "en-GB", "en"), ("en-GB", "id", "id"), ("en", "", "en")],
)
def test_the_portal_s_language_comes_before_the_browser_s(
    visit: Visit, world: World, locale: str, asked: str, shown: str
) -> None:
    client = world.a_client(redirect_uris=[world.url("portal", "/kembali")])
    visitor = visit(locale=locale)
    visitor.page.goto(world.authorize(client, **({"ui_locales": asked} if asked else {})))

    expect(visitor.page.locator("html")).to_have_attribute("lang", shown)


INDONESIAN = {"yang", "anda", "dengan", "untuk", "tidak", "dan", "akun", "kami", "sandi", "lain"}


def _check_english(visitor: Visitor) -> None:
    words = set(re.split(r"[^a-z]+", visitor.text.lower()))
    assert not words & INDONESIAN, f"{visitor.path}: {words & INDONESIAN}"


def test_no_word_of_the_other_language_is_left_on_english_pages(visit: Visit) -> None:
    visitor = visit(locale="en-GB")
    for path in (
        "/", "/masuk", "/daftar", "/daftar/tertunda", "/kendala", "/kendala/kontak",
        "/kendala/kontak-berubah", "/kendala/nik-terdaftar", "/kendala/kata-sandi", "/bantuan",
        "/privasi", "/syarat", "/aksesibilitas", "/keluar/selesai", "/tidak-ada",
    ):  # fmt: skip
        visitor.open(path)
        _check_english(visitor)


def test_no_word_of_the_other_language_is_left_in_an_english_account(
    visit: Visit, world: World
) -> None:
    visitor = visit(locale="en-GB")
    account = world.an_account(locale="en")
    visitor.enter(account)
    for path in (
        "/akun", "/akun/keamanan", "/akun/keamanan/email", "/akun/keamanan/kata-sandi",
        "/akun/sesi", "/akun/aktivitas", "/akun/portal", "/konfirmasi", "/perangkat",
        "/perangkat/selesai", "/akun/permintaan/selesai", "/keluar",
    ):  # fmt: skip
        visitor.open(path)
        _check_english(visitor)
    visitor.open("/masuk", "portal")
    visitor.wait_for("/izin")
    _check_english(visitor)
    visitor.look("consent-en")
    visitor.open("/akun")
    visitor.look("account-en")


# Weight -------------------------------------------------------------------------------------------


@contextmanager
def _weighing(visitor: Visitor) -> Iterator[dict[str, int]]:
    """Collect what came over the wire, by kind; pages count as a proxy would pack them."""
    came: dict[str, int] = {}
    answers: list[Response] = []

    def note(answer: Response) -> None:
        answers.append(answer)

    visitor.context.on("response", note)
    yield came
    visitor.page.wait_for_load_state("networkidle")
    for answer in answers:
        kind = answer.request.resource_type
        body = answer.body()
        packed = kind in {"font", "image"} and "svg" not in answer.headers["content-type"]
        came[kind] = came.get(kind, 0) + (len(body) if packed else len(gzip.compress(body)))
        came["requests"] = came.get("requests", 0) + 1
        if kind in {"stylesheet", "script"}:
            assert answer.headers["content-encoding"] == "gzip"
            assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["/masuk", "/daftar", "/"])
def test_a_first_visit_stays_within_its_budget(visit: Visit, path: str) -> None:
    visitor = visit()
    with _weighing(visitor) as came:
        visitor.open(path)
    whole = sum(came.values()) - came["requests"]

    assert came["document"] < 10 * KB
    assert came["stylesheet"] < 10 * KB
    assert came["script"] < 8 * KB
    assert came["font"] < 12 * KB
    assert whole < 40 * KB
    assert came["requests"] <= 8


@pytest.mark.parametrize("path", ["/masuk", "/daftar", "/"])
def test_the_largest_thing_on_a_page_is_text_of_its_first_answer(
    visit: Visit, world: World, path: str
) -> None:
    """Nothing but page and stylesheet stands before it; its time is `python -m bench.pages`."""
    visitor = visit()
    answer = visitor.open(path)
    assert answer is not None
    drawn = visitor.page.evaluate(LARGEST)

    assert drawn["url"] == "", "a picture that has to come first"
    words = " ".join(visitor.page.evaluate(WORDS_OF, answer.text()).split())
    assert " ".join(drawn["text"].split()) in words
    [stylesheet] = visitor.page.evaluate(BLOCKING)
    assert stylesheet.startswith(world.url("provider", "/aset/"))
    assert all(
        tag.get_attribute("type") == "module" for tag in visitor.page.locator("script").all()
    )


@pytest.mark.parametrize("path", ["/masuk", "/daftar", "/"])
def test_all_script_of_a_page_together_is_no_long_task(visit: Visit, path: str) -> None:
    """Its own processor time, which other work on the machine does not lengthen."""
    visitor = visit()
    wire = visitor.context.new_cdp_session(visitor.page)
    wire.send("Performance.enable", {"timeDomain": "threadTicks"})
    visitor.open(path)
    visitor.page.wait_for_load_state("networkidle")
    spent = {one["name"]: one["value"] for one in wire.send("Performance.getMetrics")["metrics"]}

    assert spent["ScriptDuration"] < SCRIPT_SECONDS


def test_nothing_moves_while_a_page_comes(chromium: Browser, world: World) -> None:
    with Visitor(chromium, world, size=PHONE) as visitor:
        for path in ("/", "/masuk", "/daftar", "/kendala/kata-sandi"):
            visitor.open(path)
            assert visitor.page.evaluate(SHIFTS) < 0.02


# On paper, and in other colours -------------------------------------------------------------------


def test_pages_keep_their_meaning_in_forced_colours_and_on_paper(visit: Visit) -> None:
    visitor = visit(forced_colors="active")
    visitor.open("/daftar")
    visitor.press("Berikutnya")
    visitor.summary().wait_for()
    picture(visitor.page, "register-ktp-error-forced-colours")
    visitor.page.emulate_media(media="print", forced_colors="none")
    picture(visitor.page, "register-ktp-error-print")

    assert visitor.page.locator("h1").is_visible()
    for part in (".gov", ".foot", ".lang"):
        assert not visitor.page.locator(part).is_visible()
