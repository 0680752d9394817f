"""Everything that a client can get wrong in an authorization request, at both of its endpoints.

A row names a parameter, a bent value and the error. At the authorization endpoint the error goes
back by redirect only where client and redirect URI are known good (RFC 6749 §4.1.2.1); at the PAR
endpoint it is the answer (RFC 9126 §2.3). Request objects have `test_rfc9101_jar.py`, assertions
`test_rfc7523_client_assertion.py`, proofs `test_rfc9449_dpop.py`.
"""

import json
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.identity.account import Account
from tests.jar import parameters
from tests.portal import ISSUER, Portal
from tests.waiting import interaction_of

INVALID, SCOPE = "invalid_request", "invalid_scope"
HERE = "told here"
LONG = "x" * 2049

#: Parameter, what is sent (a list: several; `None`: nothing), and the error.
ROWS: list[tuple[str, str | list[str] | None, str]] = [
    # missing
    ("client_id", None, HERE),
    ("redirect_uri", None, HERE),
    ("response_type", None, INVALID),
    ("scope", None, SCOPE),
    ("code_challenge", None, INVALID),
    ("code_challenge_method", None, INVALID),
    # empty counts as missing
    ("client_id", "", HERE),
    ("redirect_uri", "", HERE),
    ("response_type", "", INVALID),
    ("scope", "", SCOPE),
    ("code_challenge", "", INVALID),
    ("code_challenge_method", "", INVALID),
    # doubled
    ("client_id", ["=", "="], HERE),
    ("redirect_uri", ["=", "="], HERE),
    ("redirect_uri", ["=", "https://evil.example/"], HERE),
    ("response_type", ["code", "code"], INVALID),
    ("scope", ["openid", "openid"], INVALID),
    ("state", ["a", "b"], INVALID),
    ("nonce", ["a", "a"], INVALID),
    ("prompt", ["login", "none"], INVALID),
    ("max_age", ["1", "2"], INVALID),
    ("response_mode", ["query", "form_post"], INVALID),
    ("code_challenge", ["=", "="], INVALID),
    ("code_challenge_method", ["S256", "plain"], INVALID),
    ("acr_values", ["a", "b"], INVALID),
    ("claims", ["{}", "{}"], INVALID),
    ("id_token_hint", ["a", "b"], INVALID),
    ("login_hint", ["a", "b"], INVALID),
    ("dpop_jkt", ["a", "b"], INVALID),
    ("unheard_of", ["a", "b"], INVALID),
    # over-long
    ("client_id", LONG, HERE),
    ("redirect_uri", f"https://portal.example/{LONG}", HERE),
    ("state", LONG, HERE),
    ("nonce", LONG, INVALID),
    ("scope", f"openid {LONG}", INVALID),
    ("unheard_of", LONG, INVALID),
    ("nonce", ["n", LONG], INVALID),
    ("redirect_uri", ["=", LONG], HERE),
    # not ASCII, or not text
    ("client_id", "pörtal", HERE),
    ("redirect_uri", "https://portal.example/ü", HERE),
    ("redirect_uri", "https://pоrtal.example/cb", HERE),
    ("response_type", "cöde", "unsupported_response_type"),
    ("response_type", "сode", "unsupported_response_type"),
    ("response_mode", "quéry", INVALID),
    ("scope", "openid prüfung", SCOPE),
    ("prompt", "lögin", INVALID),
    ("max_age", "१०", INVALID),
    ("code_challenge", "é" * 43, INVALID),
    ("code_challenge_method", "S２56", INVALID),
    ("dpop_jkt", "é" * 43, INVALID),
    ("state", "a\x00b", HERE),
    ("nonce", "a\x1bb", INVALID),
    ("login_hint", "a\x7fb", INVALID),
    # wrong type or form
    ("response_type", "code code", "unsupported_response_type"),
    ("response_type", " code", "unsupported_response_type"),
    ("response_type", "CODE", "unsupported_response_type"),
    ("response_type", "code id_token token", "unsupported_response_type"),
    ("response_mode", "web_message", INVALID),
    ("scope", 'openid "x"', SCOPE),
    ("scope", "openid\\x", SCOPE),
    ("scope", "nik", SCOPE),
    ("prompt", "none login", INVALID),
    ("prompt", "always", INVALID),
    ("max_age", "-1", INVALID),
    ("max_age", "1.0", INVALID),
    ("max_age", "1e2", INVALID),
    ("max_age", "9" * 11, INVALID),
    ("claims", "x", INVALID),
    ("claims", "[]", INVALID),
    ("id_token_hint", "x", INVALID),
    ("id_token_hint", "a.b.c", INVALID),
    ("code_challenge", "x" * 42, INVALID),
    ("code_challenge", "x" * 44, INVALID),
    ("code_challenge", "=" * 43, INVALID),
    ("code_challenge_method", "plain", INVALID),
    ("code_challenge_method", "s256", INVALID),
    ("dpop_jkt", "x", INVALID),
    ("resource", "x", "invalid_target"),
    ("resource", ["https://a.example/", "https://b.example/"], "invalid_target"),
    ("authorization_details", "x", "invalid_authorization_details"),
    ("registration", "{}", "registration_not_supported"),
    ("request", "x", "invalid_request_object"),
]
IDS = [f"{name}={str(value)[:24]!r}" for name, value, _ in ROWS]


def encoded(portal: Portal, name: str, value: str | list[str] | None) -> str:
    """Return the good request with one parameter bent; `=` stands for its good value."""
    good = parameters(portal)
    values = [value] if isinstance(value, str) else value or []
    bent = [(name, good[name] if item == "=" else item) for item in values]
    return urlencode([pair for pair in good.items() if pair[0] != name] + bent)


def stays_here(response: TestResponse, *statuses: int) -> bool:
    return response.status_code in {400, *statuses} and "Location" not in response.headers


@pytest.mark.parametrize(("name", "value", "error"), ROWS, ids=IDS)
def test_at_the_authorization_endpoint(
    portal: Portal, name: str, value: str | list[str] | None, error: str
) -> None:
    text = encoded(portal, name, value)
    form = "application/x-www-form-urlencoded"

    by_get = portal.browser.get(f"/authorize?{text}")
    by_post = portal.browser.post("/authorize", data=text, content_type=form)

    for response in (by_get, by_post):
        if error == HERE:
            assert stays_here(response), response.text
            continue
        answer = portal.answer(response)
        assert (answer["error"], answer["iss"]) == (error, ISSUER)
        assert answer["state"] == ("a" if name == "state" else "st")
        assert answer["error_description"].isascii()


#: At the PAR endpoint the client is named by its authentication.
PUSHED = [row for row in ROWS if row[0] != "client_id" or row[1]]


@pytest.mark.parametrize(
    ("name", "value", "error"), PUSHED, ids=[IDS[ROWS.index(row)] for row in PUSHED]
)
def test_at_the_par_endpoint(
    portal: Portal, name: str, value: str | list[str] | None, error: str
) -> None:
    response = portal.browser.post(
        "/par",
        data=encoded(portal, name, value),
        content_type="application/x-www-form-urlencoded",
        headers=_basic(portal),
    )
    told = response.get_json()

    assert response.status_code in {400, 401}, response.text
    expected = {INVALID, "invalid_client"} if error == HERE else {error}
    assert told["error"] in expected
    assert told["error_description"].isascii()
    assert "request_uri" not in told
    assert response.headers["Cache-Control"] == "no-store"


def _basic(portal: Portal) -> dict[str, str]:
    pair = f"{portal.client_id}:{portal.secret}"
    return {"Authorization": "Basic " + b64encode(pair.encode()).decode()}


# --- encodings and content types

RAW = [
    "client_id=%",
    "client_id=%zz",
    "client_id=%ff%fe",
    "client_id=%00",
    "client_id=%c0%ae",
    "client_id=%ed%a0%80",
    "=x",
    "&&&",
    "client_id",
    "client_id=;redirect_uri=x",
    "%63lient_id",
    "&".join(f"p{n}={n}" for n in range(101)),
]


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: raw[:24])
def test_a_bent_query_is_told_here(portal: Portal, raw: str) -> None:
    assert stays_here(portal.browser.get(f"/authorize?{raw}"))


@pytest.mark.parametrize("value", ["%ff", "%c3%28", "%ed%a0%80"])
def test_a_value_outside_utf_8_is_told_to_a_portal_that_is_known_good(
    portal: Portal, value: str
) -> None:
    bent = encoded(portal, "login_hint", None) + f"&login_hint={value}"

    answer = portal.answer(portal.browser.get(f"/authorize?{bent}"))

    assert (answer["error"], answer["state"]) == (INVALID, "st")
    assert "UTF-8" in answer["error_description"]


@pytest.mark.parametrize("raw", RAW, ids=lambda raw: raw[:24])
def test_a_bent_body_is_told_here(portal: Portal, raw: str) -> None:
    form = "application/x-www-form-urlencoded"
    by_post = portal.browser.post("/authorize", data=raw, content_type=form)
    pushed = portal.browser.post("/par", data=raw, content_type=form, headers=_basic(portal))

    assert stays_here(by_post, 413)
    assert pushed.status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/x-www-form-urlencoded2",
        "application/x-www-form",
        "",
    ],
)
def test_another_content_type_is_refused(portal: Portal, content_type: str) -> None:
    for body in (encoded(portal, "x", "y"), json.dumps(parameters(portal))):
        by_post = portal.browser.post("/authorize", data=body, content_type=content_type)
        pushed = portal.browser.post(
            "/par", data=body, content_type=content_type, headers=_basic(portal)
        )

        assert stays_here(by_post, 415)
        assert (pushed.status_code, pushed.get_json()["error"]) == (400, INVALID)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=utf-8",
        "Application/X-WWW-Form-URLEncoded;charset=UTF-8",
    ],
)
def test_a_form_is_a_form_with_its_charset_too(portal: Portal, content_type: str) -> None:
    body = encoded(portal, "x", "y")

    by_post = portal.browser.post("/authorize", data=body, content_type=content_type)
    pushed = portal.browser.post(
        "/par", data=body, content_type=content_type, headers=_basic(portal)
    )

    assert by_post.status_code == 303
    assert pushed.status_code == 201


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "PROPFIND"])
def test_another_method_is_refused(portal: Portal, method: str) -> None:
    for path in ("/authorize", "/par"):
        answer = portal.browser.open(path, method=method)
        assert answer.status_code == 405
        assert "POST" in answer.headers["Allow"]


def test_an_empty_post_is_told_here(portal: Portal) -> None:
    assert stays_here(portal.browser.post("/authorize"))


# --- from another client, and from nobody


def test_a_hint_code_or_request_of_another_client_is_refused(
    portal: Portal, public_portal: Portal
) -> None:
    hint = portal.tokens()["id_token"]

    answer = public_portal.answer(public_portal.start(id_token_hint=hint))

    assert answer["error"] == INVALID


def test_two_clients_can_not_push_as_one(portal: Portal, public_portal: Portal) -> None:
    """RFC 9126 §2.1: `client_id` in the body is the client that authenticates."""
    form = {**parameters(portal), "client_id": public_portal.client_id}

    response = portal.browser.post("/par", data=form, headers=_basic(portal))

    assert response.status_code in {400, 401}


def test_a_waiting_request_can_not_be_bent(portal: Portal) -> None:
    """What stands in the address of a waiting request counts for nothing."""
    waiting = portal.start()
    path = f"/authorize/{interaction_of(waiting)}"

    bent = portal.browser.get(f"{path}?redirect_uri=https://evil.example/&scope=nik")

    assert bent.headers["Location"].startswith("/izin")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("client_id", "somebody", "Aplikasi tidak terdaftar."),
        ("client_id", ["=", "="], "Permintaan tidak dapat diproses."),
        ("redirect_uri", "https://evil.example/", "Permintaan tidak dapat diproses."),
        ("state", LONG, "Permintaan tidak dapat diproses."),
        ("state", "\x00", "Permintaan tidak dapat diproses."),
    ],
)
def test_only_an_unknown_client_is_called_unregistered(
    portal: Portal, name: str, value: str | list[str], words: str
) -> None:
    page = portal.browser.get(f"/authorize?{encoded(portal, name, value)}")

    assert stays_here(page)
    assert words in page.text
    assert ("laporkan tautan" in page.text) == (value == "somebody")


def test_nothing_that_was_sent_comes_back_in_an_error_page(
    portal: Portal, app: Application, person: Account
) -> None:
    hostile = "<script>alert(1)</script>"
    for name in ("client_id", "redirect_uri", "state"):
        text = encoded(portal, name, hostile + ("\x00" if name == "state" else ""))
        page = portal.browser.get(f"/authorize?{text}")

        assert stays_here(page)
        assert "alert(1)" not in page.text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nonce", "the parameter nonce was given more than once"),
        ("x y", "a parameter was given more than once"),
        ("\u00e9", "a parameter was given more than once"),
    ],
)
def test_a_parameter_that_came_twice_is_named_where_its_name_may_be_told(
    portal: Portal, name: str, told: str
) -> None:
    """RFC 6749 §3.1, §5.2."""
    text = encoded(portal, name, ["a", "b"])

    answer = portal.answer(portal.browser.get(f"/authorize?{text}"))

    assert answer["error_description"] == told
