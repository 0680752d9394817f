"""Below `/api/` every refusal is a problem document (RFC 9457), also before any operation."""

from typing import Any

import pytest
from flask.testing import FlaskClient

NOWHERE = "/api/nothing/here"


@pytest.mark.parametrize(
    ("code", "status", "given"),
    [
        ("address.unknown", 404, {}),
        ("body.too_large", 413, {"data": b"[" + b"0," * 10_000_000 + b"0]"}),
        ("address.too_long", 414, {"query_string": "x" * 9000}),
        ("host.unknown", 421, {"headers": {"Host": "evil.example"}}),
        ("headers.too_large", 431, {"headers": {"Accept": "x" * 20_000}}),
    ],
)
def test_a_program_reads_a_stable_code(
    browser: FlaskClient, code: str, status: int, given: dict[str, Any]
) -> None:
    answer = browser.post(NOWHERE, **given)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.get_json()
    assert set(told) == {"type", "title", "status", "code", "detail", "request_id"}
    assert (told["status"], told["code"]) == (status, code)
    assert told["type"] == f"urn:siapkerja:problem:{code}"
    assert told["request_id"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "path",
    ["/token/", "/userinfo/", "/jwks/", "/par//", "/.well-known/openid-configuration/"],
)
def test_an_endpoint_with_a_slash_too_many_is_told_to_a_program(
    browser: FlaskClient, method: str, path: str
) -> None:
    answer = browser.open(path, method=method)

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.get_json()["code"] == "address.unknown"


def test_a_person_still_reads_words(browser: FlaskClient) -> None:
    assert browser.get("/tidak/ada").mimetype == "text/html"
    assert browser.get("/authorize/").mimetype == "text/html"
    assert browser.post("/masuk", data=b"x" * 70_000).mimetype == "text/plain"
