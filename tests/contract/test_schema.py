"""The schema: what the tables say, what migrations make, and the way back (R-14)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from uuid import UUID

import flask_migrate
import psycopg
import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory

from adapters.sql import schema
from adapters.sql.accounts import DEPENDENT
from adapters.sql.tables import metadata
from idp.domain.errors import Refused
from idp.ports.store import StoreUnavailable
from tests.live_server import SIAPKERJA, inherited


@pytest.fixture
def empty_url(database_url: str, tmp_path: Path, make_database: Callable[[], str]) -> Iterator[str]:
    """A database in which nothing is."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/empty.db"
        return
    server = database_url.rpartition("/")[0]
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS schema_test")
        connection.execute("CREATE DATABASE schema_test")
    yield f"{server}/schema_test"


def tables_of(url: str) -> set[str]:
    engine = sa.create_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def downgrade(url: str, to: str) -> None:
    with schema.migrating(url):
        flask_migrate.downgrade(directory=str(schema.MIGRATIONS), revision=to)


def test_r_14_up_down_and_up_again_ends_where_the_tables_say(empty_url: str) -> None:
    newest = schema.newest_revision()

    done = schema.upgrade(empty_url)
    assert [change.revision for change in done][-1] == newest
    assert set(metadata.tables) <= tables_of(empty_url)
    assert schema.differences(empty_url) == []

    for change in reversed(done):
        downgrade(empty_url, "-1")
        assert change.revision in {step.revision for step in schema.pending(empty_url)}
    assert tables_of(empty_url) <= {"alembic_version"}

    assert [change.revision for change in schema.upgrade(empty_url)][-1] == newest
    assert schema.differences(empty_url) == []
    assert schema.upgrade(empty_url) == []


def test_r_14_two_open_cases_of_a_kind_become_one_with_the_evidence_of_both(empty_url: str) -> None:
    schema.upgrade(empty_url)
    downgrade(empty_url, "0005")
    cases, notes = metadata.tables["identity_case"], metadata.tables["case_note"]
    account, admin = UUID(int=7), UUID(int=8)
    opened = [  # number, kind, when, decided
        (1, "moved", 200, None),
        (2, "moved", 100, None),
        (3, "moved", 50, 60),
        (4, "other", 300, None),
    ]
    engine = sa.create_engine(empty_url)
    with engine.begin() as connection:
        for number, kind, at, decided_at in opened:
            row = {"id": UUID(int=number), "account_id": account, "kind": kind, "opened_at": at}
            row |= {"opened_by": admin, "decided_at": decided_at}
            connection.execute(sa.insert(cases).values(row))
            note = {"id": UUID(int=10 + number), "case_id": UUID(int=number), "at": at}
            note |= {"by": admin, "text_sealed": b"sealed", "reference_sealed": b"sealed"}
            connection.execute(sa.insert(notes).values(note))
    schema.upgrade(empty_url)
    with engine.begin() as connection:
        kept = sorted(connection.execute(sa.select(cases.c.id)).scalars(), key=int)
        where = connection.execute(sa.select(notes.c.id, notes.c.case_id)).all()
    engine.dispose()

    assert [int(one) for one in kept] == [2, 3, 4]
    assert sorted((int(a), int(b)) for a, b in where) == [(11, 2), (12, 2), (13, 3), (14, 4)]


def test_r_14_upgrades_in_the_same_moment_make_one_schema(empty_url: str) -> None:
    # as servers that start together do; Alembic knows one upgrade a process
    command = [*SIAPKERJA, "db", "upgrade"]
    environment = inherited() | {"SIAPKERJA_DATABASE_URL": empty_url}

    together = [
        Popen(command, env=environment, stdout=DEVNULL, stderr=PIPE, text=True) for _ in range(2)
    ]
    told = [process.communicate(timeout=60)[1] for process in together]

    assert [process.returncode for process in together] == [0, 0], told
    assert schema.differences(empty_url) == []


def test_r_14_an_upgrade_that_fails_leaves_nothing_half_done(empty_url: str) -> None:
    engine = sa.create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE replay (x INTEGER)"))
    with pytest.raises((StoreUnavailable, sa.exc.ProgrammingError)):
        schema.upgrade(empty_url)

    assert tables_of(empty_url) == {"replay"}
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE replay"))
    engine.dispose()
    schema.upgrade(empty_url)
    assert schema.differences(empty_url) == []


def test_r_14_an_upgrade_lets_nobody_wait_behind_a_table_that_is_held(empty_url: str) -> None:
    if empty_url.startswith("sqlite"):
        pytest.skip("there readers hold nothing")
    schema.upgrade(empty_url)
    downgrade(empty_url, "0004")

    with psycopg.connect(empty_url) as dump:
        dump.execute("SELECT 1 FROM account")
        with pytest.raises(Refused, match=r"schema\.busy"):
            schema.upgrade(empty_url)

    assert schema.pending(empty_url)[0].revision == "0005"


def test_autogenerate_finds_nothing_to_do(database_url: str) -> None:
    assert schema.differences(database_url) == []
    assert schema.pending(database_url) == []


def test_a_table_that_is_missing_or_bent_is_found(empty_url: str) -> None:
    schema.upgrade(empty_url)
    engine = sa.create_engine(empty_url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE outbox"))
        connection.execute(sa.text("ALTER TABLE client ADD COLUMN extra INTEGER"))
    engine.dispose()

    found = " ".join(schema.differences(empty_url))

    assert "outbox" in found
    assert "extra" in found


def test_migrations_are_one_line_of_numbered_files_that_say_what_they_do() -> None:
    script = ScriptDirectory(str(schema.MIGRATIONS))
    steps = list(script.walk_revisions("base", "heads"))

    assert len(script.get_heads()) == 1
    for step in steps:
        assert (step.doc or "").strip()
        assert Path(step.path).name.startswith(f"{step.revision}_")
        assert callable(step.module.upgrade)
        assert callable(step.module.downgrade)
    assert [step.revision for step in reversed(steps)] == sorted(step.revision for step in steps)


def test_every_column_says_what_it_holds() -> None:
    silent = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if not (column.comment or "").strip()
    ]

    assert silent == []


def test_what_is_sealed_is_named_so_and_bytes() -> None:
    """PD-1: a column of personal data can be told by its name."""
    for table in metadata.tables.values():
        for column in table.columns:
            is_sealed = column.name.endswith("_sealed")
            assert is_sealed == (column.comment or "").startswith("sealed:"), column
            if is_sealed:
                assert isinstance(column.type, sa.LargeBinary), column


def test_instants_are_epoch_seconds() -> None:
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name.endswith("_at") or column.name == "at":
                assert isinstance(column.type, sa.BigInteger), column
            assert not isinstance(column.type, sa.DateTime | sa.Date), column


def test_whatever_names_an_account_as_its_owner_goes_with_it() -> None:
    owned = {
        table
        for table in metadata.tables.values()
        if any(key.column.table.name == "account" for key in table.foreign_keys)
    }

    assert owned == set(DEPENDENT)
