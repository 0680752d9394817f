"""Signing keys, and the wrapped data keys of the vault."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from adapters.sql import engine as engines
from adapters.sql import tables
from adapters.sql.upserts import first_only
from idp.domain.protocol.signing_key import KeyStatus, SigningKey
from idp.ports.vault import DataKey, Place, Vault

_key = tables.signing_key
_data_key = tables.data_key

#: Any number, ours alone: one process at a time changes the keys, until its transaction ends.
_HOLD: Final = sa.text("SELECT pg_advisory_xact_lock(5010746373)")
_LIST: Final = sa.select(_key).order_by(_key.c.created_at, _key.c.kid)
_INSERT: Final = first_only(_key, "kid")
_UPDATE: Final = (
    sa.update(_key)
    .where(_key.c.kid == sa.bindparam("which"))
    .values(
        status=sa.bindparam("new_status"),
        active_at=sa.bindparam("new_active_at"),
        retired_at=sa.bindparam("new_retired_at"),
    )
)

_LIST_DATA_KEYS: Final = sa.select(_data_key).order_by(_data_key.c.id)
_INSERT_DATA_KEY: Final = first_only(_data_key, "id")
_REWRAP: Final = (
    sa.update(_data_key)
    .where(_data_key.c.id == sa.bindparam("which"))
    .values(wrapped=sa.bindparam("now_wrapped"))
)


@dataclass(frozen=True, slots=True)
class SqlSigningKeys:
    """Implements `idp.ports.store.SigningKeys`; the private part is sealed."""

    connection: Connection
    vault: Vault

    def hold(self) -> None:
        # a transaction that writes to SQLite is the only one
        if self.connection.dialect.name == "postgresql":
            self.connection.execute(_HOLD)

    def list_all(self) -> Sequence[SigningKey]:
        return tuple(
            SigningKey(
                kid=row.kid,
                alg=row.alg,
                status=KeyStatus(row.status),
                public_jwk=row.public_jwk,
                private_pem=self.vault.open(row.private_sealed, _place(row.kid)),
                created_at=row.created_at,
                active_at=row.active_at,
                retired_at=row.retired_at,
            )
            for row in self.connection.execute(_LIST)
        )

    def add(self, key: SigningKey) -> None:
        self.connection.execute(
            _INSERT.on(self.connection),
            {
                "kid": key.kid,
                "alg": key.alg,
                "status": key.status,
                "private_sealed": self.vault.seal(key.private_pem, _place(key.kid)),
                "public_jwk": dict(key.public_jwk),
                "created_at": key.created_at,
                "active_at": key.active_at,
                "retired_at": key.retired_at,
            },
        )

    def update(self, key: SigningKey) -> None:
        self.connection.execute(
            _UPDATE,
            {
                "which": key.kid,
                "new_status": key.status,
                "new_active_at": key.active_at,
                "new_retired_at": key.retired_at,
            },
        )


def _place(kid: str) -> Place:
    return Place("signing_key", "private_sealed", kid.encode())


class SqlDataKeys:
    """Implements `idp.ports.vault.DataKeyStore`, in transactions of its own."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engines.reading(engine)
        self._writing = engines.writing(engine)

    def load(self) -> Sequence[DataKey]:
        with self._reading.connect() as connection:
            return tuple(DataKey(**row._mapping) for row in connection.execute(_LIST_DATA_KEYS))

    def add(self, key: DataKey) -> bool:
        with self._writing.begin() as connection:
            row = {
                "id": key.id,
                "purpose": key.purpose,
                "wrapped": key.wrapped,
                "created_at": key.created_at,
                "retired_at": key.retired_at,
            }
            return connection.execute(_INSERT_DATA_KEY.on(connection), row).rowcount == 1

    def rewrap(self, key: DataKey) -> None:
        with self._writing.begin() as connection:
            connection.execute(_REWRAP, {"which": key.id, "now_wrapped": key.wrapped})
