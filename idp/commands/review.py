"""`siapkerja review`: what portals' teams want in production; officers decide, in the console."""

from typing import Any
from uuid import UUID

import click

from idp.commands.output import Output, application, command
from idp.domain.identity.release import Release
from idp.domain.identity.team import Team
from idp.services.reviews import PAGE, ReviewService


@click.group()
def review() -> None:
    """See the releases that officers decide in the console."""


def _told(release: Release, team: Team) -> dict[str, Any]:
    return {
        "id": str(release.id),
        "team": team.name,
        "client_name": str(release.metadata.get("client_name", "")),
        "scopes": sorted(release.scopes),
        "submitted_at": release.submitted_at,
        "round": release.round,
        "approvals": len(release.approvals),
        "approvals_needed": release.approvals_needed,
    }


@review.command(name="list")
@command
def list_waiting(output: Output) -> None:
    """Print what waits for officers, the oldest first."""
    found = list(_waiting(application().wiring.services.reviews))
    lines = [
        f"{one['id']}  {one['submitted_at']}  {one['approvals']}/{one['approvals_needed']}  "
        f"{one['client_name']} ({one['team']})"
        for one in found
    ]
    output.tell(found, "\n".join(lines) or "No release waits.")


def _waiting(reviews: ReviewService) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = None
    while page := reviews.list_waiting(after=after):
        found += [_told(one.release, one.team) for one in page[:PAGE]]
        if len(page) <= PAGE:
            break
        last = page[PAGE - 1].release
        after = (last.submitted_at or 0, last.id)
    return found


@review.command()
@click.argument("which", type=click.UUID, metavar="ID")
@command
def show(output: Output, which: UUID) -> None:
    """Print a release: its checklist, and what it would change in production."""
    found = application().wiring.services.reviews.get(which)
    output.tell(
        {
            **_told(found.release, found.team),
            "state": found.release.state,
            "sandbox_client_id": found.portal.sandbox_client_id,
            "live_client_id": found.portal.live_client_id,
            "purposes": dict(found.release.purposes),
            "checklist": {point.value: is_met for point, is_met in found.points.items()},
            "changes": [
                {"member": one.member, "before": one.before, "after": one.after}
                for one in found.changes
            ],
        }
    )
