"""Headers and cookies of every answer, walked by the URL map (HD, SE-1), and sizes (IN-1)."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from idp.app import Application
from tests.everywhere import FORMS, World
from tests.fakes import FixedClock
from tests.guest import Guest
from tests.portal import an_account, same_origin, sign_in
from tests.sandbox_server import Sandbox

#: Where this checkout lies, which no answer may tell.
HERE = str(Path(__file__).parents[2]).lower()

ISSUER = "https://akun.contoh.go.id"
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
#: What stands for the parts of paths, by their converter.
PARTS = {
    "path": "siapkerja.css",
    "uuid": "00000000-0000-7000-8000-000000000000",
    "string": "never-made",
    "int": "1",
}
_PART = re.compile(r"<(?:(\w+):)?\w+>")


@pytest.fixture
def secure(make_app: Callable[..., Application]) -> Application:
    """The application behind https, as in production."""
    return make_app(SIAPKERJA_ISSUER=ISSUER)


def every_path(app: Application) -> Iterator[str]:
    for rule in app.url_map.iter_rules():
        yield _PART.sub(lambda part: PARTS[part.group(1) or "string"], rule.rule)


def answers_of(app: Application, *, is_signed_in: bool) -> Iterator[tuple[str, TestResponse]]:
    """Every route by every method that it takes and one that it does not."""
    browser = app.test_client()
    if is_signed_in:
        sign_in(app, browser, an_account(app))
        browser.set_cookie(
            "__Host-sid", browser.get_cookie("sid").value, domain="akun.contoh.go.id"
        )
    for path in every_path(app):
        for method in ("GET", "POST", "HEAD", "OPTIONS", "PUT"):
            answer = browser.open(path, method=method, base_url=ISSUER, headers=same_origin())
            yield f"{method} {path}", answer


def policy_of(answer: TestResponse) -> dict[str, str]:
    told = answer.headers["Content-Security-Policy"]
    pairs = (part.strip().partition(" ") for part in told.split(";"))
    return {name: value for name, _, value in pairs}


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_hd_1_hd_2_hd_3_every_route_has_its_headers(
    secure: Application, *, is_signed_in: bool
) -> None:
    seen = 0
    for what, answer in answers_of(secure, is_signed_in=is_signed_in):
        seen += 1
        headers = answer.headers
        policy = policy_of(answer)
        assert {name: policy.get(name) for name in POLICY} == POLICY, what
        assert policy["form-action"].startswith("'self'"), what
        assert "unsafe" not in headers["Content-Security-Policy"], what
        assert headers["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains", what
        assert headers["X-Content-Type-Options"] == "nosniff", what
        assert headers["Referrer-Policy"] == "same-origin", what
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin", what
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin", what
        assert headers["X-Frame-Options"] == "DENY", what
        assert "publickey-credentials-get=(self)" in headers["Permissions-Policy"], what
        assert not [name for name, _ in headers if name.startswith("Access-Control-")], what
        if not what.endswith("siapkerja.css") or answer.status_code >= 400:
            assert headers["Cache-Control"] == "no-store", what
        assert answer.status_code < 500 or "/readyz" in what, what
        for name in ("Server", "X-Powered-By", "Via"):
            assert name not in headers
    assert seen > 200


def test_hd_1_pages_have_no_inline_script_or_style(secure: Application) -> None:
    for what, answer in answers_of(secure, is_signed_in=True):
        if not what.startswith("GET") or "html" not in answer.headers.get("Content-Type", ""):
            continue
        for script in re.findall(r"<script\b[^>]*>(.*?)</script>", answer.text, re.S):
            assert script == "", what
        assert not re.search(r"<[^>]+\s(?:on\w+|style)\s*=", answer.text), what
        assert "<style" not in answer.text, what
        assert "javascript:" not in answer.text, what


BAD_REQUESTS = {
    "404": {"path": "/tidak-ada"},
    "404 of a file": {"path": "/aset/tidak-ada.css"},
    "404 below a session": {"path": "/akun/portal/tidak-ada"},
    "405": {"path": "/masuk", "method": "DELETE"},
    "405 unknown": {"path": "/masuk", "method": "BREW"},
    "400": {"path": "/masuk?i=never-made"},
    "403": {"path": "/masuk", "method": "POST"},
    "413": {"path": "/masuk", "method": "POST", "data": b"a" * 70_000},
    "413 fields": {"path": "/masuk", "method": "POST", "data": {f"a{n}": "" for n in range(200)}},
    "414": {"path": "/" + "a" * 9000},
    "415": {"path": "/masuk", "method": "POST", "json": {}},
    "421": {"path": "/masuk", "headers": {"Host": "evil.example"}},
    "431": {"path": "/masuk", "headers": {"X-Much": "a" * 20_000}},
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_hd_2_hd_3_errors_have_headers_too_and_tell_nothing(secure: Application, name: str) -> None:
    wanted = dict(BAD_REQUESTS[name])
    answer = secure.test_client().open(wanted.pop("path"), base_url=ISSUER, **wanted)

    assert answer.status_code == int(name[:3])
    headers = answer.headers
    assert policy_of(answer)["default-src"] == "'none'"
    assert policy_of(answer)["frame-ancestors"] == "'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Strict-Transport-Security"].startswith("max-age=63072000")
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Request-Id"]
    for word in ("traceback", "werkzeug", "flask", "sqlalchemy", HERE, ".py"):
        assert word not in answer.text.lower()


@pytest.mark.parametrize("name", ["404", "405", "403", "415", "413 fields"])
def test_error_pages_name_a_reference_and_a_way_home(app: Application, name: str) -> None:
    wanted = dict(BAD_REQUESTS[name])
    answer = app.test_client().open(wanted.pop("path"), **wanted)

    if name != "403":
        assert answer.headers["X-Request-Id"] in answer.text
    assert 'href="/"' in answer.text
    assert '<html lang="id">' in answer.text


def test_hd_1_only_pages_of_a_waiting_portal_let_forms_end_elsewhere(
    app: Application, sandbox: Sandbox
) -> None:
    waiting = {"choose_account", "consent", "sign_out"}
    for form in FORMS:
        world = World(app, sandbox, number=FORMS.index(form) + 1)
        policy = policy_of(form(world).page)["form-action"]
        assert ("https:" in policy) is (form.__name__ in waiting), form.__name__


# --- SE-1


def test_se_1_every_cookie_of_every_answer(
    make_app: Callable[..., Application], sandbox: Sandbox, clock: FixedClock
) -> None:
    app = make_app(SIAPKERJA_LIMITS_FACTOR="1000", **sandbox.environment())
    seen: dict[str, set[str]] = {}
    for number, form in enumerate(FORMS, start=1):
        sent = form(World(app, sandbox, number))
        for answer in (sent.page, sent.send()):
            for cookie in answer.headers.getlist("Set-Cookie"):
                name, _, rest = cookie.partition("=")
                value, *attributes = (part.strip() for part in rest.split(";"))
                assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes), cookie
                assert not any(part.startswith("Domain") for part in attributes)
                assert value == "" or len(value) == 43, cookie
                seen.setdefault(name, set()).add(form.__name__)

    assert set(seen) == {"flow", "sid", "device"}
    assert {"login", "begin_registration", "recovery_password"}.isdisjoint(seen["sid"])
    assert seen["device"] == {"login_code", "registration_code"}


def test_se_1_the_language_is_kept_only_where_it_was_chosen(app: Application) -> None:
    guest = Guest(app)
    names = {c.partition("=")[0] for c in guest.get("/masuk").headers.getlist("Set-Cookie")}
    chosen = {c.partition("=")[0] for c in guest.get("/?lang=en").headers.getlist("Set-Cookie")}

    assert "lang" not in names
    assert "lang" in chosen


def test_se_1_plain_pages_set_nothing(app: Application) -> None:
    browser = app.test_client()
    for path in ("/", "/bantuan", "/privasi", "/syarat", "/aksesibilitas", "/tidak-ada", "/jwks"):
        assert browser.get(path).headers.getlist("Set-Cookie") == [], path


# --- IN-1


def _quickly(call: Callable[[], TestResponse]) -> TestResponse:
    """Answer within a second of work; how long others kept this machine busy does not count."""
    began = time.thread_time()
    answer = call()
    assert time.thread_time() - began < 1
    return answer


PLACES = (
    "/masuk",
    "/daftar",
    "/kendala/kata-sandi",
    "/token",
    "/par",
    "/authorize",
    "/end_session",
)


@pytest.mark.parametrize("path", PLACES)
def test_in_1_sixteen_megabytes_are_refused_unread(browser: FlaskClient, path: str) -> None:
    answer = _quickly(lambda: browser.post(path, data=b"a=" + b"b" * 16_777_216))

    assert answer.status_code == 413


@pytest.mark.parametrize("path", PLACES)
def test_in_1_fifty_thousand_fields_are_refused_quickly(browser: FlaskClient, path: str) -> None:
    form = "application/x-www-form-urlencoded"
    many = _quickly(lambda: browser.post(path, data=b"a&" * 30_000, content_type=form))
    more = _quickly(
        lambda: browser.post(
            path, data="&".join(f"a{n}=" for n in range(50_000)), content_type=form
        )
    )

    assert many.status_code in {400, 401, 413}
    assert more.status_code == 413


@pytest.mark.parametrize("path", [*PLACES, "/register", "/sandbox/ciba", "/hooks/sms/infobip/x"])
@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_in_1_sixty_thousand_brackets_are_refused_quickly(
    browser: FlaskClient, path: str, bracket: str
) -> None:
    body = (bracket * 60_000)[:60_000]
    answer = _quickly(lambda: browser.post(path, data=body, content_type="application/json"))

    assert 400 <= answer.status_code < 500


@pytest.mark.parametrize("count", [98, 99, 100, 101, 300])
def test_in_1_a_hundred_fields_and_no_more(browser: FlaskClient, count: int) -> None:
    form = {f"a{number}": "" for number in range(count)}
    plain = browser.post("/masuk", data=form, headers=same_origin())
    parts = browser.post("/masuk", data=form, content_type="multipart/form-data")

    expected = 413 if count > 100 else 403
    assert (plain.status_code, parts.status_code) == (expected, expected)


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "99999999999999999999", "٣", "+5", " 5"])
def test_in_1_a_length_that_is_none_is_refused(browser: FlaskClient, length: str) -> None:
    answer = browser.post("/masuk", environ_overrides={"CONTENT_LENGTH": length})

    assert answer.status_code == 413


# --- IN-5


@pytest.mark.parametrize("text", ["%0d%0aX-Evil:%20yes", "%0aSet-Cookie:%20a=b", "%0d%0a%0d%0a<b>"])
def test_in_5_no_header_is_made_of_what_comes(app: Application, text: str) -> None:
    guest = Guest(app)
    sign_in(app, guest.browser, an_account(app))
    names = ("lanjut", "permintaan", "pesan", "lang", "i", "m", "k", "p", "h", "sisa", "sebelum")
    for path in ("/masuk", "/masuk/kode", "/masuk/metode", "/keluar", "/konfirmasi", "/akun/sesi"):
        for name in names:
            answer = guest.get(f"{path}?{name}={text}")
            assert answer.status_code < 500
            assert "X-Evil" not in answer.headers

            assert not [c for c in answer.headers.getlist("Set-Cookie") if c.startswith("a=b")]


# --- RD-3


def test_rd_3_pages_take_nothing_from_elsewhere(app: Application, sandbox: Sandbox) -> None:
    for number, form in enumerate(FORMS, start=1):
        page = form(World(app, sandbox, number)).page.text
        taken = re.findall(
            r"<(?:script|img|iframe|source|embed|object)\b[^>]*?\ssrc=\"([^\"]*)", page
        )
        taken += re.findall(r"<link\b[^>]*?\shref=\"([^\"]*)", page)
        assert taken
        assert all(address.startswith("/aset/") for address in taken), (form.__name__, taken)
        assert '<form method="post"' in page
