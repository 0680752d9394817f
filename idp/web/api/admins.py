"""People of the console: who they are and what they may; looked after at the console alone."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from idp.domain.identity.roles import Permission
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Instant, Shape
from idp.web.context import services


class Admin(Shape):
    """Somebody of the console."""

    id: UUID
    name: str = Field(description="As other admins read it.")
    email: str = Field(description="Masked.")
    status: Literal["invited", "active", "suspended"]
    roles: list[str]
    created_at: Instant
    last_seen_at: Instant | None = None


class Admins(Shape):
    """Everybody."""

    items: list[Admin]


@operation("GET", "/admins", Permission.ADMINS_READ, gives={200: Admins})
def list_admins(call: Call) -> Reply:
    """List who may be in the console, with their roles."""
    del call
    return Reply(
        Admins(
            items=[
                Admin(
                    id=admin.id,
                    name=admin.shown_name,
                    email=admin.email.masked,
                    status=admin.status.value,
                    roles=[role.value for role in admin.roles],
                    created_at=admin.created_at,
                    last_seen_at=admin.last_seen_at,
                )
                for admin in services().admins.list_all()
            ]
        )
    )
