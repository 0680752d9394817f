"""Tokens that let a stranger register one client (RFC 7591 §3)."""

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables

_token = tables.initial_access_token

_ADD: Final = sa.insert(_token)
_IS_GOOD: Final = sa.and_(
    _token.c.digest == sa.bindparam("which"),
    _token.c.used_at.is_(None),
    _token.c.expires_at > sa.bindparam("now"),
)
_FIND: Final = sa.select(_token.c.digest).where(_IS_GOOD)
_USE: Final = sa.update(_token).where(_IS_GOOD).values(used_at=sa.bindparam("now"))


@dataclass(frozen=True, slots=True)
class SqlInitialAccessTokens:
    """Implements `idp.ports.store.InitialAccessTokens`."""

    connection: Connection

    def add(self, digest: bytes, *, note: str, now: int, expires_at: int) -> None:
        row = {"digest": digest, "note": note, "created_at": now, "expires_at": expires_at}
        self.connection.execute(_ADD, row)

    def is_good(self, digest: bytes, now: int) -> bool:
        return self.connection.execute(_FIND, {"which": digest, "now": now}).first() is not None

    def use(self, digest: bytes, now: int) -> bool:
        return self.connection.execute(_USE, {"which": digest, "now": now}).rowcount == 1
