"""Merging two accounts of one person: asked by an officer, let happen by another (AD-3, RG-5).

What the former account brought home moves as in `LegacyUpgradeService.move_in`, with its journal;
nothing else moves. Portals of the former account know a subject of their own that nobody gets any
more, and those of the account that stays see no difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.approval import Change
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.legacy import LegacyAccount
from idp.domain.identity.merging import check_one_person
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction
from idp.services.account_status import shut_in
from idp.services.legacy_upgrade import LegacyUpgradeService
from idp.services.messages import MessageService
from idp.services.sessions import SessionService

#: The kind of approval.
MERGE: Final = "people.merge"


@dataclass(frozen=True, slots=True)
class MergeService:
    """Says what a request to merge would hold."""

    store: Store

    def payload(self, former_id: UUID, to: str, reason: str) -> dict[str, Any]:
        """Return what is stored of a request; `to`: number or `sub` of the account that stays.

        Refuses with `merge.unknown` or as `check_one_person`.
        """
        with self.store.read() as tx:
            former, target = tx.accounts.find(former_id), _find(to, tx)
            if former is None or target is None:
                raise Refused("merge.unknown")
            old = tx.legacy_accounts.list_for_account(former_id)
            check_one_person(former, target, old)
        return {
            "former": former.id.hex,
            "version": former.version,
            "to": target.id.hex,
            "old": _ids_of(old),
            "reason": reason,
        }


@dataclass(frozen=True, slots=True)
class MergeExecutor:
    """Implements `idp.services.approvals.Executor`."""

    clock: Clock
    upgrade: LegacyUpgradeService
    sessions: SessionService
    messages: MessageService
    kind: str = MERGE

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        former = tx.accounts.find(UUID(payload["former"]))
        to = tx.accounts.find(UUID(payload["to"]))
        if former is None or to is None:
            return ()
        old = tx.legacy_accounts.list_for_account(former.id)
        sources = ", ".join(sorted(legacy.record.source for legacy in old))
        return (
            Change("merge_former", str(former.id), str(former.id)),
            Change("merge_to", str(to.id), str(to.id)),
            Change("account_status", former.status, AccountStatus.LOCKED),
            Change("merge_old", "", sources),
        )

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        now = self.clock.now()
        former = tx.accounts.find(UUID(payload["former"]))
        to = tx.accounts.find(UUID(payload["to"]))
        if former is None or to is None or former.version != payload["version"]:
            raise Refused("approval.outdated")
        old = tx.legacy_accounts.list_for_account(former.id)
        if _ids_of(old) != payload["old"]:
            raise Refused("approval.outdated")
        try:
            check_one_person(former, to, old)
        except Refused as refusal:
            raise Refused("approval.outdated") from refusal
        locked = AccountStatus.LOCKED
        shut_in(former, locked, self.sessions, reason="merged", now=now, tx=tx, actor=author)
        for legacy in old:
            self.upgrade.move_in(legacy, former, to, author, tx=tx)
        details = {"reason": payload["reason"], "approved_by": approver.name}
        for account, other in ((former, to), (to, former)):
            event = AuditEvent(
                Action.ACCOUNT_MERGED,
                now,
                account_id=account.id,
                object_id=other.id.hex,
                details={**details, "stays": account is to},
            )
            tx.audit.record(
                replace(event, actor=author.kind, actor_id=author.id, origin=author.origin)
            )
            self.messages.tell_of_merge(account, tx=tx)

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Nothing waits for the commit."""


def _find(text: str, tx: Transaction) -> Account | None:
    """Return the account of a number or a `sub`."""
    try:
        return tx.accounts.find(UUID(text))
    except ValueError:
        return tx.accounts.find_by_subject(text)


def _ids_of(old: Sequence[LegacyAccount]) -> list[str]:
    return sorted(legacy.id.hex for legacy in old)
