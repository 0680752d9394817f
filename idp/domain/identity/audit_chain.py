"""The chain of audit rows: what a row's MAC and link cover, and where a chain first breaks (PD-5).

A row carries its MAC from birth, so a row that is changed or that somebody else put in is found
also before it has a number. The chain finds what was deleted or moved; signed heads, kept outside
the database, find a tail that was cut off or written anew.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.identity.audit import AuditEvent, AuditRow, check_event

#: What the first row of a chain follows.
GENESIS: Final = bytes(32)
#: A row without number for longer than this is told of.
UNSEALED_MAX_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Flaw:
    """What does not hold. `sequence`: the first row it is seen at; `what`: a stable word.

    `changed`: its values are not those it was written with. `missing`: a row was deleted here.
    `moved`: it does not follow the row before it. `inserted`: nobody with the key wrote it.
    `cut`, `rewritten`: the end is not the one a signed head tells. `unsealed`: it has waited too
    long for its number. `unreadable`: a value is none of its column.
    """

    what: str
    sequence: int | None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A place in the chain: the row's number and its chain value."""

    sequence: int
    chain: bytes


def row_of(event_id: UUID, event: AuditEvent, key: bytes) -> AuditRow:
    """Return the row of an event with its MAC; raises `EventError`."""
    check_event(event)
    row = AuditRow(
        id=event_id,
        at=event.at,
        action=str(event.action),
        outcome=str(event.outcome),
        actor=event.actor,
        actor_id=event.actor_id,
        account_id=event.account_id,
        client_id=event.client_id,
        object_id=event.object_id,
        network=event.origin.network,
        request_id=event.origin.request_id,
        device=event.origin.device,
        details=dict(event.details),
    )
    return replace(row, mac=mac_of(row, key))


def canonical(row: AuditRow) -> bytes:
    """Return the bytes of a row over which its MAC is made."""
    told = [
        row.id.hex,
        row.at,
        row.action,
        row.outcome,
        row.actor,
        row.actor_id.hex if row.actor_id is not None else None,
        row.account_id.hex if row.account_id is not None else None,
        row.client_id,
        row.object_id,
        row.network,
        row.request_id,
        row.device,
        row.details,
    ]
    return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()


def mac_of(row: AuditRow, key: bytes) -> bytes:
    """Return the MAC that a row carries from its birth: nobody without the key can add one."""
    return hmac_digest(key, b"row\n" + canonical(row), sha256)


def is_ours(row: AuditRow, key: bytes) -> bool:
    """Return whether a row is what somebody with the key wrote."""
    return compare_digest(mac_of(row, key), row.mac)


def chained(mac: bytes, before: bytes, key: bytes) -> bytes:
    """Return the chain value of a row after the row before it."""
    return hmac_digest(key, b"chain\n" + before + mac, sha256)


def seal(rows: Iterable[AuditRow], last: Link, key: bytes) -> Iterator[tuple[UUID, int, bytes]]:
    """Yield id, number and chain value for new rows, after the last one; leave strange ones out."""
    for row in rows:
        if is_ours(row, key):
            last = Link(last.sequence + 1, chained(row.mac, last.chain, key))
            yield row.id, last.sequence, last.chain


@dataclass
class Walk:
    """One look along a chain, or along the part of it that begins behind row `sequence`.

    `heads`: the chain values that signed heads tell, by number; more than one where an end was cut
    off and grew anew. `sequence`: in the end the last row that holds.
    """

    key: bytes
    heads: Mapping[int, Collection[str]]
    sequence: int = 0
    _before: bytes | None = field(init=False)

    def __post_init__(self) -> None:
        told = self.heads.get(self.sequence)
        #: Where a part begins that no head stands before, its first row has nothing to follow.
        self._before = bytes.fromhex(next(iter(told))) if told else None
        if self.sequence == 0:
            self._before = GENESIS

    def along(self, rows: Iterable[AuditRow]) -> Flaw | None:
        """Return the first row that does not hold."""
        if len(self.heads.get(self.sequence, ())) > 1:
            return Flaw("rewritten", self.sequence)
        try:
            for row in rows:
                flaw = self._step(row)
                if flaw is not None:
                    return flaw
        except (ValueError, TypeError):
            return Flaw("unreadable", self.sequence + 1)
        beyond = [sequence for sequence in self.heads if sequence > self.sequence]
        return Flaw("cut", min(beyond)) if beyond else None

    def _step(self, row: AuditRow) -> Flaw | None:
        number = self.sequence + 1
        if row.sequence != number:
            return Flaw("missing", number, row.id.hex)
        if not is_ours(row, self.key):
            return Flaw("changed", number, row.id.hex)
        link = row.chain or b""
        if self._before is not None and not compare_digest(
            chained(row.mac, self._before, self.key), link
        ):
            return Flaw("moved", number, row.id.hex)
        if any(told != link.hex() for told in self.heads.get(number, ())):
            return Flaw("rewritten", number, row.id.hex)
        self.sequence, self._before = number, link
        return None


def flaws_of_waiting(rows: Iterable[AuditRow], key: bytes, now: int) -> Iterator[Flaw]:
    """Yield what does not hold of rows that have no number yet."""
    for row in rows:
        if not is_ours(row, key):
            yield Flaw("inserted", None, row.id.hex)
        elif now - row.at > UNSEALED_MAX_SECONDS:
            yield Flaw("unsealed", None, row.id.hex)
