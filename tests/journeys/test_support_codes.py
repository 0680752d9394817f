"""Support codes: one failure, three views of it, and nothing of one in another."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from adapters.sql.tables import failure as table
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.support import ALPHABET, Failure, read_support_code
from idp.ports.store import StoreUnavailable
from idp.services.failures import MOST_A_MINUTE, FailureWriter
from idp.services.support import SupportService
from idp.web.headers import SUPPORT_CODE
from tests.eavesdropping import listening
from tests.everywhere import FORMS, Ready, World
from tests.fakes import NOW, FixedClock
from tests.guest import PASSWORD, Guest
from tests.portal import CALLBACK, Portal, a_portal, an_account
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox
from tests.servers import free_port

#: As pages show it, and as plain text does; the code of a device looks alike.
CODE = re.compile(rf'(?:class="mono">|support code: )([{ALPHABET}]{{4}}-[{ALPHABET}]{{4}})\b')


def code_in(answer: TestResponse) -> str:
    """Return the one code that a page shows."""
    [code] = set(CODE.findall(answer.text))
    return str(code)


def rows(app: Application) -> list[Any]:
    app.wiring.services.failures.flush()
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.id)))


@pytest.fixture
def portal(app: Application) -> Portal:
    return a_portal(app, Guest(app).browser)


@pytest.fixture
def support(app: Application) -> SupportService:
    return app.wiring.services.support


def failures_of(support: SupportService, code: str) -> list[Failure]:
    """Return what is kept under this code alone, without what else failed in that browser."""
    found = support.timeline(code)
    failures = [m.what for m in found.moments if isinstance(m.what, Failure)]
    return [failure for failure in failures if failure.code == found.code]


# What the citizen reads ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status"),
    [("/tidak-ada", 404), ("/authorize", 400), ("/authorize/tidak-ada", 400), ("/masuk?i=x", 400)],
)
def test_an_error_page_shows_a_code_that_support_finds(
    app: Application, support: SupportService, path: str, status: int
) -> None:
    answer = Guest(app).get(path)

    assert answer.status_code == status
    [failure] = failures_of(support, code_in(answer))
    assert (failure.status, failure.request_id) == (status, answer.headers["X-Request-Id"])
    assert re.fullmatch(r".+:\d+", failure.process)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_every_form_that_is_refused_shows_a_code(
    make_app: Callable[..., Application], sandbox: Sandbox, form: Callable[[World], Ready]
) -> None:
    app = make_app(**sandbox.environment())
    sent = form(World(app, sandbox))

    answer = sent.send(csrf_token="forged")

    assert answer.status_code in {400, 403, 422}
    [failure] = failures_of(app.wiring.services.support, code_in(answer))
    assert failure.cause == "form.expired"


def test_a_refused_sign_in_shows_a_code_and_its_cause_is_kept(
    app: Application, support: SupportService
) -> None:
    an_account(app)
    answer = Guest(app).log_in("budi1@contoh.id", "bukan kata sandinya")

    [failure] = failures_of(support, code_in(answer))
    assert (failure.cause, failure.endpoint) == ("login.failed", "citizen.login")


@pytest.mark.parametrize("language", ["id", "en"])
def test_the_page_says_what_to_do_with_the_code(app: Application, language: str) -> None:
    page = Guest(app, language=language).get("/tidak-ada").text

    words = {"id": "Sebutkan kode bantuan ini", "en": "Tell us this support code"}
    assert words[language] in page


def test_the_page_of_data_that_do_not_match_shows_the_code_of_the_check(
    make_app: Callable[..., Application], sandbox: Sandbox
) -> None:
    app = make_app(**sandbox.environment())
    siti = Registrant(app, sandbox, sandbox.person())
    sent = siti.ktp(mother_name="Bukan Ibunya")
    page = siti.browser.get(sent.headers["Location"])
    again = siti.browser.get(sent.headers["Location"])

    code = code_in(page)
    [failure] = failures_of(app.wiring.services.support, code)
    events = [
        moment.what.action
        for moment in app.wiring.services.support.timeline(code).moments
        if isinstance(moment.what, AuditEvent)
    ]
    assert (failure.cause, failure.endpoint) == ("registry.no", "citizen.begin_registration")
    assert Action.REGISTRY_CHECKED in events
    assert code_in(again) == code
    assert len(rows(app)) == 1


def test_a_page_that_nobody_was_sent_to_shows_no_code(app: Application) -> None:
    assert not CODE.search(Guest(app).get("/daftar/tidak-cocok").text)
    assert rows(app) == []


def test_what_is_too_large_for_a_page_still_tells_a_code(
    app: Application, support: SupportService
) -> None:
    answer = app.test_client().get("/masuk?" + "x" * 9000)

    assert answer.status_code == 414
    assert failures_of(support, code_in(answer))[0].cause == "http.414"


def test_a_bug_is_kept_without_what_it_was(app: Application, support: SupportService) -> None:
    def broken() -> str:
        raise ValueError("rahasia 3273011708909001")

    app.add_url_rule("/rusak", "rusak", broken)
    answer = app.test_client().get("/rusak")

    assert answer.status_code == 500
    [failure] = failures_of(support, code_in(answer))
    assert failure.cause == "http.500"
    assert "rahasia" not in repr(rows(app))


# Nothing but failures is written ------------------------------------------------------------------


def test_what_goes_well_writes_no_row(app: Application, portal: Portal) -> None:
    an_account(app)
    guest = Guest(app, browser=portal.browser)
    guest.enter("budi1@contoh.id")
    tokens = portal.tokens()
    portal.userinfo(tokens["access_token"])
    portal.browser.get("/userinfo")
    guest.get("/masuk")

    assert rows(app) == []


def test_polling_is_no_failure(app: Application) -> None:
    television = a_portal(
        app,
        app.test_client(),
        grant_types=["urn:ietf:params:oauth:grant-type:device_code"],
        redirect_uris=[],
        response_types=[],
    )
    begun = television.token(path="/device_authorization", scope="openid").get_json()
    answer = television.token(
        grant_type="urn:ietf:params:oauth:grant-type:device_code",
        device_code=begun["device_code"],
    )

    assert answer.get_json()["error"] == "authorization_pending"
    assert SUPPORT_CODE not in answer.headers
    assert rows(app) == []


def test_one_failure_is_one_row_also_for_a_double_click(app: Application) -> None:
    an_account(app)
    guest = Guest(app)
    page = guest.get("/masuk")
    wrong = {"identifier": "budi1@contoh.id", "password": "bukan kata sandinya"}
    first = guest.post("/masuk", page, **wrong)
    second = guest.post("/masuk", page, **wrong)

    assert code_in(first) == code_in(second)
    assert len(rows(app)) == 1


def test_nothing_personal_is_kept(app: Application, portal: Portal) -> None:
    account = an_account(app)
    guest = Guest(app)
    guest.log_in("budi1@contoh.id", "penanda kata sandi")
    guest.log_in("3273011708909001", "penanda kata sandi")
    guest.get("/penanda@contoh.id/0812 0000 0001")
    portal.start(redirect_uri="https://evil.example/penanda", state="penanda")
    portal.redeem("penanda-kode")

    kept = repr(rows(app))
    assert len(rows(app)) == 5
    for marker in ("penanda", "3273011708909001", "contoh.id", "Budi", "0812", "203.0.113"):
        assert marker not in kept
    assert account.person.name not in kept


# Three views --------------------------------------------------------------------------------------


def test_the_citizen_reads_no_technical_cause(app: Application, portal: Portal) -> None:
    answer = portal.start(redirect_uri="https://evil.example/cb")

    [kept] = rows(app)
    assert kept.detail
    assert kept.detail not in answer.text
    assert kept.process not in answer.text
    assert CALLBACK not in answer.text


def test_the_portals_team_sees_the_cause_of_its_own_request_and_nobody_else_does(
    app: Application, portal: Portal, support: SupportService
) -> None:
    other = a_portal(app, app.test_client())
    answer = portal.start(redirect_uri="https://evil.example/cb")
    code = code_in(answer)

    [seen] = support.for_client(code, portal.client_id)
    assert (seen.cause, seen.status, seen.endpoint) == ("invalid_request", 400, "portal.authorize")
    assert "redirect_uri" in seen.detail
    assert seen.request_id == answer.headers["X-Request-Id"]
    assert support.for_client(code, other.client_id) == ()


def test_the_team_finds_a_machine_call_by_the_code_in_its_header(
    portal: Portal, support: SupportService
) -> None:
    answer = portal.redeem("tidak-ada")

    assert set(answer.get_json()) == {"error", "error_description"}
    [seen] = support.for_client(answer.headers[SUPPORT_CODE], portal.client_id)
    assert (seen.cause, seen.endpoint) == ("invalid_grant", "token")


def test_the_team_learns_why_its_client_is_not_believed_and_the_caller_does_not(
    portal: Portal, support: SupportService
) -> None:
    answer = portal.browser.post(
        "/token", data={"client_id": portal.client_id, "client_secret": "salah"}
    )

    [seen] = support.for_client(answer.headers[SUPPORT_CODE], portal.client_id)
    assert seen.detail == "tried client_secret_post, registered is client_secret_basic"
    assert seen.detail not in answer.text


def test_the_team_sees_nothing_of_what_a_citizen_did_on_the_way_to_it(
    app: Application, portal: Portal, support: SupportService
) -> None:
    an_account(app)
    guest = Guest(app, browser=portal.browser)
    there = portal.start().headers["Location"]
    answer = guest.post(there, identifier="budi1@contoh.id", password="bukan kata sandinya")
    code = code_in(answer)

    [failure] = failures_of(support, code)
    assert failure.client_id == portal.client_id
    assert support.for_client(code, portal.client_id) == ()


def test_the_teams_view_has_no_member_that_names_a_person_or_a_process(
    portal: Portal, support: SupportService
) -> None:
    answer = portal.redeem("tidak-ada")
    [seen] = support.for_client(answer.headers[SUPPORT_CODE], portal.client_id)

    assert set(type(seen).__slots__) == {
        "at", "endpoint", "status", "cause", "detail", "request_id",
    }  # fmt: skip


@pytest.mark.parametrize("code", ["", "BCDF-346", "BCDF-34677", "ABCD-EFGH", "BCDF-3467", "'; --"])
def test_a_code_that_is_none_looks_like_one_of_somebody_else(
    portal: Portal, support: SupportService, code: str
) -> None:
    assert support.for_client(code, portal.client_id) == ()


def test_support_sees_the_timeline_over_processes(
    app: Application, make_app: Callable[..., Application], clock: FixedClock
) -> None:
    """One browser, two processes: what failed before and after, and what the audit says of it."""
    account = an_account(app)
    elsewhere = make_app()
    guest = Guest(app)
    guest.log_in("budi1@contoh.id", "bukan kata sandinya")
    assert len(rows(app)) == 1
    clock.move(60)
    guest.browser.application = elsewhere
    code = code_in(guest.get("/tidak-ada"))
    assert len(rows(elsewhere)) == 2
    clock.move(60)
    guest.log_in("budi1@contoh.id", PASSWORD)
    stranger = Guest(app, address="203.0.113.99")
    stranger.get("/tidak-ada-pula")

    found = elsewhere.wiring.services.support.timeline(code)

    causes = [m.what.cause for m in found.moments if isinstance(m.what, Failure)]
    events = [m.what.action for m in found.moments if isinstance(m.what, AuditEvent)]
    assert causes == ["login.failed", "http.404"]
    assert {Action.LOGIN_FAILED, Action.CODE_SENT} <= set(events)
    assert found.accounts == {account.id}
    assert [m.at for m in found.moments] == sorted(m.at for m in found.moments)


def test_a_code_in_any_spelling_is_found(app: Application, support: SupportService) -> None:
    code = code_in(Guest(app).get("/tidak-ada"))

    for spelling in (code.lower(), code.replace("-", ""), f" {code[:4]} {code[5:]} "):
        assert support.timeline(spelling).code == code.replace("-", "")


@pytest.mark.parametrize(
    ("text", "refusal"),
    [("", "support.form"), ("ABCD-EFGH", "support.form"), ("BCDF-3467", "support.unknown")],
)
def test_support_is_told_why_a_code_leads_nowhere(
    support: SupportService, text: str, refusal: str
) -> None:
    with pytest.raises(Refused) as refused:
        support.timeline(text)
    assert refused.value.code == refusal


def test_codes_have_no_look_alikes_and_no_vowels(support: SupportService) -> None:
    codes = {support.make_code() for _ in range(200)}

    assert len(codes) == 200
    assert not set("".join(codes)) & set("AEIOULSZ01258")
    assert all(read_support_code(code) == code for code in codes)


# A database that is away --------------------------------------------------------------------------


class Away:
    """A store that does not answer until somebody says so."""

    def __init__(self, store: Any) -> None:
        self.store, self.is_away = store, True

    def read(self) -> Any:
        return self.write()

    def write(self, *, brief: bool = False, alone: bool = False) -> Any:
        if self.is_away:
            raise StoreUnavailable
        return self.store.write(brief=brief, alone=alone)


def test_while_the_database_is_away_the_code_is_shown_and_in_the_log(
    make_app: Callable[..., Application],
) -> None:
    app = make_app(SIAPKERJA_DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    browser = app.test_client()
    browser.set_cookie("sid", "siapa")
    with listening() as log:
        answer = browser.get("/akun")

    assert answer.status_code == 503
    code = code_in(answer)
    told = [line for line in log.lines if code in line]
    assert any("store.unavailable" in line for line in told), log.lines


def a_failure(services: Any, at: int = NOW) -> Failure:
    return Failure(
        id=services.entropy.uuid7(at * 1000),
        code=services.support.make_code(),
        at=at,
        process="a:1",
        side="page",  # type: ignore[arg-type]
        endpoint="citizen.login",
        status=503,
        cause="store.unavailable",
        detail="",
        request_id="r",
    )


def test_what_failed_while_the_database_was_away_is_kept_once_it_is_back(app: Application) -> None:
    services = app.wiring.services
    store = Away(services.store)
    writer = FailureWriter(store, lambda: "a:1")
    writer.note(a_failure(services))
    assert not writer.flush()

    store.is_away = False
    writer.note(a_failure(services))
    assert writer.flush()

    assert len(rows(app)) == 2


def test_a_flood_of_failures_does_not_fill_the_database(app: Application) -> None:
    services = app.wiring.services
    store = Away(services.store)
    writer = FailureWriter(store, lambda: "a:1")
    for _ in range(MOST_A_MINUTE + 50):
        writer.note(a_failure(services, at=NOW - NOW % 60))
    store.is_away = False
    writer.flush()

    assert len(rows(app)) == MOST_A_MINUTE


def test_a_server_writes_behind_the_answer_and_all_of_it_before_it_ends(app: Application) -> None:
    services = app.wiring.services
    services.failures.start()
    codes = [code_in(Guest(app).get("/tidak-ada")) for _ in range(5)]
    services.failures.stop()

    assert [row.code for row in rows(app)] == [code.replace("-", "") for code in codes]
