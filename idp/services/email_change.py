"""Changing a proved address: the new one answers a code, the old contacts are told.

An address stays with the account that proved it first: nobody takes a mailbox from another.
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.contact_change import with_email
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.journey import JourneyKind
from idp.domain.identity.otp import Purpose
from idp.domain.identity.visitor import Visitor
from idp.ports.store import Transaction
from idp.services.contact_change import ContactChangeService, ContactKind

TAKEN: Final = "email.proved_elsewhere"


@dataclass(frozen=True, slots=True)
class EmailChangeService(ContactChangeService[EmailAddress]):
    """Leaves an address to the account that has it, and warns its owner."""

    kind: ClassVar[ContactKind[EmailAddress]] = ContactKind(
        name="email",
        purpose=Purpose.EMAIL_CHANGE,
        journey=JourneyKind.EMAIL,
        of=lambda account: account.verified_email,
        text=lambda email: email.address,
        read=EmailAddress,
        looked_up=lambda email: email.normalised,
        taken=TAKEN,
    )

    def _begun(
        self, account: Account, contact: EmailAddress, visitor: Visitor, *, tx: Transaction
    ) -> None:
        owner = other_owner(contact, account, tx=tx)
        if owner is not None:
            self.messages.warn_of_contact(owner, visitor, tx=tx)

    def _apply(
        self,
        account: Account,
        contact: EmailAddress,
        visitor: Visitor,
        *,
        is_held: bool,
        tx: Transaction,
    ) -> Account:
        if other_owner(contact, account, tx=tx) is not None:
            # the unique index knows the newest key alone
            raise Refused(TAKEN)
        now = self.clock.now()
        changed = tx.accounts.update(with_email(account, contact, now=now, is_held=is_held))
        tx.audit.record(
            AuditEvent(
                Action.EMAIL_CHANGED,
                now,
                account_id=account.id,
                origin=visitor.origin,
                details={"held": is_held},
            )
        )
        self.messages.tell_of_email_change(account, tx=tx)
        return changed


def other_owner(email: EmailAddress, account: Account, *, tx: Transaction) -> Account | None:
    """Return who else proved an address."""
    owner = tx.accounts.find_by_email(email)
    if owner is None or owner.id == account.id or owner.verified_email is None:
        return None
    return owner
