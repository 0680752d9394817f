"""Standing permissions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import replacing
from idp.domain.identity.consent import Consent

_consent = tables.consent

_FIND: Final = sa.select(_consent).where(
    _consent.c.account_id == sa.bindparam("account_id"),
    _consent.c.client_id == sa.bindparam("client_id"),
)
_PUT: Final = replacing(_consent, "account_id", "client_id")
_WITHDRAW: Final = (
    sa.update(_consent)
    .where(
        _consent.c.account_id == sa.bindparam("who"),
        _consent.c.client_id == sa.bindparam("whom"),
        _consent.c.withdrawn_at.is_(None),
    )
    .values(withdrawn_at=sa.bindparam("now"))
)
_LIST_GIVEN: Final = (
    sa.select(_consent)
    .where(_consent.c.account_id == sa.bindparam("account_id"), _consent.c.withdrawn_at.is_(None))
    .order_by(_consent.c.given_at.desc())
)


@dataclass(frozen=True, slots=True)
class SqlConsents:
    """Implements `idp.ports.store.Consents`."""

    connection: Connection

    def find(self, account_id: UUID, client_id: str) -> Consent | None:
        given = {"account_id": account_id, "client_id": client_id}
        row = self.connection.execute(_FIND, given).first()
        return None if row is None else read_consent(row._mapping)

    def put(self, consent: Consent) -> None:
        self.connection.execute(
            _PUT.on(self.connection),
            {
                "account_id": consent.account_id,
                "client_id": consent.client_id,
                "scope": " ".join(sorted(consent.scopes)),
                "refused": " ".join(sorted(consent.refused)),
                "claims": sorted(consent.claims),
                "details": sorted(consent.details),
                "given_at": consent.given_at,
                "withdrawn_at": consent.withdrawn_at,
            },
        )

    def withdraw(self, account_id: UUID, client_id: str, now: int) -> bool:
        given = {"who": account_id, "whom": client_id, "now": now}
        return self.connection.execute(_WITHDRAW, given).rowcount == 1

    def list_given(self, account_id: UUID) -> Sequence[Consent]:
        rows = self.connection.execute(_LIST_GIVEN, {"account_id": account_id})
        return tuple(read_consent(row._mapping) for row in rows)


def read_consent(row: Mapping[Any, Any], prefix: str = "") -> Consent:
    """Return the consent of a row whose columns carry a prefix."""
    return Consent(
        account_id=row[f"{prefix}account_id"],
        client_id=row[f"{prefix}client_id"],
        scopes=frozenset(row[f"{prefix}scope"].split()),
        refused=frozenset(row[f"{prefix}refused"].split()),
        claims=frozenset(row[f"{prefix}claims"]),
        given_at=row[f"{prefix}given_at"],
        details=frozenset(row[f"{prefix}details"]),
        withdrawn_at=row[f"{prefix}withdrawn_at"],
    )
