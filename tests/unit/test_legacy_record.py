"""Rows of exports, whatever they hold: read, noted or refused, and never anything else."""

import io
import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.crypto.argon2id import Argon2id
from adapters.crypto.legacy_passwords import LegacyHashes
from idp.domain.errors import Refused
from idp.domain.identity.legacy_record import RecordReader, read_manifest
from idp.services.legacy_lines import ExportReader, parse_row
from idp.web.forms import parse_email
from tests.fakes import NOW
from tests.old_hashes import OLD_HASHES
from tests.old_portals import a_row, as_csv, json_lines, manifest, rows

HASHES = LegacyHashes(lambda work: work(), Argon2id(64, 1, 1))
READER = RecordReader(NOW, parse_email, HASHES.read)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
MEMBERS = (*a_row(), "login", "email", "email_verified", "phone", "phone_verified")
PARAMS = ("salt", "salt_position", "salt_encoding", "iterations", "encoding", "recipe", "n", "r")
PASSWORDS = st.fixed_dictionaries(
    {
        "scheme": st.sampled_from([old.scheme for old in OLD_HASHES] + ["auto", "django"]) | JSON,
        "hash": st.sampled_from([old.hash for old in OLD_HASHES]) | JSON,
        "params": st.dictionaries(st.sampled_from(PARAMS), JSON) | JSON,
    }
)


def code_of(call: Callable[..., object], *given: object) -> str:
    """Return the code with which a call refuses, an empty one where it does not."""
    try:
        call(*given)
    except Refused as refusal:
        return refusal.code
    return ""


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON), st.none() | PASSWORDS)
@settings(max_examples=150, deadline=None)
def test_any_row_is_read_or_refused(changes: dict[str, Any], password: Any) -> None:
    row = a_row(**changes)
    if password is not None:
        row["password"] = password
    code = code_of(READER.read, row)
    assert len(code) <= 40
    READER.name(row)
    if not code:
        record, notes = READER.read(row)
        assert record.source
        assert all(len(note) <= 40 for note in notes)
        assert record.hash is None or len(record.hash.scheme) <= 24


@given(st.lists(st.binary(max_size=200) | st.sampled_from(json_lines(rows(4)).split(b"\n"))))
@settings(max_examples=80, deadline=None)
def test_any_bytes_are_lines_or_causes(pieces: list[bytes]) -> None:
    content = b"\n".join(pieces)
    whole = ExportReader(io.BytesIO(content))
    numbers = []
    for batch in whole.batches(3):
        for line in batch.lines:
            numbers.append(line.number)
            code = code_of(parse_row, line, batch.shape)
            assert not code or code.startswith(("json.", "csv.", "line.", "gzip."))
    assert numbers == sorted(set(numbers))
    assert whole.records == len(numbers)


@given(st.integers(0, 60), st.sampled_from(["jsonl", "csv", "crlf"]))
@settings(max_examples=25, deadline=None)
def test_whatever_was_skipped_the_rest_is_the_same(line: int, form: str) -> None:
    made = rows(40)
    content = {"jsonl": json_lines(made), "csv": as_csv(made), "crlf": as_csv(made, ";", "\r\n")}
    whole = [
        (found.number, found.content)
        for batch in ExportReader(io.BytesIO(content[form])).batches()
        for found in batch.lines
    ]
    reader = ExportReader(io.BytesIO(content[form]))
    here = reader.skip(line)
    rest = [(found.number, found.content) for batch in reader.batches() for found in batch.lines]

    assert rest == [(number, raw) for number, raw in whole if number > here.line]


@given(st.dictionaries(st.sampled_from(("source", "exported_at", "count", "sha256")), JSON))
@settings(max_examples=80, deadline=None)
def test_any_manifest_is_read_or_refused(changes: dict[str, Any]) -> None:
    told = {**json.loads(manifest(b"", 0)), **changes}
    assert code_of(read_manifest, told, NOW) in {"", "manifest.invalid"}
