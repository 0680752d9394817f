"""Proving an e-mail address by a link, and mending one that was never proved."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.contact_change import with_link_followed, with_unproved_email
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.limits import DAY, Hit, Limit
from idp.domain.identity.session import LoginSession
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.services.contact_change import SecondProof
from idp.services.email_change import other_owner
from idp.services.limits import LimitService
from idp.services.messages import LetterKind, MessageService, SmsKind
from idp.services.proof_links import EMAIL_PROOF, ProofLinks

PROOFS_OF_ACCOUNT: Final = Limit("email.proof", 5, DAY, "limit.tries")


@dataclass(frozen=True, slots=True)
class EmailProofService:
    """An address counts only where its owner followed the link, and for one account alone."""

    store: Store
    clock: Clock
    limits: LimitService
    links: ProofLinks
    messages: MessageService
    proof: SecondProof

    def check(self, secret: str) -> EmailAddress:
        """Return the address that a link would prove; the link stays good.

        Refuses with `link.spent` or `recovery.invalid`.
        """
        with self.store.read() as tx:
            _, account = self.links.open(secret, EMAIL_PROOF, tx=tx)
        if account.email is None:
            raise Refused("recovery.invalid")
        return account.email

    def confirm(self, secret: str, visitor: Visitor) -> None:
        """Prove the address of a link.

        Refuses with `link.spent`, `recovery.invalid`, or `email.proved_elsewhere` where another
        account proved it first.
        """
        now = self.clock.now()
        try:
            with self.store.write() as tx:
                link, account = self.links.open(secret, EMAIL_PROOF, tx=tx)
                if not tx.journeys.use_link(link.digest, now):
                    raise Refused("link.spent")
                if account.email is None or account.email_verified_at is not None:
                    return
                tx.accounts.update(with_link_followed(account, account.email, now=now))
                tx.audit.record(
                    AuditEvent(
                        Action.EMAIL_VERIFIED,
                        now,
                        account_id=account.id,
                        origin=visitor.origin,
                    )
                )
        except Conflict as conflict:
            if conflict.what == "email":
                raise Refused("email.proved_elsewhere") from conflict
            raise Refused("busy") from conflict

    def send_again(self, account_id: UUID, visitor: Visitor) -> None:
        """Send another link; refuses with `email.proved`, `email.none` or `limit.tries`."""
        with self.store.write() as tx:
            self.limits.admit([Hit(PROOFS_OF_ACCOUNT, account_id.bytes)], visitor, tx=tx)
            account = tx.accounts.find(account_id)
            if account is None or account.email is None:
                raise Refused("email.none")
            if not self.links.send_email_proof(account, tx=tx):
                raise Refused("email.proved")

    def change(self, session: LoginSession, email: EmailAddress, visitor: Visitor) -> None:
        """Put another address in the place of one that was never proved, and send it a link.

        `session`: freshly confirmed, which the caller has checked (AU-14). Whoever proved the new
        address elsewhere is told; this account can't prove it then. Refuses with `email.proved` or
        `limit.tries`.
        """
        now = self.clock.now()
        account_id = session.account_id
        try:
            with self.store.write() as tx:
                self.limits.admit([Hit(PROOFS_OF_ACCOUNT, account_id.bytes)], visitor, tx=tx)
                account = tx.accounts.find(account_id)
                if account is None or account.email_verified_at is not None:
                    raise Refused("email.proved")
                owner = other_owner(email, account, tx=tx)
                if owner is not None:
                    self.messages.warn_of_contact(owner, visitor, tx=tx)
                is_held = not self.proof.is_behind(session, account, tx=tx)
                changed = tx.accounts.update(
                    with_unproved_email(account, email, now=now, is_held=is_held)
                )
                tx.audit.record(
                    AuditEvent(
                        Action.EMAIL_CHANGED,
                        now,
                        account_id=account.id,
                        origin=visitor.origin,
                        details={"held": is_held},
                    )
                )
                self.messages.tell_of_change(
                    account, LetterKind.EMAIL_CHANGED, SmsKind.EMAIL_CHANGED, visitor, tx=tx
                )
                self.links.send_email_proof(changed, tx=tx)
        except Conflict as conflict:
            raise Refused("busy") from conflict
