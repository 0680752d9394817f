"""Signing in with the account of an old portal, for the first time and afterwards."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from adapters.simulators.people import SandboxPerson
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.audit import NOWHERE, Action
from idp.domain.identity.legacy import Credential, LegacyAccount, LegacyState
from idp.domain.identity.nik import Nik
from idp.domain.identity.visitor import Visitor
from idp.ports.passwords import Busy
from idp.services.legacy_import import Export
from tests.fakes import FixedClock, NoPlaceToHash
from tests.guest import Guest, without_nonces
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines, old_stores
from tests.portal import an_account
from tests.racing import at_once
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox

#: Made by PHP's password_hash; it is good enough to stay.
OLD = next(old for old in OLD_HASHES if old.kind == "bcrypt" and len(old.password) > 15)
#: Too short to stay.
SHORT = {"scheme": "md5", "hash": "d8578edf8458ce06fbc5bb76a58c5ca4"}  # qwerty
EMAIL = "lama@contoh.id"
STRANGER = Visitor(b"", "203.0.113.9", NOWHERE)


def bring(app: Application, *rows: dict[str, Any], wrap: bool = True) -> None:
    """Import rows, and wrap what is weak."""
    services = app.wiring.services
    services.legacy_import.load(Export(io.BytesIO(json_lines(rows))), lambda _: None)
    if wrap:
        services.legacy_wrapping.run(lambda _: None)


def row_of(person: SandboxPerson, **changes: Any) -> dict[str, Any]:
    return a_row(
        **{
            "nik": person.nik,
            "name": person.name,
            "emails": [{"value": EMAIL, "verified": True}],
            "phones": [{"value": "0812 0000 0199", "verified": True}],
            "password": OLD.given,
            **changes,
        }
    )


def stored(app: Application, source_id: str = "12345", source: str = "wlkp") -> LegacyAccount:
    with app.wiring.services.store.read() as tx:
        found = tx.legacy_accounts.find_by_source_id(source, source_id)
    assert found is not None
    return found


def lama(answer: TestResponse) -> str:
    """Return the journey that an answer leads on with."""
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].partition("lama=")[2].partition("&")[0]


def prove(
    holder: Registrant, identifier: str = EMAIL, password: str = OLD.password
) -> TestResponse:
    return holder.post("/masuk", identifier=identifier, password=password)


def come_home(holder: Registrant, **changes: Any) -> TestResponse:
    """Go all the way from the old password to the account."""
    holder.query = {"lama": lama(prove(holder))}
    answer = holder.ktp()
    assert answer.headers["Location"].startswith("/daftar/kontak"), answer.text
    holder.query = {}
    answer = holder.contact(**{"password": None, **changes})
    assert answer.headers["Location"].startswith("/daftar/kode"), answer.text
    return holder.confirm()


@pytest.fixture
def holder(app: Application, citizen: Callable[..., Registrant]) -> Registrant:
    """Somebody with an account at WLKP and none of ours."""
    holder = citizen(phone="0812 0000 0177", email="baru@contoh.id")
    bring(app, row_of(holder.person))
    return holder


def test_au_3_an_old_password_that_finds_no_place_to_be_kept_counts_as_no_failure(
    app: Application, holder: Registrant
) -> None:
    login = app.wiring.services.login
    passwords = replace(login.upgrade.passwords, hasher=NoPlaceToHash(login.hasher))
    crowded = replace(login, upgrade=replace(login.upgrade, passwords=passwords))

    for _ in range(7):
        with pytest.raises(Busy):
            crowded.sign_in(EMAIL, OLD.password, STRANGER)

    assert lama(prove(holder))


IDENTIFIERS = [EMAIL, "LAMA@contoh.id", "0812 0000 0199", "+6281200000199", "NIK", "N I K"]


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_an_old_password_leads_to_the_question_who_it_is(
    holder: Registrant, identifier: str
) -> None:
    nik = holder.person.nik
    named = {"NIK": nik, "N I K": f"{nik[:6]} {nik[6:12]}-{nik[12:]}"}

    answer = prove(holder, named.get(identifier, identifier))

    assert answer.headers["Location"].startswith("/daftar?lama=")
    page = holder.get(answer.headers["Location"])
    assert "Akun lama Anda ditemukan" in page.text


def test_the_page_for_old_accounts_takes_email_nik_and_password(holder: Registrant) -> None:
    answer = holder.post(
        "/masuk/akun-lama", email=EMAIL, nik=holder.person.nik, password=OLD.password
    )

    assert answer.headers["Location"].startswith("/daftar?lama=")


def test_an_old_account_comes_home_whole(app: Application, holder: Registrant) -> None:
    answer = come_home(holder)

    assert answer.status_code == 303
    services = app.wiring.services
    with services.store.read() as tx:
        account = tx.accounts.find_by_nik(Nik(holder.person.nik))
        assert account is not None
        credential = tx.credentials.find(account.id)
        links = tx.legacy_links.list_for_account(account.id)
        events = [event.action for event in tx.audit.list_visible(account.id)]
    row = stored(app)
    assert (account.ial, account.verified_phone is not None) == (1, True)
    assert credential is not None
    assert credential.hash.startswith("$argon2id$")
    assert (row.state, row.account_id, row.may_sign_in) == (LegacyState.CLAIMED, account.id, False)
    assert [link.legacy_id for link in links] == [row.id]
    assert {Action.ACCOUNT_OPENED, Action.LEGACY_LINKED} <= set(events)
    report = services.legacy_report.figures()[0]
    assert report.by_state == {LegacyState.CLAIMED: 1}


def test_the_whole_way_is_there_in_english(
    app: Application, citizen: Callable[..., Registrant]
) -> None:
    holder = citizen(language="en", phone="0812 0000 0177", email="new@example.org")
    bring(app, row_of(holder.person))
    assert "Sign in with an older account" in holder.get("/masuk").text
    assert "Old password" in holder.get("/masuk/akun-lama").text
    holder.query = {"lama": lama(prove(holder))}
    assert "We found your older account" in holder.get("/daftar").text
    holder.ktp()
    holder.query = {}
    assert "Your password stays the one" in holder.get("/daftar/kontak").text
    holder.contact(password=None)
    assert holder.confirm().status_code == 303
    assert "Linked: portal wlkp" in holder.get("/akun/akun-lama").text


def test_the_old_password_works_once_the_old_way_and_then_the_new_way(
    app: Application, holder: Registrant
) -> None:
    come_home(holder)

    for identifier in (holder.person.nik, holder.phone):
        guest = Guest(app, address="203.0.113.77")
        answer = guest.log_in(identifier, OLD.password)
        assert answer.headers["Location"].startswith(("/masuk/kode", "/masuk/metode"))
    stranger = Guest(app, address="203.0.113.78")
    assert stranger.log_in(EMAIL, OLD.password).status_code == 422


def test_a_password_that_is_not_good_enough_must_be_replaced(
    app: Application, citizen: Callable[..., Registrant]
) -> None:
    holder = citizen(phone="0812 0000 0177")
    bring(app, row_of(holder.person, password=SHORT))
    holder.query = {"lama": lama(prove(holder, password="qwerty"))}
    holder.ktp()
    holder.query = {}

    page = holder.get("/daftar/kontak")
    assert "belum cukup aman" in page.text
    assert 'value="lama@contoh.id"' in page.text
    assert holder.contact(password=None).status_code == 422
    assert holder.contact(password="qwerty").status_code == 422
    assert holder.contact().status_code == 303
    assert holder.confirm().status_code == 303
    assert stored(app).state is LegacyState.CLAIMED


def test_a_weak_hash_opens_nothing_before_it_is_wrapped(
    app: Application, citizen: Callable[..., Registrant]
) -> None:
    holder = citizen()
    bring(app, row_of(holder.person, password=SHORT), wrap=False)
    assert prove(holder, password="qwerty").status_code == 422

    app.wiring.services.legacy_wrapping.run(lambda _: None)

    assert prove(holder, password="qwerty").status_code == 303


ROWS_THAT_OPEN_NOTHING = [
    {"status": "suspended"},
    {"password": None},
    {"password": {"scheme": "none"}},
]


@pytest.mark.parametrize("changes", ROWS_THAT_OPEN_NOTHING)
def test_a_row_that_may_not_sign_in_does_not(
    app: Application, citizen: Callable[..., Registrant], changes: dict[str, Any]
) -> None:
    holder = citizen()
    bring(app, row_of(holder.person, **changes))

    assert prove(holder).status_code == 422
    for password in (OLD.hash, "!", "none"):
        assert prove(holder, password=password).status_code == 422


WRONG = [OLD.password + "x", OLD.password.upper(), OLD.password.strip(), OLD.hash, "qwerty"]


@pytest.mark.parametrize("password", WRONG)
def test_rg_5_a_wrong_old_password_and_an_unknown_account_are_alike(
    app: Application, holder: Registrant, clock: FixedClock, password: str
) -> None:
    answers = []
    for identifier in (EMAIL, "nobody@contoh.id"):
        began = clock.monotonic()
        answer = prove(holder, identifier, password)
        answers.append(
            (
                answer.status_code,
                sorted(answer.headers.keys()),
                without_nonces(answer).replace(identifier, "…"),
                round(clock.monotonic() - began, 1),
            )
        )

    assert answers[0] == answers[1]
    assert answers[0][0] == 422


def test_rg_5_a_hash_slower_than_the_floor_makes_every_failure_as_slow(
    app: Application, holder: Registrant, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(app, row_of(holder.person))
    hashes = type(app.wiring.services.upgrade.hashes)
    monkeypatch.setattr(hashes, "compare", lambda *_: (False, 0.9))
    waits = []
    for identifier in (EMAIL, "tidak-ada@contoh.id", EMAIL):
        page, slept = holder.get("/masuk"), clock.slept
        answer = holder.post("/masuk", page, identifier=identifier, password="bukan ini")
        assert answer.status_code == 422
        waits.append(round(clock.slept - slept, 3))

    assert waits == [1.235] * 3


def test_no_failure_waits_longer_than_three_seconds_for_an_old_hash(app: Application) -> None:
    slowest = app.wiring.services.upgrade.slowest
    for seconds in (0.5, 60.0, 0.1):
        slowest.note(seconds)

    assert slowest.seconds == 3.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody@contoh.id"},
        {"nik": "3273011708909009"},
        {"password": "wrong password"},
        {"email": "nobody@contoh.id", "nik": "3273011708909009"},
    ],
)
def test_rg_5_the_page_for_old_accounts_says_nothing_of_what_was_wrong(
    holder: Registrant, wrong: dict[str, str]
) -> None:
    right = {"email": EMAIL, "nik": holder.person.nik, "password": OLD.password}

    answer = holder.post("/masuk/akun-lama", **{**right, **wrong})

    assert answer.status_code == 422
    assert "Data masuk tidak sesuai" in answer.text
    assert "lama=" not in answer.text


@pytest.mark.parametrize("field", ["email", "nik", "password"])
def test_the_page_for_old_accounts_asks_for_all_three(holder: Registrant, field: str) -> None:
    right = {"email": EMAIL, "nik": holder.person.nik, "password": OLD.password}

    answer = holder.post("/masuk/akun-lama", **{**right, field: ""})

    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text


def test_rg_5_tries_are_counted_together_whatever_names_the_account(
    app: Application, holder: Registrant
) -> None:
    """Five by e-mail, then the NIK, the number and the right password bring nothing either."""
    for _ in range(6):
        prove(holder, password="wrong password")
    assert prove(holder, password="wrong password").status_code == 429

    others = Registrant(app, holder.sandbox, holder.person, address="198.51.100.7")
    for identifier in (holder.person.nik, "0812 0000 0199"):
        assert prove(others, identifier).status_code in {422, 429}
    right = {"email": EMAIL, "nik": holder.person.nik, "password": OLD.password}
    assert others.post("/masuk/akun-lama", **right).status_code in {422, 429}


def test_rg_5_a_right_password_forgets_what_was_counted(
    holder: Registrant,
) -> None:
    for _ in range(3):
        for _ in range(4):
            assert prove(holder, password="wrong password").status_code == 422
        assert prove(holder).status_code == 303


def test_rg_5_a_proof_belongs_to_the_browser_that_gave_it(
    app: Application, holder: Registrant
) -> None:
    journey = lama(prove(holder))
    thief = Registrant(app, holder.sandbox, holder.person, address="198.51.100.7")
    thief.get("/masuk")

    for path in ("/daftar", "/masuk/akun-lama/hubungkan"):
        answer = thief.get(f"{path}?lama={journey}")
        assert "Akun lama Anda ditemukan" not in answer.text
        assert answer.status_code in {303, 400, 403, 410}


@pytest.mark.parametrize("journey", ["", "x", "A" * 43])
def test_a_proof_that_is_none_leads_to_the_sign_in(holder: Registrant, journey: str) -> None:
    answer = holder.get(f"/daftar?lama={journey}")

    assert answer.status_code == (303 if journey else 200)


def test_a_proof_lasts_a_quarter_of_an_hour(holder: Registrant, clock: FixedClock) -> None:
    there = prove(holder).headers["Location"]
    clock.move(901)

    assert holder.get(there).headers["Location"].startswith("/masuk?")


def test_another_nik_than_that_of_the_old_account_is_refused(
    app: Application, holder: Registrant, sandbox: Sandbox
) -> None:
    holder.query = {"lama": lama(prove(holder))}
    other = sandbox.person(index=1)

    for _ in range(4):
        answer = holder.ktp(nik=other.nik, full_name=other.name, mother_name=other.mother_name)
        assert answer.status_code == 422
        assert "bukan NIK pada akun lama" in answer.text
    holder.ktp(nik=other.nik, full_name=other.name, mother_name=other.mother_name)

    assert holder.get("/daftar").headers["Location"].startswith("/masuk?")
    assert stored(app).failure == "nik.other"
    assert stored(app).state is LegacyState.WAITING


def test_a_person_whom_the_registry_does_not_confirm_keeps_the_old_account_waiting(
    app: Application, holder: Registrant
) -> None:
    holder.query = {"lama": lama(prove(holder))}

    answer = holder.ktp(full_name="Somebody Else")

    assert answer.headers["Location"].startswith("/daftar/tidak-cocok")
    assert "lama=" in answer.headers["Location"]
    page = holder.browser.get(answer.headers["Location"])
    assert "/daftar?lama=" in page.text
    assert (stored(app).failure, stored(app).state) == ("registry.no", LegacyState.WAITING)
    assert app.wiring.services.legacy_report.figures()[0].failures == {"registry.no": 1}
    assert holder.ktp().headers["Location"].startswith("/daftar/kontak")


def test_an_old_account_without_nik_takes_that_of_its_person(
    app: Application, citizen: Callable[..., Registrant]
) -> None:
    holder = citizen()
    bring(app, row_of(holder.person, nik=None))
    assert stored(app).state is LegacyState.IDENTITY_REQUIRED

    come_home(holder)

    assert stored(app).state is LegacyState.CLAIMED


# The NIK has an account already -------------------------------------------------------------------


@pytest.fixture
def owner(app: Application, holder: Registrant) -> Guest:
    """The same person, with an account of ours."""
    an_account(app, nik=holder.person.nik, email="ada@contoh.id", phone_number="+6281200000188")
    return Guest(app, address="203.0.113.50")


def test_an_old_account_is_linked_after_proof_of_both_sides(
    app: Application, holder: Registrant, owner: Guest
) -> None:
    holder.query = {"lama": lama(prove(holder))}
    answer = holder.ktp()
    assert answer.headers["Location"].startswith("/masuk/akun-lama/hubungkan?")
    assert stored(app).state is LegacyState.WAITING

    owner.browser = holder.browser
    there = holder.browser.get(answer.headers["Location"]).headers["Location"]
    assert there.startswith("/masuk?")
    page = owner.get(there)
    assert "sudah memiliki akun SIAPkerja ID" in page.text
    answer = owner.post(there, page, identifier="ada@contoh.id", password="tiga kata acak sekali")
    if answer.headers["Location"].startswith("/masuk/kode"):
        answer = owner.post(answer.headers["Location"], code=owner.code())
    assert answer.headers["Location"].startswith("/masuk/akun-lama/hubungkan?")
    linked = owner.post(answer.headers["Location"])

    assert linked.headers["Location"] == "/akun?pesan=terhubung"
    assert stored(app).state is LegacyState.CLAIMED
    # the account's own password is the only one
    assert Guest(app).log_in("ada@contoh.id", OLD.password).status_code == 422
    assert owner.get(answer.headers["Location"]).status_code != 200


def test_whoever_is_signed_in_needs_the_old_password_alone(
    app: Application, holder: Registrant, owner: Guest
) -> None:
    owner.enter("ada@contoh.id")

    answer = owner.post(
        "/masuk/akun-lama", email=EMAIL, nik=holder.person.nik, password=OLD.password
    )

    assert answer.headers["Location"].startswith("/masuk/akun-lama/hubungkan?")
    assert owner.post(answer.headers["Location"]).status_code == 303
    assert stored(app).state is LegacyState.CLAIMED


def test_an_old_account_of_somebody_else_is_not_linked(
    app: Application, holder: Registrant
) -> None:
    an_account(app, nik="3273011708909002", email="lain@contoh.id", phone_number="+6281200000189")
    stranger = Guest(app)
    stranger.enter("lain@contoh.id")

    there = stranger.post(
        "/masuk/akun-lama", email=EMAIL, nik=holder.person.nik, password=OLD.password
    ).headers["Location"]
    refused = stranger.post(there)

    assert refused.status_code == 422
    assert "bukan NIK pada akun lama" in refused.text
    assert stored(app).state is LegacyState.WAITING


# Races --------------------------------------------------------------------------------------------


def test_rg_5_one_old_account_comes_home_once(
    app: Application, holder: Registrant, owner: Guest
) -> None:
    services = app.wiring.services
    with services.store.read() as tx:
        account = tx.accounts.find_by_nik(Nik(holder.person.nik))
        row = tx.legacy_accounts.find_by_email(services.login.identifiers.parse_email(EMAIL))[0]
    assert account is not None

    def claim() -> bool:
        with services.store.write() as tx:
            return tx.legacy_accounts.claim(row.id, account.id, services.clock.now())

    assert sum(at_once([claim] * 20)) == 1


def test_rg_5_twenty_browsers_with_one_old_account_make_one_link(
    app: Application, citizen: Callable[..., Registrant], sandbox: Sandbox
) -> None:
    """The row has no NIK: whoever knows its password, whichever person, only one takes it home."""
    bring(app, row_of(sandbox.person(), nik=None))
    browsers = [
        citizen(
            person=sandbox.person(index=number),
            phone=f"0812 0000 03{number:02}",
            email=f"p{number}@contoh.id",
            address=f"198.51.100.{number}",
        )
        for number in range(6)
    ]
    for browser in browsers:
        browser.query = {"lama": lama(prove(browser))}
        browser.ktp()
        browser.query = {}
        assert browser.contact(password=None).status_code == 303
    codes = [browser.code() for browser in browsers]
    pages = [browser.get("/daftar/kode") for browser in browsers]

    answers = at_once(
        [
            lambda browser=browser, code=code, page=page: browser.confirm(code, page)  # type: ignore[misc]
            for browser, code, page in zip(browsers, codes, pages, strict=True)
        ]
    )

    assert {answer.status_code for answer in answers} == {303}
    found = []
    with app.wiring.services.store.read() as tx:
        for browser in browsers:
            account = tx.accounts.find_by_nik(Nik(browser.person.nik))
            assert account is not None
            found += tx.legacy_links.list_for_account(account.id)
    assert len(found) == 1


# The corpus ---------------------------------------------------------------------------------------


def test_every_account_of_the_corpus_is_proved_by_its_password_and_no_other(
    app: Application, clock: FixedClock, holder: Registrant
) -> None:
    """At the use case: the pages are the same for all of them."""
    services = app.wiring.services

    stores = old_stores()
    for store in stores:
        services.legacy_import.load(Export(io.BytesIO(store.content)), lambda _: None)
    services.legacy_wrapping.run(lambda _: None)
    proved = 0
    for store in stores:
        for row in store.rows:
            email = services.login.identifiers.parse_email(row["emails"][0]["value"])
            with services.store.read() as tx:
                rows = services.upgrade.find(email, tx)
            password = store.passwords[row["source_id"]]
            right = services.upgrade.compare(rows, password, STRANGER)
            wrong = services.upgrade.compare(rows, "x" + password, STRANGER)
            assert right.legacy is not None, store.name
            assert wrong.legacy is None, store.name
            proved += 1
    assert len(stores) >= 30
    assert proved >= 90


def test_the_old_hash_stays_sealed_until_undoing_is_over(
    app: Application, holder: Registrant, clock: FixedClock
) -> None:
    come_home(holder)
    sweeping = app.wiring.services.sweeping
    assert stored(app).record.hash is not None
    clock.move(30 * 86400 - 10)
    assert sweeping.plan()["legacy_account.hash_sealed"] == 0
    clock.move(10)

    assert sweeping.plan()["legacy_account.hash_sealed"] == 1
    assert sweeping.sweep()["legacy_account.hash_sealed"] == 1

    assert stored(app).record.hash is None
    assert stored(app).record.credential is Credential.NONE


# Several old accounts of one person ---------------------------------------------------------------


@pytest.fixture
def several(app: Application, holder: Registrant, owner: Guest) -> Guest:
    """Return somebody signed in whom NIK, address and number lead to; one row is foreign."""
    by_email = [{"value": "ada@contoh.id", "verified": False}]
    by_phone = [{"value": "081200000188", "verified": False}]
    bring(
        app,
        row_of(holder.person, source="skkni"),
        row_of(holder.person, source="sertihub", nik=None, emails=by_email, phones=[]),
        row_of(holder.person, source="bizhub", nik=None, emails=[], phones=by_phone),
        row_of(holder.person, source="lain", nik="3273011708909007", emails=by_email),
    )
    owner.enter("ada@contoh.id")
    return owner


def offered(guest: Guest) -> dict[str, str]:
    """Return the rows that the page offers, by portal."""
    page = guest.get("/akun/akun-lama").text
    cards = page.split('<section class="card"')[1:]
    return {
        card.partition("portal ")[2].partition("<")[0]: re.findall(
            r'name="legacy" value="(\w+)"', card
        )[0]
        for card in cards
        if 'name="legacy"' in card
    }


def test_old_accounts_are_offered_and_linked_one_by_one(app: Application, several: Guest) -> None:
    found = offered(several)
    assert set(found) == {"wlkp", "skkni", "sertihub", "bizhub"}

    wrong = several.post("/akun/akun-lama", legacy=found["skkni"], password="wrong password")
    assert wrong.status_code == 422
    for source in ("skkni", "bizhub"):
        answer = several.post("/akun/akun-lama", legacy=found[source], password=OLD.password)
        assert answer.headers["Location"] == "/akun/akun-lama?pesan=terhubung"

    assert set(offered(several)) == {"wlkp", "sertihub"}
    assert stored(app, source="skkni").state is LegacyState.CLAIMED
    assert stored(app, source="wlkp").state is LegacyState.WAITING
    page = several.get("/akun/akun-lama").text
    assert "Terhubung: portal skkni" in page
    assert "Akun lama dihubungkan" in several.get("/akun/aktivitas").text


def test_what_was_not_offered_is_not_linked(app: Application, several: Guest) -> None:
    foreign = stored(app, source="lain")

    for row in (foreign.id.hex, "", "x" * 32, "0" * 32):
        answer = several.post("/akun/akun-lama", legacy=row, password=OLD.password)
        assert answer.status_code == 422

    assert stored(app, source="lain").state is LegacyState.WAITING


def test_tries_at_offered_accounts_are_throttled(several: Guest) -> None:
    row = offered(several)["skkni"]
    codes = [
        several.post("/akun/akun-lama", legacy=row, password="wrong password").status_code
        for _ in range(7)
    ]

    assert codes[0] == 422
    assert codes[-1] == 429


def test_a_link_is_undone_to_exactly_the_state_before(app: Application, several: Guest) -> None:
    row = offered(several)["sertihub"]
    several.post("/akun/akun-lama", legacy=row, password="wrong password")
    before = stored(app, source="sertihub")
    several.post("/akun/akun-lama", legacy=row, password=OLD.password)
    there = re.findall(r"/akun/akun-lama/[0-9a-f-]{36}", several.get("/akun/akun-lama").text)[0]
    assert several.get(there).status_code == 200

    answer = several.post(there)

    assert answer.headers["Location"] == "/akun/akun-lama?pesan=dilepaskan"
    assert stored(app, source="sertihub") == before
    assert before.state is LegacyState.IDENTITY_REQUIRED
    assert "sertihub" in offered(several)
    # once, and by nobody else
    assert several.get(there).headers["Location"] == "/akun/akun-lama"
    assert "Akun lama dilepaskan" in several.get("/akun/aktivitas").text


def test_a_link_can_be_undone_for_thirty_days(
    app: Application, several: Guest, clock: FixedClock
) -> None:
    row = offered(several)["skkni"]
    several.post("/akun/akun-lama", legacy=row, password=OLD.password)
    services = app.wiring.services
    state = stored(app, source="skkni")
    with services.store.read() as tx:
        account = tx.accounts.find(state.account_id) if state.account_id else None
        assert account is not None
        link = tx.legacy_links.list_for_account(account.id)[0]
    clock.move(30 * 86400)

    with pytest.raises(Refused) as caught:
        services.upgrade.undo(link.id, account, STRANGER)

    assert caught.value.code == "legacy.undo"
    assert stored(app, source="skkni").state is LegacyState.CLAIMED


def test_nobody_undoes_the_link_of_somebody_else(app: Application, several: Guest) -> None:
    row = offered(several)["skkni"]
    several.post("/akun/akun-lama", legacy=row, password=OLD.password)
    there = re.findall(r"/akun/akun-lama/[0-9a-f-]{36}", several.get("/akun/akun-lama").text)[0]
    other = an_account(
        app, nik="3273011708909002", email="lain@contoh.id", phone_number="+6281200000189"
    )
    stranger = Guest(app, address="198.51.100.90")
    stranger.enter("lain@contoh.id")

    assert stranger.get(there).headers["Location"] == "/akun/akun-lama"
    with pytest.raises(Refused):
        app.wiring.services.upgrade.undo(UUID(there.rpartition("/")[2]), other, STRANGER)
    assert stored(app, source="skkni").state is LegacyState.CLAIMED


def test_somebody_without_a_confirmed_nik_is_offered_nothing(app: Application) -> None:
    account = replace(an_account(app), nik=None)

    assert app.wiring.services.upgrade.offer(account) == ()


def test_an_erased_account_takes_its_old_ones_along(app: Application, several: Guest) -> None:
    row = offered(several)["skkni"]
    several.post("/akun/akun-lama", legacy=row, password=OLD.password)
    services = app.wiring.services
    with services.store.read() as tx:
        claimed = stored(app, source="skkni")
        assert claimed.account_id is not None
        account = tx.accounts.find(claimed.account_id)
    assert account is not None

    services.accounts.delete(account.subject)

    with services.store.read() as tx:
        assert tx.legacy_accounts.find_by_source_id("skkni", "12345") is None
        assert tx.legacy_links.list_for_account(account.id) == ()
