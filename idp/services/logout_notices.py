"""Telling portals that a session ended: a row for each, delivered by the outbox."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from idp.domain.identity.session import LoginSession
from idp.domain.protocol.logout import DELIVERY_SECONDS, wants_to_hear
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import LogoutNotice, OutboxMessage, Transaction

#: The kind of its rows in the outbox.
LOGOUT: Final = "logout"


@dataclass(frozen=True, slots=True)
class LogoutNotices:
    """Writes what must be told, in the transaction that ends the session."""

    clock: Clock
    entropy: Entropy

    def tell_all(self, session: LoginSession, *, now: int, tx: Transaction) -> None:
        """Tell every client that got a grant in this session."""
        self.tell(session, tx.grants.clients_of_session(session.sid), now=now, tx=tx)

    def tell(
        self, session: LoginSession, client_ids: Iterable[str], *, now: int, tx: Transaction
    ) -> None:
        """Tell some clients, those that registered where to be told."""
        account = None
        for client_id in client_ids:
            client = tx.clients.find(client_id)
            if client is None or not wants_to_hear(client):
                continue
            account = account or tx.accounts.find(session.account_id)
            if account is None:
                return
            message_id = self.entropy.uuid7(self.clock.now_ms())
            tx.logout_notices.add(
                LogoutNotice(message_id, session.sid, client_id, "waiting", now, now)
            )
            tx.outbox.add(
                OutboxMessage(
                    id=message_id,
                    kind=LOGOUT,
                    payload={
                        "client_id": client_id,
                        "subject": account.subject,
                        "sid": session.sid,
                    },
                    created_at=now,
                    due_at=now,
                    expires_at=now + DELIVERY_SECONDS,
                )
            )
