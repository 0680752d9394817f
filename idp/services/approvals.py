"""Asking a second person, and doing what they let happen (`security.md` AD-3).

An executor carries out one kind of request, inside the transaction of the decision and with the
stored payload: what was approved is what happens, or nothing does.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.admin import Admin
from idp.domain.identity.approval import (
    APPROVAL_SECONDS,
    NO_AUTHOR,
    ApprovalRequest,
    ApprovalStatus,
    Change,
    check_decider,
    digest_of_request,
)
from idp.domain.identity.audit import OPERATOR, Action, Actor, AuditEvent
from idp.domain.identity.roles import Permission, may
from idp.domain.protocol.client import Client
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction


class Executor(Protocol):
    """Carries out one kind of request."""

    @property
    def kind(self) -> str:
        """The stable word of what it carries out: `admin.invite`."""

    def changes(self, payload: Mapping[str, Any], *, tx: Transaction) -> Sequence[Change]:
        """Return the difference that it would make now, for whoever decides."""

    def carry_out(
        self, payload: Mapping[str, Any], *, author: Actor, approver: Actor, tx: Transaction
    ) -> None:
        """Do it. A refusal undoes the decision too: the request goes on waiting.

        `author`: who does it, in the audit; `approver`: who let it happen.
        """

    def afterwards(self, payload: Mapping[str, Any]) -> None:
        """Do what must wait for the commit: dropping caches."""


@dataclass(frozen=True, slots=True)
class ShownRequest:
    """A request with the difference that it makes, and the people behind it where they are known.

    `changes` are empty once it is decided: they would be those of another day. `program`: the
    client that asked over REST; `author`: the admin who did.
    """

    request: ApprovalRequest
    changes: tuple[Change, ...]
    author: Admin | None
    decider: Admin | None
    program: Client | None = None


@dataclass(frozen=True, slots=True)
class ApprovalService:
    """`executors`: by their kind; the wiring names them all."""

    store: Store
    clock: Clock
    entropy: Entropy
    executors: Mapping[str, Executor]

    def propose(
        self, kind: str, payload: Mapping[str, Any], *, subject: str, reason: str, actor: Actor
    ) -> ApprovalRequest:
        """Keep a request for somebody else to decide within 72 hours.

        `payload`: JSON. `subject`: what it is about; one request of a kind waits for a subject.
        Refuses with `approval.waiting`.
        """
        with self.store.write() as tx:
            return self.propose_in(
                kind, payload, subject=subject, reason=reason, actor=actor, tx=tx
            )

    def propose_in(
        self,
        kind: str,
        payload: Mapping[str, Any],
        *,
        subject: str,
        reason: str,
        actor: Actor,
        tx: Transaction,
    ) -> ApprovalRequest:
        """Do the same inside a caller's transaction."""
        author_id = _author_id(actor)
        if kind not in self.executors or author_id is None:
            raise LookupError(f"nobody carries out {kind}, or nobody asks")
        now = self.clock.now()
        if any(r.is_open(now) for r in tx.approvals.list_for(kind, subject)):
            raise Refused("approval.waiting")
        # as it will be read back: what was approved must be what was stored
        kept = json.loads(json.dumps(payload))
        request = ApprovalRequest(
            id=self.entropy.uuid7(self.clock.now_ms()),
            kind=kind,
            subject=subject,
            payload=kept,
            digest=digest_of_request(kind, subject, kept),
            reason=reason,
            author_kind=actor.kind,
            author_id=author_id,
            created_at=now,
            expires_at=now + APPROVAL_SECONDS,
        )
        tx.approvals.add(request)
        _record(tx, Action.APPROVAL_ASKED, request, actor, now)
        return request

    def approve(self, request_id: UUID, *, seen: bytes, reason: str, actor: Actor) -> None:
        """Let a request happen: it is carried out here and now, as it was stored.

        `seen`: the digest that the page showed. Refuses with `approval.unknown`, the codes of
        `check_decider`, `approval.forbidden`, `approval.void`, or whatever the executor refuses.
        """
        try:
            with self.store.write() as tx:
                request = self._decide(
                    request_id,
                    ApprovalStatus.APPROVED,
                    seen=seen,
                    reason=reason,
                    actor=actor,
                    tx=tx,
                )
                author = self._author(request, actor, tx=tx)
                executor = self.executors[request.kind]
                executor.carry_out(request.payload, author=author, approver=actor, tx=tx)
                _record(tx, Action.APPROVAL_GIVEN, request, actor, self.clock.now())
        except Conflict as conflict:
            raise Refused("approval.outdated") from conflict
        executor.afterwards(request.payload)

    def refuse(self, request_id: UUID, *, seen: bytes, reason: str, actor: Actor) -> None:
        """Say no, with a reason; refuses as `approve`."""
        with self.store.write() as tx:
            request = self._decide(
                request_id, ApprovalStatus.REFUSED, seen=seen, reason=reason, actor=actor, tx=tx
            )
            _record(tx, Action.APPROVAL_REFUSED, request, actor, self.clock.now())

    def withdraw(self, request_id: UUID, actor: Actor) -> None:
        """Take one's own request back; refuses with `approval.unknown` or `approval.over`."""
        now = self.clock.now()
        with self.store.write() as tx:
            request = tx.approvals.find(request_id)
            if request is None or request.author_id != _author_id(actor):
                raise Refused("approval.unknown")
            withdrawn = replace(
                request, status=ApprovalStatus.WITHDRAWN, decided_by=actor.id, decided_at=now
            )
            if not tx.approvals.decide(withdrawn, now):
                raise Refused("approval.over")
            _record(tx, Action.APPROVAL_WITHDRAWN, request, actor, now)

    def show(self, request_id: UUID) -> ShownRequest:
        """Return a request with what it would change; refuses with `approval.unknown`."""
        with self.store.read() as tx:
            request = tx.approvals.find(request_id)
            if request is None:
                raise Refused("approval.unknown")
            return self._shown(request, tx=tx)

    def list_open(self) -> Sequence[ShownRequest]:
        """Return all that waits, the oldest first."""
        now = self.clock.now()
        with self.store.read() as tx:
            waiting = [r for r in tx.approvals.list_waiting() if r.is_open(now)]
            return tuple(self._shown(request, tx=tx) for request in waiting)

    def list_latest(self, limit: int, *, author_id: UUID | None = None) -> Sequence[ShownRequest]:
        """Return the newest requests that wait no more; `author_id`: of one person alone."""
        now = self.clock.now()
        with self.store.read() as tx:
            found = tx.approvals.list_latest(limit, now=now, author_id=author_id)
            return tuple(self._shown(request, tx=tx) for request in found)

    def count_open(self) -> int:
        """Return how many wait."""
        now = self.clock.now()
        with self.store.read() as tx:
            return sum(request.is_open(now) for request in tx.approvals.list_waiting())

    def _decide(
        self,
        request_id: UUID,
        status: ApprovalStatus,
        *,
        seen: bytes,
        reason: str,
        actor: Actor,
        tx: Transaction,
    ) -> ApprovalRequest:
        """Write a decision, if it is this person's to make and nobody was first."""
        now = self.clock.now()
        request = tx.approvals.find(request_id)
        if request is None or actor.id is None:
            raise Refused("approval.unknown")
        check_decider(request, actor.id, now=now, seen=seen)
        decider = tx.admins.find(actor.id)
        # roles as they are now, not as they were when the page was opened
        if decider is None or not decider.is_active:
            raise Refused("approval.forbidden")
        if not may(decider.roles, Permission.APPROVALS_DECIDE):
            raise Refused("approval.forbidden")
        decided = replace(
            request,
            status=status,
            decided_by=actor.id,
            decided_at=now,
            decision_reason=reason,
        )
        if not tx.approvals.decide(decided, now):
            raise Refused("approval.over")
        return decided

    def _author(self, request: ApprovalRequest, approver: Actor, *, tx: Transaction) -> Actor:
        """Return who asked, if they may still ask for anything; the call comes from the approver's.

        An admin or a program that was suspended since gets nothing through any more.
        """
        if request.author_kind == "client":
            client = tx.clients.find_row(request.author_id)
            if client is None or not client.is_active:
                raise Refused("approval.void")
            return Actor("client", client.client_id, approver.origin, client.id)
        if request.author_kind == "admin":
            author = tx.admins.find(request.author_id)
            if author is None or not author.is_active:
                raise Refused("approval.void")
        if request.author_kind == OPERATOR.kind:
            return replace(OPERATOR, origin=approver.origin)
        name = str(request.author_id)
        return Actor(request.author_kind, name, approver.origin, request.author_id)

    def _shown(self, request: ApprovalRequest, *, tx: Transaction) -> ShownRequest:
        executor = self.executors.get(request.kind)
        is_open = request.is_open(self.clock.now())
        changes = executor.changes(request.payload, tx=tx) if executor and is_open else ()
        is_admin = request.author_kind == "admin"
        author = tx.admins.find(request.author_id) if is_admin else None
        decider = tx.admins.find(request.decided_by) if request.decided_by is not None else None
        is_program = request.author_kind == "client"
        program = tx.clients.find_row(request.author_id) if is_program else None
        return ShownRequest(request, tuple(changes), author, decider, program)


def _author_id(actor: Actor) -> UUID | None:
    return NO_AUTHOR if actor.kind == OPERATOR.kind else actor.id


def _record(
    tx: Transaction, action: Action, request: ApprovalRequest, actor: Actor, now: int
) -> None:
    tx.audit.record(
        AuditEvent(
            action,
            now,
            actor=actor.kind,
            actor_id=actor.id if actor.kind == "admin" else None,
            account_id=actor.id if actor.kind == "citizen" else None,
            client_id=actor.name if actor.kind == "client" else None,
            origin=actor.origin,
            object_id=request.id.hex,
            details={
                "request": request.id.hex,
                "kind": request.kind,
                "subject": request.subject,
                "digest": request.digest.hex(),
            },
        )
    )
