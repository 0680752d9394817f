"""The consent page: what a portal gets as it really is, and an answer that is remembered."""

from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action
from idp.domain.identity.claims import CLAIMS
from idp.web.claims import WORDS
from tests.fakes import FixedClock
from tests.guest import Guest, path_of
from tests.portal import Portal, a_portal, an_account, form_fields, same_origin, sign_in

NIK = "3273011708909001"
HOSTILE = (
    "<script>alert(1)</script>",
    "Bank <b>Palsu</b>",
    '" onmouseover=alert(1) x="',
    "{{ 7*7 }}",
    "%(portal)s %s %d",
    "&lt;img src=x&gt;",
)


@pytest.fixture
def guest(app: Application) -> Guest:
    return Guest(app)


@pytest.fixture
def account(app: Application, guest: Guest) -> Account:
    """Somebody who is signed in."""
    account = an_account(
        app,
        gender="female",
        birthdate="1990-08-17",
        address={"street_address": "Jl. Merdeka 1", "locality": "Bandung", "country": "ID"},
    )
    sign_in(app, guest.browser, account)
    return account


@pytest.fixture
def register(app: Application, guest: Guest) -> Callable[..., Portal]:
    return lambda **metadata: a_portal(app, guest.browser, **metadata)


def asked(guest: Guest, portal: Portal, **changes: str) -> tuple[str, TestResponse]:
    """Return address and content of the consent page."""
    answer = portal.start(**changes)
    assert path_of(answer) == "/izin", answer.headers["Location"]
    there = answer.headers["Location"]
    return there, guest.get(there)


def decide(guest: Guest, there: str, decision: str, **fields: Any) -> TestResponse:
    answer = guest.post(there, decision=decision, **fields)
    while answer.status_code == 303 and answer.headers["Location"].startswith("/"):
        answer = guest.get(answer.headers["Location"])
    return answer


def test_oa_20_every_claim_of_the_catalogue_has_words() -> None:
    assert {claim.name for claim in CLAIMS} == set(WORDS)


def test_the_page_shows_the_real_values(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    scope = "openid profile email phone address nik offline_access"
    _, page = asked(guest, register(scope=scope), scope=scope)

    for value in (
        "Budi Santoso",
        "budi1@contoh.id",
        "0812",
        "Perempuan",
        "17 Agustus 1990",
        "Jl. Merdeka 1, Bandung, ID",
        "3273••••••••••01",
        "Terverifikasi Dukcapil",
        "Tetap terhubung saat Anda tidak memakai portal",
        "Izin ini berlaku sampai Anda mencabutnya",
    ):
        assert value in page.text, value


def test_pd_3_the_nik_stays_masked(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    _, page = asked(guest, register(scope="openid nik"), scope="openid nik")

    assert NIK not in page.text


def test_nothing_that_is_not_asked_for_is_shown(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    _, page = asked(guest, register(), scope="openid email")

    assert "budi1@contoh.id" in page.text
    for value in ("Budi Santoso", "Perempuan", "Agustus 1990", "Merdeka", "3273"):
        assert value not in page.text


def test_claims_asked_for_by_name_are_shown_with_their_names(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    claims = '{"userinfo":{"birthdate":null,"phone_number":{"essential":true},"nik":null}}'
    _, page = asked(guest, register(), claims=claims)

    born = '<time datetime="1990-08-17">17 Agustus 1990</time>'
    assert f"<dt>Tanggal lahir</dt><dd>{born}</dd>" in page.text
    assert "<dt>Nomor handphone</dt>" in page.text
    assert "3273" not in page.text


def test_the_page_names_the_portal_its_domain_and_its_promises(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register(
        policy_uri="https://portal.example/privasi", tos_uri="https://portal.example/syarat"
    )
    _, page = asked(guest, portal)

    for words in ("Portal Uji", "portal.example", 'href="https://portal.example/privasi"'):
        assert words in page.text


@pytest.mark.parametrize(
    ("language", "purpose", "help_text"),
    [
        ("id", "Tujuan: Mencocokkan peserta", "Hubungi 1500630."),
        ("en", "Purpose: Matching", "Call"),
    ],
)
def test_the_page_says_why_a_scope_is_asked_for_and_who_helps(
    guest: Guest,
    account: Account,
    register: Callable[..., Portal],
    language: str,
    purpose: str,
    help_text: str,
) -> None:
    why = {"purpose": "Mencocokkan peserta", "purpose#en": "Matching", "legal_basis": "UU 11/2020"}
    portal = register(
        scope="openid nik email",
        optional_scopes=["email"],
        scope_purposes={"nik": why, "email": {"purpose": "Kabar", "legal_basis": "persetujuan"}},
        **{"help_text#id": "Hubungi 1500630.", "help_text#en": "Call 1500630."},
    )

    _, page = asked(guest, portal, scope="openid nik email", ui_locales=language)

    assert page.text.count(purpose) == 1
    assert help_text in page.text
    assert "Kabar" in page.text
    assert "UU 11/2020" not in page.text


@pytest.mark.parametrize("name", HOSTILE)
def test_oa_20_a_hostile_name_is_words_on_every_page_that_says_it(
    guest: Guest, account: Account, register: Callable[..., Portal], name: str
) -> None:
    portal = register(client_name=name, policy_uri="https://portal.example/p")
    there, page = asked(guest, portal)
    login = Guest(guest.app)
    portal.browser = login.browser
    pages = [page, login.get(portal.start().headers["Location"])]
    decide(guest, there, "allow")
    pages += [guest.get("/akun"), guest.get("/akun/portal"), guest.get("/akun/aktivitas")]
    pages.append(guest.get(f"/akun/portal/{portal.client.id}"))

    for shown in pages:
        assert shown.status_code == 200
        for bad in ("<script>alert", "<b>Palsu", '" onmouseover=', ">49<", "<img src=x"):
            assert bad not in shown.text


@pytest.mark.parametrize("mark", ["\u202e", "\u2067", "\u200f", "\x85", "\x00", "\n"])
def test_oa_20_a_name_that_turns_the_letters_beside_it_is_not_registered(
    app: Application, mark: str
) -> None:
    with pytest.raises(Refused):
        app.wiring.services.clients.register(
            {"client_name": f"Kemnaker {mark}gro.live", "redirect_uris": ["https://a.example/cb"]}
        )


def test_allowing_returns_to_the_portal_and_is_not_asked_again(
    app: Application, guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register()
    there, _ = asked(guest, portal, scope="openid email")

    assert "code" in portal.answer(decide(guest, there, "allow"))
    silent = portal.answer(portal.start(scope="openid email", prompt="none"))
    assert "code" in silent
    with app.wiring.services.store.read() as tx:
        actions = [event.action for event in tx.audit.list_visible(account.id)]
    assert Action.CONSENT_GIVEN in actions


def test_the_person_is_told_of_a_portal_that_is_new_and_only_then(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register()
    decide(guest, asked(guest, portal, scope="openid")[0], "allow")
    decide(guest, asked(guest, portal, scope="openid email")[0], "allow")

    assert guest.kinds() == ["portal_connected"]
    assert guest.messages()[0]["values"]["portal"] == "Portal Uji"


def test_denying_tells_the_portal_and_nobody_else(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register()
    there, _ = asked(guest, portal)
    answer = portal.answer(decide(guest, there, "deny"))

    assert answer["error"] == "access_denied"
    assert answer["state"] == "st"
    assert "code" not in answer
    assert guest.kinds() == []
    assert portal.answer(portal.start(prompt="none"))["error"] == "consent_required"
    assert "Belum ada portal" in guest.get("/akun/portal").text


@pytest.mark.parametrize("decision", [None, "", "yes", "ALLOW", "allow ", "deny\x00"])
def test_anything_but_a_yes_or_a_no_asks_again(
    guest: Guest, account: Account, register: Callable[..., Portal], decision: str | None
) -> None:
    there, _ = asked(guest, register())
    answer = guest.post(there, decision=decision)

    assert answer.status_code == 422
    assert "Pilih salah satu tombol" in answer.text
    assert 'name="decision" value="allow"' in answer.text


def test_optional_scopes_are_unticked_and_the_choice_is_remembered(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register(optional_scopes=["email", "phone"])
    there, page = asked(guest, portal, scope="openid profile email phone")
    assert page.text.count('type="checkbox"') == 2
    assert "checked" not in page.text

    code = portal.answer(decide(guest, there, "allow", scope="phone"))["code"]
    token = portal.redeem(code).get_json()

    assert set(token["scope"].split()) == {"openid", "profile", "phone"}
    told = portal.userinfo(token["access_token"]).get_json()
    assert "email" not in told
    assert told["phone_number"] == "+6281200000001"
    again = portal.start(scope="openid profile email phone", prompt="none")
    assert set(portal.redeem(portal.answer(again)["code"]).get_json()["scope"].split()) == {
        "openid",
        "profile",
        "phone",
    }


@pytest.mark.parametrize("ticked", ["nik", "openid profile email", "address", "' OR 1=1", "admin"])
def test_oa_17_a_tick_grants_nothing_that_was_not_asked(
    guest: Guest, account: Account, register: Callable[..., Portal], ticked: str
) -> None:
    portal = register(optional_scopes=["email"], scope="openid email address profile nik")
    there, _ = asked(guest, portal, scope="openid email")

    code = portal.answer(decide(guest, there, "allow", scope=ticked))["code"]

    assert portal.redeem(code).get_json()["scope"] == "openid"


def test_more_scopes_are_asked_for_and_the_page_shows_all_of_them(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register()
    decide(guest, asked(guest, portal, scope="openid email")[0], "allow")

    _, page = asked(guest, portal, scope="openid email phone")

    assert "budi1@contoh.id" in page.text
    assert "0812" in page.text


def test_prompt_consent_asks_though_it_was_allowed(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register()
    decide(guest, asked(guest, portal)[0], "allow")

    asked(guest, portal, prompt="consent")


def test_one_answer_counts_in_two_tabs(
    guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register()
    first, _ = asked(guest, portal, state="one")
    second, _ = asked(guest, portal, state="two")

    assert portal.answer(decide(guest, first, "allow"))["state"] == "one"
    assert portal.answer(decide(guest, second, "allow"))["state"] == "two"
    assert guest.kinds() == ["portal_connected"]


def test_r_11_a_double_click_is_one_consent(
    app: Application, guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    there, page = asked(guest, register())
    answers = [guest.post(there, page, decision="allow") for _ in range(2)]

    assert answers[0].headers["Location"] == answers[1].headers["Location"]
    with app.wiring.services.store.read() as tx:
        actions = [event.action for event in tx.audit.list_visible(account.id)]
    assert actions.count(Action.CONSENT_GIVEN) == 1


def test_se_7_the_page_of_another_browser_is_refused_both_ways(
    app: Application, guest: Guest, account: Account, register: Callable[..., Portal]
) -> None:
    portal = register()
    there, page = asked(guest, portal)
    victim = Guest(app)
    sign_in(app, victim.browser, an_account(app, number=2))

    assert victim.get(there).status_code == 400
    assert "Portal Uji" not in victim.get(there).text
    answer = victim.browser.post(
        there, data={**form_fields(page), "decision": "allow"}, headers=same_origin()
    )
    assert answer.status_code == 400
    assert path_of(portal.start()) == "/izin"


def test_whoever_signed_out_meanwhile_signs_in_again(
    guest: Guest, account: Account, register: Callable[..., Portal], clock: FixedClock
) -> None:
    there, _ = asked(guest, register())
    guest.browser.delete_cookie("sid")

    answer = guest.get(there)
    assert path_of(answer) == "/authorize" or answer.headers["Location"].startswith("/authorize/")
    assert path_of(guest.get(answer.headers["Location"])) == "/masuk"


def test_the_page_alone_is_of_no_portal(guest: Guest, account: Account) -> None:
    assert path_of(guest.get("/izin")) == "/"
    assert guest.get("/izin?i=never-made").status_code == 400
