"""How two versions of a registration differ, and which differences need a second officer.

Members are those of RFC 7591 §2 and their kin. `security.md` AD-3 says what takes four eyes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.protocol.certificate import SUBJECTS
from idp.domain.protocol.client import Client, ClientStatus, Environment
from idp.domain.protocol.client_metadata import MEMBERS

#: Scopes that two officers grant, never one.
GUARDED_SCOPES: Final = ("nik", "jkp", "legacy")
#: Types of authorization details that open what the scope `jkp` does.
GUARDED_DETAILS: Final = frozenset({"kemnaker_jkp_claim"})
#: What a portal proves itself with.
_KEYS: Final = frozenset({"jwks", "jwks_uri", *SUBJECTS})
#: Members that are sets, written as lists or as one text.
_SPACED: Final = frozenset({"scope"})
#: Changes of these are shown before they are saved.
SHOWN_FIRST: Final = frozenset(
    {"redirect_uris", "token_endpoint_auth_method", "scope", "scope_purposes", *_KEYS}
)
_ORDER: Final = {member.name: place for place, member in enumerate(MEMBERS)}


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one member; `None`: it was not there, or is no longer.

    `added`, `removed`: entries, where the member is a list or a set of words.
    """

    member: str
    before: Any
    after: Any
    added: tuple[Any, ...] = ()
    removed: tuple[Any, ...] = ()

    @property
    def is_list(self) -> bool:
        """Whether the entries tell more than the two values."""
        return bool(self.added or self.removed)


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what differs, in the order of `MEMBERS`, members by language after the plain one."""
    names = sorted(before.keys() | after.keys(), key=_place)
    return tuple(
        _change(name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def logo_change(before: str | None, after: str | None) -> tuple[Change, ...]:
    """Return what became of a logo, named by its digest: no member, but a part of every version."""
    return () if before == after else (Change("logo", before, after),)


def _place(name: str) -> tuple[int, str]:
    return _ORDER.get(name.partition("#")[0], -1), name


def _change(member: str, before: Any, after: Any) -> Change:
    old, new = _entries(member, before), _entries(member, after)
    if old is None or new is None:
        return Change(member, before, after)
    return Change(
        member,
        before,
        after,
        added=tuple(entry for entry in new if entry not in old),
        removed=tuple(entry for entry in old if entry not in new),
    )


def _entries(member: str, value: Any) -> list[Any] | None:
    """Return the entries of a list or of a set of words; `None` for anything else."""
    if value is None:
        return []
    if member in _SPACED and isinstance(value, str):
        return value.split()
    return value if isinstance(value, list) else None


def guarded_scopes_granted(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the guarded scopes that a change grants."""
    old, new = str(before.get("scope", "")).split(), str(after.get("scope", "")).split()
    return tuple(scope for scope in GUARDED_SCOPES if scope in new and scope not in old)


def _details_granted(before: Mapping[str, Any], after: Mapping[str, Any]) -> frozenset[str]:
    """Return the guarded types (RFC 9396 §2) that a change grants: the scope by another way."""
    name = "authorization_details_types"
    return GUARDED_DETAILS & (set(after.get(name, ())) - set(before.get(name, ())))


def needs_second_officer(client: Client, after: Mapping[str, Any]) -> tuple[str, ...]:
    """Return why a change takes four eyes, nothing if it doesn't.

    `scope`, `redirect_uris`, `keys`, `environment` (leaving the sandbox).

    Addresses and keys count once the client has been live; a scope always does.
    """
    return tuple(_guarded(client, after))


def _guarded(client: Client, after: Mapping[str, Any]) -> Iterator[str]:
    before = client.metadata
    if guarded_scopes_granted(before, after) or _details_granted(before, after):
        yield "scope"
    if client.is_sandbox and after.get("environment") != Environment.SANDBOX:
        yield "environment"
    # a suspended client counts as live: or one officer would stop, change and start it
    if client.status is ClientStatus.DRAFT:
        return
    if set(after.get("redirect_uris", ())) != set(before.get("redirect_uris", ())):
        yield "redirect_uris"
    method = "token_endpoint_auth_method"
    if after.get(method) != before.get(method) or any(
        after.get(name) != before.get(name) for name in _KEYS
    ):
        yield "keys"
