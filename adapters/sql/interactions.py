"""Authorization requests that wait for a person, and those that clients pushed."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import ByDialect
from idp.domain.protocol.interaction import Interaction, PushedRequest
from idp.domain.protocol.prompt import Done

_interaction = tables.interaction
_pushed = tables.pushed_request

_INSERT: Final = sa.insert(_interaction)
_FIND: Final = sa.select(_interaction).where(_interaction.c.digest == sa.bindparam("digest"))
_UPDATE_DONE: Final = (
    sa.update(_interaction)
    .where(_interaction.c.digest == sa.bindparam("which"))
    .values(done=sa.bindparam("steps"))
)


def _add_done(insert: Callable[[sa.Table], Any]) -> Any:
    """Return an update that adds steps to those that are noted, in one statement."""
    given = sa.bindparam("steps", type_=sa.Text)
    added: Any
    if insert is sqlite.insert:
        added = sa.func.json_patch(_interaction.c.done, given)
    else:
        both = sa.cast(_interaction.c.done, postgresql.JSONB).op("||")
        added = sa.cast(both(sa.cast(given, postgresql.JSONB)), sa.JSON)
    return (
        sa.update(_interaction)
        .where(
            _interaction.c.digest == sa.bindparam("which"),
            _interaction.c.flow_digest == sa.bindparam("whose"),
        )
        .values(done=added)
    )


_ADD_DONE: Final = ByDialect(_add_done)
_ANSWER: Final = (
    sa.update(_interaction)
    .where(_interaction.c.digest == sa.bindparam("which"), _interaction.c.answered_at.is_(None))
    .values(answered_at=sa.bindparam("now"))
)
_INSERT_PUSHED: Final = sa.insert(_pushed)
_FIND_PUSHED: Final = sa.select(_pushed).where(_pushed.c.digest == sa.bindparam("digest"))
_USE_PUSHED: Final = (
    sa.update(_pushed)
    .where(_pushed.c.digest == sa.bindparam("which"), _pushed.c.used_at.is_(None))
    .values(used_at=sa.bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class SqlInteractions:
    """Implements `idp.ports.store.Interactions`."""

    connection: Connection

    def add(self, interaction: Interaction) -> None:
        self.connection.execute(
            _INSERT,
            {
                "digest": interaction.digest,
                "client_id": interaction.client_id,
                "flow_digest": interaction.flow_digest,
                "params": dict(interaction.params),
                "done": asdict(interaction.done),
                "pushed_digest": interaction.pushed_digest,
                "created_at": interaction.created_at,
                "expires_at": interaction.expires_at,
                "answered_at": interaction.answered_at,
            },
        )

    def find(self, digest: bytes) -> Interaction | None:
        row = self.connection.execute(_FIND, {"digest": digest}).first()
        if row is None:
            return None
        return Interaction(
            digest=row.digest,
            client_id=row.client_id,
            flow_digest=row.flow_digest,
            params=row.params,
            created_at=row.created_at,
            expires_at=row.expires_at,
            done=Done(**row.done),
            pushed_digest=row.pushed_digest,
            answered_at=row.answered_at,
        )

    def update_done(self, interaction: Interaction) -> None:
        given = {"which": interaction.digest, "steps": asdict(interaction.done)}
        self.connection.execute(_UPDATE_DONE, given)

    def add_done(self, digest: bytes, flow_digest: bytes, **steps: object) -> None:
        given = {"which": digest, "whose": flow_digest, "steps": json.dumps(steps)}
        self.connection.execute(_ADD_DONE.on(self.connection), given)

    def answer(self, digest: bytes, now: int) -> bool:
        return self.connection.execute(_ANSWER, {"which": digest, "now": now}).rowcount == 1

    def add_pushed(self, pushed: PushedRequest) -> None:
        self.connection.execute(
            _INSERT_PUSHED,
            {
                "digest": pushed.digest,
                "client_id": pushed.client_id,
                "params": dict(pushed.params),
                "expires_at": pushed.expires_at,
                "opened_at": pushed.opened_at,
                "used_at": pushed.used_at,
            },
        )

    def find_pushed(self, digest: bytes) -> PushedRequest | None:
        row = self.connection.execute(_FIND_PUSHED, {"digest": digest}).first()
        return None if row is None else PushedRequest(**row._mapping)

    def use_pushed(self, digest: bytes, now: int) -> bool:
        return self.connection.execute(_USE_PUSHED, {"which": digest, "now": now}).rowcount == 1
