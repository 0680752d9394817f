"""Mending an account of identity level 0: the registry is asked again, inside the account.

Such an account comes from an old one whose NIK or name the registry did not confirm. It has no NIK
until it is confirmed, and then the one that its old accounts had.
"""

from dataclasses import dataclass, replace
from typing import Final

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account
from idp.domain.identity.assurance import IAL_MATCHED, IAL_UNPROVED
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.limits import DAY, Hit, Limit
from idp.domain.identity.nik import Nik
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction
from idp.services.identity_check import Applicant, IdentityCheck
from idp.services.legacy_join import LegacyJoinService
from idp.services.limits import LimitService
from idp.services.messages import MessageService
from idp.services.nik_reports import NikReportService
from idp.services.puzzle import Solution

#: Whoever knows an old password must not find out the NIK behind it by trying.
MENDS_OF_ACCOUNT: Final = Limit("identity.mend", 5, DAY, "limit.tries")


@dataclass(frozen=True, slots=True)
class IdentityMendingService:
    """Raises an account from level 0 to level 1."""

    store: Store
    clock: Clock
    identity: IdentityCheck
    limits: LimitService
    messages: MessageService
    joins: LegacyJoinService
    reports: NikReportService

    def confirm(
        self,
        account: Account,
        applicant: Applicant,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
    ) -> None:
        """Have the registry confirm who an account is of.

        Refuses with `identity.confirmed`, `limit.tries`, `identity.old_nik` (an old account that
        was linked has another NIK), as `IdentityCheck.ask` and `settle`, or with `identity.exists`
        where the NIK has an account (`join`: the journey that moves the old accounts there): told
        only to who knows all that was asked, who may then report that it is not theirs.
        """
        if account.ial != IAL_UNPROVED:
            raise Refused("identity.confirmed")
        with self.store.write() as tx:
            self.limits.admit([Hit(MENDS_OF_ACCOUNT, account.id.bytes)], visitor, tx=tx)
            check_old_nik(account, applicant.nik, tx=tx)
        answer = self.identity.ask(applicant, visitor, puzzle=puzzle)
        try:
            with self.store.write() as tx:
                self.identity.settle(answer, applicant.nik, visitor, tx=tx)
                self.limits.refund([Hit(MENDS_OF_ACCOUNT, account.id.bytes)], tx=tx)
                owner = tx.accounts.find_by_nik(applicant.nik)
                if owner is not None:
                    self.messages.warn_of_nik(owner, visitor, tx=tx)
                    self.reports.allow(owner, visitor, tx=tx)
                    raise self.taken(account, owner, visitor, tx=tx)
                self.raise_in(account, applicant.nik, applicant.full_name, visitor, tx=tx)
        except Conflict as conflict:
            if conflict.what == "nik":
                raise Refused("identity.exists") from conflict
            raise Refused("busy") from conflict

    def taken(
        self, account: Account, owner: Account, visitor: Visitor, *, tx: Transaction
    ) -> Refused:
        """Return `identity.exists`, recorded, with the way to move the old accounts to `owner`."""
        journey_id = self.joins.begin(account, owner, visitor, tx=tx)
        return Refused("identity.exists", recorded=True, join=journey_id or "")

    def raise_in(
        self, account: Account, nik: Nik, name: str, visitor: Visitor, *, tx: Transaction
    ) -> None:
        """Write what was confirmed; refuses with `identity.confirmed` where another tab did."""
        now = self.clock.now()
        current = tx.accounts.find(account.id)
        if current is None or current.ial != IAL_UNPROVED:
            raise Refused("identity.confirmed")
        tx.accounts.update(
            replace(
                current,
                nik=nik,
                person=replace(current.person, name=name),
                ial=IAL_MATCHED,
                verified_at=now,
                updated_at=now,
            )
        )
        tx.registry_checks.assign(nik, current.id)
        tx.audit.record(
            AuditEvent(Action.IDENTITY_CONFIRMED, now, account_id=current.id, origin=visitor.origin)
        )


def check_old_nik(account: Account, nik: Nik, *, tx: Transaction) -> None:
    """Refuse, recorded, a NIK that is not that of every old account that was linked (RG-5)."""
    for legacy in tx.legacy_accounts.list_for_account(account.id):
        if legacy.record.nik not in {None, nik}:
            raise Refused("identity.old_nik", recorded=True)
