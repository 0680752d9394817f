"""Imports that are cut off: the same command again leaves what an undisturbed one leaves."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from idp.app import Application
from idp.domain.errors import Refused
from idp.ports.legacy import RunState
from idp.services import Services
from idp.services.legacy_import import Export, Imported, Progress
from tests.conftest import BASE
from tests.old_portals import a_row, json_lines, rows
from tests.operator_console import Operator

#: A batch of the command is a thousand rows; of the tests in this process, forty.
ROWS = 2300
FEW = 300
TABLES = ("legacy_account", "legacy_identifier", "legacy_conflict", "legacy_refused_line")


def export(count: int = FEW) -> bytes:
    """Return rows with a bad line and a duplicate here and there."""
    lines: list[dict[str, Any]] = []
    for row in rows(count):
        lines.append(row)
        if len(lines) % 70 == 0:
            lines += [a_row(nik="3.27E+15", source_id="bad"), row]
    return json_lines(lines)


class Cut(Exception):  # noqa: N818 - named for what happens
    """The moment at which a test ends an import."""


def standing(app: Application) -> dict[str, list[Any]]:
    """Return all that an import leaves, but for times, chance and ciphertexts."""
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as connection:
        accounts = connection.execute(
            sa.text(
                "SELECT id, source, state, credential, scheme, fingerprint, nik_index"
                " FROM legacy_account ORDER BY id"
            )
        )
        others = connection.execute(
            sa.text("SELECT digest, legacy_id, kind, is_verified FROM legacy_identifier")
        )
        conflicts = connection.execute(sa.text("SELECT kind, digest, source FROM legacy_conflict"))
        refused = connection.execute(
            sa.text("SELECT line, cause, source, legacy_id FROM legacy_refused_line ORDER BY line")
        )
        return {
            "accounts": [tuple(map(_plain, row)) for row in accounts],
            "identifiers": sorted(tuple(map(_plain, row)) for row in others),
            "conflicts": sorted(tuple(map(_plain, row)) for row in conflicts),
            "refused": [tuple(map(_plain, row)) for row in refused],
        }


def _plain(value: object) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def load(services: Services, content: bytes, told: Callable[[Progress], None]) -> Imported:
    service = replace(services.legacy_import, batch=40)
    return service.load(Export(io.BytesIO(content), lambda: io.BytesIO(content)), told)


def pipe(services: Services, content: bytes) -> Imported:
    return services.legacy_import.load(Export(io.BytesIO(content)), lambda _: None)


def cut_after(batches: int) -> Callable[[Progress], None]:
    left = iter(range(batches))

    def told(_: Progress) -> None:
        if next(left, None) is None:
            raise Cut

    return told


def totals(imported: Imported) -> str:
    return json.dumps(imported.counts, sort_keys=True)


@pytest.fixture
def undisturbed(
    make_database: Callable[[], str], make_app: Callable[..., Application]
) -> tuple[dict[str, list[Any]], str]:
    app = make_app(SIAPKERJA_DATABASE_URL=make_database())
    told = load(app.wiring.services, export(), lambda _: None)
    return standing(app), totals(told)


def test_an_import_that_is_cut_off_goes_on_where_it_was(
    app: Application, services: Services, undisturbed: tuple[dict[str, list[Any]], str]
) -> None:
    content = export()
    for batches in (0, 1, 2):
        with pytest.raises(Cut):
            load(services, content, cut_after(batches))
    told = load(services, content, lambda _: None)

    assert totals(told) == undisturbed[1]
    assert told.resumed_at == 6 * 40
    # keyed digests differ: each database has keys of its own
    for name, found in standing(app).items():
        assert len(found) == len(undisturbed[0][name]), name
    assert [run.state for run in services.legacy_report.runs()] == [RunState.DONE]


def test_another_file_that_begins_alike_is_an_import_of_its_own(services: Services) -> None:
    content = export()
    with pytest.raises(Cut):
        load(services, content, cut_after(5))
    other = content[:70_000] + content[70_000:].replace(b"Budi", b"Tono")

    told = load(services, other, lambda _: None)

    assert told.resumed_at == 0
    states = {run.state for run in services.legacy_report.runs()}
    assert states == {RunState.DONE, RunState.ABANDONED}


def test_a_pipe_that_brings_something_else_is_told_to_come_again(services: Services) -> None:
    content = export()
    with pytest.raises(Cut):
        load(services, content, cut_after(5))
    other = content[:70_000] + content[70_000:].replace(b"Budi", b"Tono")

    with pytest.raises(Refused) as caught:
        pipe(services, other)

    assert caught.value.code == "import.changed"
    again = pipe(services, other)
    assert again.resumed_at == 0


def test_two_imports_of_one_file_at_once_do_not_both_go_on(services: Services) -> None:
    content = export()

    def overtake(progress: Progress) -> None:
        if progress.records == 40:
            load(services, content, lambda _: None)

    with pytest.raises(Refused) as caught:
        load(services, content, overtake)

    assert caught.value.code == "import.concurrent"
    report = services.legacy_report.figures()[0]
    assert report.imported == FEW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "export.jsonl"
    path.write_bytes(export(ROWS))
    return path


@contextmanager
def started(database_url: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command beside the test; it ends with it, so that nothing writes on later."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIAPKERJA")}
    program = "from idp.commands import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "legacy", *words],
        env={**kept, **BASE, "SIAPKERJA_DATABASE_URL": database_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def rows_written(services: Services) -> int:
    return sum(found.imported for found in services.legacy_report.figures())


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_import_leaves_what_an_undisturbed_one_leaves(
    services: Services, app: Application, database_url: str, file: Path, number: int
) -> None:
    """The short form of fifty kills at random moments."""
    with started(database_url, "import", str(file), "--json") as process:
        wait_for(lambda: rows_written(services) > 0 or process.poll() is not None)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    if number == signal.SIGINT and process.returncode:
        assert process.returncode == 1
        assert json.loads(err)["error"] == "import.interrupted"
        assert out == b""

    told = Operator(database_url).facts("legacy", "import", str(file))
    left = standing(app)
    again = Operator(database_url).facts("legacy", "import", str(file))

    lines = file.read_bytes().count(b"\n")
    refused = lines - ROWS
    assert (told["records"], told["refused"]) == (lines, refused)
    assert told["added"] + told["unchanged"] == ROWS
    assert (again["unchanged"], again["refused"]) == (ROWS, refused)
    assert len(left["accounts"]) == ROWS
    assert len(left["identifiers"]) == 2 * ROWS
    assert {cause for _, cause, *_ in left["refused"]} == {"nik.spreadsheet", "source_id.duplicate"}
    assert standing(app)["accounts"] == left["accounts"]
    assert standing(app)["identifiers"] == left["identifiers"]


@pytest.fixture
def weak(services: Services) -> int:
    content = json_lines(
        {**row, "password": {"scheme": "md5", "hash": f"{int(row['source_id']):032x}"}}
        for row in rows(400)
    )
    load(services, content, lambda _: None)
    return 400


def test_wrapping_that_is_cut_off_goes_on_with_the_rest(services: Services, weak: int) -> None:
    done = []

    def told(wrapped: Any) -> None:
        done.append(wrapped.done)
        if len(done) == 3:
            raise Cut

    with pytest.raises(Cut):
        services.legacy_wrapping.run(told)
    rest = services.legacy_wrapping.run(lambda _: None)

    assert done[-1] + rest.done == weak
    with services.store.read() as tx:
        assert tx.legacy_intake.count_weak() == 0


def test_a_row_that_changed_while_it_was_wrapped_is_wrapped_again(
    services: Services, weak: int
) -> None:
    changed = json_lines(
        {**row, "password": {"scheme": "md5", "hash": f"{int(row['source_id']) + 1:032x}"}}
        for row in rows(400)
    )

    def told(_: Any) -> None:
        if rows_written(services) == weak and not changes:
            changes.append(load(services, changed, lambda _: None))

    changes: list[Imported] = []
    first = services.legacy_wrapping.run(told)
    second = services.legacy_wrapping.run(lambda _: None)

    assert changes[0].counts["changed"] == weak
    assert first.done + second.done >= weak
    with services.store.read() as tx:
        assert tx.legacy_intake.count_weak() == 0
