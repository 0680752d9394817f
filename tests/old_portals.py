"""Exports of old portals, made up: one store for each kind of hash, in every form of file."""

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from tests.old_hashes import KINDS, OLD_HASHES, OldHash

#: A region of Bandung, a birth date, and serials that no sandbox person has.
_NIK = "327301170890%04d"


def a_row(**changes: Any) -> dict[str, Any]:
    """Return the row of `portals.md` §5 with some members changed, or left out by `...`."""
    row: dict[str, Any] = {
        "source": "wlkp",
        "source_id": "12345",
        "nik": "3273011708909001",
        "name": "Budi Santoso",
        "emails": [{"value": "budi@example.org", "verified": True}],
        "phones": [{"value": "081234567890", "verified": False}],
        "password": dict(OLD_HASHES[0].given),
        "status": "active",
        "created_at": "2019-03-01T00:00:00+07:00",
        "last_login_at": None,
        "orgs": [{"type": "company", "nib": "1234567890123", "npp": "x", "role": "manager"}],
    }
    row.update(changes)
    return {name: value for name, value in row.items() if value is not ...}


def rows(count: int, *, source: str = "wlkp", first: int = 1) -> list[dict[str, Any]]:
    """Return rows of different people with hashes of all kinds."""
    return [
        a_row(
            source=source,
            source_id=str(number),
            nik=_NIK % number,
            emails=[{"value": f"orang{number}@example.org", "verified": number % 2 == 0}],
            phones=[{"value": f"0812{number:08}", "verified": number % 3 == 0}],
            password=OLD_HASHES[number % len(OLD_HASHES)].given,
        )
        for number in range(first, first + count)
    ]


def json_lines(given: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in given)


def manifest(content: bytes, rows_in_it: int, **changes: Any) -> bytes:
    told = {
        "source": "wlkp",
        "exported_at": "2026-11-01T00:00:00+07:00",
        "count": rows_in_it,
        "sha256": sha256(content).hexdigest(),
    }
    return json.dumps({**told, **changes}).encode()


CSV_COLUMNS = (
    "source",
    "source_id",
    "nik",
    "name",
    "email",
    "email_verified",
    "phone",
    "phone_verified",
    "scheme",
    "hash",
    "salt",
    "salt_position",
    "salt_encoding",
    "iterations",
    "encoding",
    "digest",
    "recipe",
    "n",
    "r",
    "p",
    "status",
    "created_at",
)


def as_csv(given: Iterable[Mapping[str, Any]], delimiter: str = ",", end: str = "\n") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    writer.writerow(CSV_COLUMNS)
    for row in given:
        email = (row.get("emails") or [{}])[0]
        phone = (row.get("phones") or [{}])[0]
        password = row.get("password") or {}
        flat = {
            **row,
            "email": email.get("value"),
            "email_verified": str(email.get("verified", "")).lower(),
            "phone": phone.get("value"),
            "phone_verified": str(phone.get("verified", "")).lower(),
            "scheme": password.get("scheme"),
            "hash": password.get("hash"),
            **password.get("params", {}),
        }
        writer.writerow([flat.get(name, "") for name in CSV_COLUMNS])
    return text.getvalue().encode()


@dataclass(frozen=True)
class OldStore:
    """An export of one portal. `passwords`: by source_id."""

    source: str
    name: str
    content: bytes
    rows: tuple[dict[str, Any], ...]
    passwords: Mapping[str, str] = field(default_factory=dict)


def old_stores() -> tuple[OldStore, ...]:
    """Return a store for each kind of hash, its forms of file taking turns."""
    return tuple(_store(number, kind) for number, kind in enumerate(KINDS))


def _store(number: int, kind: str) -> OldStore:
    vectors: list[OldHash] = [old for old in OLD_HASHES if old.kind == kind]
    source = f"portal{number}"
    made = []
    for place, old in enumerate(vectors):
        serial = number * 10 + place + 1
        made.append(
            a_row(
                source=source,
                source_id=f"{number}-{place}",
                nik=_NIK % serial,
                name=f"Orang {serial}",
                emails=[{"value": f"lama{serial}@example.org", "verified": True}],
                phones=[{"value": f"0813{serial:08}", "verified": place % 2 == 0}],
                password=old.given,
                orgs=...,
            )
        )
    forms = (
        ("jsonl", json_lines(made)),
        ("jsonl.gz", gzip.compress(json_lines(made))),
        ("csv", as_csv(made)),
        ("csv", b"\xef\xbb\xbf" + as_csv(made, ";", "\r\n")),
        ("csv.gz", gzip.compress(as_csv(made, "\t"))),
    )
    name, content = forms[number % len(forms)]
    passwords = {
        str(row["source_id"]): old.password for row, old in zip(made, vectors, strict=True)
    }
    return OldStore(source, f"{source}.{name}", content, tuple(made), passwords)
