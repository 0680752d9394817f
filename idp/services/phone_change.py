"""Changing the phone of an account: the new one answers a code, the old contacts are told.

A number belongs to whoever answered a code on it last, and to one account alone.
"""

from dataclasses import dataclass
from typing import ClassVar
from uuid import UUID

from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent, Origin
from idp.domain.identity.contact_change import with_phone, without_phone
from idp.domain.identity.journey import JourneyKind
from idp.domain.identity.otp import Purpose
from idp.domain.identity.phone import Phone
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.store import Transaction
from idp.services.contact_change import ContactChangeService, ContactKind
from idp.services.messages import LetterKind, MessageService


@dataclass(frozen=True, slots=True)
class PhoneMoves:
    """Lets a proved number leave the account that had it."""

    clock: Clock
    messages: MessageService

    def take(self, phone: Phone, taker: UUID, origin: Origin, *, tx: Transaction) -> None:
        """Take a proved number from whoever had it before: who answers it, has it."""
        former = tx.accounts.find_by_phone(phone)
        if former is None or former.id == taker:
            return
        now = self.clock.now()
        tx.accounts.update(without_phone(former, now=now))
        tx.audit.record(
            AuditEvent(
                Action.PHONE_MOVED,
                now,
                actor="system",
                account_id=former.id,
                origin=origin,
            )
        )
        self.messages.notify(former, LetterKind.PHONE_MOVED, tx=tx)


@dataclass(frozen=True, slots=True)
class PhoneChangeService(ContactChangeService[Phone]):
    """Takes the number from whoever had it."""

    moves: PhoneMoves

    kind: ClassVar[ContactKind[Phone]] = ContactKind(
        name="phone",
        purpose=Purpose.PHONE_CHANGE,
        journey=JourneyKind.PHONE,
        of=lambda account: account.verified_phone,
        text=lambda phone: phone.e164,
        read=Phone,
        looked_up=lambda phone: phone.e164,
    )

    def _apply(
        self, account: Account, contact: Phone, visitor: Visitor, *, is_held: bool, tx: Transaction
    ) -> Account:
        now = self.clock.now()
        self.moves.take(contact, account.id, visitor.origin, tx=tx)
        changed = tx.accounts.update(with_phone(account, contact, now=now, is_held=is_held))
        tx.audit.record(
            AuditEvent(
                Action.PHONE_CHANGED,
                now,
                account_id=account.id,
                origin=visitor.origin,
                details={"held": is_held},
            )
        )
        self.messages.tell_of_phone_change(account, tx=tx)
        return changed
