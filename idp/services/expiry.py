"""Letters before a portal's secret or key ends: thirty days, seven and one before, each once.

They go to the portal's team. Where it has none, they go to those who look after clients in the
console, and to whom its registration names (`contacts`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from idp.domain.errors import Refused
from idp.domain.identity.admin import Admin, AdminStatus
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.expiry import FIRST_SECONDS, days_left, days_to_tell
from idp.domain.identity.roles import Permission, may
from idp.domain.identity.team import TeamRole
from idp.domain.protocol.client import Client
from idp.domain.protocol.client_metadata import KEYS_MAX
from idp.domain.protocol.key_set import is_key_set, keys_of
from idp.ports.clock import Clock
from idp.ports.documents import DocumentFetcher, FetchFailed
from idp.ports.partners import Expiring
from idp.ports.store import Store, Transaction
from idp.services.messages import LetterKind, MessageService

_DAY: Final = 86400
#: How long a day's round of portals' own addresses takes at most.
ASKING_SECONDS: Final = 300.0
#: How many of a registration's contacts are told.
CONTACTS_MAX: Final = 5
#: How often a team hears that its address of keys does not answer.
AWAY_SECONDS: Final = 7 * _DAY
_AWAY: Final = "jwks_uri"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What should be known of a client. `keys_away`: its address of keys does not answer."""

    ends: Sequence[Expiring] = ()
    keys_away: bool = False


@dataclass(frozen=True, slots=True)
class ExpiryService:
    """`end_of_key`: when a public key ends, `None` for one that tells no end.

    `parse_email`: the edge's reading of an address.
    """

    store: Store
    clock: Clock
    messages: MessageService
    documents: DocumentFetcher
    end_of_key: Callable[[Mapping[str, Any]], int | None] = field(repr=False)
    parse_email: Callable[[str], EmailAddress]

    def warn(self) -> int:
        """Write to everybody who must hear of something now; return how many things."""
        now = self.clock.now()
        with self.store.read() as tx:
            found = list(tx.traffic.expiring_secrets(now, now + FIRST_SECONDS))
            clients = tx.clients.list_with_keys()
        for client in clients:
            found += self._expiring(client, _registered_keys(client), now)
        return sum(self._warn_of(expiring, now) for expiring in found)

    def warn_of_published(self) -> int:
        """Do the same for keys at addresses of portals, which are asked for them once a day.

        One that does not answer is asked again when all others were; whose it is hears of it
        then, once a week. Where time runs out, another day begins with other portals.
        """
        now = self.clock.now()
        with self.store.read() as tx:
            clients = [c for c in tx.clients.list_with_keys() if _AWAY in c.metadata]
        clients.sort(
            key=lambda client: sha256(f"{now // _DAY} {client.client_id}".encode()).digest()
        )
        until = self.clock.monotonic() + ASKING_SECONDS
        told = 0
        silent: list[Client] = []
        for client, is_again in _and_again(clients, silent):
            if self.clock.monotonic() >= until:
                break
            try:
                keys = keys_of(self.documents.fetch_anew(client.metadata[_AWAY], kind="jwks"))
            except FetchFailed:
                keys = None
            if keys is not None:
                told += sum(self._warn_of(one, now) for one in self._expiring(client, keys, now))
            elif is_again:
                told += self._warn_of_silence(client, now)
            else:
                silent.append(client)
        return told

    def upcoming(self, limit: int) -> Sequence[tuple[Client, Expiring]]:
        """Return what of any client ends within thirty days, the first first.

        Of keys those that the rounds found and that are registered still; nobody is asked here.
        """
        now = self.clock.now()
        with self.store.read() as tx:
            secrets = tx.traffic.expiring_secrets(now, now + FIRST_SECONDS)
            found = sorted((*secrets, *tx.traffic.noted_keys(now)), key=lambda one: one.ends_at)
            shown: list[tuple[Client, Expiring]] = []
            for one in found:
                if len(shown) == limit:
                    break
                client = tx.clients.find(one.client_id)
                if client is not None and self._is_still(one, client, now):
                    shown.append((client, one))
        return shown

    def _is_still(self, one: Expiring, client: Client, now: int) -> bool:
        """Return whether a client still has what was found to end; at its own address it may."""
        is_key = not any(secret.digest.hex()[:16] == one.what for secret in client.secrets)
        if not is_key:
            return True
        keys = self._expiring(client, _registered_keys(client), now)
        return client.is_active and (_AWAY in client.metadata or one in set(keys))

    def outlook_of(self, client: Client) -> Outlook:
        """Return what of one client ends within thirty days, for its page."""
        now = self.clock.now()
        secrets = (
            Expiring(client.client_id, secret.digest.hex()[:16], secret.expires_at)
            for secret in client.secrets
            if secret.expires_at is not None and now < secret.expires_at <= now + FIRST_SECONDS
        )
        keys = self._known_keys(client)
        found = [*secrets, *self._expiring(client, keys or (), now)]
        return Outlook(sorted(found, key=lambda one: one.ends_at), keys_away=keys is None)

    def _known_keys(self, client: Client) -> Sequence[Mapping[str, Any]] | None:
        """Return a client's keys as requests would find them; `None` where they can't be had."""
        uri = client.metadata.get(_AWAY)
        if uri is None or not client.is_active:
            return _registered_keys(client)
        try:
            body = self.documents.fetch(
                uri, kind="jwks", reader=client.client_id, is_good=is_key_set
            )
        except FetchFailed:
            return None
        return keys_of(body)

    def _warn_of(self, expiring: Expiring, now: int) -> bool:
        days = days_to_tell(expiring.ends_at, now)
        if days is None:
            return False
        with self.store.write() as tx:
            client = tx.clients.find(expiring.client_id)
            if client is None or not tx.traffic.note_expiry(expiring, days):
                return False
            self._tell(
                client,
                LetterKind.SECRET_EXPIRES,
                tx=tx,
                days=days_left(expiring.ends_at, now),
                at=expiring.ends_at,
            )
        return True

    def _warn_of_silence(self, client: Client, now: int) -> bool:
        noted = Expiring(client.client_id, f"{_AWAY}.{now // AWAY_SECONDS}", now)
        with self.store.write() as tx:
            if not tx.traffic.note_expiry(noted, 0):
                return False
            self._tell(client, LetterKind.KEYS_AWAY, tx=tx, at=now)
        return True

    def _tell(
        self, client: Client, kind: LetterKind, *, tx: Transaction, **values: str | int
    ) -> None:
        """Tell a client's team, and where none of it can be told those who stand in for it."""
        portal = tx.team_portals.find_by_client(client.client_id)
        told = False
        for member, account in tx.teams.members(portal.team_id) if portal is not None else ():
            if portal is not None and member.role is not TeamRole.VIEWER:
                told |= self.messages.notify(
                    account,
                    kind,
                    tx=tx,
                    portal=client.name_in(account.locale),
                    portal_id=str(portal.id),
                    **values,
                )
        if not told:
            self._tell_others(client, kind, tx=tx, **values)

    def _tell_others(
        self, client: Client, kind: LetterKind, *, tx: Transaction, **values: str | int
    ) -> None:
        to_officer, to_contact = _TO_OTHERS[kind]
        officers = [one for one in tx.admins.list_all() if _looks_after_clients(one)]
        for officer in officers:
            self.messages.letter(
                to_officer,
                officer.email,
                locale=officer.locale,
                tx=tx,
                message_id=None,
                of=None,
                portal=client.name_in(officer.locale),
                client_row=str(client.id),
                **values,
            )
        known = {officer.email.normalised for officer in officers}
        for address in self._contacts(client):
            if address.normalised not in known:
                known.add(address.normalised)
                named = client.name_in("id")
                self.messages.letter(
                    to_contact,
                    address,
                    locale="id",
                    tx=tx,
                    message_id=None,
                    of=None,
                    portal=named,
                    **values,
                )

    def _contacts(self, client: Client) -> Iterator[EmailAddress]:
        """Return whom a registration names, unless it is of a stranger: anybody could be named."""
        if client.registration_digest is not None:
            return
        for text in client.metadata.get("contacts", ())[:CONTACTS_MAX]:
            # RFC 7591 §2: typically addresses, but anything may stand there
            with suppress(Refused):
                yield self.parse_email(text)

    def _expiring(
        self, client: Client, keys: Sequence[Mapping[str, Any]], now: int
    ) -> Iterator[Expiring]:
        for position, key in enumerate(keys[:KEYS_MAX], start=1):
            end = self.end_of_key(key)
            if end is not None and now < end <= now + FIRST_SECONDS:
                name = str(key.get("kid") or "")[:48]
                # what others publish may name its keys by anything
                name = name if name.isascii() and name.isprintable() and name else f"#{position}"
                yield Expiring(client.client_id, f"{name}.{end}", end)


#: What goes to officers and to contacts in the place of a letter to a team.
_TO_OTHERS: Final = {
    LetterKind.SECRET_EXPIRES: (
        LetterKind.OFFICER_SECRET_EXPIRES,
        LetterKind.CONTACT_SECRET_EXPIRES,
    ),
    LetterKind.KEYS_AWAY: (LetterKind.OFFICER_KEYS_AWAY, LetterKind.CONTACT_KEYS_AWAY),
}


def _looks_after_clients(admin: Admin) -> bool:
    return admin.status is AdminStatus.ACTIVE and may(admin.roles, Permission.CLIENTS_WRITE)


def _registered_keys(client: Client) -> Sequence[Mapping[str, Any]]:
    keys: Sequence[Mapping[str, Any]] = client.metadata.get("jwks", {}).get("keys", ())
    return keys


def _and_again(
    clients: Sequence[Client], silent: Sequence[Client]
) -> Iterator[tuple[Client, bool]]:
    """Go through all, then through those that were found silent meanwhile."""
    yield from ((client, False) for client in clients)
    yield from ((client, True) for client in silent)
