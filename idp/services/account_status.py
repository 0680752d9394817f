"""Writing an account's status, and all that ends with an account that may sign in no more."""

from dataclasses import replace

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.visitor import Visitor
from idp.ports.store import Transaction
from idp.services.messages import MessageService
from idp.services.sessions import SessionService


def set_status_in(account: Account, status: AccountStatus, *, now: int, tx: Transaction) -> Account:
    """Write a status; refuses with `people.changed` where somebody else was faster."""
    try:
        return tx.accounts.update(replace(account, status=status, updated_at=now))
    except Conflict as conflict:
        raise Refused("people.changed") from conflict


def shut_in(
    account: Account,
    status: AccountStatus,
    sessions: SessionService,
    *,
    reason: str,
    now: int,
    tx: Transaction,
    actor: Actor | None = None,
    visitor: Visitor | None = None,
) -> None:
    """Let an account sign in no more: its status, its sessions, and every token of any portal.

    `reason`: a stable word for sessions and tokens. Whoever calls tells of it, in the audit and to
    the person. Refuses as `set_status_in`, before anything ended.
    """
    set_status_in(account, status, now=now, tx=tx)
    sessions.end_all_in(
        account.id, kept_sid=None, reason=reason, now=now, tx=tx, actor=actor, visitor=visitor
    )
    tx.grants.revoke_for_account(account.id, now, reason=reason)


def lock_in(
    account: Account,
    sessions: SessionService,
    messages: MessageService,
    actor: Actor,
    *,
    reason: str,
    now: int,
    tx: Transaction,
    object_id: str | None = None,
) -> None:
    """Lock an account by an officer's act, which the citizen sees and is told of.

    `reason`: as the officer gave it. `object_id`: of the case that it comes from.
    """
    shut_in(account, AccountStatus.LOCKED, sessions, reason="locked", now=now, tx=tx, actor=actor)
    tx.audit.record(
        AuditEvent(
            Action.ACCOUNT_LOCKED,
            now,
            actor=actor.kind,
            actor_id=actor.id,
            origin=actor.origin,
            account_id=account.id,
            object_id=object_id,
            details={"reason": reason},
        )
    )
    messages.tell_of_lock(account, is_locked=True, tx=tx)
