"""All client registrations as one document, and the way from a document back to registrations.

A document has every member of each client and its status, and no secret. Planning tells what would
change; applying does it, one version for each client that changes.
"""

import re
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from idp.domain.errors import Refused
from idp.domain.identity.audit import OPERATOR, Actor
from idp.domain.protocol.client import Client, ClientStatus, may_be_client_id
from idp.domain.protocol.client_changes import Change, changes_between, logo_change
from idp.domain.protocol.client_metadata import MEMBERS, parse_client_metadata
from idp.domain.protocol.metadata_faults import Fault, InvalidMetadata, because
from idp.services.client_registry import ClientRegistry, Logo, is_unanswered

FORMAT_VERSION: Final = 1
#: How long a plan asks addresses of keys in all.
ASKING_SECONDS: Final = 60.0
#: What a client may be in a document: one that is deleted has no place in it.
STATUSES: Final = tuple(status for status in ClientStatus if status is not ClientStatus.DELETED)
_ORDER: Final = {member.name: place for place, member in enumerate(MEMBERS)}
_BY_LANGUAGE: Final = {member.name for member in MEMBERS if member.by_language}
#: What never stands in a document.
_SECRET: Final = frozenset({"client_secret", "registration_access_token"})


#: What an entry says beside metadata.
_OWN: Final = frozenset({"status", "logo"})
_LOGO_NAME: Final = re.compile(r"[0-9a-f]{16}")


class Step(StrEnum):
    """What a plan does with a client. `UNLISTED`: it is not in the document."""

    CREATE = "create"
    CHANGE = "change"
    UNLISTED = "unlisted"


@dataclass(frozen=True, slots=True)
class Planned:
    """One client that differs. `version`: the one that was compared; 0 for a new client.

    `logo`: where the document says which one it has. `warnings`: what could not be checked from
    here, such as an address that did not answer.
    """

    step: Step
    client_id: str
    name: str
    given: Mapping[str, Any]
    status: ClientStatus
    changes: tuple[Change, ...] = ()
    version: int = 0
    warnings: tuple[Fault, ...] = ()
    logo: Logo | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done. `secret`: of a new client that authenticates by one, told this once."""

    planned: Planned
    version: int
    secret: str | None = None


class DocumentRefused(Refused):
    """A document can't be applied. `faults`: all that is wrong, with the client that it is of."""

    def __init__(self, faults: Sequence[tuple[str, Fault]]) -> None:
        super().__init__("clients.invalid")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class ClientFiles:
    """Writes registrations down, compares a document with them, and carries one out."""

    registry: ClientRegistry

    def export(self) -> dict[str, Any]:
        """Return the document of all clients, always in the same order.

        Logos stand behind the clients, by the names that clients have them under, as base64.
        """
        clients = sorted(self.registry.list_all(), key=lambda client: client.client_id)
        document: dict[str, Any] = {
            "version": FORMAT_VERSION,
            "clients": [_written(client) for client in clients],
        }
        pictures = {
            client.logo: self.registry.find_logo(client.id, client.logo)
            for client in clients
            if client.logo is not None
        }
        logos = {
            name: b64encode(body).decode()
            for name, body in sorted(pictures.items())
            if body is not None
        }
        return {**document, "logos": logos} if logos else document

    def plan(self, document: object) -> tuple[Planned, ...]:
        """Return how the clients differ from a document; nothing if they don't.

        Refuses with `DocumentRefused`, which has the faults of all clients, or `clients.document`
        for what is no such document.
        """
        entries = _entries(document)
        known = {client.client_id: client for client in self.registry.list_all()}
        planned: list[Planned] = []
        faults: list[tuple[str, Fault]] = []
        until = self.registry.clock.monotonic() + ASKING_SECONDS
        logos = _logos(document)
        for entry in entries:
            name = str(entry.get("client_id"))
            try:
                planned += self._compared(entry, known.get(name), until, logos)
            except InvalidMetadata as refusal:
                faults += [(name, fault) for fault in refusal.faults]
        if faults:
            raise DocumentRefused(faults)
        listed = {str(entry["client_id"]) for entry in entries}
        planned += [_unlisted(client) for name, client in known.items() if name not in listed]
        return tuple(planned)

    def apply(
        self, planned: Sequence[Planned], actor: Actor = OPERATOR, *, prune: bool = False
    ) -> Iterator[Applied]:
        """Carry a plan out, a client at a time; `prune` deletes those that are not listed.

        Refuses with `EditedMeanwhile` where a client is no longer as it was planned.
        """
        for step in planned:
            match step.step:
                case Step.CREATE:
                    done = self.registry.register(
                        step.given, actor, status=step.status, logo=step.logo
                    )
                    yield Applied(step, done.client.version, done.secret)
                case Step.CHANGE:
                    done = self.registry.replace(
                        step.client_id,
                        step.given,
                        actor,
                        becomes=step.status,
                        version=step.version,
                        logo=step.logo,
                    )
                    yield Applied(step, done.client.version, done.secret)
                case Step.UNLISTED if prune:
                    self.registry.delete(step.client_id, actor)
                    yield Applied(step, step.version + 1)
                case _:
                    continue

    def _compared(
        self,
        entry: Mapping[str, Any],
        known: Client | None,
        until: float,
        logos: Mapping[str, str],
    ) -> Iterator[Planned]:
        faults = list(_faults(entry))
        if faults:
            raise InvalidMetadata(faults)
        status = ClientStatus(entry.get("status", ClientStatus.ACTIVE))
        given = {name: value for name, value in entry.items() if name not in _OWN}
        logo = self._logo(entry, known, logos)
        client_id = str(entry["client_id"])
        metadata = parse_client_metadata(given, self.registry.policy)
        if known is None:
            made = self.registry.checked(given)
            doubts = self._doubts(made, None, until)
            yield Planned(
                Step.CREATE, client_id, _name(made), given, status, warnings=doubts, logo=logo
            )
            return
        doubts = ()
        changes = changes_between(known.metadata, metadata)
        if changes:
            # what others publish is asked for where something changes, not in every comparison
            doubts = self._doubts(self.registry.checked(given, known), known, until)
        if status is not known.status:
            changes = (Change("status", known.status.value, status.value), *changes)
        if logo is not None:
            changes = (*changes, *logo_change(known.logo, logo.name))
        if changes:
            name = known.name_in("id")
            yield Planned(
                Step.CHANGE, client_id, name, given, status, changes, known.version, doubts, logo
            )

    def _logo(
        self, entry: Mapping[str, Any], known: Client | None, logos: Mapping[str, str]
    ) -> Logo | None:
        """Return the logo that an entry brings; `None` where it says nothing, or nothing new."""
        name = entry.get("logo")
        if "logo" not in entry or (known is not None and known.logo == name):
            return None
        if name is None:
            return Logo(None)
        try:
            return self.registry.drawn_logo(name, b64decode(logos[name]))
        except (KeyError, ValueError) as error:
            raise InvalidMetadata([Fault("logo", because("logo.name"))]) from error

    def _doubts(
        self, metadata: Mapping[str, Any], known: Client | None, until: float
    ) -> tuple[Fault, ...]:
        """Ask a new address of keys; refuses a bad answer, returns the doubt where there is none.

        A file of many clients whose servers are all out of reach must not take an hour: once the
        time is over the rest is asked for no more, which is a doubt too.
        """
        if self.registry.clock.monotonic() >= until:
            is_new = known is None or metadata.get("jwks_uri") != known.metadata.get("jwks_uri")
            unasked = Fault("jwks_uri", because("fetch", reason="no time left"))
            return (unasked,) if is_new and "jwks_uri" in metadata else ()
        return doubts_of(self.registry, metadata, known)


def doubts_of(
    registry: ClientRegistry, metadata: Mapping[str, Any], known: Client | None = None
) -> tuple[Fault, ...]:
    """Return what could not be checked of what a registration publishes elsewhere.

    Refuses with `InvalidMetadata` where an answer came that is of no use.
    """
    fault = registry.fault_of_keys(metadata, known)
    if fault is None:
        return ()
    if not is_unanswered(fault):
        raise InvalidMetadata([fault])
    return (fault,)


def _written(client: Client) -> dict[str, Any]:
    members = sorted(client.metadata.items(), key=lambda item: _place(item[0]))
    return {
        "client_id": client.client_id,
        "status": client.status.value,
        **dict(members),
        "logo": client.logo,
    }


def _place(name: str) -> tuple[int, str]:
    return _ORDER.get(name.partition("#")[0], -1), name


def _unlisted(client: Client) -> Planned:
    return Planned(
        Step.UNLISTED,
        client.client_id,
        client.name_in("id"),
        {},
        client.status,
        version=client.version,
    )


def _entries(document: object) -> list[Mapping[str, Any]]:
    """Return the clients of a document, in its order."""
    if not isinstance(document, dict) or document.get("version") != FORMAT_VERSION:
        raise Refused("clients.document")
    entries = document.get("clients")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Refused("clients.document")
    times = Counter(str(entry.get("client_id")) for entry in entries)
    twice = [name for name, number in times.items() if number > 1]
    if twice:
        raise DocumentRefused([(name, Fault("client_id", because("twice"))) for name in twice])
    return entries


def _logos(document: object) -> Mapping[str, str]:
    """Return the pictures of a document by name, as base64."""
    logos = document.get("logos", {}) if isinstance(document, dict) else {}
    if not isinstance(logos, dict) or not all(
        isinstance(name, str) and isinstance(text, str) for name, text in logos.items()
    ):
        raise Refused("clients.document")
    return logos


def _faults(entry: Mapping[str, Any]) -> Iterator[Fault]:
    """Find what only a document can have wrong: names that nobody knows, a secret, a bad status."""
    client_id = entry.get("client_id")
    if not isinstance(client_id, str) or not may_be_client_id(client_id):
        yield Fault("client_id", because("client_id", maximum=128))
    if entry.get("status", ClientStatus.ACTIVE) not in STATUSES:
        yield Fault("status", because("choice", allowed=", ".join(STATUSES)))
    logo = entry.get("logo")
    if logo is not None and not (isinstance(logo, str) and _LOGO_NAME.fullmatch(logo)):
        yield Fault("logo", because("logo.name"))
    for key in entry:
        if key in _SECRET:
            yield Fault(key, because("secret"))
    yield from unknown_members(entry, {*_OWN, *_SECRET})


def unknown_members(given: Mapping[str, Any], beside: Collection[str]) -> Iterator[Fault]:
    """Find what no registration has: a slip of the pen would be dropped (RFC 7591 §2).

    `beside`: what may stand there besides metadata and `client_id`.
    """
    for key in given:
        name, _, tag = str(key).partition("#")
        if name not in {*_ORDER, *beside, "client_id", "redirect_uris"} or (
            tag and name not in _BY_LANGUAGE
        ):
            yield Fault(str(key), because("unknown"))


def _name(metadata: Mapping[str, Any]) -> str:
    return str(metadata.get("client_name#id") or metadata.get("client_name") or "")
