"""The pages: signing in at the issuer, and filing a claim by hand."""

import re
import sqlite3
import time
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from jkp.benefit_claims import State, day_of
from jkp.context import Module
from jkp.tests.conftest import Clock
from jkp.tests.pretend_issuer import NAME, SUBJECT, PretendIssuer, answer_for

TWO_FACTORS = "urn:kemnaker:aal:2"


def sign_in(browser: FlaskClient, issuer: PretendIssuer, path: str = "/masuk") -> TestResponse:
    begun = browser.get(path)
    assert begun.status_code == 303
    return browser.get(answer_for(issuer, begun.headers["Location"]))


def fields(page: TestResponse) -> dict[str, str]:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found is not None
    return {"form_token": found[1]}


def test_a_visitor_sees_what_this_is_and_two_ways_in(browser: FlaskClient) -> None:
    page = browser.get("/")

    assert "Masuk dengan SIAPkerja ID" in page.text
    assert "Daftar Sekarang" in page.text


def test_the_request_is_pushed_and_asks_for_a_code_with_pkce(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    browser.get("/masuk")

    (pushed,) = issuer.pushed.values()
    assert pushed["response_type"] == "code"
    assert pushed["scope"] == "openid profile jkp"
    assert pushed["code_challenge_method"] == "S256"
    assert pushed["redirect_uri"] == "http://localhost:8002/masuk/kembali"
    assert len(pushed["nonce"]) >= 22
    assert "prompt" not in pushed


def test_daftar_asks_for_the_page_that_opens_an_account(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    browser.get("/daftar")

    (pushed,) = issuer.pushed.values()
    assert pushed["prompt"] == "create"


def test_after_signing_in_the_page_tells_where_the_claim_stands(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    back = sign_in(browser, issuer)
    page = browser.get(back.headers["Location"])

    assert back.status_code == 303
    assert f"Halo, {NAME}" in page.text
    assert "Belum ada laporan PHK." in page.text


def test_nothing_personal_stands_in_the_cookie_or_in_the_clear(
    browser: FlaskClient, issuer: PretendIssuer, module: Module
) -> None:
    sign_in(browser, issuer)

    cookie = browser.get_cookie("jkp_session")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert SUBJECT not in cookie.decoded_value
    path = module.store.engine.url.database
    assert path is not None
    with sqlite3.connect(path) as database:
        assert NAME not in "\n".join(database.iterdump())
    database.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"iss": "https://issuer.example"}, "tidak dikenal"),
        ({"iss": ""}, "tidak dikenal"),
        ({"state": "another"}, "tidak dikenal"),
        ({"code": "", "error": "access_denied"}, "access_denied"),
        ({"code": "unknown"}, "invalid_grant"),
    ],
)
def test_an_answer_that_can_not_be_used_signs_nobody_in(
    browser: FlaskClient, issuer: PretendIssuer, changes: dict[str, str], words: str
) -> None:
    begun = browser.get("/masuk")
    back = browser.get(answer_for(issuer, begun.headers["Location"], **changes))

    assert back.status_code in {400, 502}
    assert words in back.text
    assert "Halo" not in browser.get("/").text


def test_an_answer_counts_once_and_in_its_own_browser(
    browser: FlaskClient, issuer: PretendIssuer, module: Module
) -> None:
    begun = browser.get("/masuk")
    answer = answer_for(issuer, begun.headers["Location"])
    other = browser.application.test_client()

    assert other.get(answer).status_code == 400
    assert browser.get(answer).status_code == 303
    assert browser.get(answer).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [{"nonce": "another"}, {"aud": "karirhub"}, {"iss": "https://issuer.example"}, {"exp": 1}],
    ids=["nonce", "audience", "issuer", "expired"],
)
def test_a_wrong_id_token_signs_nobody_in(
    browser: FlaskClient, issuer: PretendIssuer, changes: dict[str, object]
) -> None:
    issuer.authentication = changes

    begun = browser.get("/masuk")
    page = browser.get(answer_for(issuer, begun.headers["Location"]))

    assert page.status_code == 502
    assert "invalid_id_token" in page.text


def test_two_tabs_each_finish_their_own_sign_in(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    first, second = browser.get("/masuk"), browser.get("/klaim/ajukan")

    later = browser.get(answer_for(issuer, second.headers["Location"]))
    earlier = browser.get(answer_for(issuer, first.headers["Location"]))

    assert later.headers["Location"] == "/klaim/ajukan"
    assert earlier.headers["Location"] == "/"


def test_filing_asks_for_two_factors_where_one_was_used(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    sign_in(browser, issuer)
    browser.get("/klaim/ajukan")

    pushed = list(issuer.pushed.values())[-1]
    assert pushed["max_age"] == "600"
    assert '"essential": true' in pushed["claims"]
    assert TWO_FACTORS in pushed["claims"]


def test_a_claim_is_filed_with_commitment_and_two_factors(
    browser: FlaskClient, issuer: PretendIssuer, module: Module
) -> None:
    issuer.authentication = {"acr": TWO_FACTORS}
    sign_in(browser, issuer)
    browser.post("/sandbox/laporan", data=fields(browser.get("/")))
    page = browser.get("/klaim/ajukan")

    without = browser.post("/klaim/ajukan", data=fields(page))
    filed = browser.post("/klaim/ajukan", data={**fields(page), "kapk": "1"})
    again = browser.post("/klaim/ajukan", data={**fields(page), "kapk": "1"})

    assert without.status_code == 422
    assert "Setujui Komitmen Aktivitas Pencarian Kerja (KAPK)" in without.text
    assert filed.status_code == again.status_code == 303
    home = browser.get("/").text
    assert "Klaim telah diajukan dan akan diverifikasi oleh BPJS Ketenagakerjaan." in home


def test_a_sign_in_older_than_ten_minutes_files_nothing(
    browser: FlaskClient, issuer: PretendIssuer, module: Module, clock: Clock
) -> None:
    issuer.authentication = {"acr": TWO_FACTORS}
    sign_in(browser, issuer)
    module.store.accept_report(SUBJECT, day_of(clock()), now=clock())
    page = browser.get("/klaim/ajukan")
    clock.ahead += 700

    sent = browser.post("/klaim/ajukan", data={**fields(page), "kapk": "1"})

    assert sent.status_code == 303
    assert sent.headers["Location"].startswith(issuer.url)
    claim = module.store.find_claim(SUBJECT)
    assert claim is not None
    assert claim.state is State.DRAFT


def test_jk_1_a_sign_in_that_the_issuer_ended_files_nothing(
    browser: FlaskClient, issuer: PretendIssuer, module: Module, clock: Clock
) -> None:
    issuer.authentication = {"acr": TWO_FACTORS}
    sign_in(browser, issuer)
    module.store.accept_report(SUBJECT, day_of(clock()), now=clock())
    page = browser.get("/klaim/ajukan")
    with browser.session_transaction() as kept:
        session = module.store.find_session(kept["name"], now=int(time.time()))
    assert session is not None
    issuer.ended.add(session.access_token)

    sent = browser.post("/klaim/ajukan", data={**fields(page), "kapk": "1"})

    assert sent.headers["Location"].startswith(issuer.url)
    claim = module.store.find_claim(SUBJECT)
    assert claim is not None
    assert claim.state is State.DRAFT


@pytest.mark.parametrize(
    ("data", "headers"),
    [
        ({}, {}),
        ({"form_token": "another"}, {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Origin": "https://evil.example"}),
    ],
    ids=["no token", "wrong token", "cross-site", "foreign origin"],
)
def test_a_form_from_elsewhere_files_nothing(
    browser: FlaskClient,
    issuer: PretendIssuer,
    module: Module,
    clock: Clock,
    data: dict[str, str] | None,
    headers: dict[str, str],
) -> None:
    issuer.authentication = {"acr": TWO_FACTORS}
    sign_in(browser, issuer)
    module.store.accept_report(SUBJECT, day_of(clock()), now=clock())
    given = fields(browser.get("/klaim/ajukan")) if data is None else data

    sent = browser.post("/klaim/ajukan", data={**given, "kapk": "1"}, headers=headers)

    assert sent.status_code == 403
    claim = module.store.find_claim(SUBJECT)
    assert claim is not None
    assert claim.state is State.DRAFT


def test_signing_out_ends_it_here_and_goes_on_to_the_issuer(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    sign_in(browser, issuer)

    left = browser.post("/keluar", data=fields(browser.get("/")))

    assert left.headers["Location"].startswith(f"{issuer.url}/logout?")
    assert "id_token_hint=" in left.headers["Location"]
    assert NAME not in browser.get("/").text


@pytest.mark.parametrize("left_out", ["nothing", "sid", "sub"])
def test_when_the_issuer_tells_of_a_logout_the_session_ends(
    browser: FlaskClient, issuer: PretendIssuer, left_out: str
) -> None:
    sign_in(browser, issuer)
    changes: dict[str, Any] = {left_out: None}
    token = issuer.logout_token(**changes)

    told = browser.application.test_client().post(
        "/keluar/pemberitahuan", data={"logout_token": token}
    )

    assert told.status_code == 200
    assert told.headers["Cache-Control"] == "no-store"
    assert NAME not in browser.get("/").text


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "JWT"},
        {"typ": "at+jwt"},
        {"aud": "karirhub"},
        {"iss": "https://issuer.example"},
        {"exp": 1},
        {"jti": None},
        {"events": None},
        {"events": {"another": {}}},
        {"nonce": "n"},
        {"sub": None, "sid": None},
        {"sid": "another session"},
    ],
    ids=str,
)
def test_what_is_no_logout_token_for_us_ends_nothing(
    browser: FlaskClient, issuer: PretendIssuer, changes: dict[str, Any]
) -> None:
    sign_in(browser, issuer)

    browser.application.test_client().post(
        "/keluar/pemberitahuan", data={"logout_token": issuer.logout_token(**changes)}
    )

    assert NAME in browser.get("/").text


def test_without_the_sandbox_nobody_pretends_a_report(
    browser: FlaskClient, issuer: PretendIssuer, module: Module
) -> None:
    sign_in(browser, issuer)
    object.__setattr__(module.settings, "sandbox", "off")

    page = browser.get("/")
    browser.post("/sandbox/laporan", data=fields(page))

    assert "Percobaan" not in page.text
    assert module.store.find_claim(SUBJECT) is None


def test_while_the_issuer_is_away_the_page_says_so(
    browser: FlaskClient, issuer: PretendIssuer
) -> None:
    issuer.is_away = True

    page = browser.get("/masuk")

    assert page.status_code == 503
    assert "SIAPkerja ID sedang tidak dapat dihubungi." in page.text


def test_every_page_has_a_policy_without_scripts(browser: FlaskClient) -> None:
    for path in ("/", "/tidak-ada"):
        policy = browser.get(path).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("state", list(State))
def test_every_state_has_words_for_people(
    browser: FlaskClient, issuer: PretendIssuer, module: Module, clock: Clock, state: State
) -> None:
    module.store.accept_report(SUBJECT, day_of(clock()), now=clock())
    claim = module.store.find_claim(SUBJECT)
    assert claim is not None
    module.store.note_verdict(claim, state, now=clock(), month=2, due_on=day_of(clock()))
    sign_in(browser, issuer)

    page = browser.get("/")

    assert page.status_code == 200
    assert "{" not in page.text
