"""What somebody looks for in the audit log."""

from dataclasses import dataclass
from uuid import UUID

from idp.domain.identity.audit import Action, AuditRow

#: Where a list goes on: instant and id of the last row shown.
Place = tuple[int, UUID]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Rows that fit all that is given, the newest first. `since`, `until`: the second included."""

    actor: str | None = None
    actor_id: UUID | None = None
    account_id: UUID | None = None
    client_id: str | None = None
    object_id: str | None = None
    action: Action | None = None
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """One page of rows. `next`: where the older ones begin; `None` at the end."""

    rows: tuple[AuditRow, ...]
    next: Place | None
