"""Asking the civil registry whether a person is who they say, and what its answer changes.

The form is an oracle on the population: limits come first, one message covers every no, and the
mother's name passes through `ask` and is nowhere afterwards.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import Action, AuditEvent, Outcome
from idp.domain.identity.case import Case, CaseKind
from idp.domain.identity.limits import CHECKS_OF_NETWORK, CHECKS_OF_NIK, Hit
from idp.domain.identity.nik import Nik
from idp.domain.identity.registry import (
    PAUSES,
    REFUSALS,
    RegistryAnswer,
    RegistryOutcome,
    RegistryQuery,
)
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.gateways import CivilRegistry
from idp.ports.metrics import Metrics
from idp.ports.store import Store, Transaction
from idp.ports.vault import Vault
from idp.services.account_status import shut_in
from idp.services.limits import LimitService
from idp.services.puzzle import PuzzleService, Solution
from idp.services.sessions import SessionService

#: What puzzles for checks are made for.
PUZZLE: Final = "registration"

#: The registry's names of what people type.
NAME: Final = "NAMA_LGKP"
MOTHER: Final = "NAMA_LGKP_IBU"

#: How the check is named in the duty to report back (Data Balikan).
_METHOD: Final = "CALL_VERIFY_BY_ELEMEN"


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who somebody says they are. `mother_name` serves the one question and is never kept."""

    nik: Nik
    full_name: str = field(repr=False)
    mother_name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """`threshold`: least similarity of names that was asked for, for the record."""

    store: Store
    clock: Clock
    entropy: Entropy
    vault: Vault
    limits: LimitService
    puzzles: PuzzleService
    sessions: SessionService
    registry: CivilRegistry
    metrics: Metrics
    threshold: int

    @property
    def asks_for_mother(self) -> bool:
        """Whether the mother's name is among the elements asked."""
        return MOTHER in self.registry.elements

    def is_reachable(self) -> bool:
        """Return whether a check would be tried now; people are told before they type."""
        return self.registry.is_reachable()

    def ask(
        self, applicant: Applicant, visitor: Visitor, *, puzzle: Solution | None = None
    ) -> RegistryAnswer:
        """Count a try and what is odd about the NIK, then ask, outside any transaction.

        Refuses with `registry.tries` (`hours`), `limit.address` (`until_at`), `puzzle.required` or
        `puzzle.early`, and asks nobody then.
        """
        with self.store.write() as tx:
            is_solved = self.puzzles.redeem(puzzle, PUZZLE, visitor, tx=tx)
            hits = self._hits(applicant.nik, visitor)
            self.limits.admit(hits, visitor, tx=tx, is_solved=is_solved)
        today = datetime.fromtimestamp(self.clock.now(), UTC).date()
        for oddity in applicant.nik.oddities(today):
            self.metrics.count("nik_oddities", kind=oddity)
        names = {NAME: applicant.full_name, MOTHER: applicant.mother_name}
        return self.registry.check(RegistryQuery(applicant.nik, names))

    def settle(
        self, answer: RegistryAnswer, nik: Nik, visitor: Visitor, *, tx: Transaction
    ) -> None:
        """Record an answer and return if it is a match; the try is given back unless it is a no.

        Refuses, recorded, with `registry.no` (`left`: tries of this NIK today) whatever the cause,
        `registry.later` or `registry.unavailable`.
        """
        is_no = answer.outcome in REFUSALS
        if not is_no:
            self.limits.refund(self._hits(nik, visitor), tx=tx)
        if answer.outcome is RegistryOutcome.DECEASED:
            self._suspend_owner(nik, visitor, tx=tx)
        self._record(answer, nik, visitor, tx=tx)
        if is_no:
            left = self.limits.left(Hit(CHECKS_OF_NIK, self._index_of(nik)), tx=tx)
            raise Refused("registry.no", recorded=True, left=left)
        if answer.outcome in PAUSES:
            raise Refused("registry.later", recorded=True)
        if answer.outcome is not RegistryOutcome.MATCH:
            raise Refused("registry.unavailable", recorded=True)

    def _record(
        self, answer: RegistryAnswer, nik: Nik, visitor: Visitor, *, tx: Transaction
    ) -> None:
        now = self.clock.now()
        is_match = answer.outcome is RegistryOutcome.MATCH
        if is_match or answer.outcome in REFUSALS:
            tx.registry_checks.add(
                self.entropy.uuid7(self.clock.now_ms()),
                nik,
                method=_METHOD,
                outcome=answer.outcome,
                threshold=self.threshold,
                now=now,
            )
        tx.audit.record(
            AuditEvent(
                Action.REGISTRY_CHECKED,
                now,
                Outcome.DONE if is_match else Outcome.REFUSED,
                origin=visitor.origin,
                details={"outcome": answer.outcome, "request": answer.request_id},
            )
        )

    def _suspend_owner(self, nik: Nik, visitor: Visitor, *, tx: Transaction) -> None:
        """Put the account of somebody reported dead on hold until an officer looked at it."""
        owner = self._suspended(nik, visitor, tx=tx)
        if owner is None:
            return
        tx.audit.record(
            AuditEvent(
                Action.ACCOUNT_SUSPENDED,
                self.clock.now(),
                actor="system",
                account_id=owner.id,
                origin=visitor.origin,
                details={"reason": "registry"},
            )
        )
        self.open_case(owner.id, CaseKind.DECEASED, visitor, tx=tx)

    def _suspended(self, nik: Nik, visitor: Visitor, *, tx: Transaction) -> Account | None:
        """Shut the account and return it, or `None` where none is usable.

        Whoever else changed the account meanwhile does not keep a death from holding it back: it
        is read again, as it is by then.
        """
        while (owner := tx.accounts.find_by_nik(nik)) is not None and owner.is_usable:
            with suppress(Refused):
                shut_in(
                    owner,
                    AccountStatus.SUSPENDED,
                    self.sessions,
                    reason="suspended",
                    now=self.clock.now(),
                    tx=tx,
                    visitor=visitor,
                )
                return owner
        return None

    def open_case(
        self, account_id: UUID, kind: CaseKind, visitor: Visitor, *, tx: Transaction
    ) -> Case | None:
        """Put an account before an officer, unless a case of this kind waits already."""
        now = self.clock.now()
        case = Case(self.entropy.uuid7(self.clock.now_ms()), account_id, kind, None, now)
        if not tx.cases.add(case):
            return None
        tx.audit.record(
            AuditEvent(
                Action.CASE_OPENED,
                now,
                actor="system",
                account_id=account_id,
                origin=visitor.origin,
                object_id=case.id.hex,
                details={"kind": kind},
            )
        )
        return case

    def _hits(self, nik: Nik, visitor: Visitor) -> tuple[Hit, Hit]:
        return (
            Hit(CHECKS_OF_NIK, self._index_of(nik)),
            Hit(CHECKS_OF_NETWORK, visitor.address.encode()),
        )

    def _index_of(self, nik: Nik) -> bytes:
        return self.vault.blind_index("nik", nik.digits)
