"""What holds for every form: whose it is (SE-6), one effect (R-11), any text (IN-2)."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from werkzeug.test import TestResponse

from adapters.system import SystemClock
from idp.app import Application
from idp.wiring import Given
from tests.everywhere import FOREIGN, FORMS, Ready, World
from tests.guest import Guest
from tests.portal import form_fields, same_origin
from tests.racing import at_once
from tests.sandbox_server import Sandbox

#: Where effects stand; counters and what was answered to forms are none.
TABLES = (
    "account",
    "password_credential",
    "known_device",
    "login_session",
    "consent",
    "client_grant",
    "registration",
    "otp_challenge",
    "outbox",
    "audit_event",
    "journey",
    "device_code",
    "backchannel_request",
    "interaction",
    "identity_case",
    "proof_link",
    "legacy_account",
    "legacy_link",
)
#: Columns that looking moves.
_LOOKS = {"seen_at", "sealed_at", "number", "chain", "leased_until", "leased_by", "attempts"}

every_form = pytest.mark.parametrize("form", FORMS, ids=[form.__name__ for form in FORMS])


@pytest.fixture
def make_world(
    make_app: Callable[..., Application], sandbox: Sandbox
) -> Callable[..., list[World]]:
    """Return what makes people in one application that limits nobody."""

    def make(count: int = 1, given: Given | None = None) -> list[World]:
        app = make_app(given, SIAPKERJA_LIMITS_FACTOR="1000", **sandbox.environment())
        return [World(app, sandbox, number) for number in range(1, count + 1)]

    return make


def kept(app: Application) -> dict[str, list[tuple[Any, ...]]]:
    """Every row in which a form may have an effect."""
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    found = {}
    with engine.connect() as connection:
        present = set(sa.inspect(engine).get_table_names())
        for table in sorted(present & set(TABLES)):
            rows = connection.execute(sa.text(f'SELECT * FROM "{table}"')).mappings()  # noqa: S608 - names of our own tables
            found[table] = sorted(
                repr([(name, value) for name, value in row.items() if name not in _LOOKS])
                for row in rows
            )
    return found


def counts(app: Application) -> Counter[str]:
    return Counter({table: len(rows) for table, rows in kept(app).items()})


def test_every_page_that_takes_a_form_is_here(app: Application) -> None:
    taking = {
        rule.endpoint.removeprefix("citizen.")
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("citizen.") and "POST" in (rule.methods or ())
    }

    # a portal's logout comes from another site's form: it only asks (RP-Initiated Logout §2)
    # what is said of a password while it is typed changes nothing
    assert taking - {"end_session", "judge_password"} == {form.__name__ for form in FORMS}


def test_every_table_of_effects_is_there(app: Application) -> None:
    assert set(kept(app)) == set(TABLES)


def done(answer: TestResponse) -> bool:
    """Return whether a form was taken: it leads on, or shows what is shown this once."""
    return answer.status_code == 303 or 'id="codes"' in answer.text


@every_form
def test_se_6_a_form_that_is_not_ours_gets_403_and_has_no_effect(
    make_world: Callable[..., list[World]], form: Callable[[World], Ready]
) -> None:
    [world] = make_world()
    sent = form(world)
    stranger = form_fields(Guest(world.app).get("/masuk"))["csrf_token"]
    before = kept(world.app)
    answers = [
        sent.send(csrf_token=None),
        sent.send(csrf_token=""),
        sent.send(csrf_token=stranger),
        sent.send(csrf_token=sent.fields["csrf_token"][:-1]),
        sent.send(csrf_token="é"),
        sent.send(headers=FOREIGN),
        sent.send(headers={"Origin": "https://evil.example"}),
        sent.send(headers={"Origin": "null"}),
        sent.send(headers={**same_origin(), "Sec-Fetch-Site": "same-site"}),
        sent.send(headers={"Sec-Fetch-Site": "cross-site"}),
    ]

    assert {answer.status_code for answer in answers} == {403}
    assert kept(world.app) == before
    assert done(sent.send())


@every_form
def test_se_6_in_2_no_other_method_and_no_other_dress_has_an_effect(
    make_world: Callable[..., list[World]], form: Callable[[World], Ready]
) -> None:
    [world] = make_world()
    sent = form(world)
    browser, page = sent.guest.browser, sent.url.partition("?")[0]
    before = kept(world.app)
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
        assert browser.open(page, method=method, query_string=_query(sent)).status_code < 500
    override = {**same_origin(), "X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
    browser.get(sent.url, headers=override)
    dresses = {
        "application/json": json.dumps(sent.fields),
        "text/plain": urlencode(sent.fields),
        "application/xml": "<a/>",
    }
    answers = [
        browser.post(sent.url, data=body, content_type=kind, headers=same_origin())
        for kind, body in dresses.items()
    ]

    assert [answer.status_code for answer in answers] == [415] * 3
    assert kept(world.app) == before


def _query(sent: Ready) -> dict[str, Any]:
    pairs = [pair.partition("=") for pair in sent.url.partition("?")[2].split("&") if pair]
    return {**sent.fields, **{name: value for name, _, value in pairs}, "_method": "POST"}


@every_form
def test_r_11_a_form_sent_twice_has_one_effect_and_one_answer(
    make_world: Callable[..., list[World]], form: Callable[[World], Ready]
) -> None:
    single, double = make_world(2)
    sent = form(single)
    before = counts(single.app)
    assert done(sent.send())
    once = counts(single.app) - before

    sent = form(double)
    before = counts(single.app)
    tabs = [sent.tab(), sent.tab()]
    answers = [sent.send(tab) for tab in tabs]

    assert counts(single.app) - before == once
    assert all(done(answer) for answer in answers)
    assert len({answer.headers.get("Location", answer.text) for answer in answers}) == 1
    assert len({_lasting_cookies(answer) for answer in answers}) == 1


def _lasting_cookies(answer: TestResponse) -> tuple[str, ...]:
    """Return the cookies that let somebody in; that of the flow is renewed with every page."""
    found = answer.headers.getlist("Set-Cookie")
    return tuple(cookie for cookie in found if not cookie.startswith("flow="))


HEAVY = ("login_code", "consent", "device", "recovery_new", "prove_email", "account_email")


@pytest.mark.parametrize("form", [f for f in FORMS if f.__name__ in HEAVY], ids=HEAVY)
def test_r_11_a_form_sent_twenty_times_at_once_has_one_effect(
    make_world: Callable[..., list[World]], form: Callable[[World], Ready]
) -> None:
    # a later click waits for the first one's answer: really
    single, crowd = make_world(2, Given(clock=SystemClock()))
    sent = form(single)
    before = counts(single.app)
    sent.send()
    once = counts(single.app) - before

    sent = form(crowd)
    before = counts(single.app)
    tabs = [sent.tab() for _ in range(20)]
    answers = at_once([lambda tab=tab: sent.send(tab) for tab in tabs])

    assert counts(single.app) - before == once
    assert all(done(answer) for answer in answers)
    assert len({answer.headers.get("Location", answer.text) for answer in answers}) == 1


#: One of each kind that breaks careless code.
TEXTS = (
    "\x00",
    "a\x00b",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u202eabc",
    "\u200b",
    "\ufeff",
    "\U0001f600" * 50,
    "\u0301" * 200,
    "١٢٣٤٥٦",
    "' OR '1'='1",
    "'; DROP TABLE account; --",
    "1) UNION SELECT * FROM account --",
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
    "{% raw %}",
    "%(name)s %s %n",
    "a\r\nSet-Cookie: x=y",
    "../../etc/passwd",
    "A" * 5000,
    "-1e309",
    "=cmd|' /C calc'!A0",
)


@every_form
def test_in_2_no_text_in_any_field_breaks_a_page(
    make_world: Callable[..., list[World]], form: Callable[[World], Ready]
) -> None:
    [world] = make_world()
    sent = form(world)
    token = sent.fields.pop("csrf_token")
    names = [*sent.fields, "puzzle", "puzzle_answer", "action", "unknown", "csrf_token"]
    for number, text in enumerate(TEXTS):
        # a third of the fields each time: over the forms every kind of field meets every text
        for name in names[number % 3 :: 3]:
            answer = sent.send(**{"csrf_token": token, name: text})
            assert answer.status_code < 500, (name, text)
            for bad in ("<script>alert", "<img src=x", ">49<", "Traceback"):
                assert bad not in answer.text
            assert "x=y" not in answer.headers.getlist("Set-Cookie")
