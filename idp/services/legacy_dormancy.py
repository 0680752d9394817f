"""Old accounts that nobody used for 24 months: their owners are told, half a year later they go.

`../shared/domain/portals.md` §5 rule 7, `privacy.md` §7. Letters go to addresses that the old
portal had verified, and to no other: whoever reads an unverified one may be somebody else.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.legacy import NOTICE_SECONDS, LegacyAccount
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction
from idp.services.messages import LetterKind, MessageService

#: How many rows a transaction takes.
_BATCH: Final = 200
#: What letters are written in: no portal told what language its people read.
_LOCALE: Final = "id"


@dataclass(frozen=True, slots=True)
class Dormancy:
    """What was done, or would be.

    `due`: rows whose owners are to be told; `told`: letters written; `without_address`: rows whose
    owners no letter reaches, whose time runs all the same; `erased`: rows of which nothing personal
    is left.
    """

    due: int
    told: int = 0
    without_address: int = 0
    erased: int = 0


@dataclass(frozen=True, slots=True)
class LegacyDormancyService:
    """Tells and erases, a batch a transaction; interrupted, the next run goes on."""

    store: Store
    clock: Clock
    messages: MessageService

    def plan(self) -> Dormancy:
        """Return how many are to be told, and how many would be erased."""
        with self.store.read() as tx:
            due, over = tx.legacy_dormancy.count(self.clock.now())
        return Dormancy(due, erased=over)

    def run(self, most: int) -> Dormancy:
        """Erase what was told half a year ago, then tell the owners of at most so many rows."""
        erased = self._erase()
        told = without = 0
        after: UUID | None = None
        while told + without < most:
            now = self.clock.now()
            with self.store.write() as tx:
                limit = min(_BATCH, most - told - without)
                page = tx.legacy_dormancy.list_due(now, after, limit)
                reached = [self._tell(legacy, now, tx=tx) for legacy in page]
                if page:
                    self._record(Action.LEGACY_TOLD, len(page), now, tx=tx)
            if not page:
                break
            after = page[-1].id
            told += reached.count(True)
            without += reached.count(False)
        return Dormancy(self.plan().due, told, without, erased)

    def _tell(self, legacy: LegacyAccount, now: int, *, tx: Transaction) -> bool | None:
        """Write to a row's owner; return whether a letter can reach them, `None`: told already."""
        if not tx.legacy_dormancy.note_told(legacy.id, now):
            return None
        to = legacy.verified_email
        if to is None or not legacy.is_open or legacy.in_conflict:
            return False
        self.messages.letter(
            LetterKind.LEGACY_DORMANT,
            to,
            locale=_LOCALE,
            tx=tx,
            portal=legacy.record.source,
            at=now + NOTICE_SECONDS,
        )
        return True

    def _erase(self) -> int:
        erased = 0
        while True:
            now = self.clock.now()
            with self.store.write() as tx:
                page = tx.legacy_dormancy.list_over(now, _BATCH)
                gone = sum(tx.legacy_dormancy.erase(legacy_id, now) for legacy_id in page)
                if gone:
                    self._record(Action.LEGACY_ERASED, gone, now, tx=tx)
            if not gone:
                return erased
            erased += gone

    def _record(self, action: Action, rows: int, now: int, *, tx: Transaction) -> None:
        tx.audit.record(AuditEvent(action, now, actor="operator", details={"rows": rows}))
