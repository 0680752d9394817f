"""Several old accounts of one person: password, code to the old contact, or another match."""

import io
import re
from collections.abc import Callable
from typing import Any

import pytest

from adapters.simulators.people import SandboxPerson
from idp.app import Application
from idp.domain.identity.legacy import LegacyAccount, LegacyState, Way
from idp.domain.identity.nik import Nik
from idp.services.legacy_import import Export
from tests.fakes import FixedClock
from tests.guest import Guest
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines
from tests.portal import an_account
from tests.sandbox_server import Sandbox

OLD = next(old for old in OLD_HASHES if old.kind == "bcrypt" and len(old.password) > 15)
OWN = "ada@contoh.id"
OLD_EMAIL = [{"value": "lama@contoh.id", "verified": True}]
OLD_PHONE = [{"value": "0812 0000 0199", "verified": True}]


def bring(app: Application, *rows: dict[str, Any]) -> None:
    export = Export(io.BytesIO(json_lines(rows)))
    app.wiring.services.legacy_import.load(export, lambda _: None)


def row_of(person: SandboxPerson, source: str, **changes: Any) -> dict[str, Any]:
    return a_row(
        **{
            "source": source,
            "nik": person.nik,
            "emails": OLD_EMAIL,
            "phones": OLD_PHONE,
            "password": OLD.given,
            **changes,
        }
    )


def stored(app: Application, source: str) -> LegacyAccount:
    with app.wiring.services.store.read() as tx:
        found = tx.legacy_accounts.find_by_source_id(source, "12345")
    assert found is not None
    return found


@pytest.fixture
def person(sandbox: Sandbox) -> SandboxPerson:
    return sandbox.person()


@pytest.fixture
def owner(app: Application, person: SandboxPerson, sandbox: Sandbox) -> Guest:
    """Somebody signed in, with old accounts at two portals."""
    an_account(app, nik=person.nik, email=OWN, phone_number="+6281200000188")
    bring(app, row_of(person, "skkni"), row_of(person, "bizhub", password=None))
    guest = Guest(app, sandbox)
    guest.enter(OWN)
    return guest


def path(app: Application, source: str, way: str) -> str:
    return f"/akun/akun-lama/{stored(app, source).id}/{way}"


def test_every_way_that_fits_is_offered_and_no_other(app: Application, owner: Guest) -> None:
    account = stored(app, "skkni")
    nik = account.record.nik
    assert account.ways(nik) == (Way.PASSWORD, Way.EMAIL, Way.SMS, Way.REGISTRY)
    assert stored(app, "bizhub").ways(nik) == (Way.EMAIL, Way.SMS, Way.REGISTRY)
    assert account.ways(None) == ()
    assert account.ways(Nik("3273011708909007")) == ()

    page = owner.get("/akun/akun-lama").text

    for source in ("skkni", "bizhub"):
        for way in ("kirim/email", "kirim/sms", "cocokkan"):
            assert path(app, source, way) in page
    assert len(re.findall(r'name="legacy"', page)) == 1
    assert "lama@contoh.id" not in page


@pytest.mark.parametrize("way", ["email", "sms"])
def test_a_code_to_the_old_contact_links_an_old_account(
    app: Application, owner: Guest, way: str
) -> None:
    asked = owner.post(path(app, "bizhub", f"kirim/{way}"))
    there = asked.headers["Location"]
    assert there == path(app, "bizhub", "kode")
    told = [message for message in owner.messages() if message["kind"] == "code"][-1]
    assert told["to"] == {"email": "lama@contoh.id", "sms": "+6281200000199"}[way]

    wrong = owner.post(there, code="000000" if owner.code() != "000000" else "111111")
    assert wrong.status_code == 422
    answer = owner.post(there, code=owner.code())

    assert answer.headers["Location"] == "/akun/akun-lama?pesan=terhubung"
    assert stored(app, "bizhub").state is LegacyState.CLAIMED
    assert stored(app, "skkni").state is LegacyState.WAITING
    # once
    assert owner.get(there).headers["Location"] == "/akun/akun-lama"


def test_a_code_can_be_sent_again_after_the_wait(
    app: Application, owner: Guest, clock: FixedClock
) -> None:
    there = owner.post(path(app, "bizhub", "kirim/sms")).headers["Location"]
    first = owner.code()
    assert owner.post(there, action="resend", code="").status_code == 429
    # the first page again, within the wait, sends none
    assert owner.post(path(app, "bizhub", "kirim/sms")).headers["Location"] == there
    assert owner.code() == first
    clock.move(61)

    again = owner.post(there, action="resend", code="")

    assert again.headers["Location"] == there
    assert owner.code() != first
    assert owner.post(there, code=owner.code()).status_code == 303


def test_a_code_for_one_old_account_links_no_other(app: Application, owner: Guest) -> None:
    owner.post(path(app, "bizhub", "kirim/sms"))
    code = owner.code()

    answer = owner.get(path(app, "skkni", "kode"))

    assert answer.headers["Location"] == "/akun/akun-lama"
    assert code
    assert stored(app, "skkni").state is LegacyState.WAITING


def test_another_match_with_the_registry_links_an_old_account(
    app: Application, owner: Guest, person: SandboxPerson
) -> None:
    there = path(app, "bizhub", "cocokkan")
    wrong = owner.post(there, full_name="Somebody Else", mother_name=person.mother_name)
    assert wrong.status_code == 422
    assert stored(app, "bizhub").failure == "registry.no"

    answer = owner.post(there, full_name=person.name, mother_name=person.mother_name)

    assert answer.headers["Location"] == "/akun/akun-lama?pesan=terhubung"
    assert stored(app, "bizhub").state is LegacyState.CLAIMED


NOT_OFFERED: dict[str, dict[str, Any]] = {
    "another NIK": {"nik": "3273011708909007"},
    "suspended there": {"status": "suspended"},
    "contacts that were never verified": {
        "emails": [{"value": "lama@contoh.id", "verified": False}],
        "phones": [{"value": "0812 0000 0199", "verified": False}],
    },
}


@pytest.mark.parametrize("why", NOT_OFFERED)
@pytest.mark.parametrize("way", ["kirim/email", "kirim/sms"])
def test_an_unverified_contact_recovers_nothing_nor_does_a_foreign_or_blocked_row(
    app: Application, owner: Guest, person: SandboxPerson, why: str, way: str
) -> None:
    bring(app, row_of(person, "lain", **NOT_OFFERED[why]))

    answer = owner.get(path(app, "lain", way))

    assert answer.headers["Location"] == "/akun/akun-lama"
    assert path(app, "lain", way) not in owner.get("/akun/akun-lama").text


def test_while_officers_decide_only_the_old_password_helps(
    app: Application, owner: Guest, person: SandboxPerson
) -> None:
    """The address also stands for another NIK."""
    bring(app, row_of(person, "sertihub", nik="3273011708909007", phones=[]))

    legacy = stored(app, "skkni")

    assert legacy.in_conflict
    assert legacy.ways(legacy.record.nik) == (Way.PASSWORD,)
    assert owner.get(path(app, "skkni", "kirim/email")).status_code == 303
    assert owner.get(path(app, "skkni", "cocokkan")).status_code == 303


def test_a_link_by_code_is_journalled_and_undone_to_exactly_the_state_before(
    app: Application, owner: Guest
) -> None:
    before = stored(app, "bizhub")
    there = owner.post(path(app, "bizhub", "kirim/email")).headers["Location"]
    owner.post(there, code=owner.code())
    page = owner.get("/akun/akun-lama").text
    [release] = re.findall(r'href="(/akun/akun-lama/[0-9a-f-]{36})"', page)

    owner.post(release)

    assert stored(app, "bizhub") == before


def test_linking_is_told_by_letter_to_the_account_and_to_the_old_address(
    app: Application, owner: Guest, sandbox: Sandbox
) -> None:
    owner.post("/akun/akun-lama", legacy=stored(app, "skkni").id.hex, password=OLD.password)

    letters = [told for told in owner.messages() if told["kind"] == "legacy_linked"]

    assert sorted(told["to"] for told in letters) == [OWN, "lama@contoh.id"]
    assert {told["values"]["portal"] for told in letters} == {"skkni"}


@pytest.mark.parametrize("way", ["kirim/email", "kirim/sms", "kode", "cocokkan"])
def test_nobody_links_what_was_not_offered_to_them(
    app: Application, owner: Guest, way: str
) -> None:
    an_account(app, nik="3273011708909002", email="lain@contoh.id", phone_number="+6281200000189")
    stranger = Guest(app, address="198.51.100.90")
    stranger.enter("lain@contoh.id")

    assert stranger.get(path(app, "skkni", way)).headers["Location"] == "/akun/akun-lama"
    assert Guest(app).get(path(app, "skkni", way)).headers["Location"].startswith("/masuk")


# Rows that only have a user name ------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["budi77", "BUDI77", " budi77 "])
def test_an_old_user_name_signs_in_at_the_ordinary_page(
    app: Application, sandbox: Sandbox, citizen: Callable[..., Any], typed: str
) -> None:
    holder = citizen()
    bring(app, row_of(holder.person, "wlkp", login="Budi77", nik=None, emails=[], phones=[]))

    answer = holder.post("/masuk", identifier=typed, password=OLD.password)
    assert answer.headers["Location"].startswith("/daftar?lama=")
    wrong = holder.post("/masuk", identifier=typed, password=OLD.password + "x")
    unknown = holder.post("/masuk", identifier="budi78", password=OLD.password)

    assert (wrong.status_code, unknown.status_code) == (422, 422)
    holder.query = {"lama": answer.headers["Location"].partition("lama=")[2]}
    assert holder.ktp().headers["Location"].startswith("/daftar/kontak")
    holder.query = {}
    holder.contact(password=None)
    assert holder.confirm().status_code == 303
    assert stored(app, "wlkp").state is LegacyState.CLAIMED


def test_a_user_name_that_looks_like_an_address_signs_in_too(
    app: Application, citizen: Callable[..., Any]
) -> None:
    holder = citizen()
    bring(app, row_of(holder.person, "wlkp", login="x@wlkp.example", emails=[], phones=[]))

    answer = holder.post("/masuk", identifier="x@wlkp.example", password=OLD.password)

    assert answer.headers["Location"].startswith("/daftar?lama=")
