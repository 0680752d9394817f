"""The audit chain: whatever somebody does to its rows is found, and named (PD-5)."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest
import sqlalchemy as sa
from joserfc import jws
from joserfc.jwk import OKPKey

from adapters.sql.tables import audit_event as table
from adapters.sql.tables import signing_key
from config.logging import JsonLines
from idp.app import Application
from idp.domain.identity.audit import Action, AuditEvent, Origin
from idp.domain.identity.audit_chain import Flaw
from idp.domain.identity.audit_lines import json_line, parse_line
from idp.services import Services
from idp.services.audit_log import BATCH
from idp.services.housekeeping import Housekeeper, Job
from tests.conftest import ROOT
from tests.fakes import NOW, FixedClock


def record(services: Services, count: int = 1) -> None:
    with services.store.write() as tx:
        for number in range(count):
            origin = Origin("203.0.113.0/24", f"request-{number}", "Firefox, Linux")
            tx.audit.record(
                AuditEvent(
                    Action.LEGACY_WRAPPED, NOW + number, origin=origin, details={"rows": number}
                )
            )


@pytest.fixture
def chain(services: Services) -> Services:
    """Nine sealed rows."""
    services.audit_log.seal()
    record(services, 9)
    services.audit_log.seal()
    return services


def execute(app: Application, *statements: sa.Executable) -> None:
    with app.app_context(), app.extensions["sqlalchemy"].engine.begin() as connection:
        for statement in statements:
            connection.execute(statement)


def rows(app: Application) -> list[sa.Row[tuple[object, ...]]]:
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.sequence)))


def flaws(services: Services, *heads: str) -> list[Flaw]:
    return list(services.audit_log.verify(heads))


def first(services: Services, *heads: str) -> tuple[str, int | None]:
    flaw = flaws(services, *heads)[0]
    return flaw.what, flaw.sequence


def test_pd_5_a_chain_that_nobody_touched_is_whole(chain: Services, app: Application) -> None:
    numbers = [row.sequence for row in rows(app)]

    assert flaws(chain) == []
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 9


CHANGES = {
    "at": NOW - 1,
    "action": "login.succeeded",
    "outcome": "refused",
    "actor": "operator",
    "actor_id": UUID(int=8),
    "object_id": "something",
    "account_id": UUID(int=7),
    "client_id": "portal",
    "request_id": "another",
    "network": "198.51.100.0/24",
    "device": "Chrome, Android",
    "details": {"rows": 99},
    "mac": bytes(32),
}


@pytest.mark.parametrize("column", CHANGES)
def test_pd_5_a_change_of_any_column_is_found(
    chain: Services, app: Application, column: str
) -> None:
    target = sa.update(table).where(table.c.sequence == 5)
    execute(app, target.values({column: CHANGES[column]}))

    assert first(chain) == ("changed", 5)


def test_pd_5_every_column_is_covered() -> None:
    assert set(CHANGES) == {column.name for column in table.columns} - {"id", "sequence", "chain"}


def test_pd_5_another_name_for_a_row_is_found(chain: Services, app: Application) -> None:
    execute(app, sa.update(table).where(table.c.sequence == 5).values(id=UUID(int=5)))

    assert first(chain) == ("changed", 5)


def test_pd_5_a_word_that_is_in_no_catalogue_is_found(chain: Services, app: Application) -> None:
    execute(app, sa.update(table).where(table.c.sequence == 5).values(action="login.bent"))

    assert first(chain) == ("changed", 5)


def test_pd_5_a_changed_link_is_found(chain: Services, app: Application) -> None:
    execute(app, sa.update(table).where(table.c.sequence == 5).values(chain=bytes(32)))

    assert first(chain) == ("moved", 5)


@pytest.mark.parametrize("sequence", [1, 5])
def test_pd_5_a_row_that_was_deleted_is_found(
    chain: Services, app: Application, sequence: int
) -> None:
    execute(app, sa.delete(table).where(table.c.sequence == sequence))

    assert first(chain) == ("missing", sequence)


def test_pd_5_two_rows_that_were_swapped_are_found(chain: Services, app: Application) -> None:
    def place(old: int, new: int) -> sa.Executable:
        return sa.update(table).where(table.c.sequence == old).values(sequence=new)

    execute(app, place(4, 10_000), place(5, 4), place(10_000, 5))

    assert first(chain) == ("moved", 4)


def test_pd_5_a_row_that_was_inserted_is_found_and_never_sealed(
    chain: Services, app: Application
) -> None:
    copy = dict(rows(app)[4]._mapping)
    execute(app, sa.insert(table).values({**copy, "id": UUID(int=9), "sequence": None}))

    assert first(chain) == ("inserted", None)
    assert chain.audit_log.seal() == 0
    assert first(chain) == ("inserted", None)


def test_pd_5_a_row_that_was_put_between_is_found(chain: Services, app: Application) -> None:
    copy = dict(rows(app)[4]._mapping)
    later = sa.update(table).where(table.c.sequence == 9).values(sequence=10_001)
    execute(app, later, sa.insert(table).values({**copy, "id": UUID(int=9), "sequence": 9}))

    assert first(chain) == ("changed", 9)


def test_pd_5_a_tail_that_was_cut_is_found_by_a_head_from_outside(
    chain: Services, app: Application
) -> None:
    head = chain.audit_log.head()
    last = rows(app)[-1].sequence
    assert head is not None
    assert flaws(chain, head) == []

    execute(app, sa.delete(table).where(table.c.sequence > last - 3))

    assert flaws(chain) == []
    assert first(chain, head) == ("cut", last)


def test_pd_5_a_tail_that_was_written_anew_is_found(chain: Services, app: Application) -> None:
    head = chain.audit_log.head()
    last = rows(app)[-1].sequence
    assert head is not None

    execute(app, sa.delete(table).where(table.c.sequence > last - 3))
    record(chain, 5)
    chain.audit_log.seal()

    assert flaws(chain) == []
    assert first(chain, head) == ("rewritten", last)


def test_pd_5_a_head_from_outside_counts_also_where_a_new_row_took_its_place(
    chain: Services, app: Application
) -> None:
    last = rows(app)[-1].sequence
    before = chain.audit_log.head()
    execute(app, sa.delete(table).where(table.c.sequence > last - 3))
    record(chain, 3)
    chain.audit_log.seal()
    after = chain.audit_log.head()
    assert before is not None
    assert after is not None

    assert flaws(chain, after) == []
    assert first(chain, before, after) == ("rewritten", last)
    part = list(chain.audit_log.rows(last))
    assert chain.audit_log.verifier.check(part, [before, after], after=last) == Flaw(
        "rewritten", last
    )


@pytest.mark.parametrize("head", ["", "  ", "nonsense", "a.b.c", "e30.e30.e30"])
def test_pd_5_a_head_that_is_not_ours_counts_for_nothing(chain: Services, head: str) -> None:
    assert flaws(chain, head) == []


def test_pd_5_a_row_that_waits_too_long_for_its_number_is_told(
    chain: Services, clock: FixedClock
) -> None:
    record(chain)
    assert flaws(chain) == []

    clock.move(120)

    assert first(chain) == ("unsealed", None)
    assert chain.audit_log.seal() == 1
    assert flaws(chain) == []


def test_pd_5_another_root_changes_nothing(
    chain: Services, make_app: Callable[..., Application]
) -> None:
    """Roots come and go (KM-5); rows stay verifiable."""
    app = make_app(SIAPKERJA_SECRET_KEY=f"another-root-Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4 {ROOT}")
    app.wiring.services.index_rotation.rewrap_keys()
    after = make_app(SIAPKERJA_SECRET_KEY="another-root-Zq8Lw1Yx7Rb5Nc9Vm2Kd6Hg4")

    assert flaws(after.wiring.services) == []
    record(after.wiring.services)
    after.wiring.services.audit_log.seal()
    assert flaws(after.wiring.services) == []


def test_pd_5_fifty_writers_keep_one_chain(services: Services, app: Application) -> None:
    services.audit_log.seal()
    before = len(rows(app))

    with ThreadPoolExecutor(50) as pool:
        sealing = [pool.submit(services.audit_log.seal) for _ in range(1)]
        list(pool.map(lambda _: record(services, 2), range(50)))
        for done in sealing:
            done.result()
    while services.audit_log.seal():
        continue

    assert len(rows(app)) == before + 100
    assert flaws(services) == []


def test_pd_5_the_log_keeps_the_head_once_an_hour(
    chain: Services, app: Application, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.handler.setFormatter(JsonLines())
    app.wiring.housekeeper.do_due()
    app.wiring.housekeeper.do_due()
    clock.move(3601)
    app.wiring.housekeeper.do_due()

    lines = [json.loads(line) for line in caplog.text.splitlines()]
    heads = [line["head"] for line in lines if line["event"] == "audit head"]
    assert len(heads) == 2
    assert [head.signed for head in chain.audit_log.list_heads()] == heads[:1]  # of one end
    assert flaws(chain, *heads) == []


def test_r_21_a_job_that_fails_stops_neither_itself_nor_another(
    services: Services, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []

    def fail() -> None:
        done.append("failing")
        raise RuntimeError("a bug")

    jobs = (Job("failing", 0, 30, fail), Job("other", 0, 30, lambda: done.append("other")))
    keeper = Housekeeper(jobs, services.store, clock, lambda: "one")

    keeper.do_due()
    keeper.do_due()

    assert done == ["failing", "other", "failing", "other"]
    assert [r.__dict__["job"] for r in caplog.records] == ["failing", "failing"]


def test_r_21_a_job_is_done_by_whoever_holds_its_lease(
    services: Services, clock: FixedClock
) -> None:
    done: list[str] = []
    one, other = (
        Housekeeper(
            (Job("j", 60, 30, lambda n=n: done.append(n)),), services.store, clock, lambda n=n: n
        )  # type: ignore[misc]
        for n in ("one", "other")
    )

    one.do_due()
    other.do_due()
    clock.move(61)
    other.do_due()

    assert done == ["one", "other"]


@pytest.mark.parametrize(
    "bend",
    [
        lambda last: sa.delete(table).where(table.c.sequence > last - 3),
        lambda last: sa.update(table).where(table.c.sequence == last).values(chain=bytes(32)),
    ],
    ids=["cut", "rewritten"],
)
def test_pd_5_a_sealer_tells_at_once_that_the_end_it_left_is_gone(
    chain: Services,
    app: Application,
    caplog: pytest.LogCaptureFixture,
    bend: Callable[[int], sa.Executable],
) -> None:
    last = rows(app)[-1].sequence
    record(chain)
    assert chain.audit_log.seal() == 1
    assert not caplog.records

    execute(app, bend(last + 1))
    record(chain, 2)
    chain.audit_log.seal_all()

    assert [(r.getMessage(), r.__dict__["sequence"]) for r in caplog.records] == [
        ("audit chain was cut", last + 1)
    ]


# Exports ------------------------------------------------------------------------------------------


def test_pd_5_an_export_is_verified_without_the_database(chain: Services) -> None:
    rows = [parse_line(json_line(row)) for row in chain.audit_log.rows()]
    verifier = chain.audit_log.verifier

    assert verifier.check(rows) is None
    assert verifier.check(rows[4:], after=4) is None
    assert verifier.check(rows[5:]) == Flaw("missing", 1, rows[5].id.hex)
    assert verifier.check([*rows[:4], *rows[5:]]) == Flaw("missing", 5, rows[5].id.hex)
    assert verifier.check([*rows[:4], replace(rows[4], at=1), *rows[5:]]) == Flaw(
        "changed", 5, rows[4].id.hex
    )


def test_pd_5_a_part_must_follow_the_head_before_it(chain: Services) -> None:
    rows = list(chain.audit_log.rows())
    head = chain.audit_log.head()
    assert head is not None
    last = len(rows)
    record(chain, 3)
    chain.audit_log.seal_all()
    more = list(chain.audit_log.rows(last))
    verifier = chain.audit_log.verifier

    assert verifier.check(more, [head], after=last) is None
    bent = replace(more[0], chain=bytes(32))
    assert verifier.check([bent, *more[1:]], [head], after=last) == Flaw(
        "moved", last + 1, bent.id.hex
    )


def test_pd_5_a_head_outlives_every_key_of_tokens(
    chain: Services, app: Application, clock: FixedClock
) -> None:
    head = chain.audit_log.head()
    assert head is not None

    chain.keys.rotate(emergency=True)
    clock.move(400 * 86400)
    execute(app, sa.delete(signing_key))
    chain.audit_log.seal_all()

    assert chain.audit_log.verifier.read_head(head) is not None
    assert flaws(chain, head) == []


def test_pd_5_anybody_can_check_a_head_with_the_public_key(chain: Services) -> None:
    head = chain.audit_log.head()
    _, public = chain.audit_log.key()
    assert head is not None

    told = jws.deserialize_compact(head, OKPKey.import_key(dict(public)), algorithms=["Ed25519"])

    assert json.loads(told.payload)["sequence"] == len(list(chain.audit_log.rows()))
    assert told.headers()["kid"] == OKPKey.import_key(dict(public)).thumbprint()


def test_pd_5_kept_heads_find_a_cut_tail_by_themselves(chain: Services, app: Application) -> None:
    kept = chain.audit_log.keep_head()
    assert kept is not None
    assert chain.audit_log.list_heads() == [kept]
    assert flaws(chain) == []

    execute(app, sa.delete(table).where(table.c.sequence > kept.sequence - 3))

    assert first(chain) == ("cut", kept.sequence)


def test_pd_5_everything_that_waits_is_sealed_in_one_round(services: Services) -> None:
    services.audit_log.seal_all()
    record(services, BATCH + 5)

    assert services.audit_log.seal_all() == BATCH + 5
    assert not services.audit_log.has_unsealed()
    assert flaws(services) == []


def test_pd_5_sealers_at_once_number_each_row_once(services: Services) -> None:
    services.audit_log.seal_all()
    record(services, 60)

    with ThreadPoolExecutor(6) as pool:
        sealed = list(pool.map(lambda _: services.audit_log.seal(), range(6)))

    assert sum(sealed) == 60
    assert flaws(services) == []
