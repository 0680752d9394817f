"""Which accounts came in by another OpenID provider."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import first_only

_link = tables.upstream_link

_FIND: Final = sa.select(_link.c.account_id).where(_link.c.digest == sa.bindparam("which"))
_INSERT: Final = first_only(_link, "digest")


@dataclass(frozen=True, slots=True)
class SqlUpstreamLinks:
    """Implements `idp.ports.store.UpstreamLinks`."""

    connection: Connection

    def find(self, digest: bytes) -> UUID | None:
        found: UUID | None = self.connection.execute(_FIND, {"which": digest}).scalar()
        return found

    def add(self, digest: bytes, account_id: UUID, now: int) -> bool:
        row = {"digest": digest, "account_id": account_id, "created_at": now}
        return self.connection.execute(_INSERT.on(self.connection), row).rowcount == 1
