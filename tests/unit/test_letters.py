"""Words that leave: short messages (OT-6, contract 6.10) and letters (`ui.md` section 11)."""

import re
from dataclasses import replace
from typing import Any

import pytest

from idp.app import Application
from idp.domain.identity.messages import segments_of
from idp.domain.identity.nik import Nik
from idp.domain.identity.otp import Purpose
from idp.services.messages import LetterKind, SmsKind
from idp.web.letters import LETTERS, LetterWriter
from tests.guest import Guest
from tests.portal import an_account

HOSTS = ["localhost", "account.example.go.id", "account.siapkerja.kemnaker.go.id"]
LONG_HOST = "akun-layanan-ketenagakerjaan.siapkerja.kemnaker.go.id"

VALUES: dict[str, Any] = {
    "purpose": Purpose.LOGIN,
    "code": "012345",
    "secret": "s3cret-in-a-link",
    "device": "Chrome, Android",
    "network": "203.0.113.0/24",
    "at": 1_795_485_600,
    "portal": "Portal <b>Uji</b> & Kawan",
    "page": "permintaan/abc",
    "portal_id": "00000000-0000-7000-8000-000000000000",
    "client_row": "00000000-0000-7000-8000-000000000001",
    "team": "Dinas <b>Contoh</b>",
    "team_role": "developer",
    "factor": "passkey",
    "left": 9,
    "member": "Siti",
    "days": 7,
}


def a_writer(app: Application, host: str = "account.example.go.id") -> LetterWriter:
    return LetterWriter(app, issuer=f"https://{host}", host=host, contact="1500-630")


@pytest.mark.parametrize("locale", ["id", "en"])
@pytest.mark.parametrize("host", [*HOSTS, LONG_HOST])
@pytest.mark.parametrize("purpose", Purpose)
def test_ot_6_a_code_is_one_message_for_every_purpose_and_host(
    app: Application, purpose: Purpose, host: str, locale: str
) -> None:
    told = {"purpose": purpose, "code": "012345"}
    text = a_writer(app, host).sms(SmsKind.CODE, locale, told)

    assert segments_of(text) == 1
    assert len(text) <= 160
    assert text.endswith(f"\n\n@{host} #012345")
    assert "SIAPkerja" in text.splitlines()[0]
    assert text.count("012345") == 2
    assert "http" not in text
    assert "/" not in text


@pytest.mark.parametrize(
    ("purpose", "words"),
    [
        (Purpose.SIGNUP, "mendaftar"),
        (Purpose.LOGIN, "masuk"),
        (Purpose.RECOVERY, "ganti kata sandi"),
        (Purpose.PHONE_CHANGE, "ganti nomor handphone"),
        (Purpose.EMAIL_CHANGE, "ganti alamat email"),
    ],
)
def test_ot_6_a_code_names_service_and_purpose_and_warns(
    app: Application, purpose: Purpose, words: str
) -> None:
    text = a_writer(app, "id.go.id").sms(SmsKind.CODE, "id", {"purpose": purpose, "code": "000007"})

    assert text == (
        f"Kode SIAPkerja untuk {words}: 000007. Berlaku 5 menit. JANGAN beri tahu siapa pun, "
        "termasuk petugas Kemnaker.\n\n@id.go.id #000007"
    )


def test_every_short_notice_is_one_message_without_a_link(app: Application) -> None:
    for kind in SmsKind:
        for locale in ("id", "en"):
            told = {**VALUES, "purpose": "notice"}
            text = a_writer(app).sms(kind, locale, told)
            assert segments_of(text) == 1
            assert "http" not in text


def test_every_kind_of_letter_has_words() -> None:
    assert set(LETTERS) == set(LetterKind)


@pytest.mark.parametrize("locale", ["id", "en"])
@pytest.mark.parametrize("kind", LetterKind)
def test_letters_are_whole_in_text_and_html(
    app: Application, kind: LetterKind, locale: str
) -> None:
    words = a_writer(app).letter(kind, locale, VALUES)

    assert words.subject
    assert "\n" not in words.subject
    for form in (words.text, words.html):
        assert "%(" not in form
        assert "None" not in form
    links = set(re.findall(r"https?://\S+", words.text))
    assert len(links) <= 1
    assert all(link.startswith("https://account.example.go.id/") for link in links)
    assert set(re.findall(r'href="([^"]+)"', words.html)) == links
    assert not re.search(r"<(img|script|style|link|iframe)|style=|src=", words.html)
    assert f'lang="{locale}"' in words.html


def test_names_of_portals_are_escaped_in_html_and_plain_in_text(app: Application) -> None:
    words = a_writer(app).letter(LetterKind.PORTAL_CONNECTED, "id", VALUES)

    assert "Portal <b>Uji</b> & Kawan" in words.text
    assert "Portal &lt;b&gt;Uji&lt;/b&gt; &amp; Kawan" in words.html


def test_a_secret_stands_in_its_link_alone(app: Application) -> None:
    for kind in (LetterKind.EMAIL_PROOF, LetterKind.RECOVERY_LINK, LetterKind.ADMIN_INVITED):
        words = a_writer(app).letter(kind, "id", VALUES)

        assert words.text.count("s3cret-in-a-link") == 1
        assert "s3cret" not in words.subject


def test_moments_in_letters_are_dates_since_they_are_read_later(app: Application) -> None:
    words = a_writer(app).letter(LetterKind.PASSWORD_CHANGED, "id", VALUES)

    assert "24 November 2026, 09.00 WIB" in words.text


@pytest.mark.parametrize(
    ("nik", "zone", "at"),
    [
        ("3273011708909001", None, "09.00 WIB"),
        ("7371011708909001", None, "10.00 WITA"),
        ("9103011708909001", None, "11.00 WIT"),
        (None, None, "09.00 WIB"),
        ("3273011708909001", "Asia/Jayapura", "11.00 WIT"),
        ("9103011708909001", "Asia/Pontianak", "09.00 WIB"),
        ("7371011708909001", "Europe/Amsterdam", "10.00 WITA"),
    ],
)
def test_a_letter_tells_times_in_the_zone_of_its_reader(
    app: Application, nik: str | None, zone: str | None, at: str
) -> None:
    """`ui.md` section 9; the zone is guessed from the NIK's province unless it is known."""
    services = app.wiring.services
    claims = {"zoneinfo": zone} if zone is not None else {}
    account = replace(an_account(app, **claims), nik=Nik(nik) if nik is not None else None)
    kind = LetterKind.PASSWORD_CHANGED
    with services.store.write() as tx:
        services.people.messages.notify(account, kind, tx=tx, at=VALUES["at"])
    guest = Guest(app)
    [told] = guest.messages()
    words = a_writer(app).letter(kind, "id", told["values"])

    assert f"24 November 2026, {at}" in words.text
