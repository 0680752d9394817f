"""Reporting that somebody else opened the account of one's NIK (contract 6.5, `ui.md` section 2).

Only whoever the registry just matched in this browser may report: nobody else learns from these
pages whether a NIK has an account. An officer decides; the report itself changes no account.
"""

from dataclasses import dataclass
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.case import CaseKind
from idp.domain.identity.journey import JOURNEY_SECONDS, Journey, JourneyKind, check_journey
from idp.domain.identity.limits import DAY, Hit, Limit
from idp.domain.identity.visitor import Visitor
from idp.domain.ids import digest_of
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction
from idp.services.identity_check import IdentityCheck
from idp.services.limits import LimitService

#: Whoever knows the data of a KTP must not keep officers busy with one account.
REPORTS_OF_ACCOUNT: Final = Limit("report.account", 3, DAY, "limit.tries")


@dataclass(frozen=True, slots=True)
class NikReportService:
    """Lets a browser report for 15 minutes after a match, and opens the case."""

    store: Store
    clock: Clock
    limits: LimitService
    identity: IdentityCheck

    def allow(self, owner: Account, visitor: Visitor, *, tx: Transaction) -> None:
        """Keep that this browser's person was matched with the NIK of `owner`, a moment ago."""
        tx.journeys.put(
            Journey(
                digest=_digest(visitor),
                kind=JourneyKind.NIK_REPORT,
                flow_digest=visitor.flow_digest,
                account_id=owner.id,
                expires_at=self.clock.now() + JOURNEY_SECONDS,
            )
        )

    def may_report(self, visitor: Visitor) -> bool:
        """Return whether this browser was matched and has not reported yet."""
        with self.store.read() as tx:
            try:
                self._find(visitor, tx=tx)
            except Refused:
                return False
        return True

    def report(self, visitor: Visitor) -> None:
        """Put the account before an officer, unless a case waits or the day's reports are used up.

        Whoever reports is told the same in each of these. Refuses with `journey.expired` without a
        match in this browser.
        """
        with self.store.write() as tx:
            journey = self._find(visitor, tx=tx)
            if not tx.journeys.finish(journey.digest, self.clock.now()):
                raise Refused("journey.expired")
            owner = tx.accounts.find(journey.account_id) if journey.account_id else None
            if owner is None:
                return
            try:
                # the row of this count also makes reports of one account wait for each other
                self.limits.admit([Hit(REPORTS_OF_ACCOUNT, owner.id.bytes)], visitor, tx=tx)
            except Refused:
                return
            self.identity.open_case(owner.id, CaseKind.NIK_TAKEN, visitor, tx=tx)

    def _find(self, visitor: Visitor, *, tx: Transaction) -> Journey:
        return check_journey(
            tx.journeys.find(_digest(visitor)),
            JourneyKind.NIK_REPORT,
            flow_digest=visitor.flow_digest,
            now=self.clock.now(),
        )


def _digest(visitor: Visitor) -> bytes:
    """Return where a browser's journey is kept: no address names it, and there is one at most."""
    return digest_of(b"nik report\n" + visitor.flow_digest)
