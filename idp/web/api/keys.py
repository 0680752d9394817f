"""Signing keys."""

from typing import Literal

from pydantic import Field

from idp.domain.errors import Refused
from idp.domain.identity.roles import Permission
from idp.domain.protocol.signing_key import KeyStatus, SigningKey
from idp.services.key_requests import RETIRE, retire_payload
from idp.web.api.approvals import Approval, proposed
from idp.web.api.bodies import Body
from idp.web.api.operation import Call, Reply, operation
from idp.web.api.shapes import Instant, Justified, Nothing, Shape
from idp.web.context import services


class Key(Shape):
    """A signing key; its private part never leaves the service."""

    kid: str
    alg: str
    status: Literal["next", "active", "retired"]
    created_at: Instant
    active_at: Instant = Field(description="From when on it signs.")
    retired_at: Instant | None = Field(None, description="When it leaves the key set.")


class Keys(Shape):
    """Every key that is still kept."""

    items: list[Key]


def told(key: SigningKey, status: KeyStatus) -> Key:
    """Return what is told of a key. `status`: what it does now."""
    return Key(
        kid=key.kid,
        alg=key.alg,
        status=status.value,
        created_at=key.created_at,
        active_at=key.active_at,
        retired_at=key.retired_at,
    )


@operation("GET", "/keys", Permission.KEYS_READ, gives={200: Keys})
def list_keys(call: Call) -> Reply:
    """List the signing keys: next, active and retired."""
    del call
    shown = services().keys.list_shown()
    return Reply(Keys(items=[told(one.key, one.status) for one in shown]))


@operation(
    "POST",
    "/keys/rotate",
    Permission.KEYS_ROTATE,
    takes=Body(Nothing, is_required=False),
    gives={200: Keys},
)
def rotate_keys(call: Call) -> Reply:
    """Publish the next key of every algorithm that has one; it signs after 24 hours.

    An emergency is for people: at the console, or at the command line.
    """
    made = services().keys.rotate(actor=call.caller.actor)
    return Reply(Keys(items=[told(key, key.status) for key in made]))


class Retirement(Justified):
    """How to retire a key."""

    at_once: bool = Field(False, description="What the key signed stops verifying.")


@operation(
    "POST",
    "/keys/{kid}/retire",
    Permission.KEYS_ROTATE,
    takes=Body(Retirement),
    gives={202: Approval},
)
def retire_key(call: Call) -> Reply:
    """Ask two officers to let a key sign no more."""
    kid, wanted = call.path["kid"], call.body
    if kid not in {one.key.kid for one in services().keys.list_shown()}:
        raise Refused("key.unknown")
    payload = retire_payload(kid, at_once=wanted.at_once, reason=wanted.told)
    return proposed(call, RETIRE, payload, subject=kid, reason=wanted.told)
