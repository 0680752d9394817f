"""Connections that stay open: constant statements on the driver answer as SQLAlchemy does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, Engine

from adapters.sql import engine as engines
from adapters.sql.connections import IDLE_SECONDS, Connections, KeptConnection
from adapters.sql.store import SqlStore, SqlTransaction
from adapters.sql.upserts import first_only, replacing
from idp.ports.store import StoreUnavailable

_metadata = sa.MetaData()
_thing = sa.Table(
    "kept_thing",
    _metadata,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("is_red", sa.Boolean, nullable=False),
    sa.Column("body", sa.JSON, nullable=False),
    sa.Column("bytes", sa.LargeBinary),
)
_INSERT = sa.insert(_thing)
_FIND = sa.select(_thing).where(_thing.c.id == sa.bindparam("which"))
_AMONG = (
    sa.select(_thing.c.number)
    .where(
        _thing.c.number.in_(sa.bindparam("numbers", expanding=True)),
        _thing.c.number > sa.bindparam("low"),
        _thing.c.number.not_in([8, 9]),
    )
    .order_by(_thing.c.number)
)
_PAINT = (
    sa.update(_thing)
    .where(_thing.c.id == sa.bindparam("which"), _thing.c.is_red.is_(False))
    .values(is_red=True)
)
_KEEP_FIRST = first_only(_thing, "id")
_REPLACE = replacing(_thing, "id")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = sa.create_engine(database_url, pool_size=2, max_overflow=1, pool_timeout=5)
    engines.prepare_engine(made)
    with made.begin() as connection:
        _metadata.create_all(connection)
    yield made
    with made.begin() as connection:
        _metadata.drop_all(connection)
    made.dispose()


@pytest.fixture
def connections(engine: Engine) -> Iterator[Connections]:
    yield Connections(engine)
    # closes those that are kept, so that nobody holds the tables
    engine.dispose()


@pytest.fixture
def connection(connections: Connections) -> Iterator[KeptConnection]:
    taken = connections.take()
    yield taken
    connections.give(taken)


def _row(which: int, **changes: object) -> dict[str, object]:
    given = {
        "id": UUID(int=which),
        "number": which,
        "is_red": False,
        "body": {"list": [which, None, "é"]},
        "bytes": None if which % 2 else bytes([which]),
    }
    return {**given, **changes}


def test_a_row_is_the_same_the_first_time_and_every_other_time(connection: KeptConnection) -> None:
    for number in range(4):
        connection.execute(_INSERT, _row(number))
    for number in (*range(4), *range(4)):
        row = connection.execute(_FIND, {"which": UUID(int=number)}).one()
        assert dict(row._mapping) == _row(number)
        assert row._mapping[_thing.c.id] == row.id == UUID(int=number)
    assert connection.execute(_FIND, {"which": UUID(int=9)}).first() is None


def _read(connection: KeptConnection, which: int) -> dict[str, object] | None:
    return connection.read_one(
        _FIND, {"which": UUID(int=which)}, lambda row: dict(row._mapping), name=("thing", which)
    )


def test_what_was_made_of_a_row_is_given_again_until_any_column_differs(
    connections: Connections, connection: KeptConnection
) -> None:
    connection.execute(_INSERT, _row(1))
    connection.execute(_INSERT, _row(2))
    _read(connection, 1)
    made = _read(connection, 1)
    other = connections.take()

    assert made == _row(1)
    assert _read(connection, 1) is made
    assert _read(other, 1) is made
    assert _read(connection, 2) == _row(2)
    for changes in ({"number": 7}, {"is_red": True}, {"body": {"list": []}}, {"bytes": b"\x00"}):
        update = sa.update(_thing).where(_thing.c.number.in_([1, 7])).values(**changes)
        other.execute(update)
        changed = _read(connection, 1)
        assert changed is not made
        assert changed == {**cast(dict[str, object], made), **changes}
        made = changed
    other.execute(sa.delete(_thing))
    assert _read(connection, 1) is None
    connections.give(other)


def test_whoever_listens_hears_of_every_reading(connection: KeptConnection, engine: Engine) -> None:
    connection.execute(_INSERT, _row(1))
    for _ in range(2):
        _read(connection, 1)
    heard: list[str] = []

    def hear(*given: Any) -> None:
        heard.append(given[2])

    event.listen(engine, "before_cursor_execute", hear)
    assert [_read(connection, 1), _read(connection, 3)] == [_row(1), None]
    event.remove(engine, "before_cursor_execute", hear)

    assert len(heard) == 2


@pytest.mark.parametrize("_time", [1, 2])
def test_lists_of_any_length_and_constant_values_are_bound(
    connection: KeptConnection, _time: int
) -> None:
    for number in range(10):
        connection.execute(_INSERT, _row(number))
    for numbers in ([1, 2], [2, 3], [1, 2, 3, 8], [5], [2, 3], []):
        found = connection.execute(_AMONG, {"numbers": numbers, "low": 1}).scalars().all()
        assert found == [number for number in numbers if 1 < number < 8]


def test_statements_that_differ_in_a_constant_alone_keep_their_own(
    connection: KeptConnection,
) -> None:
    for number in range(3):
        connection.execute(_INSERT, _row(number))
    by_number = [sa.select(_thing.c.id).where(_thing.c.number == number) for number in range(3)]

    for _ in range(3):
        found = [connection.execute(statement).scalar_one() for statement in by_number]
        assert found == [UUID(int=number) for number in range(3)]


def test_what_a_change_hit_is_counted_each_time(connection: KeptConnection) -> None:
    for number in range(3):
        connection.execute(_INSERT, _row(number))
        put = connection.execute(_KEEP_FIRST.on(connection), _row(number, number=99))
        assert put.rowcount == 0
    for number in range(3):
        given = {"which": UUID(int=number)}
        assert connection.execute(_PAINT, given).rowcount == 1
        assert connection.execute(_PAINT, given).rowcount == 0
    for number in range(3):
        assert (
            connection.execute(_REPLACE.on(connection), _row(number, number=50)).rowcount
            == connection.execute(_KEEP_FIRST.on(connection), _row(number + 10)).rowcount
            == 1
        )


def test_a_driver_error_is_told_as_sqlalchemy_does_without_what_was_bound(
    connection: KeptConnection,
) -> None:
    connection.execute(_INSERT, _row(1))
    with pytest.raises(sa.exc.IntegrityError) as told:
        connection.execute(_INSERT, _row(1, body={"secret": "3273011708909001"}))

    assert "3273011708909001" not in str(told.value)
    assert connection.execute(_FIND, {"which": UUID(int=1)}).one().number == 1


def test_whoever_listens_hears_of_every_statement(
    connection: KeptConnection, engine: Engine
) -> None:
    connection.execute(_INSERT, _row(1))
    connection.execute(_INSERT, _row(2))
    heard: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *given: heard.append(given[2][:6]))

    connection.execute(_INSERT, _row(3))
    connection.execute(_FIND, {"which": UUID(int=3)}).one()

    assert heard == ["INSERT", "SELECT"]


def test_more_threads_than_connections_take_turns(connections: Connections) -> None:
    together = Barrier(6)

    def work(number: int) -> int:
        together.wait()
        for _ in range(20):
            taken = connections.take()
            taken.execute(sa.select(sa.literal(number))).scalar_one()
            connections.give(taken)
        return number

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(work, range(6))) == list(range(6))


def test_a_connection_that_the_server_dropped_is_not_lent_again(
    connections: Connections, engine: Engine
) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no server")
    first = connections.take()
    which = first.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    connections.give(first)
    with engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:which)"), {"which": which})
    first.used_at -= 2 * IDLE_SECONDS

    second = connections.take()

    assert second is not first
    assert second.execute(sa.select(sa.literal(1))).scalar_one() == 1
    connections.give(second)


def test_one_that_broke_while_it_was_lent_is_closed(
    connections: Connections, engine: Engine
) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no server")
    taken = connections.take()
    one = sa.select(sa.literal(1))
    for _ in range(2):
        taken.execute(one)
    which = taken.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
    with engine.connect() as other:
        other.execute(sa.text("SELECT pg_terminate_backend(:which)"), {"which": which})

    with pytest.raises(sa.exc.OperationalError) as told:
        taken.execute(one)
    connections.give(taken)

    assert told.value.connection_invalidated
    another = connections.take()
    assert another is not taken
    connections.give(another)


def _synchronous(connection: Connection) -> str:
    name = "synchronous" if connection.dialect.name == "sqlite" else "synchronous_commit"
    word = "PRAGMA" if connection.dialect.name == "sqlite" else "SHOW"
    return str(connection.execute(sa.text(f"{word} {name}")).scalar_one())


def test_only_sqlites_brief_writes_do_not_wait_for_the_disk(
    connections: Connections, engine: Engine
) -> None:
    with engine.connect() as connection:
        lasting = _synchronous(connection)
    brief = "1" if engine.dialect.name == "sqlite" else lasting

    for is_brief in (False, True, True, False, True):
        taken = connections.take(is_brief=is_brief)
        assert _synchronous(taken) == (brief if is_brief else lasting)
        connections.give(taken)
    if engine.dialect.name == "sqlite":
        assert lasting == "2"


def test_one_of_the_other_kind_is_lent_before_another_is_opened(connections: Connections) -> None:
    first = connections.take(is_brief=True)
    connections.give(first)
    second = connections.take()

    assert second is first
    connections.give(second)


def test_the_engine_gets_its_connection_back_as_it_was(
    connections: Connections, engine: Engine
) -> None:
    with engine.connect() as connection:
        before = _synchronous(connection)
    connections.take(is_brief=True).give_back()

    with engine.connect() as connection:
        assert _synchronous(connection) == before


def test_whoever_gets_a_connection_next_finds_what_was_prepared_on_it(
    connections: Connections,
) -> None:
    one = sa.select(sa.literal(1))
    for _ in range(2):
        taken = connections.take()
        assert [taken.execute(one).scalar_one() for _ in range(3)] == [1, 1, 1]
        # the pool lends the same one again
        taken.give_back()


def test_a_change_alone_takes_effect_at_once_and_two_together_or_not_at_all(
    connection: KeptConnection,
) -> None:
    def transaction() -> SqlTransaction:
        # no repository is used here
        return SqlTransaction(connection, *(cast(Any, None),) * 3)

    alone = transaction()
    connection.execute(_INSERT, _row(1))
    alone.end(keeps=False)
    together = transaction()
    together.begin()
    connection.execute(_INSERT, _row(2))
    together.begin()
    connection.execute(_INSERT, _row(3))
    together.end(keeps=False)
    kept = transaction()
    kept.begin()
    connection.execute(_INSERT, _row(4))
    kept.end(keeps=True)

    numbers = connection.execute(sa.select(_thing.c.number).order_by(_thing.c.number))
    assert numbers.scalars().all() == [1, 4]


def test_who_interrupts_a_change_hears_of_that_and_not_of_the_database(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Any = SimpleNamespace(prepare=lambda: None)
    store = SqlStore(engine, given, given, given)

    end = SqlTransaction.end

    def broken(transaction: SqlTransaction, *, keeps: bool) -> None:
        end(transaction, keeps=keeps)
        raise sa.exc.ProgrammingError("ROLLBACK", None, ValueError("in use"))

    monkeypatch.setattr(SqlTransaction, "end", broken)
    with pytest.raises(KeyboardInterrupt), store.write():
        raise KeyboardInterrupt
    with pytest.raises((StoreUnavailable, sa.exc.ProgrammingError)), store.write():
        raise LookupError
