"""People of the console: who they are and what they may, shut out at once, let in by two."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from pydantic import Field

from idp.domain.errors import Refused
from idp.domain.identity.admin import Admin as Person
from idp.domain.identity.roles import Permission, Role, parse_roles
from idp.services.admin_requests import INVITE, ROLES, invite_payload, roles_payload
from idp.web.api.accounts import Ended
from idp.web.api.approvals import Approval, proposed
from idp.web.api.bodies import Body
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Instant, Justified, Nothing, Shape
from idp.web.context import services
from idp.web.forms import parse_email


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


class WantedRoles(Justified):
    """Which roles, and why."""

    roles: list[str] = Field(min_length=1, max_length=len(Role), description="Their names.")


class Invitation(WantedRoles):
    """Whom to let in."""

    email: str = Field(min_length=3, max_length=254)


def find_version(path: Mapping[str, str]) -> int:
    """Return the version at which somebody is; refuses with `admin.unknown`."""
    return _found(path).version


def _found(path: Mapping[str, str]) -> Person:
    return services().admins.get(_id(path))


def _id(path: Mapping[str, str]) -> UUID:
    try:
        return UUID(path["admin_id"])
    except ValueError as error:
        raise Refused("admin.unknown") from error


def told(admin: Person) -> Admin:
    """Return what is told of somebody."""
    return Admin(
        id=admin.id,
        name=admin.shown_name,
        email=admin.email.masked,
        status=admin.status.value,
        roles=[role.value for role in admin.roles],
        created_at=admin.created_at,
        last_seen_at=admin.last_seen_at,
    )


def _reply(admin: Person) -> Reply:
    return Reply(told(admin), version=admin.version)


@operation("GET", "/admins", Permission.ADMINS_READ, gives={200: Admins})
def list_admins(call: Call) -> Reply:
    """List who may be in the console, with their roles."""
    del call
    return Reply(Admins(items=[told(admin) for admin in services().admins.list_all()]))


@operation(
    "GET",
    "/admins/{admin_id}",
    Permission.ADMINS_READ,
    gives={200: Admin},
    finds_version=find_version,
)
def show_admin(call: Call) -> Reply:
    """Show who somebody of the console is."""
    return _reply(_found(call.path))


@operation(
    "POST",
    "/admins/invitations",
    Permission.ADMINS_MANAGE,
    takes=Body(Invitation),
    gives={202: Approval},
    refuses=(409,),
)
def invite_admin(call: Call) -> Reply:
    """Ask somebody at the console to let a person in; the link goes to that person alone."""
    wanted: Invitation = call.body
    email = parse_email(wanted.email)
    return proposed(
        call,
        INVITE,
        invite_payload(email, parse_roles(wanted.roles)),
        subject=services().vault.blind_index("admin", email.normalised).hex(),
        reason=wanted.told,
    )


@operation(
    "POST",
    "/admins/{admin_id}/roles",
    Permission.ADMINS_MANAGE,
    takes=Body(WantedRoles),
    gives={202: Approval},
    refuses=(409,),
)
def change_roles(call: Call) -> Reply:
    """Ask somebody at the console for a person to have these roles and no others."""
    person, wanted = _found(call.path), call.body
    payload = roles_payload(person, parse_roles(wanted.roles))
    return proposed(call, ROLES, payload, subject=person.id.hex, reason=wanted.told)


@operation(
    "POST",
    "/admins/{admin_id}/suspend",
    Permission.ADMINS_MANAGE,
    takes=Body(Justified),
    gives={200: Admin},
    finds_version=find_version,
    needs_match=False,
)
def suspend_admin(call: Call) -> Reply:
    """Shut somebody out at once: sessions and links end."""
    why = call.body.told
    return _reply(services().admins.suspend(_id(call.path), call.caller.actor, why))


@operation(
    "POST",
    "/admins/{admin_id}/resume",
    Permission.ADMINS_MANAGE,
    takes=Body(Justified),
    gives={200: Admin},
    finds_version=find_version,
    needs_match=False,
)
def resume_admin(call: Call) -> Reply:
    """Let somebody in again who was suspended, with the factors that they had."""
    why = call.body.told
    return _reply(services().admins.resume(_id(call.path), call.caller.actor, why))


@operation(
    "POST",
    "/admins/{admin_id}/sessions/end",
    Permission.ADMINS_MANAGE,
    takes=Body(Nothing, is_required=False),
    gives={200: Ended},
)
def end_admin_sessions(call: Call) -> Reply:
    """Sign somebody out of the console everywhere; they may sign in again."""
    person = _found(call.path)
    ended = services().admin_sessions.end_all(person.id, call.caller.actor)
    return Reply(Ended(sessions=ended))
