"""A read-through cache of clients, as the protocol reads them on every call (RFC 6749 §2).

A change in this process counts at once, in the others within five seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from idp.domain.protocol.client import Client, may_be_client_id
from idp.domain.protocol.third_party_login import may_start
from idp.ports.clock import Clock
from idp.ports.store import Store

KEEP_SECONDS: Final = 4.0
CLIENTS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class _Overview:
    """What is known of all clients together."""

    read_at: float
    revision: object
    origins: frozenset[str]
    servers: Mapping[str, Client]
    closed: frozenset[str]
    startable: tuple[Client, ...]


_NOTHING_READ: Final = _Overview(-1e9, None, frozenset(), {}, frozenset(), ())


@dataclass(slots=True)
class ClientDirectory:
    """Clients by identifier; an unknown one is asked for each time."""

    store: Store
    clock: Clock
    _known: dict[str, tuple[float, Client]] = field(default_factory=dict)
    _all: _Overview = field(default_factory=lambda: _NOTHING_READ)

    def find(self, client_id: str) -> Client | None:
        """Return the client, active or not; no store is asked for what can't be a name."""
        if not may_be_client_id(client_id):
            return None
        kept = self._known.get(client_id)
        now = self.clock.monotonic()
        if kept is not None and now - kept[0] < KEEP_SECONDS:
            return kept[1]
        with self.store.read() as tx:
            client = tx.clients.find(client_id)
        if client is None:
            self._known.pop(client_id, None)
            return None
        if len(self._known) >= CLIENTS_MAX:
            self._known.clear()
        self._known[client_id] = (now, client)
        return client

    def forget(self, client_id: str) -> None:
        """Drop what is kept of a client that just changed."""
        self._known.pop(client_id, None)
        self._all = replace(self._all, read_at=-1e9)

    def origins(self) -> frozenset[str]:
        """Return the web origins of all active clients: who may call from a page (CORS)."""
        return self._overview().origins

    def serving(self, audience: str) -> Client | None:
        """Return the client that answers for an audience, if one is registered to."""
        return self._overview().servers.get(audience)

    def startable(self) -> tuple[Client, ...]:
        """Return the clients to which a sign-in can begin at our pages, the newest first."""
        return self._overview().startable

    def is_closed(self, audience: str) -> bool:
        """Return whether everybody who is registered to answer for an audience is out of service.

        An audience that nobody registered for is taken to be a resource of its own.
        """
        return audience in self._overview().closed

    def _overview(self) -> _Overview:
        kept, now = self._all, self.clock.monotonic()
        if now - kept.read_at < KEEP_SECONDS:
            return kept
        with self.store.read() as tx:
            revision = tx.clients.revision()
            if revision == kept.revision:
                self._all = replace(kept, read_at=now)
                return self._all
            everybody = tx.clients.list_all()
        clients = [client for client in everybody if client.is_active]
        servers = {audience: client for client in clients for audience in client.serves}
        self._all = _Overview(
            now,
            revision,
            frozenset(origin for client in clients for origin in origins_of(client)),
            servers,
            frozenset(name for client in everybody for name in client.serves) - servers.keys(),
            tuple(
                sorted(filter(may_start, clients), key=lambda c: (c.created_at, c.id), reverse=True)
            ),
        )
        return self._all


def origins_of(client: Client) -> frozenset[str]:
    """Return the web origins that a client's pages have: those it sends people back to."""
    if not client.is_active:
        return frozenset()
    return frozenset(origin for uri in client.redirect_uris if (origin := _origin(uri)))


def _origin(uri: str) -> str | None:
    """Return the origin as browsers write it (RFC 6454 §6.2), `None` for an application's URI."""
    parts = urlsplit(uri)
    if parts.scheme not in _PORTS:
        return None
    name, port = parts.hostname or "", parts.port
    host = f"[{name}]" if ":" in name else name
    where = host if port in {None, _PORTS[parts.scheme]} else f"{host}:{port}"
    return f"{parts.scheme}://{where}"


_PORTS: Final = {"http": 80, "https": 443}
