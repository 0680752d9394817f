"""Moving to a new root: data keys wrapped anew, blind indexes written under it.

Old roots stay readable until this is done; it resumes where it was killed, since a row that was
written twice is only written twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from idp.domain.errors import Conflict
from idp.domain.identity.audit import Action, AuditEvent
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.ports.vault import Vault

BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class IndexRotation:
    """Walks every row with a blind index."""

    store: Store
    vault: Vault
    clock: Clock

    def rewrap_keys(self) -> int:
        """Wrap the data keys under the newest root; return how many there are."""
        return self.vault.rewrap()

    def rewrite_accounts(self) -> Iterator[int]:
        """Write every account anew, in batches; yield how many are done."""
        after: UUID | None = None
        done = 0
        while True:
            with self.store.read() as tx:
                accounts = tx.accounts.list_from(after, BATCH)
            if not accounts:
                return
            for account in accounts:
                self._rewrite(account.id)
            after = accounts[-1].id
            done += len(accounts)
            yield done

    def rewrite_legacy(self) -> Iterator[int]:
        """Write the indexes of old portals' rows anew, in batches; yield how many are done."""
        after: UUID | None = None
        done = 0
        while True:
            with self.store.write() as tx:
                rows = tx.legacy_accounts.list_from(after, BATCH)
                for legacy in rows:
                    tx.legacy_accounts.reindex(legacy)
            if not rows:
                return
            after = rows[-1].id
            done += len(rows)
            yield done

    def rewrite_admins(self) -> int:
        """Write every admin anew; return how many there are."""
        with self.store.read() as tx:
            admins = tx.admins.list_all()
        for admin in admins:
            self._rewrite_admin(admin.id)
        return len(admins)

    def note_done(self, accounts: int) -> None:
        """Tell that every index stands under the newest root now."""
        with self.store.write() as tx:
            event = AuditEvent(
                Action.ROOT_ROTATED,
                self.clock.now(),
                actor="operator",
                details={"accounts": accounts},
            )
            tx.audit.record(event)

    def _rewrite_admin(self, admin_id: UUID) -> None:
        for _ in range(3):
            try:
                with self.store.write() as tx:
                    admin = tx.admins.find(admin_id)
                    if admin is not None:
                        tx.admins.update(admin)
            except Conflict:
                continue
            return

    def _rewrite(self, account_id: UUID) -> None:
        """Write one account; somebody may be changing it at this moment."""
        for _ in range(3):
            try:
                with self.store.write() as tx:
                    account = tx.accounts.find(account_id)
                    if account is not None:
                        tx.accounts.update(account)
            except Conflict:
                continue
            return
