"""Old accounts of portals that keep their hashes: the portal itself says whether it is right."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from idp.app import Application
from idp.domain.identity.legacy import LegacyAccount, LegacyState
from idp.services.legacy_import import Export
from tests.eavesdropping import Everything
from tests.fakes import FixedClock
from tests.guest import Guest, without_nonces
from tests.old_portals import a_row, json_lines
from tests.portal import an_account
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox

EMAIL = "lama@contoh.id"
PASSWORD = "gajah biru makan awan"


@pytest.fixture
def app(make_app: Callable[..., Application], sandbox: Sandbox, tmp_path: Path) -> Application:
    path = tmp_path / "callbacks.json"
    path.write_text(sandbox.callbacks("bizhub"))
    return make_app(SIAPKERJA_LEGACY_CALLBACKS=str(path), **sandbox.environment())


@pytest.fixture
def holder(app: Application, citizen: Callable[..., Registrant], sandbox: Sandbox) -> Registrant:
    holder = citizen(phone="0812 0000 0177", email="baru@contoh.id")
    bring(app, nik=holder.person.nik)
    sandbox.add_old_account("bizhub", "12345", PASSWORD)
    return holder


def bring(app: Application, **changes: Any) -> None:
    row = a_row(
        **{
            "source": "bizhub",
            "emails": [{"value": EMAIL, "verified": False}],
            "phones": [],
            "password": None,
            **changes,
        }
    )
    export = Export(io.BytesIO(json_lines([row])))
    app.wiring.services.legacy_import.load(export, lambda _: None)


def stored(app: Application, source: str = "bizhub") -> LegacyAccount:
    with app.wiring.services.store.read() as tx:
        found = tx.legacy_accounts.find_by_source_id(source, "12345")
    assert found is not None
    return found


@pytest.mark.parametrize("page", ["/masuk", "/masuk/akun-lama"])
def test_the_portals_own_check_brings_an_old_account_home(
    app: Application, holder: Registrant, page: str
) -> None:
    fields = {"identifier": EMAIL, "email": EMAIL, "nik": holder.person.nik}

    proved = holder.post(page, **fields, password=PASSWORD)
    holder.query = {"lama": proved.headers["Location"].partition("lama=")[2]}
    assert holder.ktp().headers["Location"].startswith("/daftar/kontak")
    holder.query = {}
    holder.contact(password=None)
    assert holder.confirm().status_code == 303

    assert stored(app).state is LegacyState.CLAIMED
    # from now on the portal is not asked any more
    calls = holder.sandbox.state.old_accounts.calls
    assert Guest(app).post(page, **fields, password="something else").status_code == 422
    assert holder.sandbox.state.old_accounts.calls == calls
    entered = Guest(app).log_in(holder.person.nik, PASSWORD)
    assert entered.headers["Location"].startswith(("/masuk/kode", "/masuk/metode"))


def test_a_wrong_password_a_portal_that_is_away_and_an_unknown_account_read_alike(
    app: Application, holder: Registrant, sandbox: Sandbox
) -> None:
    wrong = holder.post("/masuk", identifier=EMAIL, password="x" + PASSWORD)
    assert stored(app).failure == "password.wrong"
    sandbox.next_portal("down", source="bizhub")
    away = holder.post("/masuk", identifier=EMAIL, password=PASSWORD)
    assert stored(app).failure == "portal.unavailable"
    unknown = holder.post("/masuk", identifier="nobody@contoh.id", password=PASSWORD)

    assert {answer.status_code for answer in (wrong, away, unknown)} == {422}
    pages = {
        without_nonces(answer).replace(typed, "…")
        for answer, typed in ((wrong, EMAIL), (away, EMAIL), (unknown, "nobody@contoh.id"))
    }
    assert len(pages) == 1
    assert app.wiring.services.legacy_report.figures()[0].failures == {"portal.unavailable": 1}


def test_rg_5_a_portal_that_is_slow_is_told_from_nothing_by_words_status_or_time(
    app: Application, holder: Registrant, clock: FixedClock
) -> None:
    clock.is_hasty = True
    answers = []
    for email, password in ((EMAIL, PASSWORD), (EMAIL, "wrong one"), ("no@contoh.id", PASSWORD)):
        for page in ("/masuk", "/masuk/akun-lama"):
            began = clock.monotonic()
            answer = holder.post(
                page, identifier=email, email=email, nik=holder.person.nik, password=password
            )
            took = round(clock.monotonic() - began, 6)
            text = without_nonces(answer).replace(email, "…")
            answers.append((page, answer.status_code, sorted(answer.headers.keys()), text, took))

    for page in ("/masuk", "/masuk/akun-lama"):
        [alike] = {repr(answer) for answer in answers if answer[0] == page}
        assert "/masuk/akun-lama/jawaban" in alike
    assert {(answer[1], answer[4]) for answer in answers} == {(422, 0.4)}


def test_a_yes_that_comes_late_is_kept_for_the_browser_that_asked(
    app: Application, holder: Registrant, clock: FixedClock
) -> None:
    clock.is_hasty = True
    fields = {"email": EMAIL, "nik": holder.person.nik}
    page = holder.post("/masuk/akun-lama", **fields, password=PASSWORD)
    app.wiring.services.upgrade.verifier.close()

    assert page.status_code == 422
    assert holder.get("/masuk/akun-lama/jawaban?tanya=1").status_code == 200
    there = holder.get("/masuk/akun-lama/jawaban").headers["Location"]
    assert there.startswith("/daftar?lama=")
    stranger = Guest(app)
    stranger.get("/masuk/akun-lama")
    assert stranger.get("/masuk/akun-lama/jawaban?tanya=1").status_code == 204
    assert "Akun lama Anda ditemukan" in holder.get(there).text
    holder.query = {"lama": there.partition("lama=")[2]}
    holder.ktp()
    holder.query = {}
    holder.contact(password=None)
    holder.confirm()
    assert stored(app).state is LegacyState.CLAIMED
    # it was no failed try
    assert stored(app).failure is None


@pytest.mark.parametrize(
    ("kind", "cause"), [(None, "password.wrong"), ("down", "portal.unavailable")]
)
def test_a_no_that_comes_late_is_in_the_report_and_opens_nothing(
    app: Application,
    holder: Registrant,
    sandbox: Sandbox,
    clock: FixedClock,
    kind: str | None,
    cause: str,
) -> None:
    clock.is_hasty = True
    if kind is not None:
        sandbox.next_portal(kind, source="bizhub")
    holder.post("/masuk", identifier=EMAIL, password="x" + PASSWORD)
    app.wiring.services.upgrade.verifier.close()

    assert stored(app).failure == cause
    answer = holder.get("/masuk/akun-lama/jawaban")
    assert answer.headers["Location"] == "/masuk/akun-lama?pesan=belum-dijawab"
    assert "coba masuk lagi" in holder.get(answer.headers["Location"]).text


def test_a_forged_yes_lets_nobody_in(holder: Registrant, sandbox: Sandbox) -> None:
    sandbox.next_portal("forged", source="bizhub")

    assert holder.post("/masuk", identifier=EMAIL, password="x" + PASSWORD).status_code == 422


def test_a_portal_that_is_not_configured_is_not_asked(
    app: Application, holder: Registrant, sandbox: Sandbox
) -> None:
    bring(app, source="jobfair", emails=[{"value": "lain@contoh.id", "verified": True}])
    sandbox.add_old_account("jobfair", "12345", PASSWORD)

    assert holder.post("/masuk", identifier="lain@contoh.id", password=PASSWORD).status_code == 422
    assert sandbox.state.old_accounts.calls == 0


def test_an_address_has_a_portal_asked_so_often_and_no_more(
    make_app: Callable[..., Application],
    app: Application,
    holder: Registrant,
    sandbox: Sandbox,
    clock: FixedClock,
) -> None:
    """Many accounts, one try each: what the limits of single accounts do not see."""
    for number in range(25):
        bring(
            app,
            source_id=f"n{number}",
            nik=None,
            emails=[{"value": f"n{number}@contoh.id", "verified": False}],
        )
    services = app.wiring.services

    for number in range(25):
        with services.store.read() as tx:
            email = services.login.identifiers.parse_email(f"n{number}@contoh.id")
            rows = services.upgrade.find(email, tx)
        compared = services.upgrade.compare(rows, "x", _visitor(holder.address))
        [cause] = compared.causes.values()
        assert cause == ("password.wrong" if number < 20 else "portal.limit")

    assert sandbox.state.old_accounts.calls == 20
    clock.move(901)
    assert services.upgrade.compare(rows, "x", _visitor(holder.address)).causes
    assert sandbox.state.old_accounts.calls == 21


def _visitor(address: str) -> Any:
    from idp.domain.identity.audit import NOWHERE
    from idp.domain.identity.visitor import Visitor

    return Visitor(b"", address, NOWHERE)


def test_whoever_is_signed_in_links_by_the_portals_own_check(
    app: Application, holder: Registrant, sandbox: Sandbox
) -> None:
    an_account(app, nik=holder.person.nik, email="ada@contoh.id", phone_number="+6281200000188")
    owner = Guest(app, sandbox)
    owner.enter("ada@contoh.id")
    assert 'name="legacy"' in owner.get("/akun/akun-lama").text
    row = stored(app).id.hex

    assert owner.post("/akun/akun-lama", legacy=row, password="wrong one").status_code == 422
    answer = owner.post("/akun/akun-lama", legacy=row, password=PASSWORD)

    assert answer.headers["Location"] == "/akun/akun-lama?pesan=terhubung"
    assert stored(app).state is LegacyState.CLAIMED


def test_pd_4_the_password_that_was_sent_to_a_portal_is_in_no_log(
    holder: Registrant, log: Everything, sandbox: Sandbox
) -> None:
    sandbox.next_portal("reset", source="bizhub")
    holder.post("/masuk", identifier=EMAIL, password=PASSWORD)
    holder.post("/masuk", identifier=EMAIL, password=PASSWORD)

    said = "".join(log.lines)
    assert PASSWORD not in said
    assert EMAIL not in said
