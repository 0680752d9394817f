"""Accounts of citizens: found by what is exact, told masked, locked; never a credential.

The identifier stands in a body, so that it stands in no log. Each look is an event that the citizen
sees.
"""

from typing import Literal
from uuid import UUID

from pydantic import Field

from idp.domain.errors import Refused
from idp.domain.identity.people import masked_name
from idp.domain.identity.roles import Permission
from idp.domain.identity.visitor import Visitor
from idp.services.factor_reset import RESET
from idp.services.people import UNLOCK, PersonPage
from idp.web.api.approvals import Approval, proposed
from idp.web.api.bodies import Body
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Instant, Justified, Sent, Shape
from idp.web.context import services


class Wanted(Sent):
    """Whose account it is."""

    identifier: str = Field(
        min_length=1,
        max_length=320,
        description="A NIK, phone number or e-mail address, whole, or a `sub`.",
    )
    client_id: str | None = Field(
        None, max_length=128, description="Whose `sub` it is, where it is a pairwise one."
    )


class Account(Shape):
    """An account; what is personal is masked."""

    id: UUID
    sub: str
    status: Literal["active", "locked", "suspended", "closed"]
    ial: int = Field(description="Identity level.")
    name: str
    nik: str | None = None
    phone: str | None = None
    phone_verified: bool
    email: str | None = None
    email_verified: bool
    locale: str
    created_at: Instant
    verified_at: Instant | None = Field(None, description="When the registry confirmed the person.")
    sessions: int = Field(description="Browsers that are signed in.")
    portals: int = Field(description="Clients that may read something.")


class Found(Shape):
    """The account of an identifier, absent where there is none."""

    account: Account | None = None


class Ended(Shape):
    """How many sessions ended."""

    sessions: int


def told(page: PersonPage) -> Account:
    """Return what is told of an account."""
    found = page.account
    return Account(
        id=found.id,
        sub=found.subject,
        status=found.status.value,
        ial=found.ial,
        name=masked_name(found.person.name),
        nik=str(found.nik) if found.nik is not None else None,
        phone=str(found.phone) if found.phone is not None else None,
        phone_verified=found.phone_verified_at is not None,
        email=str(found.email) if found.email is not None else None,
        email_verified=found.email_verified_at is not None,
        locale=found.locale,
        created_at=found.created_at,
        verified_at=found.verified_at,
        sessions=len(page.sessions),
        portals=len(page.portals),
    )


@operation(
    "POST",
    "/accounts/find",
    Permission.ACCOUNTS_SEARCH,
    takes=Body(Wanted),
    gives={200: Found},
    keeps_nothing=True,
)
def find_account(call: Call) -> Reply:
    """Find the account of an exact identifier; the citizen sees that it was looked at."""
    wanted: Wanted = call.body
    actor = call.caller.actor
    found = services().people.search(
        wanted.identifier, actor, Visitor(b"", "", actor.origin), client_id=wanted.client_id or ""
    )
    if found is None:
        return Reply(Found())
    return Reply(Found(account=told(services().people.open(found.id, actor))))


@operation("GET", "/accounts/{account_id}", Permission.ACCOUNTS_SEARCH, gives={200: Account})
def show_account(call: Call) -> Reply:
    """Show an account, masked; the citizen sees that it was looked at."""
    return Reply(told(services().people.open(_id(call), call.caller.actor)))


@operation(
    "POST",
    "/accounts/{account_id}/lock",
    Permission.ACCOUNTS_LOCK,
    takes=Body(Justified),
    gives={204: None},
)
def lock_account(call: Call) -> Reply:
    """Let an account sign in no more, and end its sessions and everything it allowed."""
    services().people.lock(_id(call), call.body.told, call.caller.actor)
    return Reply(None, 204)


@operation(
    "POST",
    "/accounts/{account_id}/unlock",
    Permission.ACCOUNTS_LOCK,
    takes=Body(Justified),
    gives={202: Approval},
)
def unlock_account(call: Call) -> Reply:
    """Ask two officers to lift a lock."""
    account_id = _id(call)
    payload = services().people.unlock_payload(account_id)
    return proposed(call, UNLOCK, payload, subject=account_id.hex, reason=call.body.told)


@operation(
    "POST",
    "/accounts/{account_id}/factors/reset",
    Permission.ACCOUNTS_LOCK,
    takes=Body(Justified),
    gives={202: Approval},
)
def reset_factors(call: Call) -> Reply:
    """Ask two officers to forget an account's app, passkeys and recovery codes."""
    account_id = _id(call)
    payload = services().factor_reset.payload(account_id)
    return proposed(call, RESET, payload, subject=account_id.hex, reason=call.body.told)


@operation(
    "POST",
    "/accounts/{account_id}/recover",
    Permission.ACCOUNTS_RECOVER,
    takes=Body(Justified),
    gives={204: None},
    refuses=(409, 429),
)
def recover_account(call: Call) -> Reply:
    """Send the owner the ordinary recovery, to a proved contact; nobody else sees any of it."""
    actor = call.caller.actor
    services().people.start_recovery(
        _id(call), call.body.told, actor, Visitor(b"", "", actor.origin)
    )
    return Reply(None, 204)


@operation(
    "POST",
    "/accounts/{account_id}/sessions/end",
    Permission.ACCOUNTS_LOCK,
    takes=Body(Justified),
    gives={200: Ended},
)
def end_sessions(call: Call) -> Reply:
    """End every session of an account; portals hear of it."""
    ended = services().people.end_sessions(_id(call), call.body.told, call.caller.actor)
    return Reply(Ended(sessions=ended))


def _id(call: Call) -> UUID:
    try:
        return UUID(call.path["account_id"])
    except ValueError as error:
        raise Refused("account.unknown") from error
