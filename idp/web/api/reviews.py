"""What portals' teams want in production, and waits for officers; people decide at the console."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import Field

from idp.domain.errors import Refused
from idp.domain.identity.release import WORDS_MAX, Release
from idp.domain.identity.roles import Permission
from idp.domain.identity.team import Team
from idp.domain.identity.visitor import Visitor
from idp.ports.partners import TeamPortal
from idp.services.reviews import PAGE, Officer, Review
from idp.web.api import paging
from idp.web.api.bodies import Body
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Cursored, Instant, Page, Sent, Shape
from idp.web.context import services


class ReviewSummary(Shape):
    """A release that waits."""

    id: UUID
    team: str
    client_name: str
    scopes: list[str]
    submitted_at: Instant | None = None
    round: int = Field(description="How often it was submitted.")
    approvals: int = Field(description="How many officers said yes.")
    approvals_needed: int


class ReviewPage(Page):
    """What waits, the oldest first."""

    items: list[ReviewSummary]


class ChangedMember(Shape):
    """One member of the registration that would change; a value that is not there is left out."""

    member: str
    before: Any = None
    after: Any = None


class ReviewDocument(ReviewSummary):
    """A release with what officers decide by."""

    state: str
    sandbox_client_id: str
    live_client_id: str | None = None
    metadata: dict[str, Any]
    changes: list[ChangedMember]
    checklist: dict[str, bool]


def _summary(release: Release, portal: TeamPortal, team: Team) -> dict[str, Any]:
    del portal
    named = release.metadata.get("client_name") or release.metadata.get("client_name#id")
    return {
        "id": release.id,
        "team": team.name,
        "client_name": str(named or ""),
        "scopes": sorted(release.scopes),
        "submitted_at": release.submitted_at,
        "round": release.round,
        "approvals": len(release.approvals),
        "approvals_needed": release.approvals_needed,
    }


@operation("GET", "/reviews", Permission.REVIEW_READ, query=Cursored, gives={200: ReviewPage})
def list_reviews(call: Call) -> Reply:
    """List releases that wait for officers, the oldest first."""
    place = paging.place_of(call.query)
    found = services().reviews.list_waiting(after=(place[0], UUID(place[1])) if place else None)
    shown, goes_on = found[:PAGE], len(found) > PAGE
    last = shown[-1].release if goes_on else None
    following = None if last is None else (last.submitted_at or 0, last.id.hex)
    address = paging.next_address(call.query, following)
    items = [ReviewSummary(**_summary(w.release, w.portal, w.team)) for w in shown]
    return Reply(ReviewPage(items=items, next=address), headers=paging.links(address))


def find_version(path: Mapping[str, str]) -> int:
    """Return the version at which a release is; refuses with `release.unknown`."""
    return _found(path).release.version


def _found(path: Mapping[str, str]) -> Review:
    return services().reviews.get(_id(path))


def _id(path: Mapping[str, str]) -> UUID:
    try:
        return UUID(path["release_id"])
    except ValueError as error:
        raise Refused("release.unknown") from error


class Words(Sent):
    """What the team is to change, as it reads it."""

    words: str = Field(min_length=1, max_length=WORDS_MAX)


@operation(
    "GET",
    "/reviews/{release_id}",
    Permission.REVIEW_READ,
    gives={200: ReviewDocument},
    finds_version=find_version,
)
def show_review(call: Call) -> Reply:
    """Show a release: what it asks for, and what it would change."""
    return _told(_found(call.path))


@operation(
    "POST",
    "/reviews/{release_id}/return",
    Permission.REVIEW_DECIDE,
    takes=Body(Words),
    gives={200: ReviewDocument},
    refuses=(409,),
    finds_version=find_version,
)
def return_review(call: Call) -> Reply:
    """Send a release back to its team with words; approving is for people, at the console."""
    release_id = _id(call.path)
    caller, version = call.caller, call.version or find_version(call.path)
    services().reviews.request_changes(
        release_id,
        Officer(caller.row, "", caller.actor.kind),
        call.body.words,
        Visitor(b"", "", caller.origin),
        version=version,
    )
    return _told(_found(call.path))


def _told(review: Review) -> Reply:
    return Reply(
        ReviewDocument(
            **_summary(review.release, review.portal, review.team),
            state=review.release.state.value,
            sandbox_client_id=review.portal.sandbox_client_id,
            live_client_id=review.portal.live_client_id,
            metadata=dict(review.release.metadata),
            changes=[
                ChangedMember(member=change.member, before=change.before, after=change.after)
                for change in review.changes
            ],
            checklist={point.value: is_met for point, is_met in review.points.items()},
        ),
        version=review.release.version,
    )
