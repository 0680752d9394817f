"""How a row of an old portal is kept: one sealed document, one sealed hash, keyed digests.

Its id and its fingerprint are HMAC under a key that never changes (it hangs on the pairwise key),
so that the same export finds its rows for ever; what people are looked up by are blind indexes,
which move to a new root like all others.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Any, Final
from uuid import UUID

from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy import (
    LegacyEmail,
    LegacyHash,
    LegacyPhone,
    LegacyRecord,
    LegacyState,
    month_of,
)
from idp.domain.identity.nik import Nik
from idp.domain.identity.phone import Phone
from idp.domain.ids import uuid8_from
from idp.ports.legacy import SealedLegacy
from idp.ports.vault import Place, Vault

_TABLE: Final = "legacy_account"


@dataclass(slots=True)
class SqlLegacySealer:
    """Implements `idp.ports.legacy.LegacySealer`."""

    vault: Vault
    _key: bytes = field(default=b"", repr=False)

    def prepare(self) -> None:
        self.vault.prepare()
        self._key = _derived(self.vault)

    def seal(self, record: LegacyRecord) -> SealedLegacy:
        row = self.name(record.source, record.source_id)
        person = _written(record)
        hashed = "" if record.hash is None else _written_hash(record.hash)
        nik, used = record.nik, record.last_login_at
        seen = "\n".join((record.state, person, hashed))
        return SealedLegacy(
            id=row,
            source=record.source,
            state=record.state,
            credential=record.credential,
            scheme=record.hash.scheme if record.hash else "",
            fingerprint=self._digest("record", seen.encode()),
            person_sealed=self.vault.seal(person.encode(), _person_at(row)),
            hash_sealed=self.vault.seal(hashed.encode(), _hash_at(row)) if hashed else None,
            nik_index=None if nik is None else self.vault.blind_index("nik", nik.digits),
            last_used_month=None if used is None else month_of(used),
            identifiers=tuple(
                (kind, self.vault.blind_index(kind, value), is_verified)
                for (kind, value), is_verified in identifiers(record).items()
            ),
        )

    def seal_hash(self, legacy_id: UUID, hash_: LegacyHash) -> bytes:
        return self.vault.seal(_written_hash(hash_).encode(), _hash_at(legacy_id))

    def open_hash(self, legacy_id: UUID, sealed: bytes) -> LegacyHash:
        return open_hash(self.vault, legacy_id, sealed)

    def name(self, source: str, source_id: str) -> UUID:
        return uuid8_from(self._digest("id", f"{source}\n{source_id}".encode()))

    def tag(self, content: bytes) -> bytes:
        return self._digest("input", content)

    def _digest(self, use: str, content: bytes) -> bytes:
        if not self._key:
            self.prepare()
        return hmac_digest(self._key, use.encode() + b"\n" + content, sha256)


def _derived(vault: Vault) -> bytes:
    return hmac_digest(vault.pairwise_key(), b"siapkerja legacy rows", sha256)


def identifiers(record: LegacyRecord) -> Mapping[tuple[str, str], bool]:
    """Return kind and normalised value of all that a row is found by, and whether verified."""
    found: dict[tuple[str, str], bool] = {}
    for kind, value, is_verified in _identifiers(record):
        found[kind, value] = found.get((kind, value), False) or is_verified
    return found


def _identifiers(record: LegacyRecord) -> Iterator[tuple[str, str, bool]]:
    for email in record.emails:
        yield "email", email.address.normalised, email.is_verified
    for phone in record.phones:
        yield "phone", phone.number.e164, phone.is_verified
    if record.login is not None:
        yield "login", login_value(record.source, record.login), False


def login_value(source: str, login: str) -> str:
    """Return what a user name is looked up by: it names somebody at one portal only."""
    return f"{source}\n{login.casefold()}"


def open_record(
    vault: Vault, row: Any, state: LegacyState, hash_: LegacyHash | None
) -> LegacyRecord:
    """Return the record of a row with `id`, `source` and `person_sealed`."""
    told = json.loads(vault.open(row.person_sealed, _person_at(row.id)))
    nik = told.get("nik")
    return LegacyRecord(
        source=row.source,
        source_id=told["source_id"],
        state=state,
        nik=Nik(nik) if nik else None,
        name=told.get("name"),
        emails=tuple(
            LegacyEmail(EmailAddress(address), is_verified)
            for address, is_verified in told.get("emails", ())
        ),
        phones=tuple(
            LegacyPhone(Phone(number), is_verified)
            for number, is_verified in told.get("phones", ())
        ),
        login=told.get("login"),
        hash=hash_,
        created_at=told.get("created_at"),
        last_login_at=told.get("last_login_at"),
        orgs=tuple(told.get("orgs", ())),
    )


def open_hash(vault: Vault, legacy_id: UUID, sealed: bytes) -> LegacyHash:
    """Return the hash behind a sealed value."""
    told = json.loads(vault.open(sealed, _hash_at(legacy_id)))
    return LegacyHash(
        told["scheme"], told["text"], told["params"], told["is_weak"], told["is_wrapped"]
    )


def _written(record: LegacyRecord) -> str:
    told = {
        "source_id": record.source_id,
        "nik": record.nik and record.nik.digits,
        "name": record.name,
        "emails": [[email.address.address, email.is_verified] for email in record.emails],
        "phones": [[phone.number.e164, phone.is_verified] for phone in record.phones],
        "login": record.login,
        "created_at": record.created_at,
        "last_login_at": record.last_login_at,
        "orgs": [dict(org) for org in record.orgs],
    }
    return _canonical({name: value for name, value in told.items() if value})


def _written_hash(hash_: LegacyHash) -> str:
    return _canonical(
        {
            "scheme": hash_.scheme,
            "text": hash_.text,
            "params": dict(hash_.params),
            "is_weak": hash_.is_weak,
            "is_wrapped": hash_.is_wrapped,
        }
    )


def _canonical(told: Mapping[str, object]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _person_at(row: UUID) -> Place:
    return Place(_TABLE, "person_sealed", row.bytes)


def _hash_at(row: UUID) -> Place:
    return Place(_TABLE, "hash_sealed", row.bytes)
