"""Client metadata as a JSON schema, made from the table of members: each check says what it wants.

A check that is given a value of no kind names its reason, and the reason the kind (RFC 7591 §2).
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

from idp.domain.protocol.client import CLIENT_ID_MAX
from idp.domain.protocol.client_metadata import DEFAULTS, KEYS_MAX, MEMBERS, Member, MetadataPolicy
from idp.domain.protocol.metadata_faults import Fault, Reason, Unfit
from idp.domain.protocol.redirect_uri import URI_MAX
from idp.services.client_registry import SECRET_MAX, SECRET_MIN

#: What follows a name by language (RFC 7591 §2.2).
_TAG: Final = "#[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*"
_NOBODY: Final = MetadataPolicy(frozenset(), frozenset(), frozenset(), True, False)
_TEXT: Final = {"type": "string"}
_URI: Final = {"type": "string", "format": "uri", "maxLength": URI_MAX}
_OBJECT: Final = {"type": "object"}

Kind = Callable[[Mapping[str, Any]], dict[str, Any]]

#: By the reason for which a value of no kind is refused: what the member takes.
KINDS: Final[Mapping[str, Kind]] = {
    "text": lambda told: {**_TEXT, "minLength": 1, "maxLength": told["maximum"]},
    "boolean": lambda _: {"type": "boolean"},
    "seconds": lambda _: {"type": "integer", "minimum": 0, "maximum": 2**31 - 1},
    "lifetime": lambda told: {
        "type": "integer",
        "minimum": told["minimum"],
        "maximum": told["maximum"],
    },
    "level": lambda _: {"type": "integer", "enum": [0, 1, 2]},
    "texts": lambda told: _list(_TEXT, told["maximum"]),
    "uri": lambda _: _URI,
    "uri.list": lambda told: _list(_TEXT, told["maximum"]),
    "resource": lambda _: _TEXT,
    "scope.text": lambda _: {**_TEXT, "description": "Scopes, separated by blanks."},
    "scope.purposes": lambda _: _OBJECT,
    "statement": lambda _: _TEXT,
    "jwks": lambda _: {
        **_OBJECT,
        "required": ["keys"],
        "properties": {"keys": _list(_OBJECT, KEYS_MAX)},
    },
    "source": lambda _: _TEXT,
}


def _list(item: Mapping[str, Any], most: Any) -> dict[str, Any]:
    return {"type": "array", "items": dict(item), "maxItems": most}


@cache
def kind_of(member: Member) -> dict[str, Any]:
    """Return the schema of a member's value."""
    try:
        member.check(object(), _NOBODY)
    except Unfit as verdict:
        found = verdict.reasons[0]
        reason = found.reason if isinstance(found, Fault) else found
        return _schema(reason)
    raise LookupError(member.name)


def _schema(reason: Reason) -> dict[str, Any]:
    if reason.code == "choice":
        allowed = str(reason.values["allowed"])
        return {**_TEXT, "enum": allowed.split(", ")} if allowed else dict(_TEXT)
    return KINDS[reason.code](reason.values)


def properties() -> dict[str, Any]:
    """Return the schema of each member, with its default."""
    found = {
        "redirect_uris": _list({**_TEXT, "maxLength": URI_MAX}, 20),
        **{member.name: kind_of(member) for member in MEMBERS},
    }
    return {
        name: {**schema, "default": DEFAULTS[name]} if name in DEFAULTS else schema
        for name, schema in found.items()
    }


def by_language() -> dict[str, Any]:
    """Return the schema of members that come by language, by the pattern of their names."""
    return {f"^{m.name}{_TAG}$": kind_of(m) for m in MEMBERS if m.by_language}


#: What a registration may say beside the members of metadata.
OWN: Final[Mapping[str, Any]] = {
    "client_id": {**_TEXT, "minLength": 1, "maxLength": CLIENT_ID_MAX},
    "client_secret": {**_TEXT, "minLength": SECRET_MIN, "maxLength": SECRET_MAX},
}


def registration_schema() -> dict[str, Any]:
    """Return the schema of what is sent to register a client; no other member is taken."""
    return {
        "type": "object",
        "properties": {**OWN, **properties()},
        "patternProperties": by_language(),
        "additionalProperties": False,
    }


def is_member(name: str) -> bool:
    """Return whether a registration may have a member of this name, with its language tag."""
    stem, hash_sign, _ = name.partition("#")
    if hash_sign:
        return stem in {member.name for member in MEMBERS if member.by_language}
    return stem in {"redirect_uris", *OWN, *(member.name for member in MEMBERS)}
