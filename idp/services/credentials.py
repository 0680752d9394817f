"""Putting a new password in the place of the old, with all that follows (`security.md` AU-14)."""

from dataclasses import dataclass

from idp.domain.identity.account import Account, PasswordCredential
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.otp import Channel
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.store import Transaction
from idp.services.devices import DeviceService
from idp.services.lockout import LockoutService
from idp.services.messages import LetterKind, MessageService, SmsKind
from idp.services.sessions import SessionService


@dataclass(frozen=True, slots=True)
class CredentialService:
    """Changes a password inside a caller's transaction."""

    clock: Clock
    sessions: SessionService
    devices: DeviceService
    lockout: LockoutService
    messages: MessageService

    def replace(
        self,
        account: Account,
        password_hash: str,
        visitor: Visitor,
        *,
        kept_sid: str | None = None,
        recovered_by: Channel | None = None,
        tx: Transaction,
    ) -> None:
        """Set the password; other sessions, tokens and known browsers end, the person is told.

        `kept_sid`: the session that goes on. `recovered_by`: the contact that allowed it, where
        nobody brought the old password.
        """
        now = self.clock.now()
        tx.credentials.put(
            PasswordCredential(account.id, password_hash, now, recovered_by=recovered_by)
        )
        self.sessions.end_all_in(
            account.id,
            kept_sid=kept_sid,
            reason="password_changed",
            now=now,
            tx=tx,
            visitor=visitor,
        )
        tx.grants.revoke_for_account(
            account.id, now, reason="password_changed", except_sid=kept_sid
        )
        self.devices.forget_others(account.id, visitor, tx=tx)
        self.lockout.forgive(account, tx=tx)
        tx.audit.record(
            AuditEvent(
                Action.PASSWORD_CHANGED,
                now,
                account_id=account.id,
                origin=visitor.origin,
                details={"recovered_by": recovered_by},
            )
        )
        self.messages.tell_of_change(
            account, LetterKind.PASSWORD_CHANGED, SmsKind.PASSWORD_CHANGED, visitor, tx=tx
        )
