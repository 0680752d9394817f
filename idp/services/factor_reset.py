"""Forgetting the factors of somebody who lost them all, by two officers (AD-3, AU-11).

An officer checks who asks, as for lost contacts, and sets nothing: afterwards the password and a
code to a proved contact sign the person in, who may enrol anew. Every session ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.approval import Change
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.factors import ALL, Factors
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction
from idp.services.messages import MessageService
from idp.services.sessions import SessionService

RESET: Final = "people.factors"


@dataclass(frozen=True, slots=True)
class FactorResetService:
    """Says what a request holds."""

    store: Store

    def payload(self, account_id: UUID) -> dict[str, Any]:
        """Return what a request to forget somebody's factors holds: those that they have now.

        Refuses with `account.unknown`, or `factor.gone` where there are none.
        """
        with self.store.read() as tx:
            if tx.accounts.find(account_id) is None:
                raise Refused("account.unknown")
            factors = tx.account_factors.of(account_id)
        if not factors.is_enrolled:
            raise Refused("factor.gone")
        return {"account": account_id.hex, **_told(factors)}


@dataclass(frozen=True, slots=True)
class ResetFactorsExecutor:
    """Implements `idp.services.approvals.Executor`: the very factors of the request, or none."""

    clock: Clock
    sessions: SessionService
    messages: MessageService
    kind: str = RESET

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        account = tx.accounts.find(UUID(payload["account"]))
        if account is None:
            return ()
        names = f"{int(payload['has_app'])}/{len(payload['passkeys'])}"
        return (
            Change("account", str(account.id), str(account.id)),
            Change("factors", names, "0/0"),
        )

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        now = self.clock.now()
        account = self._same(payload, tx)
        tx.account_factors.drop_all(account.id)
        tx.audit.record(
            AuditEvent(
                Action.FACTOR_REMOVED,
                now,
                actor=author.kind,
                actor_id=author.id,
                origin=author.origin,
                account_id=account.id,
                details={"factor": ALL, "approved_by": approver.name},
            )
        )
        self.sessions.end_all_in(
            account.id, kept_sid=None, reason="factors", now=now, tx=tx, actor=author
        )
        tx.devices.forget(account.id)
        self.messages.tell_of_factors_reset(account, tx=tx)

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Nothing waits for the commit."""

    def _same(self, payload: Mapping[str, Any], tx: Transaction) -> Account:
        account = tx.accounts.find(UUID(payload["account"]))
        if account is None:
            raise Refused("approval.outdated")
        now_there = {"account": payload["account"], **_told(tx.account_factors.of(account.id))}
        if now_there != dict(payload):
            raise Refused("approval.outdated")
        return account


def _told(factors: Factors) -> dict[str, Any]:
    return {
        "has_app": factors.totp is not None,
        "passkeys": [one.id.hex for one in factors.passkeys],
    }
