"""What the server says of a new password before the form is sent."""

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.portal import same_origin

PATH = "/kata-sandi/nilai"


def _token(browser: FlaskClient) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get("/daftar").text)
    assert found is not None
    return found[1]


def _ask(browser: FlaskClient, password: str, **fields: str) -> TestResponse:
    sent = {"csrf_token": _token(browser), "password": password, **fields}
    return browser.post(PATH, data=sent, headers=same_origin())


def test_a_strong_password_is_called_so(browser: FlaskClient) -> None:
    assert _ask(browser, "perahu-kabut-lada-64").json == {
        "words": "Kata sandi ini kuat.",
        "good": True,
    }


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("pendek", "Kata sandi minimal 12 karakter."),
        ("katasandi123", "mudah ditebak"),
        ("siti.nurlela.77", "Jangan gunakan nama, NIK, email"),
        ("081234567890", "Jangan gunakan nama, NIK, email"),
        ("", "Masukkan kata sandi."),
    ],
)
def test_au_2_a_weak_password_is_told_what_is_wrong(
    browser: FlaskClient, password: str, words: str
) -> None:
    answer = _ask(browser, password, email="siti.nurlela77@contoh.id", phone="0812 3456 7890")

    assert answer.json is not None
    assert words in answer.json["words"]
    assert answer.json["good"] is False


def test_nothing_is_said_to_another_site(browser: FlaskClient) -> None:
    sent = {"csrf_token": _token(browser), "password": "perahu-kabut-lada-64"}
    answer = browser.post(PATH, data=sent, headers={"Sec-Fetch-Site": "cross-site"})

    assert (answer.status_code, answer.json) == (403, {"words": "", "good": False})


@pytest.mark.parametrize("token", ["", "x", "AAAA"])
def test_se_6_nothing_is_said_without_the_form_s_token(browser: FlaskClient, token: str) -> None:
    browser.get("/daftar")
    sent = {"csrf_token": token, "password": "perahu-kabut-lada-64"}

    assert browser.post(PATH, data=sent, headers=same_origin()).status_code == 403


def test_who_asks_too_often_is_not_answered(browser: FlaskClient) -> None:
    sent = {"csrf_token": _token(browser), "password": ""}
    told = [browser.post(PATH, data=sent, headers=same_origin()).status_code for _ in range(121)]

    assert set(told[:120]) == {422}
    assert told[120] == 429
