"""Rubbish in every form and address for people: a page of ours, never a server error (IN-2)."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.routing import Rule

from idp.app import Application
from tests.bad_input import bent, check_answer, encoded, times, values, words
from tests.guest import Guest
from tests.portal import a_portal, an_account, form_fields, same_origin, sign_in
from tests.sandbox_server import running_sandbox

pytestmark = pytest.mark.fuzz

FORM = "application/x-www-form-urlencoded"
FIELDS = words(
    "csrf_token nik full_name mother_name email phone password agree code identifier remember "
    "decision user_code action method scope new_password current_password i lang next token "
    "puzzle puzzle_answer device"
)
GOOD = {
    "nik": "3273011708909001",
    "full_name": "Siti Aminah",
    "mother_name": "Aminah",
    "email": "siti@contoh.id",
    "phone": "0812 0000 0101",
    "password": "kuda hijau terbang tinggi",
    "identifier": "budi1@contoh.id",
    "code": "123456",
    "decision": "allow",
    "user_code": "BCDF-GHJK",
    "agree": "1",
}


@pytest.fixture
def app(make_app: Callable[..., Application]) -> Any:
    with running_sandbox() as sandbox:
        yield make_app(
            **sandbox.environment(),
            SIAPKERJA_LIMITS_FACTOR="1000000",
            SIAPKERJA_LOGIN_FAILURE_FLOOR_MS="0",
        )


def _path(rule: Rule, data: st.DataObject, value: st.SearchStrategy[bytes]) -> str:
    """Return an address of the rule; what stands in its variable parts is rubbish."""
    path = rule.rule
    for name in rule.arguments:
        chosen = data.draw(value) or b"x"
        part = encoded([(b"", chosen)])[1:].replace("/", "%2F")
        path = path.replace(f"<{name}>", part).replace(f"<path:{name}>", part)
    return path


def test_in_2_no_form_and_no_address_for_people_is_a_server_error(app: Application) -> None:
    account = an_account(app)
    portal = a_portal(app, app.test_client())
    waiting = portal.start().headers["Location"].partition("i=")[2]
    # the clock of tests stands, which `/readyz` tells
    others = {"static", "operations.ready"}
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in others]
    value = values(*GOOD.values(), waiting, account.subject)

    @settings(max_examples=times(120, 10_000))
    @given(st.data())
    def run(data: st.DataObject) -> None:
        rule = data.draw(st.sampled_from(rules))
        guest = Guest(app, browser=portal.browser if data.draw(st.booleans()) else None)  # type: ignore[arg-type]
        if data.draw(st.booleans()):
            sign_in(app, guest.browser, account)
        path = _path(rule, data, value)
        query = encoded(data.draw(bent({"i": waiting}, FIELDS, value)))
        if "POST" not in (rule.methods or ()):
            answer = guest.browser.get(path, query_string=query)
        else:
            # a form of ours with its token, so that the use case behind it is reached
            page = guest.browser.get(path)
            fields = {**form_fields(page), **GOOD}
            sent = encoded(data.draw(bent(fields, FIELDS, value)))
            answer = guest.browser.post(
                path, data=sent.encode(), content_type=FORM, headers=same_origin()
            )
            query = sent
        check_answer(answer, (path, query))

    run()
