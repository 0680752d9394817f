"""Connections that stay open between requests, and constant statements on the driver's own cursor.

SQLAlchemy compiles a statement and knows its types; doing so anew for each call, with a pooled
connection, a result and a transaction object, costs more than a token's own work (`make bench`).
So what it found out the first time a statement ran is kept with the statement, as a plan.
"""

import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final, NoReturn, TypeVar, cast
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Connection, CursorResult, Engine, Row
from sqlalchemy.sql.compiler import SQLCompiler
from typing_extensions import override

from adapters.sql.readings import Readings

#: A connection that lay for longer is tried before it is used: the server may have dropped it.
IDLE_SECONDS: Final = 2.0

#: More than this package has statements: one that is made for a single call can't pile up.
PLANS_MAX: Final = 2000
#: Lengths of lists for which one statement has a plan.
LENGTHS_MAX: Final = 8

_Processor = Callable[[Any], Any]
_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class _Plan:
    """How a statement runs on the driver.

    `given`: the parameters that a call brings. `lists`: those of `IN`, each with the names that the
    statement has for its values. `bound`: for each place, or each name, in the statement the
    parameter and what makes it the driver's. `fixed`: values of the statement itself. `row`: makes
    a row of what the driver returns; `None` for a statement that returns none. `numbered`: the text
    for libpq, `None` for other drivers.
    """

    text: str
    numbered: Any
    given: tuple[str, ...]
    lists: tuple[tuple[str, tuple[str, ...]], ...]
    bound: tuple[tuple[str, _Processor | None], ...]
    fixed: Mapping[str, Any]
    is_positional: bool
    row: Callable[[Sequence[Any]], Row[Any]] | None

    def fits(self, given: Mapping[str, Any]) -> bool:
        """Return whether a call brings the same parameters, lists as long as before."""
        return tuple(given) == self.given and all(
            len(given[name]) == len(names) for name, names in self.lists
        )

    def parameters(self, given: Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
        """Return what the driver is to bind."""
        values: Any = {**self.fixed, **given} if self.fixed or self.lists else given
        for name, names in self.lists:
            values.update(zip(names, given[name], strict=True))
        if self.is_positional:
            return [
                values[name] if process is None else process(values[name])
                for name, process in self.bound
            ]
        return {
            name: values[name] if process is None else process(values[name])
            for name, process in self.bound
        }


class _Rows:
    """What `sqlalchemy.engine.Result` offers of it that this package uses; all rows are read."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Row[Any]], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Row[Any]]:
        return iter(self._rows)

    def all(self) -> list[Row[Any]]:
        return self._rows

    def first(self) -> Row[Any] | None:
        return self._rows[0] if self._rows else None

    def one(self) -> Row[Any]:
        if len(self._rows) != 1:
            raise sa.exc.NoResultFound if not self._rows else sa.exc.MultipleResultsFound
        return self._rows[0]

    def one_or_none(self) -> Row[Any] | None:
        return self.one() if self._rows else None

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalars(self) -> "_Scalars":
        return _Scalars([row[0] for row in self._rows])


class _Scalars(list[Any]):
    """The first value of each row."""

    def all(self) -> list[Any]:
        return self


#: Of each statement those for lists of several lengths.
_Plans = WeakKeyDictionary[Any, tuple[_Plan, ...]]


class KeptConnection(Connection):
    """A connection in the driver's autocommit mode; a transaction is begun by word.

    What has no plan runs as SQLAlchemy runs it, on the same connection.
    """

    def __init__(self, engine: Engine, plans: _Plans, readings: Readings) -> None:
        super().__init__(engine)
        self._plans = plans
        self._readings = readings
        self._driver = cast(Any, self.connection.dbapi_connection)
        self._error = engine.dialect.loaded_dbapi.Error
        self._direct = _direct(engine, self._driver, self.info)
        self._watched = engine.dispatch
        self.used_at = time.monotonic()
        self.is_broken = False
        self.is_brief = False
        if engine.dialect.name != "sqlite":
            self._commit_each()

    @override
    def execute(
        self, statement: Any, parameters: Any = None, *, execution_options: Any = None
    ) -> Any:
        given = parameters or {}
        plan = self._plan(statement, given)
        if plan is None:
            return self._execute_whole(statement, parameters, execution_options)
        try:
            found, count = self._run_plan(plan, given)
            rows = [] if plan.row is None else [plan.row(raw) for raw in found]
        except self._error as error:
            self._tell(plan.text, error)
        return _Rows(rows, count)

    def read_one(
        self,
        statement: Any,
        parameters: Mapping[str, Any],
        make: Callable[[Row[Any]], _Made],
        *,
        name: Hashable,
    ) -> _Made | None:
        """Return what `make` makes of the first row, `None` without one.

        `name`: tells this reading from all others. What was made before is given again while the
        row is the same, so nobody may change it, and `make` may go by the row alone.
        """
        plan = self._plan(statement, parameters)
        if plan is None or plan.row is None:
            row = self._execute_whole(statement, parameters, None).first()
            return None if row is None else make(row)
        try:
            found, _ = self._run_plan(plan, parameters)
            if not found:
                return None
            raw = found[0]
            made: _Made | None = self._readings.find(name, raw)
            if made is not None:
                return made
            row = plan.row(raw)
        except self._error as error:
            self._tell(plan.text, error)
        made = make(row)
        self._readings.keep(name, raw, made)
        return made

    def _plan(self, statement: Any, given: Mapping[str, Any]) -> _Plan | None:
        """Return how to run it on the driver; whoever listens hears it in SQLAlchemy's words."""
        if self._watched.before_cursor_execute:
            return None
        for plan in self._plans.get(statement, ()):
            if plan.fits(given):
                return plan
        return None

    def _run_plan(self, plan: _Plan, given: Mapping[str, Any]) -> tuple[Sequence[Any], int]:
        """Return rows as the driver gives them, and how many were touched."""
        sent = plan.parameters(given)
        if self._direct is not None and plan.numbered is not None:
            touched: tuple[Sequence[Any], int] = self._direct.execute(plan.numbered, sent)
            return touched
        cursor = self._driver.execute(plan.text, sent)
        found = cursor.fetchall() if plan.row is not None else ()
        count = cursor.rowcount
        cursor.close()
        return found, count

    def _commit_each(self) -> None:
        try:
            self._driver.autocommit = True
        except self._error as error:
            # the pool's own one had been dropped by the server
            self.invalidate()
            self._tell("autocommit", error)

    def run(self, word: str) -> None:
        """Execute a word that begins or ends a transaction."""
        try:
            if self._direct is not None:
                self._direct.run(word.encode())
            else:
                self._driver.execute(word).close()
        except self._error as error:
            self._tell(word, error)

    def become(self, *, is_brief: bool) -> None:
        """Let SQLite's commits wait for the disk, or not: then a power failure may take some.

        SQLite writes to its log all the same, and the system writes that to the disk within half a
        minute. PostgreSQL would lose them with its own process too, so there every commit waits.
        """
        if is_brief != self.is_brief and self.dialect.name == "sqlite":
            self.run(f"PRAGMA synchronous={'NORMAL' if is_brief else 'FULL'}")
            self.is_brief = is_brief

    def settle(self) -> None:
        """Forget the transaction that SQLAlchemy thinks it began."""
        if self.in_transaction():
            self.rollback()

    def is_there(self) -> bool:
        """Return whether the server still answers on a connection that lay for long."""
        if self.dialect.name == "sqlite" or time.monotonic() - self.used_at < IDLE_SECONDS:
            return True
        try:
            return bool(self.dialect.do_ping(self._driver))
        except self._error:
            return False

    def give_up(self) -> None:
        """Close it for good."""
        if not self.invalidated:
            self.invalidate()
        self.close()

    def give_back(self) -> None:
        """Return it to the engine's pool as it came."""
        self.become(is_brief=False)
        if self.dialect.name != "sqlite":
            self._driver.autocommit = False
        self.close()

    def _execute_whole(self, statement: Any, parameters: Any, options: Any) -> Any:
        result = super().execute(statement, parameters, execution_options=options)
        kept = self._plans.get(statement, ())
        is_known = any(plan.fits(parameters or {}) for plan in kept)
        if not is_known and len(kept) < LENGTHS_MAX and len(self._plans) < PLANS_MAX:
            plan = _planned(result, parameters)
            if plan is not None:
                self._plans[statement] = (*kept, plan)
        return result

    def _tell(self, text: str, error: Exception) -> NoReturn:
        """Raise a driver's error as SQLAlchemy does, without the parameters."""
        is_lost = self.dialect.is_disconnect(error, self._driver, None)  # type: ignore[arg-type]
        self.is_broken = self.is_broken or is_lost
        raise sa.exc.DBAPIError.instance(
            text,
            None,
            error,
            self._error,
            hide_parameters=True,
            connection_invalidated=is_lost,
            dialect=self.dialect,
        ) from error


class Connections:
    """Lends connections, the last one given back first.

    Those whose commits wait for the disk and those whose do not are kept apart, so that none has to
    be told anew each time; one of the other kind is lent before another is opened.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lasting: deque[KeptConnection] = deque()
        self._brief: deque[KeptConnection] = deque()
        self._plans = _PLANS.setdefault(engine.dialect.name, WeakKeyDictionary())
        self._readings = Readings()
        self._waiting = 0
        self._counting = Lock()
        event.listen(engine, "engine_disposed", self._close_idle)

    def take(self, *, is_brief: bool = False) -> KeptConnection:
        """Return a connection that answers; waits as long as the engine's pool does."""
        while True:
            found = self._idle(is_brief=is_brief) or self._make()
            if found.is_there():
                found.become(is_brief=is_brief)
                return found
            found.give_up()

    def give(self, connection: KeptConnection) -> None:
        """Take a connection back."""
        if connection.is_broken or connection.invalidated:
            connection.give_up()
            return
        connection.settle()
        connection.used_at = time.monotonic()
        (self._brief if connection.is_brief else self._lasting).append(connection)
        if self._waiting:
            self._return_one()

    def _idle(self, *, is_brief: bool = False) -> KeptConnection | None:
        """Return one that nobody uses, of the kind that is asked for if there is one."""
        kinds = (self._brief, self._lasting) if is_brief else (self._lasting, self._brief)
        for kept in kinds:
            with suppress(IndexError):
                return kept.pop()
        return None

    def _make(self) -> KeptConnection:
        with self._counting:
            self._waiting += 1
        try:
            # whoever gave one back before we were counted left it here
            return self._idle() or KeptConnection(self._engine, self._plans, self._readings)
        finally:
            with self._counting:
                self._waiting -= 1

    def _return_one(self) -> None:
        """Let somebody have it who waits for the engine's pool."""
        found = self._idle()
        if found is not None:
            found.give_back()

    def _close_idle(self, engine: Engine) -> None:
        del engine
        while (found := self._idle()) is not None:
            found.give_up()


#: By dialect, of this process.
_PLANS: Final[dict[str, _Plans]] = {}


def _planned(result: CursorResult[Any], given: Any) -> _Plan | None:
    """Return what is known of a statement that just ran; `None` if each call differs."""
    context: Any = result.context
    compiled = context.compiled
    is_plain = isinstance(compiled, SQLCompiler) and isinstance(given or {}, Mapping)
    if not is_plain or _depends_on_call(compiled):
        return None
    names = tuple(given or ())
    # not the compiled form's own values: statements that differ in values alone share that form
    values = compiled.construct_params(
        given, extracted_parameters=context.extracted_parameters, escape_names=False
    )
    expanded = compiled._process_parameters_for_postcompile(dict(values))
    expansion = expanded.parameter_expansion
    lists = tuple((name, tuple(expansion[name])) for name in names if name in expansion)
    if not all(inner for _, inner in lists):
        # an empty list has another text
        return None
    brought = {*names, *(name for _, inner in lists for name in inner)}
    order = expanded.positiontup if compiled.positional else expanded.parameters
    processors = {**compiled._bind_processors, **expanded.processors}
    return _Plan(
        text=context.statement,
        numbered=_numbered(context),
        given=names,
        lists=lists,
        bound=tuple((name, processors.get(name)) for name in order),
        fixed={n: value for n, value in expanded.parameters.items() if n not in brought},
        is_positional=compiled.positional,
        row=_row_maker(result._metadata) if result.returns_rows else None,
    )


def _direct(engine: Engine, driver: Any, info: dict[Any, Any]) -> Any:
    """Return what runs plans below the driver, `None` where its own cursor does.

    `info`: lives as long as the driver's connection, as do the statements prepared on it.
    """
    if engine.dialect.driver != "psycopg":
        return None
    from adapters.sql.libpq import Direct  # noqa: PLC0415 - psycopg is there with PostgreSQL alone

    if "direct" not in info:
        info["direct"] = Direct(driver)
    return info["direct"]


def _numbered(context: Any) -> Any:
    if context.dialect.driver != "psycopg":
        return None
    from adapters.sql.libpq import numbered  # noqa: PLC0415 - as above

    return numbered(context.statement)


def _depends_on_call(compiled: SQLCompiler) -> bool:
    """Return whether SQLAlchemy does more for a statement than bind values and read rows."""
    return bool(
        compiled.literal_execute_params
        or compiled.escaped_bind_names
        or compiled.insert_prefetch
        or compiled.update_prefetch
        or compiled.implicit_returning
    )


def _row_maker(metadata: Any) -> Callable[[Sequence[Any]], Row[Any]]:
    processors, places = metadata._effective_processors, metadata._key_to_index
    return lambda raw: Row(metadata, processors, places, raw)
