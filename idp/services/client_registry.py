"""Client registrations: shared by the command line, admin pages, REST and dynamic registration."""

import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.admin_scopes import is_admin_scope
from idp.domain.identity.audit import OPERATOR, Action, Actor, AuditEvent
from idp.domain.ids import digest_of
from idp.domain.protocol.algorithms import ON_DEMAND
from idp.domain.protocol.client import (
    CLIENT_ID_MAX,
    SECRET_METHODS,
    Client,
    ClientSecret,
    ClientStatus,
    ClientVersion,
    Profile,
    may_be_client_id,
)
from idp.domain.protocol.client_metadata import (
    OPERATOR_MEMBERS,
    MetadataPolicy,
    parse_client_metadata,
)
from idp.domain.protocol.client_search import ClientSearch, Place, place_of
from idp.domain.protocol.key_set import keys_of
from idp.domain.protocol.metadata_faults import (
    Fault,
    InvalidMetadata,
    Reason,
    because,
    refuse_member,
)
from idp.ports.clock import Clock
from idp.ports.documents import DocumentFetcher, FetchFailed
from idp.ports.entropy import Entropy
from idp.ports.images import Images, NoImage
from idp.ports.store import Store, Transaction

#: The least of a secret that an operator brings; ours have 256 bits.
SECRET_MIN: Final = 32
SECRET_MAX: Final = 512
#: One to work with, one to move to.
SECRETS_MAX: Final = 2
#: No client is changed more often.
VERSION_MAX: Final = 2**31 - 1
#: The largest picture that is looked at.
LOGO_BYTES_MAX: Final = 1024 * 1024
#: The largest key set that is read.
JWKS_BYTES_MAX: Final = 65536
#: Twice the 44 pixels of the pages, for fine screens, and once more for zoom.
LOGO_PIXELS: Final = 176
#: How the members end that say what we sign with for a client.
_SIGNED_BY_US: Final = "_signed_response_alg"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Logo:
    """A client's picture. `name`: `None` for its initials; `body`: where it is not kept so far."""

    name: str | None
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration with the secret that is told this once."""

    client: Client
    secret: str | None
    secret_expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of clients. `total`: on all pages; `following`: after what the next one begins."""

    clients: tuple[Client, ...]
    total: int
    following: Place | None


class EditedMeanwhile(Refused):
    """Somebody else changed the registration since it was read; `current`: what it is now."""

    def __init__(self, current: Client) -> None:
        super().__init__("client.edited", version=current.version)
        self.current = current


@dataclass(frozen=True, slots=True)
class ClientRegistry:
    """Registers, changes, suspends and deletes clients; every change is a version.

    `on_change`: told the identifier of a client that changed, so that caches drop it. Where a
    caller says which `version` it read and another was saved since: `EditedMeanwhile`. `make_keys`:
    called before a client comes to need what we have keys for on demand alone.
    """

    store: Store
    clock: Clock
    entropy: Entropy
    policy: MetadataPolicy
    documents: DocumentFetcher
    images: Images
    on_change: Callable[[str], None]
    make_keys: Callable[[Collection[str]], None]

    def register(
        self,
        given: Mapping[str, Any],
        actor: Actor = OPERATOR,
        *,
        status: ClientStatus = ClientStatus.ACTIVE,
        registration_digest: bytes | None = None,
        admit: Callable[[Transaction], None] | None = None,
        logo: Logo | None = None,
    ) -> Registered:
        """Register a client from its metadata.

        `logo`: where it is at hand, so that none is fetched.

        An operator may give `client_id` and `client_secret`. `registration_digest`: of the token
        by which the client may manage itself. `admit`: spends what lets the caller register, in the
        same transaction, or refuses. Refuses with `InvalidMetadata` or `client.exists`.
        """
        metadata = self.checked(given)
        logo = logo or self._fetched_logo(metadata)
        now = self.clock.now()
        own_id = _client_id(given) if self.policy.is_operator else None
        client_id = own_id or self._free_id()
        secret = self._secret(metadata, given)
        client = Client(
            id=self.entropy.uuid7(self.clock.now_ms()),
            client_id=client_id,
            status=status,
            profile=Profile(metadata["profile"]),
            metadata=metadata,
            secrets=() if secret is None else (ClientSecret(digest_of(secret), now),),
            owner=str(metadata.get("owner", "")),
            registration_digest=registration_digest,
            logo=logo.name,
            created_at=now,
            updated_at=now,
        )
        self._check_gives_none(actor, client)
        self._make_keys(metadata)
        try:
            with self.store.write() as tx:
                if admit is not None:
                    admit(tx)
                tx.clients.add(client, author=actor.name, reference=actor.origin.request_id)
                _keep(tx, client, logo, now)
                _record(tx, Action.CLIENT_REGISTERED, client, actor, now)
        except Conflict as conflict:
            raise Refused("client.exists") from conflict
        self.on_change(client_id)
        return Registered(client, secret)

    def replace(
        self,
        client_id: str,
        given: Mapping[str, Any],
        actor: Actor = OPERATOR,
        *,
        status: ClientStatus | None = None,
        becomes: ClientStatus | None = None,
        version: int | None = None,
        reason: str = "",
        logo: Logo | None = None,
    ) -> Registered:
        """Put new metadata in the place of the old; a secret that is still needed stays.

        What an operator decided stays where the client changes itself. `status`: of a client whose
        metadata did change; `becomes`: its status in any case. `logo`: where it is at hand. Where
        nothing changes there is no new version. Refuses with `client.unknown`, `EditedMeanwhile`
        and as `register` does.
        """
        known = self.get(client_id)
        metadata = self.checked(given, known)
        # fetched once: an address that stays is not asked again
        is_new_logo = known.logo is None or _logo_uri(metadata) != _logo_uri(known.metadata)
        if logo is None and is_new_logo:
            logo = self._fetched_logo(metadata)
        self._make_keys(metadata)
        now = self.clock.now()
        try:
            with self.store.write() as tx:
                client = self._changeable(tx, client_id, actor, version)
                _check_not_over(client)
                is_same = metadata == client.metadata
                changed = replace(
                    client,
                    metadata=metadata,
                    logo=client.logo if logo is None else logo.name,
                    status=becomes or (client.status if status is None or is_same else status),
                    profile=Profile(metadata["profile"]),
                    owner=str(metadata.get("owner", client.owner)),
                    updated_at=now,
                )
                _keep(tx, client, logo, now)
                done = self._put(tx, client, changed, given, actor, reason)
        except Conflict as conflict:
            if version is None:
                raise
            raise EditedMeanwhile(self.get(client_id)) from conflict
        self.on_change(client_id)
        return done

    def _make_keys(self, metadata: Mapping[str, Any]) -> None:
        wanted = {value for name, value in metadata.items() if name.endswith(_SIGNED_BY_US)}
        if wanted & ON_DEMAND:
            self.make_keys(wanted & ON_DEMAND)

    def _put(
        self,
        tx: Transaction,
        client: Client,
        changed: Client,
        given: Mapping[str, Any],
        actor: Actor,
        reason: str,
    ) -> Registered:
        """Write what became of a client, with the secret that it then needs."""
        self._check_gives_none(actor, changed, client)
        secret, drops = self._next_secret(client, changed, given)
        now = changed.updated_at
        if drops:
            tx.clients.drop_secrets(client.client_id)
        if secret is not None:
            tx.clients.add_secret(client.client_id, ClientSecret(digest_of(secret), now))
        if not drops and replace(changed, updated_at=client.updated_at) == client:
            return Registered(client, None)
        written = tx.clients.update(
            changed, author=actor.name, reason=reason, reference=actor.origin.request_id
        )
        is_stopped = written.status is not client.status
        action = _STOPPING.get(written.status, _CHANGED) if is_stopped else _CHANGED
        _record(tx, action, written, actor, now)
        return Registered(written, secret)

    def _next_secret(
        self, client: Client, changed: Client, given: Mapping[str, Any]
    ) -> tuple[str | None, bool]:
        """Return a new secret where one is needed, and whether those so far end."""
        if changed.auth_method not in SECRET_METHODS:
            return None, bool(client.secrets)
        # a client sends its secret back; a new one is an operator's to bring
        brought = given.get("client_secret") if self.policy.is_operator else None
        if brought is None and client.secrets:
            return None, False
        return self._secret(changed.metadata, given), True

    def restore(
        self, client_id: str, number: int, actor: Actor = OPERATOR, *, version: int | None = None
    ) -> Client:
        """Bring back the metadata and the logo of an earlier version, as a new one.

        Refuses with `client.version_unknown`, and with `InvalidMetadata` what is no longer allowed.
        """
        old = self.get_version(client_id, number)
        return self.replace(
            client_id, old.metadata, actor, version=version, logo=logo_of(old)
        ).client

    def get_version(self, client_id: str, number: int) -> ClientVersion:
        """Return a client as it once was; refuses with `client.version_unknown`."""
        found = None
        if 0 < number <= VERSION_MAX:
            with self.store.read() as tx:
                found = tx.clients.find_version(client_id, number)
        if found is None:
            raise Refused("client.version_unknown")
        return found

    def list_versions(
        self, client_id: str, *, before: int | None = None, limit: int = 25
    ) -> Sequence[ClientVersion]:
        """Return what a client was, newest first; `before`: a number that they are under."""
        with self.store.read() as tx:
            return tx.clients.list_versions(client_id, before=before, limit=limit)

    def put_logo(self, client_id: str, body: bytes | None, actor: Actor = OPERATOR) -> Client:
        """Draw an uploaded picture anew as the client's logo; `None` leaves its initials.

        Refuses with `client.unknown`, and `InvalidMetadata` at `logo` what is no picture.
        """
        logo = Logo(None) if body is None else _named(self._drawn(body, "logo"))
        now = self.clock.now()
        with self.store.write() as tx:
            client = self._changeable(tx, client_id, actor)
            _keep(tx, client, logo, now)
            changed = replace(client, logo=logo.name, updated_at=now)
            changed = tx.clients.update(
                changed, author=actor.name, reference=actor.origin.request_id
            )
            _record(tx, Action.CLIENT_CHANGED, changed, actor, now)
        self.on_change(client_id)
        return changed

    def make_id(self) -> str:
        """Return an identifier that no client has."""
        return self._free_id()

    def suspend(self, client_id: str, actor: Actor = OPERATOR, *, reason: str = "") -> Client:
        """Stop a client everywhere within five seconds; refuses with `client.unknown`."""
        return self._set_status(
            client_id, ClientStatus.SUSPENDED, Action.CLIENT_SUSPENDED, actor, reason
        )

    def activate(self, client_id: str, actor: Actor = OPERATOR, *, reason: str = "") -> Client:
        """Let a suspended client go on; refuses with `client.unknown` or `client.retired`."""
        return self._set_status(
            client_id, ClientStatus.ACTIVE, Action.CLIENT_CHANGED, actor, reason
        )

    def retire(self, client_id: str, actor: Actor = OPERATOR, *, reason: str = "") -> Client:
        """Stop a client for good; its history stays. Refuses with `client.unknown`."""
        return self._set_status(
            client_id, ClientStatus.RETIRED, Action.CLIENT_RETIRED, actor, reason
        )

    def change_in(
        self,
        client_id: str,
        metadata: Mapping[str, Any],
        actor: Actor,
        *,
        version: int,
        reason: str,
        tx: Transaction,
        logo: Logo | None = None,
    ) -> Client:
        """Put metadata that was checked before in the place of the old, in a caller's transaction.

        Nothing is fetched: what was looked at when it was asked for is what is done. Whoever calls
        lets `on_change` know after the commit. Refuses with `client.unknown`, `EditedMeanwhile`,
        and with `InvalidMetadata` what is no longer allowed.
        """
        kept = parse_client_metadata(metadata, self.policy)
        client = self._changeable(tx, client_id, actor, version)
        _check_not_over(client)
        changed = replace(
            client,
            metadata=kept,
            profile=Profile(kept["profile"]),
            owner=str(kept.get("owner", client.owner)),
            logo=client.logo if logo is None else logo.name,
            updated_at=self.clock.now(),
        )
        return self._put(tx, client, changed, {}, actor, reason).client

    def delete(self, client_id: str, actor: Actor = OPERATOR, *, reason: str = "") -> None:
        """Delete a client; its identifier is never given again. Refuses with `client.unknown`."""
        with self.store.write() as tx:
            self.delete_in(client_id, actor, reason=reason, tx=tx)
        self.on_change(client_id)

    def delete_in(self, client_id: str, actor: Actor, *, reason: str, tx: Transaction) -> None:
        """Do the same in a caller's transaction, which lets `on_change` know after the commit."""
        now = self.clock.now()
        client = self._changeable(tx, client_id, actor)
        tx.clients.delete(
            client_id, now, author=actor.name, reason=reason, reference=actor.origin.request_id
        )
        _record(tx, Action.CLIENT_DELETED, client, actor, now)

    def count_citizens(self, client_id: str) -> int:
        """Return how many citizens have allowed a client something that still holds."""
        with self.store.read() as tx:
            return tx.clients.count_citizens(client_id, now=self.clock.now())

    def get(self, client_id: str) -> Client:
        """Return a client; refuses with `client.unknown`."""
        with self.store.read() as tx:
            return _found(tx, client_id)

    def get_row(self, row: UUID) -> Client:
        """Return the client with this `id`; refuses with `client.unknown`."""
        with self.store.read() as tx:
            client = tx.clients.find_row(row)
        if client is None:
            raise Refused("client.unknown")
        return client

    def list_all(self) -> Sequence[Client]:
        """Return every client, oldest first."""
        with self.store.read() as tx:
            return tx.clients.list_all()

    def search(self, wanted: ClientSearch) -> SearchPage:
        """Return one page of the clients that are wanted."""
        with self.store.read() as tx:
            found = tx.clients.search(wanted)
            total = tx.clients.count(wanted)
        shown = tuple(found[: wanted.limit])
        goes_on = len(found) > wanted.limit
        return SearchPage(shown, total, place_of(shown[-1], wanted.order) if goes_on else None)

    def rotate_secret(
        self, client_id: str, actor: Actor = OPERATOR, *, overlap_seconds: int
    ) -> Registered:
        """Give a client a new secret; its newest one so far stays good for a while beside it.

        Refuses with `client.unknown`, or `InvalidMetadata` where it has no secret.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            client = _with_secrets(self._changeable(tx, client_id, actor))
            tx.clients.drop_secrets(client_id)
            ends_at = now + overlap_seconds
            # the one that no rotation has ended yet
            for old in sorted(client.secrets, key=lambda s: s.expires_at is not None)[:1]:
                until = ends_at if old.expires_at is None else min(ends_at, old.expires_at)
                tx.clients.add_secret(client_id, replace(old, expires_at=until))
            done = self._add_secret(tx, client, actor, now, None)
        self.on_change(client_id)
        return done

    def add_secret(
        self, client_id: str, actor: Actor = OPERATOR, *, life_seconds: int | None = None
    ) -> Registered:
        """Give a client a second secret beside the one it has, to move to without a stop.

        Refuses with `client.unknown`, `InvalidMetadata` where it has none, or `client.secrets`
        where two are live.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            client = _with_secrets(self._changeable(tx, client_id, actor))
            live = [secret for secret in client.secrets if secret.is_live(now)]
            if len(live) >= SECRETS_MAX:
                raise Refused("client.secrets", maximum=SECRETS_MAX)
            for secret in client.secrets:
                if secret not in live and secret.id is not None:
                    tx.clients.drop_secret(client_id, secret.id)
            expires_at = None if life_seconds is None else now + life_seconds
            done = self._add_secret(tx, client, actor, now, expires_at)
        self.on_change(client_id)
        return done

    def retire_secret(self, client_id: str, secret_id: UUID, actor: Actor = OPERATOR) -> Client:
        """End one of two secrets at once.

        Refuses with `client.unknown`, `client.secret_unknown`, or `client.secret_last`.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            client = self._changeable(tx, client_id, actor)
            live = {secret.id for secret in client.secrets if secret.is_live(now)}
            if secret_id not in {secret.id for secret in client.secrets}:
                raise Refused("client.secret_unknown")
            if live == {secret_id}:
                raise Refused("client.secret_last")
            tx.clients.drop_secret(client_id, secret_id)
            changed = tx.clients.update(
                replace(client, updated_at=now),
                author=actor.name,
                reference=actor.origin.request_id,
            )
            _record(tx, Action.CLIENT_SECRET_RETIRED, changed, actor, now)
        self.on_change(client_id)
        return changed

    def _add_secret(
        self, tx: Transaction, client: Client, actor: Actor, now: int, expires_at: int | None
    ) -> Registered:
        secret = self.entropy.token()
        tx.clients.add_secret(
            client.client_id, ClientSecret(digest_of(secret), now, expires_at=expires_at)
        )
        changed = tx.clients.update(
            replace(client, updated_at=now), author=actor.name, reference=actor.origin.request_id
        )
        _record(tx, Action.CLIENT_SECRET_ADDED, changed, actor, now)
        return Registered(changed, secret, expires_at)

    def make_initial_access_token(self, *, note: str, life_seconds: int) -> str:
        """Return a token that registers one client (RFC 7591 §3); it is told this once."""
        now = self.clock.now()
        token = self.entropy.token()
        with self.store.write() as tx:
            tx.initial_access_tokens.add(
                digest_of(token), note=note, now=now, expires_at=now + life_seconds
            )
        return token

    def _free_id(self) -> str:
        """Return an identifier that no client has; a dash in front would be an option to shells."""
        while (made := self.entropy.token(16)).startswith("-"):
            continue
        return made

    def find_logo(self, row: UUID, digest: str) -> bytes | None:
        """Return the PNG that we drew of a client's logo; `row`: the client's `id`."""
        with self.store.read() as tx:
            return tx.clients.find_logo(row, digest)

    def checked(self, given: Mapping[str, Any], known: Client | None = None) -> dict[str, Any]:
        """Return metadata as it would be kept; refuses with `InvalidMetadata`.

        `known`: the client that it is for: what an operator decided about it stays where it is not
        an operator who asks. What others publish is asked for: a sector's document at each time
        (OpenID Connect Registration §5), for a form also a new address of keys.
        """
        decided = {} if known is None else self._decided(known)
        metadata = parse_client_metadata(given, self._policy_for(known), decided)
        faults = list(self._sector_faults(metadata))
        published = self.fault_of_keys(metadata, known) if self.policy.is_form else None
        if published is not None:
            faults.append(published)
        if faults:
            raise InvalidMetadata(faults)
        return metadata

    def _policy_for(self, known: Client | None) -> MetadataPolicy:
        """Return the policy, which lets a form keep what the client has.

        An operator may have prepared it for a proxy that is still to come.
        """
        policy = self.policy
        if known is None or not policy.is_form:
            return policy
        return replace(
            policy,
            auth_methods=policy.auth_methods | {known.auth_method},
            takes_certificates=policy.takes_certificates
            or bool(known.metadata.get("tls_client_certificate_bound_access_tokens")),
        )

    def _sector_faults(self, metadata: Mapping[str, Any]) -> Iterator[Fault]:
        uri = metadata.get("sector_identifier_uri")
        if uri is None:
            return
        try:
            listed = json.loads(self.documents.fetch_anew(uri, kind="sector_identifier"))
        except (FetchFailed, ValueError, RecursionError):
            yield Fault("sector_identifier_uri", because("sector.fetch"))
            return
        if not isinstance(listed, list) or not set(metadata["redirect_uris"]) <= set(
            map(str, listed)
        ):
            yield Fault("sector_identifier_uri", because("sector.names"))

    def fault_of_keys(
        self, metadata: Mapping[str, Any], known: Client | None = None
    ) -> Fault | None:
        """Ask a new address of keys for them, and return what is wrong there (RFC 7517 §5).

        `known`: the client so far, whose own address is not asked again. For callers who may go on
        without an answer: `is_unanswered` tells whether there was one.
        """
        uri = metadata.get("jwks_uri")
        was = None if known is None else known.metadata.get("jwks_uri")
        if uri is None or uri == was:
            return None
        try:
            keys = keys_of(self.documents.fetch_anew(uri, kind="jwks"))
        except FetchFailed as failure:
            return Fault("jwks_uri", _unfetched(failure, JWKS_BYTES_MAX))
        return None if keys else Fault("jwks_uri", because("fetch.keys"))

    def drawn_logo(self, name: str, body: bytes) -> Logo:
        """Return a picture under the name that it had where it comes from, drawn anew.

        Another version of our drawing may give other bytes: the name is what tells logos apart.
        Refuses with `InvalidMetadata` at `logo` what is no picture.
        """
        return Logo(name, self._drawn(body, "logo"))

    def _fetched_logo(self, metadata: Mapping[str, Any]) -> Logo:
        """Fetch a client's logo and draw it anew; without one its initials stand on the pages.

        Whoever fills in a form is told that it can't be had.
        """
        uri = _logo_uri(metadata)
        if uri is None:
            return Logo(None)
        try:
            return _named(self._drawn(self.documents.fetch_anew(uri, kind="logo"), "logo_uri"))
        except FetchFailed as failure:
            reason = failure.reason
            refusal = InvalidMetadata([Fault("logo_uri", _unfetched(failure, LOGO_BYTES_MAX))])
        except InvalidMetadata as invalid:
            reason, refusal = "no image", invalid
        if self.policy.is_form:
            raise refusal
        logger.warning("logo not fetched", extra={"reason": reason})
        return Logo(None)

    def _drawn(self, body: bytes, member: str) -> bytes:
        if len(body) > LOGO_BYTES_MAX:
            raise refuse_member(member, "logo.size", maximum=LOGO_BYTES_MAX)
        try:
            return self.images.redrawn(body, side=LOGO_PIXELS)
        except NoImage as error:
            raise refuse_member(member, "logo") from error

    def _decided(self, client: Client) -> dict[str, Any]:
        """Return what an operator decided about a client, where it is not an operator who asks."""
        if self.policy.is_operator:
            return {}
        decided = client.metadata.items()
        return {name: value for name, value in decided if _is_decided(name)}

    def _set_status(
        self, client_id: str, status: ClientStatus, action: Action, actor: Actor, reason: str
    ) -> Client:
        now = self.clock.now()
        with self.store.write() as tx:
            stops = status is ClientStatus.SUSPENDED
            # whoever sees that something is stolen must be able to stop it
            client = _found(tx, client_id) if stops else self._changeable(tx, client_id, actor)
            _check_not_over(client)
            changed = tx.clients.update(
                replace(client, status=status, updated_at=now),
                author=actor.name,
                reason=reason,
                reference=actor.origin.request_id,
            )
            _record(tx, action, changed, actor, now)
        self.on_change(client_id)
        return changed

    def _changeable(
        self, tx: Transaction, client_id: str, actor: Actor, version: int | None = None
    ) -> Client:
        """Return a client that somebody may change: one that administers is the operator's alone.

        Else whoever may give a client a secret or a key would have all that it may do (AD-2).
        Refuses with `client.unknown`, `EditedMeanwhile` or `client.administers`.
        """
        client = _found(tx, client_id, version)
        if self._minds(actor) and any(map(is_admin_scope, client.scopes)):
            raise Refused("client.administers")
        return client

    def _check_gives_none(self, actor: Actor, client: Client, before: Client | None = None) -> None:
        """Refuse scopes of the API of administration to whoever is no operator."""
        had = before.scopes if before is not None else frozenset()
        for scope in sorted(client.scopes - had):
            if self._minds(actor) and is_admin_scope(scope):
                raise refuse_member("scope", "scope.unknown", scope=scope)

    def _minds(self, actor: Actor) -> bool:
        """Return whether somebody may not touch scopes of administration.

        Where nobody is an operator, as in dynamic registration, the policy drops them anyway.
        """
        return self.policy.is_operator and actor.kind != OPERATOR.kind

    def _secret(self, metadata: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
        if metadata["token_endpoint_auth_method"] not in SECRET_METHODS:
            return None
        brought = given.get("client_secret")
        if brought is None or not self.policy.is_operator:
            return self.entropy.token()
        if not isinstance(brought, str) or not SECRET_MIN <= len(brought) <= SECRET_MAX:
            raise refuse_member(
                "client_secret", "client_secret", minimum=SECRET_MIN, maximum=SECRET_MAX
            )
        return brought


_CHANGED: Final = Action.CLIENT_CHANGED
_STOPPING: Final = {
    ClientStatus.SUSPENDED: Action.CLIENT_SUSPENDED,
    ClientStatus.RETIRED: Action.CLIENT_RETIRED,
}


def registration_document(registered: Registered) -> dict[str, Any]:
    """Return the answer of RFC 7591 §3.2.1; the secret stands in it this once."""
    client = registered.client
    document: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": client.created_at,
    }
    if registered.secret is not None:
        document["client_secret"] = registered.secret
        document["client_secret_expires_at"] = registered.secret_expires_at or 0
    return document | dict(client.metadata)


def _logo_uri(metadata: Mapping[str, Any]) -> str | None:
    """Return where a client's logo is; one by language where there is no other."""
    named = (value for name, value in metadata.items() if name.startswith("logo_uri#"))
    found = metadata.get("logo_uri") or next(named, None)
    return None if found is None else str(found)


def _named(body: bytes) -> Logo:
    return Logo(sha256(body).hexdigest()[:16], body)


def _keep(tx: Transaction, client: Client, logo: Logo | None, now: int) -> None:
    """Keep a picture that came now, beside those of earlier versions."""
    if logo is not None and logo.name is not None and logo.body is not None:
        tx.clients.keep_logo(client.id, logo.name, logo.body, now=now)


def logo_of(version: ClientVersion) -> Logo | None:
    """Return what restoring a version brings back; `None`: its address is asked, as ever."""
    if version.logo is None and _logo_uri(version.metadata) is not None:
        return None
    return Logo(version.logo)


def _client_id(given: Mapping[str, Any]) -> str | None:
    value = given.get("client_id")
    if value is None:
        return None
    if not isinstance(value, str) or not may_be_client_id(value):
        raise refuse_member("client_id", "client_id", maximum=CLIENT_ID_MAX)
    return value


def _found(tx: Transaction, client_id: str, version: int | None = None) -> Client:
    """Return a client, at that version if one is named."""
    client = tx.clients.find(client_id) if may_be_client_id(client_id) else None
    if client is None:
        raise Refused("client.unknown")
    if version is not None and client.version != version:
        raise EditedMeanwhile(client)
    return client


def _check_not_over(client: Client) -> None:
    if client.status is ClientStatus.RETIRED:
        raise Refused("client.retired")


def _with_secrets(client: Client) -> Client:
    if client.auth_method not in SECRET_METHODS:
        raise refuse_member("token_endpoint_auth_method", "secretless")
    return client


def _unfetched(failure: FetchFailed, most: int) -> Reason:
    if failure.reason == "size":
        return because("fetch.size", maximum=most)
    if failure.reason == "address":
        return because("fetch.address")
    return because("fetch", reason=failure.reason)


def is_unanswered(fault: Fault) -> bool:
    """Return whether nothing came from an address: from elsewhere, or later, it may be all right.

    An address that may never be asked, and an answer that is no use, stay wrong.
    """
    return fault.reason.code == "fetch"


def _is_decided(name: str) -> bool:
    return name.partition("#")[0] in OPERATOR_MEMBERS


def _record(tx: Transaction, action: Action, client: Client, actor: Actor, now: int) -> None:
    tx.audit.record(
        AuditEvent(
            action,
            now,
            actor=actor.kind,
            # a program is named by its client, which stands in the details
            actor_id=None if actor.kind == "client" else actor.id,
            client_id=client.client_id,
            origin=actor.origin,
            details={"by": actor.name, "version": client.version},
        )
    )
