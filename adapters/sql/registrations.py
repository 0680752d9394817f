"""Unfinished registrations, one-time codes, and what was asked of the civil registry."""

import json
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import replacing
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import Nik
from idp.domain.identity.otp import Challenge, Channel, Purpose
from idp.domain.identity.person import Person
from idp.domain.identity.phone import Phone
from idp.domain.identity.registration import Registration, Step
from idp.domain.identity.registry import RegistryOutcome
from idp.ports.vault import Place, Vault

_registration = tables.registration
_challenge = tables.otp_challenge
_check = tables.registry_check

_FIND: Final = sa.select(_registration).where(
    _registration.c.flow_digest == sa.bindparam("flow_digest")
)
_PUT: Final = replacing(_registration, "flow_digest")
_FINISH: Final = (
    sa.update(_registration)
    .where(_registration.c.id == sa.bindparam("which"), _registration.c.account_id.is_(None))
    .values(
        step=Step.DONE,
        account_id=sa.bindparam("account"),
        email_sealed=None,
        phone_sealed=None,
        password_sealed=None,
    )
)

_FIND_CHALLENGE: Final = sa.select(_challenge).where(
    _challenge.c.subject == sa.bindparam("subject")
)
_PUT_CHALLENGE: Final = replacing(_challenge, "subject")
_COUNT_ATTEMPT: Final = (
    sa.update(_challenge)
    .where(_challenge.c.subject == sa.bindparam("which"))
    .values(attempts=_challenge.c.attempts + 1)
    .returning(*_challenge.c)
)
_CONSUME: Final = (
    sa.update(_challenge)
    .where(_challenge.c.id == sa.bindparam("which"), _challenge.c.consumed_at.is_(None))
    .values(consumed_at=sa.bindparam("now"))
)

_INSERT_CHECK: Final = sa.insert(_check)
_ASSIGN_CHECKS: Final = (
    sa.update(_check)
    .where(
        _check.c.nik_index.in_(sa.bindparam("indexes", expanding=True)),
        _check.c.account_id.is_(None),
        _check.c.outcome == RegistryOutcome.MATCH,
    )
    .values(account_id=sa.bindparam("account"))
)


@dataclass(frozen=True, slots=True)
class SqlRegistrations:
    """Implements `idp.ports.store.Registrations`."""

    connection: Connection
    vault: Vault

    def find(self, flow_digest: bytes) -> Registration | None:
        row = self.connection.execute(_FIND, {"flow_digest": flow_digest}).first()
        return None if row is None else self._read(row)

    def put(self, registration: Registration) -> None:
        self.connection.execute(_PUT.on(self.connection), self._written(registration))

    def finish(self, registration_id: UUID, account_id: UUID) -> bool:
        given = {"which": registration_id, "account": account_id}
        return self.connection.execute(_FINISH, given).rowcount == 1

    def _read(self, row: Any) -> Registration:
        def opened(column: str) -> str | None:
            sealed = getattr(row, column)
            if sealed is None:
                return None
            return self.vault.open(sealed, Place("registration", column, row.id.bytes)).decode()

        person = json.loads(opened("person_sealed") or "{}")
        email, phone = opened("email_sealed"), opened("phone_sealed")
        return Registration(
            id=row.id,
            flow_digest=row.flow_digest,
            nik=Nik(opened("nik_sealed") or ""),
            person=Person(person["name"]),
            step=Step(row.step),
            challenge_subject=row.challenge_subject,
            locale=row.locale,
            matched_at=row.matched_at,
            expires_at=row.expires_at,
            email=EmailAddress(email) if email else None,
            phone=Phone(phone) if phone else None,
            password_hash=opened("password_sealed"),
            account_id=row.account_id,
            legacy_id=row.legacy_id,
        )

    def _written(self, registration: Registration) -> dict[str, object]:
        def sealed(column: str, value: str | None) -> bytes | None:
            if value is None:
                return None
            place = Place("registration", column, registration.id.bytes)
            return self.vault.seal(value.encode(), place)

        email, phone = registration.email, registration.phone
        return {
            "id": registration.id,
            "flow_digest": registration.flow_digest,
            "nik_sealed": sealed("nik_sealed", registration.nik.digits),
            "nik_index": self.vault.blind_index("nik", registration.nik.digits),
            "person_sealed": sealed(
                "person_sealed", json.dumps({"name": registration.person.name})
            ),
            "email_sealed": sealed("email_sealed", email.address if email else None),
            "phone_sealed": sealed("phone_sealed", phone.e164 if phone else None),
            "password_sealed": sealed("password_sealed", registration.password_hash),
            "step": registration.step,
            "challenge_subject": registration.challenge_subject,
            "locale": registration.locale,
            "matched_at": registration.matched_at,
            "expires_at": registration.expires_at,
            "account_id": registration.account_id,
            "legacy_id": registration.legacy_id,
        }


@dataclass(frozen=True, slots=True)
class SqlChallenges:
    """Implements `idp.ports.store.Challenges`."""

    connection: Connection

    def find(self, subject: bytes) -> Challenge | None:
        row = self.connection.execute(_FIND_CHALLENGE, {"subject": subject}).first()
        return None if row is None else _read_challenge(row)

    def put(self, challenge: Challenge) -> None:
        self.connection.execute(
            _PUT_CHALLENGE.on(self.connection),
            {
                "id": challenge.id,
                "purpose": challenge.purpose,
                "channel": challenge.channel,
                "subject": challenge.subject,
                "contact_index": challenge.contact_index,
                "code_digest": challenge.code_digest,
                "previous_digest": challenge.previous_digest,
                "sent_at": challenge.sent_at,
                "resend_at": challenge.resend_at,
                "sends": challenge.sends,
                "attempts": challenge.attempts,
                "expires_at": challenge.expires_at,
                "consumed_at": challenge.consumed_at,
            },
        )

    def count_attempt(self, subject: bytes) -> Challenge | None:
        row = self.connection.execute(_COUNT_ATTEMPT, {"which": subject}).first()
        return None if row is None else _read_challenge(row)

    def consume(self, challenge_id: UUID, now: int) -> bool:
        given = {"which": challenge_id, "now": now}
        return self.connection.execute(_CONSUME, given).rowcount == 1


def _read_challenge(row: Any) -> Challenge:
    return Challenge(
        id=row.id,
        purpose=Purpose(row.purpose),
        channel=Channel(row.channel),
        subject=row.subject,
        contact_index=row.contact_index,
        code_digest=row.code_digest,
        sent_at=row.sent_at,
        expires_at=row.expires_at,
        resend_at=row.resend_at,
        sends=row.sends,
        attempts=row.attempts,
        previous_digest=row.previous_digest,
        consumed_at=row.consumed_at,
    )


@dataclass(frozen=True, slots=True)
class SqlRegistryChecks:
    """Implements `idp.ports.store.RegistryChecks`."""

    connection: Connection
    vault: Vault

    def add(
        self,
        check_id: UUID,
        nik: Nik,
        *,
        method: str,
        outcome: RegistryOutcome,
        threshold: int,
        now: int,
    ) -> None:
        self.connection.execute(
            _INSERT_CHECK,
            {
                "id": check_id,
                "nik_index": self.vault.blind_index("nik", nik.digits),
                "method": method,
                "outcome": outcome,
                "threshold": threshold,
                "checked_at": now,
            },
        )

    def assign(self, nik: Nik, account_id: UUID) -> None:
        indexes = self.vault.blind_indexes("nik", nik.digits)
        self.connection.execute(_ASSIGN_CHECKS, {"indexes": indexes, "account": account_id})
