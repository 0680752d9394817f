"""What is counted of clients, and their last requests: a bounded ring for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.upserts import ByDialect, first_only
from idp.domain.protocol.client import ClientStatus
from idp.domain.protocol.traffic import KEPT_FAILED, KEPT_REQUESTS, KEPT_UNPROVED, SeenRequest
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.partners import Expiring

_usage = tables.client_usage
_request = tables.client_request
_secret = tables.client_secret
_client = tables.client
_notice = tables.expiry_notice


def _adding(insert: Callable[[sa.Table], Any]) -> Any:
    statement = insert(_usage)
    return statement.on_conflict_do_update(
        index_elements=["client_id", "day", "kind"],
        set_={"number": _usage.c.number + statement.excluded.number},
    )


_ADD: Final = ByDialect(_adding)
_INSERT: Final = sa.insert(_request)


def _beyond(most: int, *, is_unproved: bool = False) -> sa.Delete:
    """Return what deletes a client's rows that are older than its newest `most` of that kind."""

    def theirs(rows: sa.FromClause) -> list[sa.ColumnElement[bool]]:
        found = [rows.c.client_id == sa.bindparam("client")]
        return [*found, rows.c.is_proved.is_(False)] if is_unproved else found

    other = _request.alias()
    oldest_kept = _newest_but(most, other, *theirs(other))
    return sa.delete(_request).where(*theirs(_request), _request.c.id < oldest_kept)


def _oldest_failure() -> sa.ScalarSelect[Any]:
    """Return which of a client's failures is the last that is kept; nothing if all are."""
    other = _request.alias()
    whose = other.c.client_id == sa.bindparam("client")
    return _newest_but(KEPT_FAILED, other, whose, other.c.error != "")


def _newest_but(
    most: int, rows: sa.FromClause, *which: sa.ColumnElement[bool]
) -> sa.ScalarSelect[Any]:
    newest = sa.select(rows.c.id).where(*which).order_by(rows.c.id.desc())
    return newest.limit(1).offset(most - 1).scalar_subquery()


_TRIM: Final = _beyond(KEPT_REQUESTS).where(
    sa.or_(_request.c.error == "", _request.c.id < _oldest_failure())
)
# whoever knows a client's name can fail in it: that must not push out what the client itself did
_TRIM_UNPROVED: Final = _beyond(KEPT_UNPROVED, is_unproved=True)
_COUNTS: Final = sa.select(_usage.c.day, _usage.c.kind, _usage.c.number).where(
    _usage.c.client_id == sa.bindparam("client"), _usage.c.day >= sa.bindparam("since")
)
_TOTAL: Final = sa.select(sa.func.sum(_usage.c.number)).where(
    _usage.c.client_id == sa.bindparam("client"), _usage.c.kind == sa.bindparam("kind")
)
_NEWEST: Final = (
    sa.select(_request)
    .where(_request.c.client_id == sa.bindparam("client"))
    .order_by(_request.c.id.desc())
    .limit(sa.bindparam("most"))
)
_EXPIRING: Final = (
    sa.select(_secret.c.client_id, _secret.c.digest, _secret.c.expires_at)
    .join(_client, _client.c.client_id == _secret.c.client_id)
    .where(
        _client.c.status.in_((ClientStatus.ACTIVE, ClientStatus.SUSPENDED)),
        _secret.c.expires_at > sa.bindparam("since"),
        _secret.c.expires_at <= sa.bindparam("until"),
    )
    .order_by(_secret.c.expires_at)
)
_NOTED_KEYS: Final = (
    sa.select(_notice.c.client_id, _notice.c.what, _notice.c.ends_at)
    # a key is named with its end; zero days: an address that did not answer
    .where(_notice.c.ends_at > sa.bindparam("now"), _notice.c.days > 0, _notice.c.what.like("%.%"))
    .distinct()
    .order_by(_notice.c.ends_at)
)
_NOTE: Final = first_only(_notice, "client_id", "what", "days")


@dataclass(frozen=True, slots=True)
class SqlTraffic:
    """Implements `idp.ports.partners.Traffic`."""

    connection: Connection
    entropy: Entropy
    clock: Clock

    def add_counts(self, counts: Mapping[tuple[str, int, str], int]) -> None:
        # in one order: two processes never wait for one another's rows crosswise
        given = [
            {"client_id": client, "day": day, "kind": kind, "number": number}
            for (client, day, kind), number in sorted(counts.items())
        ]
        if given:
            self.connection.execute(_ADD.on(self.connection), given)

    def add_requests(self, requests: Sequence[SeenRequest]) -> None:
        if not requests:
            return
        self.connection.execute(_INSERT, [self._row(request) for request in requests])
        for client in sorted({request.client_id for request in requests}):
            self.connection.execute(_TRIM_UNPROVED, {"client": client})
            self.connection.execute(_TRIM, {"client": client})

    def counts(self, client_id: str, since_day: int) -> Mapping[tuple[int, str], int]:
        rows = self.connection.execute(_COUNTS, {"client": client_id, "since": since_day})
        return {(row.day, row.kind): row.number for row in rows}

    def total(self, client_id: str, kind: str) -> int:
        found = self.connection.execute(_TOTAL, {"client": client_id, "kind": kind}).scalar()
        return int(found or 0)

    def requests(self, client_id: str, *, limit: int) -> Sequence[SeenRequest]:
        rows = self.connection.execute(_NEWEST, {"client": client_id, "most": limit})
        return tuple(_read(row) for row in rows)

    def expiring_secrets(self, since: int, until: int) -> Sequence[Expiring]:
        rows = self.connection.execute(_EXPIRING, {"since": since, "until": until})
        return tuple(Expiring(row.client_id, row.digest.hex()[:16], row.expires_at) for row in rows)

    def noted_keys(self, now: int) -> Sequence[Expiring]:
        rows = self.connection.execute(_NOTED_KEYS, {"now": now})
        return tuple(Expiring(row.client_id, row.what, row.ends_at) for row in rows)

    def note_expiry(self, expiring: Expiring, days: int) -> bool:
        given = {
            "client_id": expiring.client_id,
            "what": expiring.what,
            "days": days,
            "ends_at": expiring.ends_at,
        }
        return self.connection.execute(_NOTE.on(self.connection), given).rowcount == 1

    def _row(self, request: SeenRequest) -> dict[str, object]:
        return {
            "id": self.entropy.uuid7(self.clock.now_ms()),
            "client_id": request.client_id,
            "at": request.at,
            "endpoint": request.endpoint,
            "error": request.error,
            "description": request.description[:200],
            "status": request.status,
            "request_id": request.request_id,
            "is_proved": request.is_proved,
            "shown": dict(request.shown),
        }


def _read(row: Any) -> SeenRequest:
    return SeenRequest(
        client_id=row.client_id,
        at=row.at,
        endpoint=row.endpoint,
        error=row.error,
        description=row.description,
        status=row.status,
        request_id=row.request_id,
        is_proved=row.is_proved,
        shown=row.shown,
        id=row.id,
    )
