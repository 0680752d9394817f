"""What teams see of their own client: figures, and the last requests with cause and mend."""

import ast
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.protocol.traffic import (
    KEPT_REQUESTS,
    KEPT_UNPROVED,
    SeenRequest,
    day_begins,
    day_of,
    redacted,
)
from idp.ports.store import StoreUnavailable
from idp.services.traffic import ANSWERED_MAX, ERROR, FLUSH_SECONDS, SIGN_IN, TOKEN, TrafficService
from idp.web.partner.remedies import REMEDIES, remedy_of
from tests.architecture.sources import calls, modules
from tests.fakes import FixedClock
from tests.partners import CALLBACK, Developer, a_developer
from tests.portal import Portal, a_portal
from tests.statements import counted

MARK = "3273011708909001"


@pytest.fixture
def developer(app: Application) -> Developer:
    return a_developer(app)


@pytest.fixture
def portal(app: Application, developer: Developer) -> Portal:
    made = developer.register(developer.create_team())
    client = app.wiring.services.clients.get(made.client_id)
    return Portal(app, developer.guest.browser, client, made.secret, CALLBACK)


def traffic_of(portal: Portal) -> TrafficService:
    return portal.app.wiring.services.traffic


def page_of(portal: Portal, developer: Developer, path: str) -> str:
    services = portal.app.wiring.services
    with services.store.read() as tx:
        found = tx.team_portals.find_by_client(portal.client_id)
    return developer.get(f"/portal/{found.id}{path}").text


def test_sign_ins_tokens_and_errors_are_counted_by_day(portal: Portal, clock: FixedClock) -> None:
    portal.tokens()
    portal.redeem("never-issued")
    portal.start(scope="openid nik")
    clock.move(86400)
    portal.redeem("never-issued")

    today, before = traffic_of(portal).usage(portal.client_id)[:2]

    assert (today.sign_ins, today.tokens, today.errors) == (0, 0, 1)
    assert (before.sign_ins, before.tokens, before.errors) == (1, 1, 2)
    assert today.day == before.day + 1


def test_days_end_at_midnight_in_jakarta() -> None:
    begins = day_begins(day_of(1_795_485_600))

    assert (begins + 7 * 3600) % 86400 == 0
    assert day_of(begins) == day_of(begins + 86399) == day_of(begins - 1) + 1


def test_no_request_costs_a_statement_more(portal: Portal) -> None:
    tokens = portal.tokens(scope="openid profile")
    portal.userinfo(tokens["access_token"])
    code = portal.authorize(scope="openid profile")

    with counted(portal.app) as statements:
        portal.redeem(code)
    assert [s.split()[0] for s in statements] == ["SELECT", "UPDATE"]
    with counted(portal.app) as statements:
        portal.userinfo(tokens["access_token"])
    assert len(statements) == 1
    with counted(portal.app) as statements:
        portal.introspect(tokens["access_token"])
    assert len(statements) == 1
    with counted(portal.app) as statements:
        assert replace(portal, secret="x" * 43).redeem("x").status_code == 401
    assert statements == []
    with counted(portal.app) as statements:
        assert "code=" in portal.start(scope="openid profile").headers["Location"]
    assert [s.split()[0] for s in statements] == ["SELECT", "INSERT"]


def test_each_process_writes_what_came_in_every_few_seconds(
    portal: Portal, clock: FixedClock
) -> None:
    portal.app.wiring.housekeeper.do_due()
    portal.redeem("never-issued")
    clock.move(int(FLUSH_SECONDS) + 1)

    portal.app.wiring.housekeeper.do_due()

    with portal.app.wiring.services.store.read() as tx:
        assert tx.traffic.total(portal.client_id, ERROR) == 1
        assert [one.error for one in tx.traffic.requests(portal.client_id, limit=5)] == [
            "invalid_grant"
        ]


def test_figures_wait_while_the_database_is_away(clock: FixedClock) -> None:
    class Away:
        @contextmanager
        def write(self) -> Iterator[Any]:
            raise StoreUnavailable
            yield

    traffic = TrafficService(Away(), clock)  # type: ignore[arg-type]
    traffic.count("c", TOKEN, clock.now())
    traffic.flush()
    traffic.count("c", TOKEN, clock.now())

    assert dict(traffic._counts) == {("c", day_of(clock.now()), TOKEN): 2}


def test_of_each_client_the_last_200_requests_are_kept(portal: Portal) -> None:
    traffic = traffic_of(portal)
    for number in range(KEPT_REQUESTS + 60):
        traffic.keep(SeenRequest(portal.client_id, number, "token", "invalid_grant"))
        if number % 50 == 0:
            traffic.flush()
    traffic.keep(SeenRequest("another", 7, "token"))

    found = traffic.recent(portal.client_id)

    assert [one.at for one in found] == list(range(KEPT_REQUESTS + 59, 59, -1))
    assert len(traffic.recent("another")) == 1


def test_good_answers_do_not_push_out_what_failed(portal: Portal) -> None:
    traffic = traffic_of(portal)
    for number in range(3):
        traffic.keep(SeenRequest(portal.client_id, number, "token", "invalid_grant"))
    for number in range(3, KEPT_REQUESTS * 2):
        traffic.keep(SeenRequest(portal.client_id, number, "userinfo"))
        if number % 150 == 0:
            traffic.flush()

    found = traffic.recent(portal.client_id)

    last = range(KEPT_REQUESTS * 2 - 1, KEPT_REQUESTS - 1, -1)
    assert [one.at for one in found] == [*last, 2, 1, 0]


def test_a_rush_of_good_answers_is_bounded_and_failures_are_kept_all_the_same(
    portal: Portal,
) -> None:
    traffic = traffic_of(portal)
    for number in range(ANSWERED_MAX + 10):
        traffic.keep(SeenRequest(f"c{number % 20}", number, "token"))
    traffic.keep(SeenRequest(portal.client_id, 1, "token"))
    traffic.keep(SeenRequest(portal.client_id, 2, "token", "invalid_grant"))

    assert [one.at for one in traffic.recent(portal.client_id)] == [2]
    traffic.keep(SeenRequest(portal.client_id, 3, "token"))
    assert [one.at for one in traffic.recent(portal.client_id)] == [3, 2]


def test_what_is_in_production_is_kept_as_what_is_tried_out(
    app: Application, developer: Developer
) -> None:
    live = a_portal(app, developer.guest.browser, owner="Dinas Contoh")
    tokens = live.tokens()
    live.userinfo(tokens["access_token"])
    live.introspect(tokens["access_token"])

    found = traffic_of(live).recent(live.client_id)

    assert [one.endpoint for one in found] == [
        "introspection",
        "userinfo",
        "token",
        "authorize",
    ]
    assert {one.error for one in found} == {""}


def test_strangers_can_not_push_out_what_the_client_did_itself(portal: Portal) -> None:
    traffic = traffic_of(portal)
    traffic.keep(SeenRequest(portal.client_id, 1, "token", "invalid_grant"))
    for number in range(300):
        wrong = SeenRequest(portal.client_id, number, "token", "invalid_client", is_proved=False)
        traffic.keep(wrong)
        if number % 60 == 0:
            traffic.flush()

    found = traffic.recent(portal.client_id)

    assert [one.error for one in found].count("invalid_client") == KEPT_UNPROVED
    assert "invalid_grant" in [one.error for one in found]


def test_nothing_that_somebody_sent_is_kept(portal: Portal) -> None:
    for changes in (
        {"scope": f"openid {MARK}"},
        {"state": MARK, "nonce": MARK, "login_hint": MARK, "scope": "openid nik"},
        {"redirect_uri": f"https://portal.example/{MARK}"},
        {"prompt": f"none {MARK}", MARK: MARK},
        {"response_mode": MARK, "response_type": MARK, "code_challenge_method": MARK},
    ):
        portal.start(**changes)
    portal.redeem(MARK, code_verifier=MARK * 3, **{MARK: "x"})
    portal.token(grant_type=MARK, username=MARK, password=MARK)
    portal.introspect(MARK)
    traffic_of(portal).flush()

    with portal.app.app_context():
        engine = portal.app.extensions["sqlalchemy"].engine
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM client_request")).all()
    assert len(rows) >= 6
    assert MARK not in repr(rows)


def test_what_may_be_told_of_parameters_is_told() -> None:
    given = {
        "response_type": "code id_token",
        "scope": "openid email geheim",
        "redirect_uri": "https://portal.example/cb",
        "prompt": "login",
        "state": "abc",
        "unknown": "abc",
    }
    shown = redacted(given, scopes={"openid", "email"}, redirect_uris={"https://portal.example/cb"})

    assert shown == {
        "prompt": "login",
        "redirect_uri": "https://portal.example/cb",
        "response_type": "code id_token",
        "scope": "openid email •••",
        "state": "•••",
    }


def test_the_page_tells_cause_and_mend_and_the_reference(
    portal: Portal, developer: Developer
) -> None:
    code = portal.authorize()
    portal.redeem(code)
    again = portal.redeem(code)
    wrong = replace(portal, secret="x" * 43).redeem("x")
    page = page_of(portal, developer, "/permintaan")

    assert "Kode dipakai dua kali" in page
    assert "Rahasia salah atau sudah berakhir" in page
    for answer in (again, wrong):
        assert answer.headers["X-Request-Id"] in page
        reference = answer.headers["X-Request-Id"]
        found = page_of(portal, developer, f"/permintaan?q={reference}")
        assert found.count('id="r-') == 1
    assert "Berhasil" in page
    assert "Berhasil" not in page_of(portal, developer, "/permintaan?q=galat")


def test_a_team_s_own_cause_of_a_failed_authentication_is_not_told_to_the_sender(
    portal: Portal, developer: Developer
) -> None:
    wrong = replace(portal, secret="x" * 43).redeem("x")

    assert "the secret is wrong" not in wrong.text
    assert "the secret is wrong" in page_of(portal, developer, "/permintaan")


def test_a_support_code_leads_to_the_portal_s_own_request_alone(
    portal: Portal, developer: Developer
) -> None:
    code = portal.authorize()
    portal.redeem(code)
    failed = portal.redeem(code)
    page = portal.start(redirect_uri="https://portal.example/lain")
    on_page = re.search(r"[B-DF-HJ-NP-TV-Z2-9]{4}-[B-DF-HJ-NP-TV-Z2-9]{4}", page.text)
    other = developer.register(developer.create_team("Tim Lain"))

    for told, piece in (
        (failed.headers["X-Support-Code"], "Kode dipakai dua kali"),
        (on_page[0], "Bandingkan alamat kembali"),
    ):
        shown = page_of(portal, developer, f"/permintaan?q={told}")
        assert piece in shown
        assert shown.count('id="r-') == 1
        theirs = developer.get(f"/portal/{other.portal_id}/permintaan?q={told}").text
        assert theirs.count('id="r-') == 0


def test_an_unregistered_redirect_uri_is_told_on_the_team_s_page(
    portal: Portal, developer: Developer
) -> None:
    portal.start(redirect_uri="https://portal.example/kembali/")

    assert "Bandingkan alamat kembali" in page_of(portal, developer, "/permintaan?q=galat")


def test_the_figures_are_drawn_and_told(portal: Portal, developer: Developer) -> None:
    portal.tokens()
    page = page_of(portal, developer, "/angka")

    assert page.count('class="bar-a"') == 30
    assert re.search(r'height="96"', page)
    assert page.count("<tr>") == 31


def every_error() -> set[str]:
    """Every error code that is told to clients anywhere."""
    codes = set()
    for path in modules("idp/oidc", "idp/domain/protocol"):
        for name, call in calls(path):
            first = call.args[0] if call.args else None
            if name in {"ProtocolError", "Unproved"} and isinstance(first, ast.Constant):
                codes.add(str(first.value))
    return {code for code in codes if re.fullmatch("[a-z_]+", code)}


#: Errors of endpoints that no client of a team meets.
_ELSEWHERE = {
    "invalid_client_metadata",
    "invalid_redirect_uri",
    "invalid_request_uri",
    "invalid_software_statement",
    "registration_not_supported",
    "request_uri_not_supported",
    "unapproved_software_statement",
}


def test_every_error_has_a_cause_and_a_mend() -> None:
    general = {remedy.error for remedy in REMEDIES if not remedy.piece}

    assert every_error() - general - _ELSEWHERE == set()
    assert remedy_of(SeenRequest("c", 0, "token", "never_heard_of")) is REMEDIES[-1]
    assert remedy_of(SeenRequest("c", 0, "token")) is None


def test_the_particular_stands_before_the_general() -> None:
    for number, remedy in enumerate(REMEDIES):
        later = REMEDIES[number + 1 :]
        if not remedy.piece:
            assert remedy.error not in {other.error for other in later}
    assert SIGN_IN != TOKEN
