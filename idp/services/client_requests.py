"""What takes a second officer about a client (`security.md` AD-3): a guarded change, deleting it.

A request holds the whole registration as it was checked and shown; that is what is carried out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.errors import Refused
from idp.domain.identity.approval import Change
from idp.domain.identity.audit import Actor
from idp.domain.protocol.client_changes import changes_between, logo_change
from idp.ports.store import Transaction
from idp.services.client_registry import ClientRegistry, EditedMeanwhile, Logo

CHANGE: Final = "client.change"
DELETE: Final = "client.delete"


def change_payload(
    client_id: str,
    metadata: Mapping[str, Any],
    *,
    version: int,
    reason: str,
    logo: Logo | None = None,
) -> dict[str, Any]:
    """Return what is stored of a change. `metadata`: checked; `version`: what it was read at.

    `logo`: one that an earlier version had, where it is to come back.
    """
    stored = {
        "client_id": client_id,
        "metadata": dict(metadata),
        "version": version,
        "reason": reason,
    }
    return stored if logo is None else {**stored, "logo": logo.name}


def delete_payload(client_id: str, *, version: int, reason: str) -> dict[str, Any]:
    """Return what is stored of a deletion."""
    return {"client_id": client_id, "version": version, "reason": reason}


@dataclass(frozen=True, slots=True)
class ClientChangeExecutor:
    """Implements `idp.services.approvals.Executor`: puts the stored registration in force."""

    registry: ClientRegistry
    kind: str = CHANGE

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        client = tx.clients.find(payload["client_id"])
        if client is None:
            return ()
        found = (
            *changes_between(client.metadata, payload["metadata"]),
            *logo_change(client.logo, payload.get("logo", client.logo)),
        )
        return (
            Change("client", client.name_in("id"), client.name_in("id")),
            *(Change(c.member, written(c.before), written(c.after)) for c in found),
        )

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        del approver  # the decision is an event of its own
        try:
            self.registry.change_in(
                payload["client_id"],
                payload["metadata"],
                author,
                version=payload["version"],
                reason=payload["reason"],
                tx=tx,
                logo=Logo(payload["logo"]) if "logo" in payload else None,
            )
        except EditedMeanwhile as edited:
            raise Refused("approval.outdated") from edited

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Let caches drop the client."""
        self.registry.on_change(payload["client_id"])


@dataclass(frozen=True, slots=True)
class ClientDeleteExecutor:
    """Implements `idp.services.approvals.Executor`: deletes a client for good."""

    registry: ClientRegistry
    kind: str = DELETE

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        client = tx.clients.find(payload["client_id"])
        return () if client is None else (Change("client", client.name_in("id"), ""),)

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        del approver  # the decision is an event of its own
        client = tx.clients.find(payload["client_id"])
        if client is None or client.version != payload["version"]:
            raise Refused("approval.outdated")
        self.registry.delete_in(client.client_id, author, reason=payload["reason"], tx=tx)

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Let caches drop the client."""
        self.registry.on_change(payload["client_id"])


def written(value: object) -> str:
    """Return a value of metadata on one line; nothing for what is not there."""
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
