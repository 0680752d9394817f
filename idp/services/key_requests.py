"""What takes a second officer about a key: retiring it (`security.md` AD-3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from idp.domain.identity.approval import Change
from idp.domain.identity.audit import Actor
from idp.ports.store import Transaction
from idp.services.key_rotation import KeyRotation

RETIRE: Final = "key.retire"


def retire_payload(kid: str, *, at_once: bool, reason: str) -> dict[str, Any]:
    """Return what a request to retire a key holds."""
    return {"kid": kid, "at_once": at_once, "reason": reason}


@dataclass(frozen=True, slots=True)
class RetireKeyExecutor:
    """Implements `idp.services.approvals.Executor`; refuses as `KeyRotation.retire_in`."""

    keys: KeyRotation
    kind: str = RETIRE

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        kept = tx.signing_keys.list_all()
        key = next((key for key in kept if key.kid == payload["kid"]), None)
        if key is None:
            return ()
        name = f"{key.alg} {key.kid}"
        after = "gone" if payload["at_once"] else "retired"
        return (Change("key", name, name), Change("key_status", key.status, after))

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        del approver  # the decision is an event of its own
        self.keys.retire_in(
            payload["kid"], author, at_once=payload["at_once"], reason=payload["reason"], tx=tx
        )

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Let this process read its keys again; the others do within seconds."""
        del payload
        self.keys.on_change()
