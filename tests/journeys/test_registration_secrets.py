"""What must be nowhere: the mother's name (RG-4), codes (OT-2), personal data in logs (PD-4)."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_plus

import sqlalchemy as sa

from idp.app import Application
from idp.ports.vault import Place
from tests.eavesdropping import Everything
from tests.fakes import FixedClock
from tests.registrant import Registrant
from tests.sandbox_server import Sandbox

Citizen = Callable[..., Registrant]

MOTHER = "Zubaedah Markisatunggal"


def stored(app: Application) -> str:
    """Every value of every table; what is sealed is opened."""
    vault = app.wiring.services.vault
    found = []
    with app.app_context():
        engine = app.extensions["sqlalchemy"].engine
    metadata = sa.MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.text(f'SELECT * FROM "{table.name}"')):  # noqa: S608 - names of our own tables
                values = dict(row._mapping)
                found.append(repr(values))
                key = values.get("id") or values.get("digest") or values.get("kid", "").encode()
                key = bytes.fromhex(str(key).replace("-", "")) if isinstance(key, str) else key
                key = getattr(key, "bytes", key)
                for column, value in values.items():
                    if column.endswith("_sealed") and value:
                        opened = vault.open(bytes(value), Place(table.name, column, bytes(key)))
                        found.append(opened.decode("utf-8", "replace"))
    return "\n".join(found)


def spellings(name: str) -> list[str]:
    return [name, name.upper(), quote_plus(name), name.split()[1], name.split()[1].upper()]


def test_rg_4_the_mothers_name_is_nowhere(
    app: Application,
    citizen: Citizen,
    sandbox: Sandbox,
    clock: FixedClock,
    log: Everything,
    database_url: str,
) -> None:
    person = sandbox.add_person(name="Siti Aminah", mother_name=MOTHER)
    siti = citizen(person=person)
    answers = [siti.ktp(full_name="<b>")]
    for kind in ("A3", "D3", "C1", "D4"):
        sandbox.next_dukcapil(kind)
        answers.append(siti.ktp())
        clock.move(2)
    answers.append(siti.ktp(csrf_token=""))
    siti.register()
    answers.append(siti.ktp())

    kept = stored(app) + app.wiring.metrics.exposition().decode()
    told = "\n".join(log.lines)
    headers = repr([dict(answer.headers) for answer in answers])
    files = b""
    if database_url.startswith("sqlite"):
        path = Path(database_url.removeprefix("sqlite:///"))
        files = b"".join(file.read_bytes() for file in path.parent.glob(path.name + "*"))
    assert "SITI AMINAH" in kept.upper()
    for spelling in spellings(MOTHER):
        assert spelling not in kept
        assert spelling not in headers
        assert spelling.encode() not in files
        assert not [line for line in told.splitlines() if spelling in line]


def test_pd_4_logs_tell_nothing_personal(
    app: Application, citizen: Citizen, log: Everything
) -> None:
    siti = citizen(email="penanda.surel@contoh.id", phone="0812 0000 7788")
    siti.until_code()
    code = siti.code()
    siti.confirm("000000")
    siti.confirm(code)
    siti.letters()

    markers = [
        siti.person.nik,
        siti.person.name,
        "00007788",
        "0000 7788",
        "penanda.surel",
        siti.password,
        code,
    ]
    for marker in markers:
        assert not [line for line in log.lines if marker in line], marker


def test_ot_2_a_code_is_in_no_table_and_no_answer(app: Application, citizen: Citizen) -> None:
    siti = citizen().until_code()
    code = siti.code()
    pages = [siti.get(path) for path in ("/daftar", "/daftar/kontak", "/daftar/kode")]
    pages.append(siti.confirm(f"{(int(code) + 7) % 10**6:06d}"))
    pages.append(siti.confirm(code))

    assert code not in stored(app)
    for page in pages:
        assert code not in page.text
        assert code not in repr(dict(page.headers))


def test_nothing_personal_is_in_an_address(citizen: Citizen) -> None:
    siti = citizen()
    answers = [siti.ktp(mother_name="Bukan Ibunya"), siti.ktp(), siti.contact(), siti.confirm()]
    locations = " ".join(answer.headers["Location"] for answer in answers)

    for value in (siti.person.nik, siti.email, "81200000101", siti.person.name):
        assert quote_plus(value) not in locations
        assert value not in locations


def test_what_was_typed_is_dropped_once_the_account_is_open(
    app: Application, citizen: Citizen
) -> None:
    citizen().register()
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        row = connection.execute(sa.text("SELECT * FROM registration")).one()

    assert (row.email_sealed, row.phone_sealed, row.password_sealed) == (None, None, None)
