"""Old accounts under stress: imports killed at any moment, answers that take the same time."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import BASE
from tests.guest import without_nonces
from tests.killing import FULL, LiveBrowser, moments, mortal_server
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, json_lines, rows
from tests.portal import form_fields, same_origin

pytestmark = [pytest.mark.chaos, pytest.mark.xdist_group("old-accounts")]

KILLS = 50 if FULL else 1
ROWS = 6000 if FULL else 2500
SAMPLES = 200 if FULL else 3
#: What a failed sign-in takes at least (`SIAPKERJA_LOGIN_FAILURE_FLOOR_MS`).
FLOOR_SECONDS = 0.4
#: AU-5: how far medians may be apart, whichever is more.
SHARE, SECONDS = 0.05, 0.010

_PROGRAM = "from idp.commands import main; main()"
_STANDING = {
    "legacy_account": "id, source, state, credential, scheme, fingerprint, nik_index",
    "legacy_identifier": "digest, legacy_id, kind, is_verified",
    "legacy_conflict": "kind, digest, source",
    # a kill after the last batch leaves a run that is done: the next one refuses the same lines
    "legacy_refused_line": "DISTINCT line, cause, source, legacy_id",
}


def environment(url: str, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIAPKERJA")}
    return {**kept, **BASE, "SIAPKERJA_DATABASE_URL": url, **settings}


def importing(url: str, export: Path) -> "subprocess.Popen[bytes]":
    """Start the operator's command in a group of its own, so that a kill ends its workers too."""
    command = [sys.executable, "-c", _PROGRAM, "legacy", "import", str(export), "--json"]
    return subprocess.Popen(
        command,
        env=environment(url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(url: str, export: Path) -> float:
    """Import to the end; return how long it took."""
    began = time.monotonic()
    process = importing(url, export)
    _, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    return time.monotonic() - began


def standing(url: str) -> dict[str, list[tuple[str, ...]]]:
    """Return all that an import leaves, but for times, chance and ciphertexts."""
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            return {
                table: sorted(
                    tuple(map(_plain, row))
                    for row in connection.execute(
                        sa.text(f"SELECT {columns} FROM {table}")  # noqa: S608 - constants
                    )
                )
                for table, columns in _STANDING.items()
            }
    finally:
        engine.dispose()


def _plain(value: object) -> str:
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with a bad line, a duplicate and a shared address here and there."""
    lines: list[dict[str, Any]] = []
    for number, row in enumerate(rows(ROWS)):
        lines.append(row)
        if number % 500 == 499:
            shared = [{"value": "orang2@example.org", "verified": True}]
            lines += [row, a_row(nik="3.27E+15"), {**rows(1, first=9000)[0], "emails": shared}]
    path = tmp_path_factory.mktemp("exports") / "export.jsonl"
    path.write_bytes(json_lines(lines))
    return path


def test_an_import_killed_at_random_moments_leaves_what_an_undisturbed_one_leaves(
    make_database: Callable[[], str], export: Path
) -> None:
    """`kill -9` of the command and its workers, then the same command again."""
    chances = moments("import")
    url = make_database()
    whole = finish(url, export)
    undisturbed = standing(url)
    cut = 0
    for _ in range(KILLS):
        url = make_database()
        process = importing(url, export)
        time.sleep(chances.uniform(0, whole))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        cut += process.returncode != 0
        finish(url, export)

        assert standing(url) == undisturbed
    assert len(undisturbed["legacy_account"]) == ROWS + 1
    assert {cause for _, cause, *_ in undisturbed["legacy_refused_line"]} == {
        "nik.spreadsheet",
        "source_id.duplicate",
    }
    print(f"import: {KILLS} kills, {cut} before the end")


# Time ---------------------------------------------------------------------------------------------

OLD = next(old for old in OLD_HASHES if old.kind == "bcrypt")
NIK, OTHER_NIK = "3273011708909001", "3273011708909002"
EMAIL = "lama@contoh.id"
#: A wrong old password, an unknown address, another NIK: what must not be told apart.
FAILURES = {
    "wrong password": {"email": EMAIL, "nik": NIK, "password": "not this one at all"},
    "unknown address": {"email": "nobody@contoh.id", "nik": NIK, "password": OLD.password},
    "another NIK": {"email": EMAIL, "nik": OTHER_NIK, "password": OLD.password},
    "nobody at all": {"email": "nobody@contoh.id", "nik": OTHER_NIK, "password": "not this one"},
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real server, its hashes with their real parameters, and one old account."""
    real = {"SIAPKERJA_PASSWORD_MEMORY_KIB": "19456", "SIAPKERJA_PASSWORD_PASSES": "2"}
    file = tmp_path / "one.jsonl"
    emails = [{"value": EMAIL, "verified": True}]
    file.write_bytes(json_lines([a_row(nik=NIK, emails=emails, password=OLD.given)]))
    with mortal_server(**real) as mortal:
        live = mortal.start()
        command = [sys.executable, "-c", _PROGRAM, "legacy", "import", str(file)]
        subprocess.run(command, env=dict(live.environment), check=True, capture_output=True)
        yield live.url


def test_a_wrong_old_password_and_an_unknown_account_are_alike_in_words_status_and_time(
    server: str,
) -> None:
    """Interleaved, so that whatever else this machine does meets all of them alike."""
    seconds: dict[str, list[float]] = {why: [] for why in FAILURES}
    answers = set()
    for _ in range(SAMPLES):
        for why, fields in FAILURES.items():
            browser = LiveBrowser(server)
            page = browser.get("/masuk/akun-lama")
            sent = {**form_fields(page), **fields}  # type: ignore[arg-type]
            began = time.monotonic()
            answer = browser.post("/masuk/akun-lama", data=sent, headers=same_origin())
            seconds[why].append(time.monotonic() - began)
            answers.add((answer.status_code, _words(answer.text, fields)))
            browser.close()

    assert len(answers) == 1
    assert {status for status, _ in answers} == {422}
    assert min(map(min, seconds.values())) >= FLOOR_SECONDS
    medians = {why: statistics.median(found) for why, found in seconds.items()}
    print(f"{SAMPLES} samples each, medians {medians}")
    if FULL:
        least, most = min(medians.values()), max(medians.values())
        assert most - least <= max(SHARE * least, SECONDS)


def _words(page: str, fields: dict[str, str]) -> str:
    """Return a page without its token, its support code and what was typed."""
    text = without_nonces(_Page(page))  # type: ignore[arg-type]
    for value in fields.values():
        text = text.replace(value, "…")
    return text


class _Page:
    def __init__(self, text: str) -> None:
        self.text = text
