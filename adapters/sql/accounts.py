"""Accounts and passwords."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from idp.domain.errors import Conflict
from idp.domain.identity.account import Account, AccountStatus, PasswordCredential
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import Nik
from idp.domain.identity.otp import Channel
from idp.domain.identity.person import Person
from idp.domain.identity.phone import Phone
from idp.ports.vault import Place, Vault

_account = tables.account
_credential = tables.password_credential

ACCOUNT_COLUMNS: Final = tuple(
    column for column in _account.c if column.name not in {"nik_index", "phone_index", "closed_at"}
)

_NAMES: Final = tuple(column.name for column in ACCOUNT_COLUMNS)
#: All at once: finding each column in its table costs more than opening what is sealed.
_read: Final = itemgetter(*ACCOUNT_COLUMNS)


@dataclass(frozen=True, slots=True)
class _Finding:
    """The statements that find an account by what names one person."""

    by_id: sa.Select[Any]
    by_nik: sa.Select[Any]
    by_phone: sa.Select[Any]
    by_email: sa.Select[Any]


def _finding(select: sa.Select[Any]) -> _Finding:
    indexes: sa.BindParameter[Any] = sa.bindparam("indexes", expanding=True)
    return _Finding(
        by_id=select.where(_account.c.id == sa.bindparam("id")),
        by_nik=select.where(_account.c.nik_index.in_(indexes)),
        by_phone=select.where(_account.c.phone_index.in_(indexes)),
        # who proved the address comes first; two carriers that did not prove it are nobody
        by_email=select.where(_account.c.email_index.in_(indexes))
        .order_by(_account.c.email_verified_at.is_(None))
        .limit(2),
    )


_SELECT: Final = sa.select(*ACCOUNT_COLUMNS)
_FIND: Final = _finding(_SELECT)
_FIND_BY_SUBJECT: Final = _SELECT.where(_account.c.subject == sa.bindparam("subject"))
_FIND_WITH_CREDENTIAL: Final = _finding(
    _SELECT.add_columns(
        *(column.label(f"p_{column.name}") for column in _credential.c),
        sa.or_(
            sa.exists().where(tables.account_totp.c.account_id == _account.c.id),
            sa.exists().where(tables.account_passkey.c.account_id == _account.c.id),
        ).label("has_factor"),
    ).outerjoin(_credential, _credential.c.account_id == _account.c.id)
)
_INSERT: Final = sa.insert(_account)
_UPDATE: Final = sa.update(_account).where(
    _account.c.id == sa.bindparam("account_id"), _account.c.version == sa.bindparam("was")
)

_FIND_CREDENTIAL: Final = sa.select(_credential).where(
    _credential.c.account_id == sa.bindparam("account_id")
)
_DELETE_CREDENTIAL: Final = sa.delete(_credential).where(
    _credential.c.account_id == sa.bindparam("account_id")
)
_INSERT_CREDENTIAL: Final = sa.insert(_credential)
_REPLACE_HASH: Final = (
    sa.update(_credential)
    .where(
        _credential.c.account_id == sa.bindparam("who"), _credential.c.hash == sa.bindparam("old")
    )
    .values(hash=sa.bindparam("new"))
)
_DISABLE: Final = (
    sa.update(_credential)
    .where(_credential.c.account_id == sa.bindparam("who"), _credential.c.disabled_at.is_(None))
    .values(disabled_at=sa.bindparam("now"))
)
_SETTLE_RECOVERY: Final = (
    sa.update(_credential)
    .where(_credential.c.account_id == sa.bindparam("who"))
    .values(recovered_by=None)
)

#: Tables whose rows go with an account, in the order that foreign keys ask for.
DEPENDENT: Final = (
    tables.password_credential,
    tables.account_totp,
    tables.account_passkey,
    tables.account_recovery_code,
    tables.login_session,
    tables.known_device,
    tables.proof_link,
    tables.upstream_link,
    tables.consent,
    tables.team_member,
)


@dataclass(frozen=True, slots=True)
class SqlAccounts:
    """Implements `idp.ports.store.Accounts`."""

    connection: Connection
    vault: Vault

    def find(self, account_id: UUID) -> Account | None:
        return self._one(_FIND.by_id, {"id": account_id})

    def find_by_subject(self, subject: str) -> Account | None:
        return self._one(_FIND_BY_SUBJECT, {"subject": subject})

    def find_by_nik(self, nik: Nik) -> Account | None:
        return self._one(_FIND.by_nik, {"indexes": self.vault.blind_indexes("nik", nik.digits)})

    def find_by_phone(self, phone: Phone) -> Account | None:
        indexes = self.vault.blind_indexes("phone", phone.e164)
        return self._one(_FIND.by_phone, {"indexes": indexes})

    def find_by_email(self, email: EmailAddress) -> Account | None:
        indexes = self.vault.blind_indexes("email", email.normalised)
        row = _carrier(self.connection.execute(_FIND.by_email, {"indexes": indexes}).all())
        return None if row is None else read_account(row._mapping, self.vault)

    def add(self, account: Account) -> None:
        self.connection.execute(_INSERT, {"id": account.id, **self._written(account)})

    def update(self, account: Account) -> Account:
        changed = replace(account, version=account.version + 1)
        done = self.connection.execute(
            _UPDATE.values(**self._written(changed)),
            {"account_id": account.id, "was": account.version},
        )
        if done.rowcount != 1:
            raise Conflict("version")
        return changed

    def list_from(self, after: UUID | None, limit: int) -> Sequence[Account]:
        statement = _SELECT.order_by(_account.c.id).limit(limit)
        if after is not None:
            statement = statement.where(_account.c.id > after)
        rows = self.connection.execute(statement)
        return tuple(read_account(row._mapping, self.vault) for row in rows)

    def delete(self, account_id: UUID) -> None:
        grants = sa.select(tables.client_grant.c.id).where(
            tables.client_grant.c.account_id == account_id
        )
        family = tables.refresh_token
        self.connection.execute(sa.delete(family).where(family.c.grant_id.in_(grants)))
        grant = tables.client_grant
        self.connection.execute(sa.delete(grant).where(grant.c.account_id == account_id))
        for table in DEPENDENT:
            self.connection.execute(sa.delete(table).where(table.c.account_id == account_id))
        self.connection.execute(sa.delete(_account).where(_account.c.id == account_id))

    def _one(self, statement: sa.Select[Any], given: Mapping[str, object]) -> Account | None:
        row = self.connection.execute(statement, given).first()
        return None if row is None else read_account(row._mapping, self.vault)

    def _written(self, account: Account) -> dict[str, object]:
        row, vault = account.id.bytes, self.vault
        nik, phone, email = account.nik, account.verified_phone, account.email
        person = {"name": account.person.name, "claims": dict(account.person.claims)}
        return {
            "subject": account.subject,
            "status": account.status,
            "ial": account.ial,
            "nik_sealed": _seal(vault, "nik_sealed", row, nik.digits if nik else None),
            "nik_index": nik and vault.blind_index("nik", nik.digits),
            "phone_sealed": _seal(
                vault, "phone_sealed", row, account.phone.e164 if account.phone else None
            ),
            "phone_index": phone and vault.blind_index("phone", phone.e164),
            "phone_verified_at": account.phone_verified_at,
            "phone_recovers_at": account.phone_recovers_at,
            "email_sealed": _seal(vault, "email_sealed", row, email.address if email else None),
            "email_index": email and vault.blind_index("email", email.normalised),
            "email_verified_at": account.email_verified_at,
            "email_recovers_at": account.email_recovers_at,
            "person_sealed": _seal(vault, "person_sealed", row, json.dumps(person)),
            "locale": account.locale,
            "created_at": account.created_at,
            "updated_at": account.updated_at,
            "verified_at": account.verified_at,
            "version": account.version,
        }


def _seal(vault: Vault, column: str, row: bytes, value: str | None) -> bytes | None:
    return None if value is None else vault.seal(value.encode(), Place("account", column, row))


def read_account(row: Mapping[Any, Any], vault: Vault) -> Account:
    """Return the account of a row that holds `ACCOUNT_COLUMNS`."""
    found = dict(zip(_NAMES, _read(row), strict=True))
    account_id: UUID = found["id"]

    def opened(name: str) -> str | None:
        sealed = found[name]
        if sealed is None:
            return None
        return vault.open(sealed, Place("account", name, account_id.bytes)).decode()

    nik, phone, email = opened("nik_sealed"), opened("phone_sealed"), opened("email_sealed")
    person = json.loads(opened("person_sealed") or "{}")
    return Account(
        id=account_id,
        subject=found["subject"],
        status=AccountStatus(found["status"]),
        ial=found["ial"],
        person=Person(person["name"], person["claims"]),
        created_at=found["created_at"],
        updated_at=found["updated_at"],
        nik=Nik(nik) if nik else None,
        phone=Phone(phone) if phone else None,
        phone_verified_at=found["phone_verified_at"],
        phone_recovers_at=found["phone_recovers_at"],
        email=EmailAddress(email) if email else None,
        email_verified_at=found["email_verified_at"],
        email_recovers_at=found["email_recovers_at"],
        locale=found["locale"],
        verified_at=found["verified_at"],
        version=found["version"],
    )


def _carrier(rows: Sequence[Any]) -> Any:
    """Return who proved the address, else its only carrier, else `None`."""
    if rows and (rows[0].email_verified_at is not None or len(rows) == 1):
        return rows[0]
    return None


@dataclass(frozen=True, slots=True)
class SqlPasswordHolders:
    """Implements `idp.ports.store.PasswordHolders`."""

    connection: Connection
    vault: Vault

    def find(self, account_id: UUID) -> tuple[Account, PasswordCredential | None] | None:
        rows = self.connection.execute(_FIND_WITH_CREDENTIAL.by_id, {"id": account_id})
        return self._read(rows.first())

    def find_by_nik(self, nik: Nik) -> tuple[Account, PasswordCredential | None] | None:
        return self._read(self._rows("nik", nik.digits, _FIND_WITH_CREDENTIAL.by_nik).first())

    def find_by_phone(self, phone: Phone) -> tuple[Account, PasswordCredential | None] | None:
        return self._read(self._rows("phone", phone.e164, _FIND_WITH_CREDENTIAL.by_phone).first())

    def find_by_email(
        self, email: EmailAddress
    ) -> tuple[Account, PasswordCredential | None] | None:
        rows = self._rows("email", email.normalised, _FIND_WITH_CREDENTIAL.by_email)
        return self._read(_carrier(rows.all()))

    def _rows(self, kind: str, value: str, statement: sa.Select[Any]) -> Any:
        return self.connection.execute(
            statement, {"indexes": self.vault.blind_indexes(kind, value)}
        )

    def _read(self, row: Any) -> tuple[Account, PasswordCredential | None] | None:
        if row is None:
            return None
        credential = _read_credential(row, "p_") if row.p_account_id is not None else None
        if credential is not None:
            credential = replace(credential, has_factor=bool(row.has_factor))
        return read_account(row._mapping, self.vault), credential


def _read_credential(row: Any, prefix: str) -> PasswordCredential:
    found = row._mapping
    recovered_by = found[f"{prefix}recovered_by"]
    return PasswordCredential(
        found[f"{prefix}account_id"],
        found[f"{prefix}hash"],
        found[f"{prefix}changed_at"],
        found[f"{prefix}disabled_at"],
        Channel(recovered_by) if recovered_by else None,
    )


@dataclass(frozen=True, slots=True)
class SqlCredentials:
    """Implements `idp.ports.store.Credentials`."""

    connection: Connection

    def find(self, account_id: UUID) -> PasswordCredential | None:
        row = self.connection.execute(_FIND_CREDENTIAL, {"account_id": account_id}).first()
        return None if row is None else _read_credential(row, "")

    def put(self, credential: PasswordCredential) -> None:
        self.connection.execute(_DELETE_CREDENTIAL, {"account_id": credential.account_id})
        self.connection.execute(
            _INSERT_CREDENTIAL,
            {
                "account_id": credential.account_id,
                "hash": credential.hash,
                "changed_at": credential.changed_at,
                "disabled_at": credential.disabled_at,
                "recovered_by": credential.recovered_by,
            },
        )

    def replace_hash(self, account_id: UUID, *, old: str, new: str) -> None:
        self.connection.execute(_REPLACE_HASH, {"who": account_id, "old": old, "new": new})

    def disable(self, account_id: UUID, now: int) -> None:
        self.connection.execute(_DISABLE, {"who": account_id, "now": now})

    def settle_recovery(self, account_id: UUID) -> None:
        self.connection.execute(_SETTLE_RECOVERY, {"who": account_id})
