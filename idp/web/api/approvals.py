"""What waits for a second officer: asked for by a program, decided by people at the console."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.admin_scopes import ADMIN_PATH
from idp.domain.identity.approval import ApprovalRequest
from idp.domain.identity.roles import Permission
from idp.services.approvals import ShownRequest
from idp.web.api.bodies import Body
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Instant, Nothing, Shape
from idp.web.context import services, web_settings

Status = Literal["waiting", "approved", "refused", "withdrawn", "expired"]


class Difference(Shape):
    """One line of what a request would change."""

    label: str
    before: str
    after: str


class Approval(Shape):
    """A request for two officers; what was stored is what is carried out."""

    id: UUID
    kind: str
    subject: str
    status: Status
    reason: str
    created_at: Instant
    expires_at: Instant
    decided_at: Instant | None = None
    decision_reason: str | None = None
    changes: list[Difference]


class Approvals(Shape):
    """What waits, the oldest first."""

    items: list[Approval]


def proposed(
    call: Call, kind: str, payload: Mapping[str, Any], *, subject: str, reason: str
) -> Reply:
    """Ask two officers for something, and tell where the answer will be.

    Refuses with `approval.waiting`.
    """
    request = services().approvals.propose(
        kind, payload, subject=subject, reason=reason, actor=call.caller.actor
    )
    where = f"{web_settings().issuer}{ADMIN_PATH}/approvals/{request.id}"
    return Reply(told(services().approvals.show(request.id)), 202, (("Location", where),))


def told(shown: ShownRequest) -> Approval:
    """Return what is told of a request."""
    request = shown.request
    return Approval(
        id=request.id,
        kind=request.kind,
        subject=request.subject,
        status=_status(request),
        reason=request.reason,
        created_at=request.created_at,
        expires_at=request.expires_at,
        decided_at=request.decided_at,
        decision_reason=request.decision_reason or None,
        changes=[
            Difference(label=change.label, before=change.before, after=change.after)
            for change in shown.changes
        ],
    )


def _status(request: ApprovalRequest) -> Status:
    if request.is_expired(services().clock.now()):
        return "expired"
    return request.status.value


@operation("GET", "/approvals", Permission.APPROVALS_READ, gives={200: Approvals})
def list_approvals(call: Call) -> Reply:
    """List what this program asked for and waits for a second officer."""
    own = [s for s in services().approvals.list_open() if _is_own(call, s)]
    return Reply(Approvals(items=[told(shown) for shown in own]))


@operation("GET", "/approvals/{approval_id}", Permission.APPROVALS_READ, gives={200: Approval})
def show_approval(call: Call) -> Reply:
    """Show a request: whether it was decided, and what it would change while it waits."""
    shown = services().approvals.show(_id(call))
    if not _is_own(call, shown):
        raise Refused("approval.unknown")
    return Reply(told(shown))


@operation(
    "POST",
    "/approvals/{approval_id}/withdraw",
    Permission.CLIENTS_WRITE,
    takes=Body(Nothing, is_required=False),
    gives={200: Approval},
    refuses=(409,),
)
def withdraw_approval(call: Call) -> Reply:
    """Take back what this program asked for."""
    services().approvals.withdraw(_id(call), call.caller.actor)
    return Reply(told(services().approvals.show(_id(call))))


def _is_own(call: Call, shown: ShownRequest) -> bool:
    """Return whether this program asked: what people ask for may name people."""
    return shown.request.author_id == call.caller.row


def _id(call: Call) -> UUID:
    try:
        return UUID(call.path["approval_id"])
    except ValueError as error:
        raise Refused("approval.unknown") from error
