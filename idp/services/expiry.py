"""Letters before a portal's secret or key ends: thirty days, seven and one before, each once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from idp.domain.identity.expiry import FIRST_SECONDS, days_left, days_to_tell
from idp.domain.identity.team import TeamRole
from idp.domain.protocol.client import Client
from idp.ports.clock import Clock
from idp.ports.partners import Expiring
from idp.ports.store import Store, Transaction
from idp.services.messages import LetterKind, MessageService


@dataclass(frozen=True, slots=True)
class ExpiryService:
    """`end_of_key`: when a registered JWK's certificate ends, `None` for a key that has none.

    Keys that a portal serves at its own address are its own to watch.
    """

    store: Store
    clock: Clock
    messages: MessageService
    end_of_key: Callable[[Mapping[str, Any]], int | None]

    def warn(self) -> int:
        """Write to every team that must hear of something now; return how many things."""
        now = self.clock.now()
        with self.store.read() as tx:
            found = [
                *tx.traffic.expiring_secrets(now, now + FIRST_SECONDS),
                *self._expiring_keys(tx.team_portals.clients_with_certificates(), now),
            ]
        return sum(self._warn_of(expiring, now) for expiring in found)

    def list_of(self, client: Client) -> Sequence[Expiring]:
        """Return what of one client ends within thirty days, for its page."""
        now = self.clock.now()
        secrets = (
            Expiring(client.client_id, secret.digest.hex()[:16], secret.expires_at)
            for secret in client.secrets
            if secret.expires_at is not None and now < secret.expires_at <= now + FIRST_SECONDS
        )
        found = [*secrets, *self._expiring_keys([client], now)]
        return sorted(found, key=lambda expiring: expiring.ends_at)

    def _warn_of(self, expiring: Expiring, now: int) -> bool:
        days = days_to_tell(expiring.ends_at, now)
        if days is None:
            return False
        with self.store.write() as tx:
            client = tx.clients.find(expiring.client_id)
            if client is None or not tx.traffic.note_expiry(expiring, days):
                return False
            self._tell(client, expiring, now, tx=tx)
        return True

    def _tell(self, client: Client, expiring: Expiring, now: int, *, tx: Transaction) -> None:
        portal = tx.team_portals.find_by_client(client.client_id)
        members = tx.teams.members(portal.team_id) if portal is not None else ()
        for member, account in members:
            if portal is not None and member.role is not TeamRole.VIEWER:
                self.messages.notify(
                    account,
                    LetterKind.SECRET_EXPIRES,
                    tx=tx,
                    portal=client.name_in(account.locale),
                    portal_id=str(portal.id),
                    days=days_left(expiring.ends_at, now),
                    at=expiring.ends_at,
                )

    def _expiring_keys(self, clients: Sequence[Client], now: int) -> Iterator[Expiring]:
        for client in clients:
            keys = client.metadata.get("jwks", {}).get("keys", ())
            for position, key in enumerate(keys, start=1):
                end = self.end_of_key(key)
                if end is not None and now < end <= now + FIRST_SECONDS:
                    name = str(key.get("kid") or f"#{position}")
                    yield Expiring(client.client_id, f"{name[:48]}.{end}", end)
