"""Old accounts whose person the registry does not confirm: level 0, and the way to mend it."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from adapters.simulators.people import SandboxPerson
from idp.app import Application
from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import NOWHERE, Action
from idp.domain.identity.case import CaseKind
from idp.domain.identity.legacy import LegacyAccount, LegacyState
from idp.domain.identity.nik import Nik, parse_nik
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.services.legacy_import import Export
from tests.guest import PASSWORD, Guest
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines
from tests.portal import a_portal, an_account
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox
from tests.selfcheck import selfcheck

OLD = next(old for old in OLD_HASHES if old.kind == "bcrypt" and len(old.password) > 15)
EMAIL = "lama@contoh.id"
WRONG_NAME = "Nama Yang Lain"


def bring(app: Application, person: SandboxPerson, **changes: Any) -> None:
    row = a_row(
        **{
            "nik": person.nik,
            "name": person.name,
            "emails": [{"value": EMAIL, "verified": True}],
            "phones": [],
            "password": OLD.given,
            **changes,
        }
    )
    services = app.wiring.services
    services.legacy_import.load(Export(io.BytesIO(json_lines([row]))), lambda _: None)


def stored(app: Application, source_id: str = "12345") -> LegacyAccount:
    with app.wiring.services.store.read() as tx:
        found = tx.legacy_accounts.find_by_source_id("wlkp", source_id)
    assert found is not None
    return found


def owner_of(app: Application, legacy: LegacyAccount) -> Account:
    with app.wiring.services.store.read() as tx:
        assert legacy.account_id is not None
        account = tx.accounts.find(legacy.account_id)
    assert account is not None
    return account


@pytest.fixture
def holder(app: Application, citizen: Callable[..., Registrant]) -> Registrant:
    """Somebody who proved an old password and is asked who they are."""
    holder = citizen(phone="0812 0000 0177", email="baru@contoh.id")
    bring(app, holder.person)
    return proved(holder)


def proved(holder: Registrant) -> Registrant:
    answer = holder.post("/masuk", identifier=EMAIL, password=OLD.password)
    holder.query = {"lama": answer.headers["Location"].partition("lama=")[2]}
    return holder


def go_on_unproved(holder: Registrant) -> None:
    """Type a name that the registry does not confirm, and open the account all the same."""
    mismatch = holder.ktp(full_name=WRONG_NAME).headers["Location"]
    assert mismatch.startswith("/daftar/tidak-cocok")
    page = holder.browser.get(mismatch, headers={"Accept-Language": holder.language})
    assert 'href="/daftar/kontak"' in page.text
    holder.query = {}
    assert holder.contact(password=None).headers["Location"].startswith("/daftar/kode")
    assert holder.confirm().status_code == 303


def test_a_name_that_dukcapil_does_not_confirm_opens_an_account_of_level_0(
    app: Application, holder: Registrant
) -> None:
    go_on_unproved(holder)

    row = stored(app)
    account = owner_of(app, row)
    assert row.state is LegacyState.CLAIMED
    assert (account.ial, account.nik, account.verified_at) == (0, None, None)
    assert account.verified_phone is not None
    done = holder.get("/daftar/selesai").text
    assert "Identitas Anda belum dikonfirmasi" in done
    assert "sudah dicocokkan dengan Dukcapil" not in done
    assert "/akun/identitas" in holder.get("/akun").text
    assert selfcheck(app) == []


def test_the_contact_page_says_that_nothing_was_confirmed(holder: Registrant) -> None:
    holder.ktp(full_name=WRONG_NAME)
    holder.query = {}

    page = holder.get("/daftar/kontak").text

    assert "Data KTP-el belum dikonfirmasi" in page
    assert "Data KTP-el cocok" not in page
    assert holder.person.nik not in page


def test_without_a_proved_old_account_nobody_goes_on_without_a_match(
    citizen: Callable[..., Registrant],
) -> None:
    stranger = citizen()

    mismatch = stranger.ktp(full_name=WRONG_NAME).headers["Location"]

    assert "Lanjut tanpa konfirmasi" not in stranger.browser.get(mismatch).text
    assert stranger.get("/daftar/kontak").headers["Location"].startswith("/daftar")


def test_the_account_of_somebody_reported_dead_is_not_opened(
    app: Application, holder: Registrant, sandbox: Sandbox
) -> None:
    sandbox.next_dukcapil("B4", nik=holder.person.nik)

    mismatch = holder.ktp().headers["Location"]

    assert mismatch.startswith("/daftar/tidak-cocok")
    assert "Lanjut tanpa konfirmasi" not in holder.browser.get(mismatch).text
    assert stored(app).state is LegacyState.WAITING


def test_whoever_types_it_right_the_second_time_has_an_account_of_level_1(
    app: Application, holder: Registrant
) -> None:
    holder.ktp(full_name=WRONG_NAME)
    assert holder.ktp().headers["Location"].startswith("/daftar/kontak")
    holder.query = {}
    assert "Data KTP-el cocok" in holder.get("/daftar/kontak").text
    holder.contact(password=None)
    holder.confirm()

    account = owner_of(app, stored(app))
    assert (account.ial, account.nik) == (1, Nik(holder.person.nik))


def test_the_password_of_a_level_0_account_signs_in_the_new_way(
    app: Application, holder: Registrant
) -> None:
    go_on_unproved(holder)

    for identifier in (holder.phone, holder.email):
        answer = Guest(app, address="203.0.113.80").log_in(identifier, OLD.password)
        assert answer.headers["Location"].startswith(("/masuk/kode", "/masuk/metode"))
    # an unconfirmed NIK names nobody
    assert Guest(app).log_in(holder.person.nik, OLD.password).status_code == 422


@pytest.mark.parametrize(("floor", "is_accepted"), [(0, True), (1, False)])
def test_only_portals_that_accept_level_0_accept_the_account(
    app: Application, holder: Registrant, floor: int, is_accepted: bool
) -> None:
    go_on_unproved(holder)
    portal = a_portal(
        app, holder.browser, ial_floor=floor, first_party=True, scope="openid nik profile"
    )

    answer = portal.start(scope="openid nik")

    assert ("code=" in answer.headers["Location"]) is is_accepted
    assert ("error=access_denied" in answer.headers["Location"]) is not is_accepted
    if is_accepted:
        tokens = portal.tokens(scope="openid nik profile")
        claims = portal.userinfo(tokens["access_token"]).get_json()
        assert "nik" not in claims
        assert claims.get("ial", 0) == 0


# Mending ------------------------------------------------------------------------------------------


def test_a_level_0_account_is_mended_by_another_match(app: Application, holder: Registrant) -> None:
    go_on_unproved(holder)

    wrong = holder.post("/akun/identitas", **holder.ktp_fields(full_name=WRONG_NAME))
    assert wrong.status_code == 422
    assert "tidak sesuai dengan data kependudukan" in wrong.text
    answer = holder.post("/akun/identitas", **holder.ktp_fields())

    assert answer.headers["Location"] == "/akun?pesan=identitas"
    account = owner_of(app, stored(app))
    assert (account.ial, account.nik) == (1, Nik(holder.person.nik))
    assert account.person.name == holder.person.name
    with app.wiring.services.store.read() as tx:
        events = [event.action for event in tx.audit.list_visible(account.id)]
    assert Action.IDENTITY_CONFIRMED in events
    assert "Identitas dikonfirmasi Dukcapil" in holder.get("/akun/aktivitas").text
    assert "/akun/identitas" not in holder.get("/akun").text
    assert selfcheck(app) == []


def test_rg_5_a_level_0_account_takes_no_other_nik_than_that_of_its_old_account(
    app: Application, holder: Registrant, sandbox: Sandbox
) -> None:
    go_on_unproved(holder)
    other = sandbox.person(index=1)
    fields = {"nik": other.nik, "full_name": other.name, "mother_name": other.mother_name}

    answers = [holder.post("/akun/identitas", **fields) for _ in range(6)]

    assert answers[0].status_code == 422
    assert "bukan NIK pada akun lama" in answers[0].text
    # nor can it be found out by trying
    assert answers[-1].status_code == 429
    assert owner_of(app, stored(app)).ial == 0


OTHER_EMAIL = "ada@contoh.id"


def told_of_the_other(app: Application, holder: Registrant) -> str:
    """Be matched with a NIK that has an account; return where the old accounts can move to it."""
    go_on_unproved(holder)
    an_account(app, nik=holder.person.nik, email=OTHER_EMAIL, phone_number="+6281200000188")
    answer = holder.post("/akun/identitas", **holder.ktp_fields())
    assert answer.status_code == 409
    assert "sudah memiliki akun SIAPkerja ID" in answer.text
    assert 'href="/kendala/nik-terdaftar"' in answer.text
    assert owner_of(app, stored(app)).ial == 0
    [there] = re.findall(r'href="(/akun/identitas/gabungkan\?gabung=[^"]+)"', answer.text)
    return there


def test_whoever_never_opened_the_account_of_their_nik_reports_it(
    app: Application, holder: Registrant
) -> None:
    page = "/kendala/nik-terdaftar"
    assert "Laporkan, akun itu bukan milik saya" not in holder.get(page).text
    told_of_the_other(app, holder)

    assert holder.post(page).headers["Location"] == f"{page}?pesan=laporan"

    [shown] = app.wiring.services.cases.queue()
    assert shown.case.kind is CaseKind.NIK_TAKEN
    assert shown.account is not None
    assert shown.account.nik == parse_nik(holder.person.nik)
    assert shown.account.ial == 1


def sign_in_to_the_other(app: Application, holder: Registrant, there: str) -> Guest:
    guest = Guest(app, holder.sandbox, browser=holder.browser, address=holder.address)
    login = guest.get(there).headers["Location"]
    assert login.startswith("/masuk?pesan=gabungkan&gabung=")
    page = guest.get(login)
    assert "akun SIAPkerja ID yang sudah memiliki NIK Anda" in page.text
    answer = guest.post(login, page, identifier=OTHER_EMAIL, password=PASSWORD)
    if answer.headers["Location"].startswith("/masuk/kode"):
        answer = guest.post(answer.headers["Location"], code=guest.code())
    assert answer.headers["Location"] == there
    return guest


def test_a_nik_that_has_an_account_gets_the_old_account_after_proof_of_both_sides(
    app: Application, holder: Registrant
) -> None:
    there = told_of_the_other(app, holder)
    before = stored(app)
    former = owner_of(app, before)
    guest = sign_in_to_the_other(app, holder, there)
    page = guest.get(there)
    assert "Akun lama di portal wlkp" in page.text
    assert stored(app) == before

    answer = guest.post(there, page)

    assert answer.headers["Location"] == "/akun/akun-lama?pesan=dipindahkan"
    owner = owner_of(app, stored(app))
    assert (owner.ial, owner.nik) == (1, Nik(holder.person.nik))
    # both are told, and whoever reads the letters of the old account
    letters = [told["to"] for told in guest.messages() if told["kind"] == "legacy_linked"]
    at_first, moved_to = [EMAIL, holder.email], [EMAIL, holder.email, OTHER_EMAIL]
    assert sorted(letters) == sorted(at_first + moved_to)
    with app.wiring.services.store.read() as tx:
        assert not tx.legacy_accounts.list_for_account(former.id)
        seen = [event.action for event in tx.audit.list_visible(former.id)]
    assert Action.LEGACY_RELEASED in seen
    assert selfcheck(app) == []
    # once
    assert guest.get(there).headers["Location"] == "/akun/identitas"

    # and undone to exactly the state before
    assert "Terhubung: portal wlkp" in guest.get("/akun/akun-lama").text
    [link] = set(re.findall(r"/akun/akun-lama/[0-9a-f-]{36}", guest.get("/akun/akun-lama").text))
    assert guest.post(link).headers["Location"] == "/akun/akun-lama?pesan=dilepaskan"
    assert stored(app) == before
    with app.wiring.services.store.read() as tx:
        [standing] = tx.legacy_links.list_for_account(former.id)
    assert standing.undone_at is None
    assert selfcheck(app) == []


def test_old_accounts_do_not_move_by_the_proof_of_one_side(
    app: Application, holder: Registrant
) -> None:
    there = told_of_the_other(app, holder)
    joins, journey = app.wiring.services.legacy_join, there.partition("gabung=")[2]
    former = owner_of(app, stored(app))
    # nobody else's browser goes on with it, nor the holder of another account
    stranger = Guest(app, address="203.0.113.81")
    stranger.enter(OTHER_EMAIL)
    assert stranger.get(there).headers["Location"] == "/akun/identitas"
    an_account(app, nik="3273011708909002", email="lain@contoh.id", phone_number="+6281200000189")
    with app.wiring.services.store.read() as tx:
        other = tx.accounts.find_by_nik(Nik("3273011708909002"))
        kept = tx.journeys.find(digest_of(journey))
    assert other is not None
    assert kept is not None
    for account in (former, other):
        with pytest.raises(Refused, match=r"legacy\.nik"):
            joins.join(journey, account, Visitor(kept.flow_digest, holder.address, NOWHERE))

    assert stored(app).account_id == former.id


def test_an_undone_move_whose_former_account_is_locked_waits_as_at_first(
    app: Application, holder: Registrant
) -> None:
    there = told_of_the_other(app, holder)
    former = owner_of(app, stored(app))
    guest = sign_in_to_the_other(app, holder, there)
    guest.post(there)
    with app.wiring.services.store.write() as tx:
        tx.accounts.update(replace(former, status=AccountStatus.LOCKED))
    [link] = set(re.findall(r"/akun/akun-lama/[0-9a-f-]{36}", guest.get("/akun/akun-lama").text))

    guest.post(link)

    assert stored(app).state is LegacyState.WAITING
    assert stored(app).account_id is None


def test_the_registry_being_away_keeps_what_was_typed(
    app: Application, holder: Registrant, sandbox: Sandbox
) -> None:
    go_on_unproved(holder)
    sandbox.next_dukcapil("D3", nik=holder.person.nik)

    answer = holder.post("/akun/identitas", **holder.ktp_fields())

    assert answer.status_code == 503
    assert holder.person.name in answer.text
    assert owner_of(app, stored(app)).ial == 0


def test_the_way_without_a_match_is_there_in_english(
    app: Application, citizen: Callable[..., Registrant]
) -> None:
    holder = citizen(language="en", phone="0812 0000 0177", email="new@example.org")
    bring(app, holder.person)
    proved(holder)
    mismatch = holder.ktp(full_name=WRONG_NAME).headers["Location"]
    page = holder.browser.get(mismatch, headers={"Accept-Language": "en"})
    assert "Go on without confirmation" in page.text
    holder.query = {}
    holder.contact(password=None)
    holder.confirm()

    assert "Your identity is not confirmed yet" in holder.get("/akun").text
    assert "Confirm your identity" in holder.get("/akun/identitas").text
