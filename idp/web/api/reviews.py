"""What portals' teams want in production, and waits for officers; people decide at the console."""

from typing import Any
from uuid import UUID

from pydantic import Field

from idp.domain.errors import Refused
from idp.domain.identity.release import Release
from idp.domain.identity.roles import Permission
from idp.domain.identity.team import Team
from idp.ports.partners import TeamPortal
from idp.services.reviews import PAGE
from idp.web.api import paging
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Cursored, Instant, Page, Shape
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


@operation("GET", "/reviews/{release_id}", Permission.REVIEW_READ, gives={200: ReviewDocument})
def show_review(call: Call) -> Reply:
    """Show a release: what it asks for, and what it would change."""
    try:
        review = services().reviews.get(UUID(call.path["release_id"]))
    except ValueError as error:
        raise Refused("release.unknown") from error
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
        )
    )
