"""`siapkerja admin`: who is in the console. The only way to the first administrator (AU-15)."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from idp.app import Application
from idp.commands.output import Output, application, ask_officers, command, settings
from idp.domain.identity.admin import Admin
from idp.domain.identity.approval import read_reason
from idp.domain.identity.audit import OPERATOR
from idp.domain.identity.roles import Role, parse_roles
from idp.services.admin_requests import ROLES, roles_payload
from idp.services.admins import Invited


@click.group()
def admin() -> None:
    """Let people into the console at `/admin`, and shut them out."""


def _told(found: Admin) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "email": found.email.address,
        "name": found.name,
        "status": found.status,
        "roles": list(found.roles),
        "created_at": found.created_at,
        "last_seen_at": found.last_seen_at,
    }


def _tell_link(output: Output, invited: Invited) -> None:
    link = f"{settings().issuer}/admin/undangan/{invited.secret}"
    until = datetime.fromtimestamp(invited.expires_at, UTC).strftime("%H:%M UTC")
    told = {**_told(invited.admin), "link": link, "expires_at": invited.expires_at}
    output.tell(told, f"{link}\nGood once, until {until}. Nobody can see it again.")


ROLE = click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    help=f"One of {', '.join(Role)}; several times for several.",
)


@admin.command()
@click.argument("email")
@ROLE
@command
def invite(output: Output, email: str, roles: tuple[str, ...]) -> None:
    """Print a link, good once and for 30 minutes, by which somebody joins."""
    wanted = parse_roles(roles)
    _tell_link(output, application().wiring.services.admins.invite(email, wanted, OPERATOR))


@admin.command(name="list")
@command
def list_all(output: Output) -> None:
    """Print everybody."""
    found = [_told(one) for one in application().wiring.services.admins.list_all()]
    lines = "\n".join(f"{a['email']}  {a['status']:<9} {', '.join(a['roles'])}" for a in found)
    output.tell(found, lines)


REASON = click.option("--reason", default="", help="Why; kept in the audit.")


@admin.command()
@click.argument("email")
@REASON
@command
def suspend(output: Output, email: str, reason: str) -> None:
    """Shut somebody out at once: sessions and links end."""
    app, found = _found(email)
    suspended = app.wiring.services.admins.suspend(found.id, OPERATOR, _why(reason))
    output.tell(_told(suspended), f"{email} is suspended.")


@admin.command()
@click.argument("email")
@REASON
@command
def resume(output: Output, email: str, reason: str) -> None:
    """Let somebody in again who was suspended."""
    app, found = _found(email)
    resumed = app.wiring.services.admins.resume(found.id, OPERATOR, _why(reason))
    output.tell(_told(resumed), f"{email} may sign in again.")


@admin.command()
@click.argument("email")
@REASON
@command
def reset(output: Output, email: str, reason: str) -> None:
    """Print a link by which somebody who lost a factor sets everything anew; the old ends now."""
    app, found = _found(email)
    _tell_link(output, app.wiring.services.admins.reset(found.id, OPERATOR, _why(reason)))


@admin.command()
@click.argument("email")
@ROLE
@click.option("--reason", required=True, help="Why; whoever decides reads it.")
@command
def roles(output: Output, email: str, roles: tuple[str, ...], reason: str) -> None:
    """Ask for somebody to have these roles and no others; an officer decides in the console."""
    wanted, why = parse_roles(roles), read_reason(reason)
    app, found = _found(email)
    payload, approvals = roles_payload(found, wanted), app.wiring.services.approvals
    ask_officers(output, approvals, ROLES, payload, about=found.id, reason=why)


@admin.command()
@click.argument("email")
@command
def end_sessions(output: Output, email: str) -> None:
    """Sign somebody out of the console everywhere; they may sign in again."""
    app, found = _found(email)
    ended = app.wiring.services.admin_sessions.end_all(found.id, OPERATOR)
    output.tell({"email": email, "ended": ended}, f"{ended} sessions ended.")


@admin.command()
@click.argument("request", type=click.UUID)
@command
def withdraw(output: Output, request: UUID) -> None:
    """Take back what the command line asked for."""
    approvals = application().wiring.services.approvals
    approvals.withdraw(request, OPERATOR)
    output.tell({"id": str(request), "status": "withdrawn"}, f"{request} is withdrawn.")


@admin.command()
@command
def approvals(output: Output) -> None:
    """Print what waits for a second person; it is decided in the console alone."""
    waiting = application().wiring.services.approvals.list_open()
    found = [
        {
            "id": str(one.request.id),
            "kind": one.request.kind,
            "asked_by": one.author.email.address if one.author else one.request.author_kind,
            "created_at": one.request.created_at,
            "expires_at": one.request.expires_at,
        }
        for one in waiting
    ]
    lines = "\n".join(f"{a['id']}  {a['kind']:<16} {a['asked_by']}" for a in found)
    output.tell(found, lines or "Nothing waits.")


def _why(reason: str) -> str:
    return read_reason(reason) if reason else ""


def _found(email: str) -> tuple[Application, Admin]:
    app = application()
    return app, app.wiring.services.admins.get_by_email(email)
