"""Looking into the audit log: for officers who may, and each export is an event itself."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.admin import Admin
from idp.domain.identity.audit import (
    Action,
    Actor,
    AuditEvent,
    AuditRow,
    SignedHead,
    is_object_id,
)
from idp.domain.identity.audit_chain import is_ours
from idp.domain.identity.audit_search import AuditPage, AuditQuery, Place
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.ports.vault import Vault

PAGE: Final = 25
_BATCH: Final = 1000
#: Rows of one file; what is older is asked for with an earlier `until`.
EXPORT_MAX: Final = 50_000


@dataclass(frozen=True, slots=True)
class ChainState:
    """How far the chain is. `waiting`: whether rows have no number yet."""

    sealed: int
    waiting: bool
    head: SignedHead | None


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One row, and whether it is what somebody with the key wrote."""

    row: AuditRow
    is_ours: bool


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """Finds rows page by page."""

    store: Store
    clock: Clock
    vault: Vault

    def about(self, query: AuditQuery, text: str) -> AuditQuery:
        """Let a query ask for an object as people know it.

        `text`: an account's `sub` or id, a client's id, or the name of a key, a request, a case.
        Refuses with `audit_object.unknown`.
        """
        if not is_object_id(text):
            raise Refused("audit_object.unknown")
        with suppress(ValueError):
            # whose id it is nobody can tell: accounts are asked for most
            account_or_object = UUID(text)
            with self.store.read() as tx:
                if tx.accounts.find(account_or_object) is None:
                    return replace(query, object_id=account_or_object.hex)
            return replace(query, account_id=account_or_object)
        with self.store.read() as tx:
            account = tx.accounts.find_by_subject(text)
            if account is not None:
                return replace(query, account_id=account.id)
            if tx.clients.find(text) is not None:
                return replace(query, client_id=text)
        return replace(query, object_id=text)

    def page(self, query: AuditQuery, before: Place | None = None, size: int = PAGE) -> AuditPage:
        """Return the rows before a place, the newest first."""
        with self.store.read() as tx:
            found = tx.audit.search(query, before=before, limit=size + 1)
        rows = tuple(found[:size])
        return AuditPage(rows, (rows[-1].at, rows[-1].id) if len(found) > size else None)

    def find(self, event_id: UUID) -> SeenRow | None:
        """Return one row."""
        with self.store.read() as tx:
            row = tx.audit.find(event_id)
        return SeenRow(row, is_ours(row, self.vault.audit_key())) if row is not None else None

    def export(self, query: AuditQuery, actor: Actor) -> Iterator[AuditRow]:
        """Yield all rows of a query, the newest first, at most `EXPORT_MAX`; tell who took them."""
        now = self.clock.now()
        with self.store.write() as tx:
            tx.audit.record(
                AuditEvent(
                    Action.AUDIT_EXPORTED,
                    now,
                    actor=actor.kind,
                    actor_id=actor.id,
                    origin=actor.origin,
                    account_id=query.account_id,
                    client_id=query.client_id,
                    object_id=query.object_id,
                    details={
                        "since": query.since,
                        "until": query.until,
                        "action": query.action,
                        "actor": query.actor,
                    },
                )
            )
        return self._rows(query)

    def _rows(self, query: AuditQuery) -> Iterator[AuditRow]:
        before: Place | None = None
        for _ in range(EXPORT_MAX // _BATCH):
            page = self.page(query, before, _BATCH)
            yield from page.rows
            before = page.next
            if before is None:
                return

    def chain(self) -> ChainState:
        """Return how far the chain is."""
        with self.store.read() as tx:
            last = tx.audit.last_sealed()
            waiting = bool(tx.audit.list_unsealed(1))
            head = tx.audit.last_head()
        return ChainState(last[0] if last is not None else 0, waiting, head)

    def admins(self) -> Sequence[Admin]:
        """Return everybody who may have acted in the console."""
        with self.store.read() as tx:
            return tx.admins.list_all()
