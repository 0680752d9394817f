"""OIDCC Form Post OP for `code`: the modules of Basic OP whose answers travel as a form."""

import re
from typing import Any

import pytest

from tests.conformance import CALLBACK, Answer, Suite, is_error_page
from tests.fakes import FixedClock

FORM = {"response_mode": "form_post"}


@pytest.fixture(params=["static", "dynamic"])
def client(request: pytest.FixtureRequest, suite: Suite) -> dict[str, Any]:
    make = suite.static_client if request.param == "static" else suite.dynamic_client
    return make(scope="openid profile email address phone offline_access")


def told(answer: Answer, *names: str) -> bool:
    return (answer.mode, set(answer.params)) == ("form_post", {*names, "state", "iss"})


def test_oidcc_server(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.authorize(client, **FORM)

    assert told(answer, "code")
    assert suite.id_token(suite.redeem(client, answer["code"]).get_json())["nonce"]


def test_oidcc_the_page_sends_itself_and_is_kept_nowhere(
    suite: Suite, client: dict[str, Any]
) -> None:
    """Form Post §4: no cache; and with our policy of contents no script in the page."""
    suite.authorize(client)
    page = suite.open(client, **FORM)

    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert "data-submit-now" in page.text
    # the suite's own browser knows neither modules nor newer words
    [script] = re.findall(r"<script defer src=[^>]*/submit\.js[^>]*>", page.text)
    assert "?." not in suite.get(script.split('"')[1]).text
    assert f'action="{CALLBACK}"' in page.text
    assert "form-action" in page.headers["Content-Security-Policy"]


def test_oidcc_response_type_missing(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.authorize(client, response_type=None, **FORM)

    assert told(answer, "error", "error_description")


@pytest.mark.parametrize("response_type", ["token", "id_token", "code id_token", "none"])
def test_oidcc_other_response_types(
    suite: Suite, client: dict[str, Any], response_type: str
) -> None:
    answer = suite.authorize(client, response_type=response_type, **FORM)

    assert told(answer, "error", "error_description")
    assert answer["error"] == "unsupported_response_type"


def test_oidcc_prompt_none_not_logged_in(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.authorize(client, prompt="none", **FORM)

    assert told(answer, "error", "error_description")
    assert answer["error"] == "login_required"
    assert suite.pages == []


def test_oidcc_prompt_none_logged_in(suite: Suite, client: dict[str, Any]) -> None:
    suite.authorize(client, **FORM)
    seen = list(suite.pages)

    assert told(suite.authorize(client, prompt="none", **FORM), "code")
    assert suite.pages == seen


def test_oidcc_max_age_1(suite: Suite, client: dict[str, Any], clock: FixedClock) -> None:
    first = suite.id_token(suite.tokens(client, **FORM))
    clock.move(2)
    second = suite.id_token(suite.tokens(client, max_age="1", **FORM))

    assert second["auth_time"] > first["auth_time"]


def test_oidcc_ensure_post_request_succeeds(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.walk(suite.post("/authorize", suite.request(client, **FORM)))

    assert told(answer, "code")


def test_oidcc_a_no_of_the_person(suite: Suite, client: dict[str, Any]) -> None:
    answer = suite.authorize(client, decision="deny", **FORM)

    assert told(answer, "error", "error_description")
    assert answer["error"] == "access_denied"


def test_oidcc_ensure_registered_redirect_uri(suite: Suite, client: dict[str, Any]) -> None:
    response = suite.open(client, redirect_uri=f"{CALLBACK}/other", **FORM)

    assert is_error_page(response)
    assert "<form" not in response.text.partition("<main")[2]


def test_oidcc_a_registered_query_stays(suite: Suite) -> None:
    uri = f"{CALLBACK}?dummy1=lorem&dummy2=ipsum"
    client = suite.dynamic_client(redirect_uris=[uri])

    page = suite.open(client, prompt="none", **FORM)

    assert 'action="https://suite.example/test/a/siapkerja/callback?dummy1=lorem&amp;' in page.text


def test_oidcc_codereuse(suite: Suite, client: dict[str, Any]) -> None:
    code = suite.authorize(client, **FORM)["code"]
    token = suite.redeem(client, code).get_json()["access_token"]

    assert suite.redeem(client, code).get_json()["error"] == "invalid_grant"
    assert suite.userinfo(token).status_code == 401


def test_oidcc_form_post_is_announced(suite: Suite) -> None:
    assert "form_post" in suite.discovery["response_modes_supported"]
