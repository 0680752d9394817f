"""Rich authorization requests (RFC 9396): a registry of types, each with its own members.

To add a type, add a row to `TYPES`; consent page and metadata read it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError
from idp.domain.protocol.json_text import read_json

DETAILS_MAX: Final = 10
TEXT_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class DetailsType:
    """One type. `actions`: what may be asked for; each has its words on the consent page.

    `needs_identifier`: the thing that is meant must be named, else it can't be. What the page would
    not show is no member of a type.
    """

    name: str
    actions: tuple[str, ...]
    needs_identifier: bool = False

    @property
    def members(self) -> frozenset[str]:
        """The members that an object of this type may have."""
        return _ALWAYS | {"identifier"} if self.needs_identifier else _ALWAYS


_ALWAYS: Final = frozenset({"type", "actions", "locations"})


TYPES: Final[Mapping[str, DetailsType]] = {
    row.name: row
    for row in (
        DetailsType("kemnaker_jkp_claim", ("read", "submit")),
        DetailsType("kemnaker_document", ("read",), needs_identifier=True),
    )
}


def invalid_details(why: str) -> ProtocolError:
    """Return the refusal of RFC 9396 §5."""
    return ProtocolError("invalid_authorization_details", why)


def parse_details(value: object) -> tuple[Mapping[str, Any], ...]:
    """Return the objects of the parameter: JSON text, or the list itself in a request object.

    Refuses with `invalid_authorization_details`.
    """
    if value is None:
        return ()
    listed = _read(value) if isinstance(value, str) else value
    if not isinstance(listed, list) or not 0 < len(listed) <= DETAILS_MAX:
        raise invalid_details(f"authorization_details must be a list of 1 to {DETAILS_MAX} objects")
    for detail in listed:
        _check_form(detail)
    return tuple(listed)


def check_details(details: Sequence[Mapping[str, Any]], client: Client, *, issuer: str) -> None:
    """Refuse a type that is unknown or not registered for the client, and bent objects of others.

    `issuer`: with the client's resources, where the details may count (RFC 9396 §2.2).
    """
    places = client.resources | {issuer}
    allowed = frozenset(client.metadata.get("authorization_details_types", ()))
    for detail in details:
        known = TYPES.get(detail["type"])
        if known is None or known.name not in allowed:
            raise invalid_details("a type of authorization_details is not offered to this client")
        if set(detail) - known.members:
            raise invalid_details("authorization_details has a member that its type does not know")
        actions = detail.get("actions", [])
        if not isinstance(actions, list) or not actions or set(actions) - set(known.actions):
            raise invalid_details("actions must name what the type offers")
        if known.needs_identifier and "identifier" not in detail:
            raise invalid_details("identifier is missing")
        if set(detail.get("locations", ())) - places:
            raise invalid_details("locations must be resources that this client registered")


def marks_of(details: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return a mark for each detail: what a standing consent remembers, to the letter."""
    return frozenset(
        sha256(json.dumps(detail, sort_keys=True).encode()).hexdigest()[:32] for detail in details
    )


def narrowed_details(
    asked: Sequence[Mapping[str, Any]], granted: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], ...]:
    """Return what a token may carry: those asked for, each of which was granted (RFC 9396 §6.1)."""
    if not asked:
        return tuple(granted)
    for detail in asked:
        if not any(_is_within(detail, other) for other in granted):
            raise invalid_details("authorization_details exceed what was granted")
    return tuple(asked)


def _is_within(detail: Mapping[str, Any], granted: Mapping[str, Any]) -> bool:
    same = all(
        detail.get(name) == granted.get(name)
        for name in set(detail) | set(granted)
        if name != "actions"
    )
    return same and set(detail.get("actions", ())) <= set(granted.get("actions", ()))


def _check_form(detail: object) -> None:
    if not isinstance(detail, dict) or not isinstance(detail.get("type"), str):
        raise invalid_details("each of authorization_details must be an object with a type")
    for name in ("locations", "actions", "datatypes", "privileges"):
        value = detail.get(name, [])
        if not isinstance(value, list) or not all(_is_text(item) for item in value):
            raise invalid_details(f"{name} must be a list of strings")
    if not _is_text(detail.get("identifier", "-")):
        raise invalid_details("identifier must be a string")


def _is_text(value: object) -> bool:
    """Return whether a value can be shown to a person on one line."""
    return isinstance(value, str) and 0 < len(value) <= TEXT_MAX and value.isprintable()


def _read(text: str) -> object:
    try:
        return read_json(text)
    except ValueError as error:
        raise invalid_details(
            "authorization_details is not JSON, or names a member twice"
        ) from error
