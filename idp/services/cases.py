"""Cases about whose an account is: opened, filled with evidence, decided with a reason.

An account that was held back comes back by a second person alone, as any lock is lifted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.case import Case, CaseKind, Decision, Note
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.people import LOCKABLE, UNLOCKABLE
from idp.domain.identity.phone import Phone
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction
from idp.services.account_status import lock_in
from idp.services.approvals import ApprovalService
from idp.services.lost_contact import REPLACE, LostContactRequests, replace_payload
from idp.services.messages import MessageService
from idp.services.people import UNLOCK
from idp.services.sessions import SessionService

#: How many of the queue a page shows, the oldest first.
QUEUE: Final = 50


@dataclass(frozen=True, slots=True)
class ShownCase:
    """A case with its account and all that was put before whoever decides.

    `phone`, `email`: what a case of lost contacts asks for, while it waits.
    """

    case: Case
    account: Account | None
    notes: Sequence[Note]
    phone: Phone | None = None
    email: EmailAddress | None = None


@dataclass(frozen=True, slots=True)
class CaseService:
    """Keeps the queue of identity rechecks."""

    store: Store
    clock: Clock
    entropy: Entropy
    sessions: SessionService
    approvals: ApprovalService
    messages: MessageService
    lost_contacts: LostContactRequests

    def queue(self) -> Sequence[ShownCase]:
        """Return the cases that wait, the oldest first, without their evidence."""
        with self.store.read() as tx:
            found = tx.cases.list_open(QUEUE)
            return tuple(ShownCase(c, tx.accounts.find(c.account_id), ()) for c in found)

    def show(self, case_id: UUID) -> ShownCase:
        """Return one case; refuses with `case.unknown`."""
        with self.store.read() as tx:
            case = _get(case_id, tx)
            phone, email = self.lost_contacts.find(case_id, tx) or (None, None)
            return ShownCase(
                case,
                tx.accounts.find(case.account_id),
                tx.cases.list_notes(case_id),
                phone,
                email,
            )

    def open(
        self, account_id: UUID, kind: CaseKind, text: str, reference: str, actor: Actor
    ) -> Case:
        """Open a case with its first piece of evidence.

        Refuses with `account.unknown`, or `case.waiting` where one of that kind is open.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            if tx.accounts.find(account_id) is None:
                raise Refused("account.unknown")
            case = Case(self._id(), account_id, kind, _id_of(actor), now)
            if not tx.cases.add(case):
                raise Refused("case.waiting")
            tx.cases.add_note(case.id, Note(self._id(), now, _id_of(actor), text, reference))
            self._record(Action.CASE_OPENED, case, actor, tx, kind=kind)
        return case

    def add_evidence(self, case_id: UUID, text: str, reference: str, actor: Actor) -> None:
        """Put something more before whoever decides; refuses with `case.unknown`, `case.over`."""
        now = self.clock.now()
        with self.store.write() as tx:
            case = _get(case_id, tx)
            if case.decided_at is not None:
                raise Refused("case.over")
            tx.cases.add_note(case_id, Note(self._id(), now, _id_of(actor), text, reference))
            self._record(Action.CASE_EVIDENCE_ADDED, case, actor, tx)

    def decide(self, case_id: UUID, decision: Decision, reason: str, actor: Actor) -> bool:
        """Decide a case, once; return whether a second person must still let it happen.

        Upheld, an account that is held back is proposed for unlocking. Rejected, it is locked.
        Lost contacts: upheld, the new ones are proposed; rejected, nothing changes.
        Refuses with `case.unknown`, `case.own` for whoever opened it, `case.over`,
        `case.contact_gone` or `approval.waiting`.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            case = _get(case_id, tx)
            if case.opened_by == actor.id:
                raise Refused("case.own")
            if not tx.cases.decide(case_id, decision, reason, by=_id_of(actor), now=now):
                raise Refused("case.over")
            self._record(Action.CASE_DECIDED, case, actor, tx, decision=decision)
            account = tx.accounts.find(case.account_id)
            if account is None:
                return False
            if case.kind is CaseKind.CONTACT_LOST:
                return self._replace_contact(account, case, decision, reason, actor, tx=tx)
            if decision is Decision.REJECTED:
                self._lock(account, case, actor, now=now, tx=tx)
                return False
            return self._propose_unlock(account, reason, actor, tx=tx)

    def _lock(
        self, account: Account, case: Case, actor: Actor, *, now: int, tx: Transaction
    ) -> None:
        if account.status not in LOCKABLE:
            return
        lock_in(
            account,
            self.sessions,
            self.messages,
            actor,
            reason=f"case {case.id}",
            object_id=case.id.hex,
            now=now,
            tx=tx,
        )

    def _replace_contact(
        self,
        account: Account,
        case: Case,
        decision: Decision,
        reason: str,
        actor: Actor,
        *,
        tx: Transaction,
    ) -> bool:
        if decision is Decision.REJECTED:
            self.lost_contacts.finish(case.id, tx)
            return False
        if self.lost_contacts.find(case.id, tx) is None:
            raise Refused("case.contact_gone")
        self.approvals.propose_in(
            REPLACE,
            replace_payload(account, case),
            subject=account.id.hex,
            reason=reason,
            actor=actor,
            tx=tx,
        )
        return True

    def _propose_unlock(
        self, account: Account, reason: str, actor: Actor, *, tx: Transaction
    ) -> bool:
        if account.status not in UNLOCKABLE:
            return False
        self.approvals.propose_in(
            UNLOCK,
            {"account": account.id.hex, "version": account.version},
            subject=account.id.hex,
            reason=reason,
            actor=actor,
            tx=tx,
        )
        return True

    def _record(
        self, action: Action, case: Case, actor: Actor, tx: Transaction, **details: object
    ) -> None:
        event = AuditEvent(
            action,
            self.clock.now(),
            account_id=case.account_id,
            object_id=case.id.hex,
            details=details,
        )
        tx.audit.record(_by(actor, event))

    def _id(self) -> UUID:
        return self.entropy.uuid7(self.clock.now_ms())


def _get(case_id: UUID, tx: Transaction) -> Case:
    case = tx.cases.find(case_id)
    if case is None:
        raise Refused("case.unknown")
    return case


def _id_of(actor: Actor) -> UUID:
    if actor.id is None:
        raise LookupError("only an admin works on cases")
    return actor.id


def _by(actor: Actor, event: AuditEvent) -> AuditEvent:
    return replace(event, actor=actor.kind, actor_id=actor.id, origin=actor.origin)
