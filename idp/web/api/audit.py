"""The audit log: what happened, the newest first."""

from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from idp.domain.identity.audit import Action, AuditRow
from idp.domain.identity.audit_search import AuditQuery
from idp.domain.identity.roles import Permission
from idp.web.api import paging
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Instant, Page, PageQuery, Shape
from idp.web.context import services

_LAST = 2**53


class Event(Shape):
    """One event; its details are of closed kinds, never anything personal."""

    id: UUID
    at: Instant
    action: str
    outcome: Literal["done", "refused"]
    actor: str
    actor_id: UUID | None = None
    account_id: UUID | None = None
    client_id: str | None = None
    object_id: str | None = None
    request_id: str
    network: str = Field(description="Where the call came from, truncated.")
    details: dict[str, Any]
    sequence: int | None = Field(None, description="Its number in the chain, once it has one.")
    chain: str | None = Field(None, description="Its chain value, in hexadecimal digits.")


class EventPage(Page):
    """Events, the newest first."""

    items: list[Event]


class EventQuery(PageQuery):
    """Which events: those that fit all that is given."""

    action: Action | None = None
    actor: Literal["citizen", "client", "admin", "operator", "system"] | None = None
    about: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        pattern="^[!-~]+$",
        description="An account (`sub` or id), a client, or the name of a key, request or case.",
    )
    since: int | None = Field(None, ge=0, le=_LAST, description="Seconds since 1970.")
    until: int | None = Field(None, ge=0, le=_LAST, description="Seconds since 1970, included.")


@operation("GET", "/audit/events", Permission.AUDIT_READ, query=EventQuery, gives={200: EventPage})
def list_events(call: Call) -> Reply:
    """List audit events, the newest first."""
    asked: EventQuery = call.query
    search = services().audit_search
    query = AuditQuery(action=asked.action, actor=asked.actor, since=asked.since, until=asked.until)
    if asked.about is not None:
        query = search.about(query, asked.about)
    place = paging.place_of(asked)
    found = search.page(query, (place[0], UUID(place[1])) if place else None, asked.limit)
    following = None if found.next is None else (found.next[0], found.next[1].hex)
    address = paging.next_address(asked, following)
    page = EventPage(items=[told(row) for row in found.rows], next=address)
    return Reply(page, headers=paging.links(address))


def told(row: AuditRow) -> Event:
    """Return what is told of a row."""
    return Event(
        id=row.id,
        at=row.at,
        action=row.action,
        outcome="done" if row.outcome == "done" else "refused",
        actor=row.actor,
        actor_id=row.actor_id,
        account_id=row.account_id,
        client_id=row.client_id,
        object_id=row.object_id,
        request_id=row.request_id,
        network=row.network,
        details=dict(row.details),
        sequence=row.sequence,
        chain=row.chain.hex() if row.chain is not None else None,
    )
