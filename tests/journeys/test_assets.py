"""Style, script and pictures of the pages: small on the wire, fetched once."""

import gzip
import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse


def _addresses(browser: FlaskClient) -> list[str]:
    page = browser.get("/").text
    found = re.findall(r'(?:href|src)="(/aset/[^"]+)"', page)
    assert len(found) == 3
    return found


def _get(browser: FlaskClient, address: str, encoding: str = "gzip, br") -> TestResponse:
    return browser.get(address, headers={"Accept-Encoding": encoding})


def test_assets_may_be_kept_for_ever_because_their_address_changes_with_them(
    browser: FlaskClient,
) -> None:
    for address in _addresses(browser):
        response = _get(browser, address)

        assert response.status_code == 200
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in response.headers


def test_what_the_stylesheet_names_may_be_kept_for_ever_too(browser: FlaskClient) -> None:
    css = _get(browser, _addresses(browser)[0], "identity").text
    named = re.findall(r'url\("([^"]+)"\)', css)

    assert len(named) == 3
    for address in named:
        response = browser.get(f"/aset/{address}")
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("version", ["", "?v=", "?v=000000000000"])
def test_an_address_of_another_version_is_kept_for_minutes_only(
    browser: FlaskClient, version: str
) -> None:
    response = browser.get(f"/aset/siapkerja.css{version}")

    assert response.headers["Cache-Control"] == "public, max-age=300"


def test_text_is_packed_for_who_takes_it(browser: FlaskClient) -> None:
    address = _addresses(browser)[0]
    packed, plain = _get(browser, address), _get(browser, address, "identity")

    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.data) == plain.data
    assert packed.headers["Vary"] == plain.headers["Vary"] == "Accept-Encoding"
    assert packed.headers["ETag"] != plain.headers["ETag"]


@pytest.mark.parametrize("encoding", ["gzip;q=0", "br", "identity"])
def test_text_is_not_packed_for_who_does_not(browser: FlaskClient, encoding: str) -> None:
    assert "Content-Encoding" not in _get(browser, "/aset/ui.js", encoding).headers


def test_pages_are_never_packed(browser: FlaskClient) -> None:
    """A length must not tell what stands beside somebody else's words (BREACH)."""
    assert "Content-Encoding" not in _get(browser, "/masuk").headers


def test_an_asset_is_not_sent_again(browser: FlaskClient) -> None:
    first = _get(browser, "/aset/siapkerja.css")
    headers = {"If-None-Match": first.headers["ETag"], "Accept-Encoding": "gzip"}
    again = browser.get("/aset/siapkerja.css", headers=headers)

    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    "name", ["", "..", "../app.py", "%2e%2e/app.py", "sub/ui.js", "ui.js%00", "tidak-ada.css", "ui"]
)
def test_nothing_else_is_served(browser: FlaskClient, name: str) -> None:
    assert browser.get(f"/aset/{name}").status_code == 404


@pytest.mark.parametrize("path", ["//contoh.id/", "///contoh.id", "/\\contoh.id", "/a b"])
def test_rd_1_the_language_switch_never_leads_away(browser: FlaskClient, path: str) -> None:
    response = browser.get("/", environ_overrides={"PATH_INFO": path})
    links = re.findall(r'href="([^"]*lang=en)"', response.text)

    assert (response.status_code, len(links)) == (404, 1)
    assert re.match(r"/[^/\\]", links[0])
