"""Personal data at rest: sealed, bound to their place, found by keyed digests (PD-1, PD-2).

Whoever has the database alone has nothing.
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.crypto.vault import KEY_LIFE_SECONDS, VERSION
from adapters.sql import tables
from idp.app import Application
from idp.domain.identity.account import Account
from idp.domain.identity.nik import parse_nik
from idp.domain.identity.phone import parse_phone
from idp.ports.vault import Place, Vault
from idp.services import Services
from tests.conftest import ROOT
from tests.fakes import FixedClock

SITI = {
    "nik": "3174094101009002",
    "password": "tiga kata acak sekali",
    "name": "Siti Nurlela Putri",
    "birthdate": "2000-01-31",
    "email": "Siti.Nurlela@contoh.id",
    "email_verified": True,
    "phone_number": "+628120000902",
    "phone_number_verified": True,
    "address": {"street_address": "Jalan Kenanga 7"},
}
BUDI = {
    **SITI,
    "nik": "3273011708909001",
    "name": "Budi Santoso",
    "email": "budi@contoh.id",
    "phone_number": "+628120000901",
}
SECRET_TEXTS = (
    "3174094101009002", "Siti", "Nurlela", "2000-01-31", "contoh.id", "8120000902", "Kenanga",
    "tiga kata acak",
)  # fmt: skip


def dump(app: Application) -> Iterator[tuple[str, str, bytes]]:
    """Return every value of the database with its table and column."""
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        for table in tables.metadata.tables.values():
            for row in connection.execute(sa.select(table)).mappings():
                for column, value in row.items():
                    raw = value if isinstance(value, bytes) else json.dumps(value, default=str)
                    yield table.name, column, raw if isinstance(raw, bytes) else raw.encode()


def execute(app: Application, statement: sa.Executable) -> None:
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        connection.execute(statement)


def column_of(app: Application, table: sa.Table, column: str) -> list[Any]:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return list(connection.execute(sa.select(table.c[column])).scalars())


def ids(account: Account | None) -> tuple[object, ...]:
    assert account is not None
    return account.id, account.subject, account.nik, account.phone, account.email, account.person


@pytest.fixture
def siti(services: Services) -> Account:
    return services.accounts.create(SITI)


@pytest.fixture
def vault(app: Application) -> Vault:
    return app.wiring.services.vault


def test_pd_1_a_dump_has_nothing_of_a_person(app: Application, siti: Account) -> None:
    assert siti.nik is not None
    for table, column, value in dump(app):
        for text in SECRET_TEXTS:
            assert text.encode() not in value, (table, column)
            assert base64.b64encode(text.encode()).rstrip(b"=") not in value, (table, column)


@pytest.mark.parametrize("column", ["nik_sealed", "phone_sealed", "email_sealed", "person_sealed"])
def test_pd_1_a_value_moved_to_another_row_does_not_open(
    app: Application, services: Services, siti: Account, column: str
) -> None:
    other = services.accounts.create(BUDI)
    source = sa.alias(tables.account)
    moved = sa.select(source.c[column]).where(source.c.id == other.id).scalar_subquery()
    execute(
        app,
        sa.update(tables.account).where(tables.account.c.id == siti.id).values({column: moved}),
    )

    with services.store.read() as tx, pytest.raises(ValueError, match="changed or moved"):
        tx.accounts.find(siti.id)
    with services.store.read() as tx:
        assert tx.accounts.find(other.id) is not None


def test_pd_1_a_value_moved_to_another_column_does_not_open(
    app: Application, services: Services, siti: Account
) -> None:
    execute(app, sa.update(tables.account).values(email_sealed=tables.account.c.phone_sealed))

    with services.store.read() as tx, pytest.raises(ValueError, match="changed or moved"):
        tx.accounts.find(siti.id)


PLACE = Place("account", "nik_sealed", b"row 1")


@pytest.mark.parametrize("position", [0, 4, 5, 16, 17, -1])
def test_pd_1_a_changed_byte_does_not_open(vault: Vault, position: int) -> None:
    sealed = bytearray(vault.seal(b"3174094101009002", PLACE))
    sealed[position] ^= 1

    with pytest.raises(ValueError, match="sealed value"):
        vault.open(bytes(sealed), PLACE)


@pytest.mark.parametrize("length", [0, 1, 4, 16, 17, 32])
def test_pd_1_a_cut_value_does_not_open(vault: Vault, length: int) -> None:
    sealed = vault.seal(b"3174094101009002", PLACE)

    with pytest.raises(ValueError, match="sealed value"):
        vault.open(sealed[:length], PLACE)


def test_pd_1_the_same_value_is_sealed_differently_each_time(vault: Vault) -> None:
    sealed = {vault.seal(b"3174094101009002", PLACE) for _ in range(50)}

    assert len(sealed) == 50
    assert {value[:1] for value in sealed} == {VERSION}
    assert {vault.open(value, PLACE) for value in sealed} == {b"3174094101009002"}
    assert vault.open(vault.seal(b"", PLACE), PLACE) == b""


def test_pd_1_a_data_key_writes_for_a_year_and_reads_for_ever(
    app: Application,
    make_app: Callable[..., Application],
    services: Services,
    clock: FixedClock,
    siti: Account,
) -> None:
    clock.move(KEY_LIFE_SECONDS + 1)
    later = make_app().wiring.services
    other = later.accounts.create(BUDI)

    ids = {value[1:5] for value in column_of(app, tables.account, "nik_sealed")}
    assert len(ids) == 2
    for account in (siti, other):
        with later.store.read() as tx:
            assert tx.accounts.find(account.id) == account
        # a process that began before the new key knows it as well
        with services.store.read() as tx:
            assert tx.accounts.find(account.id) == account


# Blind indexes ------------------------------------------------------------------------------------


def test_pd_2_people_are_found_by_their_values_however_spelled(
    services: Services, siti: Account
) -> None:
    with services.store.read() as tx:
        assert tx.accounts.find_by_nik(parse_nik("3174 0941 0100 9002")) == siti
        assert tx.accounts.find_by_phone(parse_phone("0812-0000-902")) == siti


def test_pd_2_an_index_is_keyed_and_says_what_it_is_of(
    vault: Vault, make_app: Callable[..., Application]
) -> None:
    other = make_app(SIAPKERJA_SECRET_KEY="another-root-Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4")
    stranger = other.wiring.services.vault
    value = "3174094101009002"

    index = vault.blind_index("nik", value)
    assert len(index) == 32
    assert index == vault.blind_index("nik", value)
    assert index != vault.blind_index("phone", value)
    assert index != vault.blind_index("nik", value[:-1] + "3")
    assert index != stranger.blind_index("nik", value)


def test_km_5_every_use_has_a_key_of_its_own(vault: Vault) -> None:
    labels = ("kek", "blind-index", "otp", "csrf", "refresh", "dpop-nonce", "sms-report", "puzzle")
    keys = [vault.keys(label)[0] for label in labels]
    keys += [vault.pairwise_key(), vault.audit_key()]

    assert len(set(keys)) == len(keys)
    assert {len(key) for key in keys} == {32}
    assert vault.keys("otp")[0] not in repr(vault).encode()


def test_km_5_two_roots_read_and_the_newest_writes(
    app: Application, make_app: Callable[..., Application], siti: Account
) -> None:
    new = "another-root-Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4"
    both = make_app(SIAPKERJA_SECRET_KEY=f"{new} {ROOT}").wiring.services
    assert siti.nik is not None

    with both.store.read() as tx:
        assert ids(tx.accounts.find_by_nik(siti.nik)) == ids(siti)
    before = set(column_of(app, tables.account, "nik_index"))
    both.index_rotation.rewrap_keys()
    assert list(both.index_rotation.rewrite_accounts()) == [1]
    after = set(column_of(app, tables.account, "nik_index"))

    alone = make_app(SIAPKERJA_SECRET_KEY=new).wiring.services
    with alone.store.read() as tx:
        assert ids(tx.accounts.find_by_nik(siti.nik)) == ids(siti)
    assert before.isdisjoint(after)


def test_km_5_the_move_to_a_new_root_goes_on_after_a_kill(
    make_app: Callable[..., Application], services: Services, siti: Account
) -> None:
    other = services.accounts.create(BUDI)
    new = "another-root-Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4"
    both = make_app(SIAPKERJA_SECRET_KEY=f"{new} {ROOT}").wiring.services
    both.index_rotation.rewrap_keys()
    killed = both.index_rotation.rewrite_accounts()
    next(killed)
    killed.close()  # type: ignore[attr-defined]

    again = make_app(SIAPKERJA_SECRET_KEY=f"{new} {ROOT}").wiring.services
    again.index_rotation.rewrap_keys()
    assert list(again.index_rotation.rewrite_accounts())[-1] == 2

    alone = make_app(SIAPKERJA_SECRET_KEY=new).wiring.services
    for account in (siti, other):
        assert account.nik is not None
        with alone.store.read() as tx:
            assert ids(tx.accounts.find_by_nik(account.nik)) == ids(account)
