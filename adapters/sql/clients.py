"""Client registrations, their secrets and every version they had."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.client_search import count_of, page_of, values_of
from adapters.sql.upserts import first_only
from idp.domain.errors import Conflict
from idp.domain.protocol.client import (
    Client,
    ClientSecret,
    ClientStatus,
    ClientVersion,
    Profile,
)
from idp.domain.protocol.client_search import ClientSearch, name_key, words_of
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy

_client = tables.client
_secret = tables.client_secret
_logo = tables.client_picture
_version = tables.client_version
_word = tables.client_word
_consent = tables.consent
_grant = tables.client_grant

_FIND: Final = sa.select(_client).where(_client.c.client_id == sa.bindparam("client_id"))
_FIND_ROW: Final = sa.select(_client).where(_client.c.id == sa.bindparam("row"))
#: As long as the columns are.
_AUTHOR_MAX: Final = 80
_REFERENCE_MAX: Final = 36
_LIST: Final = (
    sa.select(_client)
    .where(_client.c.status != ClientStatus.DELETED)
    .order_by(_client.c.created_at, _client.c.client_id)
)
_LIST_WITH_KEYS: Final = sa.select(_client).where(
    _client.c.status == ClientStatus.ACTIVE,
    # by value or by address: `jwks` or `jwks_uri`
    sa.cast(_client.c.metadata, sa.Text).like('%"jwks%'),
)
_REVISION: Final = sa.select(
    sa.func.count(), sa.func.max(_client.c.updated_at), sa.func.sum(_client.c.version)
)
_SECRETS: Final = (
    sa.select(_secret)
    .where(_secret.c.client_id == sa.bindparam("client_id"))
    .order_by(_secret.c.created_at.desc())
)
_INSERT: Final = sa.insert(_client)
_UPDATE: Final = sa.update(_client).where(
    _client.c.id == sa.bindparam("row"), _client.c.version == sa.bindparam("was")
)
_INSERT_VERSION: Final = sa.insert(_version)
_FIND_VERSION: Final = sa.select(_version).where(
    _version.c.client_id == sa.bindparam("client_id"), _version.c.version == sa.bindparam("number")
)
_LIST_VERSIONS: Final = (
    sa.select(_version)
    .where(
        _version.c.client_id == sa.bindparam("client_id"),
        _version.c.version < sa.bindparam("before"),
    )
    .order_by(_version.c.version.desc())
    .limit(sa.bindparam("most"))
)
_LAST_NUMBER: Final = 2**31 - 1
_DROP_WORDS: Final = sa.delete(_word).where(_word.c.client_id == sa.bindparam("client_id"))
_ADD_WORD: Final = sa.insert(_word)
#: Consents, and grants to those whom no consent page is shown for.
_COUNT_CITIZENS: Final = sa.select(sa.func.count()).select_from(
    sa.union(
        sa.select(_consent.c.account_id).where(
            _consent.c.client_id == sa.bindparam("client_id"), _consent.c.withdrawn_at.is_(None)
        ),
        sa.select(_grant.c.account_id).where(
            _grant.c.client_id == sa.bindparam("client_id"),
            _grant.c.account_id.is_not(None),
            _grant.c.revoked_at.is_(None),
            _grant.c.expires_at > sa.bindparam("now"),
        ),
    ).subquery()
)
_INSERT_SECRET: Final = sa.insert(_secret)
_FIND_LOGO: Final = (
    sa.select(_logo.c.body)
    .join(_client, _client.c.id == _logo.c.id)
    .where(
        _logo.c.id == sa.bindparam("row"),
        _logo.c.digest == sa.bindparam("digest"),
        _client.c.logo == _logo.c.digest,
    )
)
_ADD_LOGO: Final = first_only(_logo, "id", "digest")
_DROP_LOGOS: Final = sa.delete(_logo).where(_logo.c.id == sa.bindparam("row"))
_DROP_SECRET: Final = sa.delete(_secret).where(
    _secret.c.client_id == sa.bindparam("client_id"), _secret.c.id == sa.bindparam("secret_id")
)
_DROP_SECRETS: Final = sa.delete(_secret).where(_secret.c.client_id == sa.bindparam("client_id"))


@dataclass(frozen=True, slots=True)
class SqlClients:
    """Implements `idp.ports.store.Clients`."""

    connection: Connection
    entropy: Entropy
    clock: Clock

    def find(self, client_id: str) -> Client | None:
        row = self.connection.execute(_FIND, {"client_id": client_id}).first()
        if row is None or row.status == ClientStatus.DELETED:
            return None
        return read_client(row, self.connection.execute(_SECRETS, {"client_id": client_id}))

    def find_row(self, row: UUID) -> Client | None:
        found = self.connection.execute(_FIND_ROW, {"row": row}).first()
        if found is None or found.status == ClientStatus.DELETED:
            return None
        return read_client(found, self.connection.execute(_SECRETS, {"client_id": found.client_id}))

    def list_all(self) -> Sequence[Client]:
        return tuple(read_client(row, ()) for row in self.connection.execute(_LIST))

    def list_with_keys(self) -> Sequence[Client]:
        return tuple(read_client(row, ()) for row in self.connection.execute(_LIST_WITH_KEYS))

    def revision(self) -> object:
        return tuple(self.connection.execute(_REVISION).one())

    def add(self, client: Client, *, author: str, reference: str = "") -> None:
        # a deleted client's identifier is never given to another (its consents are history)
        self.connection.execute(_INSERT, {"id": client.id, **_written(client)})
        self._keep_version(client, author, "", reference)
        self._keep_words(client)
        for secret in client.secrets:
            self.add_secret(client.client_id, secret)

    def update(
        self, client: Client, *, author: str, reason: str = "", reference: str = ""
    ) -> Client:
        changed = replace(client, version=client.version + 1)
        done = self.connection.execute(
            _UPDATE.values(**_written(changed)), {"row": client.id, "was": client.version}
        )
        if done.rowcount != 1:
            raise Conflict("version")
        self._keep_version(changed, author, reason, reference)
        self._keep_words(changed)
        return changed

    def search(self, wanted: ClientSearch) -> Sequence[Client]:
        rows = self.connection.execute(page_of(wanted), values_of(wanted))
        return tuple(read_client(row, ()) for row in rows)

    def count(self, wanted: ClientSearch) -> int:
        return int(self.connection.execute(count_of(wanted), values_of(wanted)).scalar_one())

    def count_citizens(self, client_id: str, *, now: int) -> int:
        given = {"client_id": client_id, "now": now}
        return int(self.connection.execute(_COUNT_CITIZENS, given).scalar_one())

    def find_version(self, client_id: str, number: int) -> ClientVersion | None:
        given = {"client_id": client_id, "number": number}
        row = self.connection.execute(_FIND_VERSION, given).first()
        return None if row is None else _read_version(row)

    def list_versions(
        self, client_id: str, *, before: int | None, limit: int
    ) -> Sequence[ClientVersion]:
        last = _LAST_NUMBER if before is None else before
        given = {"client_id": client_id, "before": last, "most": limit}
        return tuple(_read_version(row) for row in self.connection.execute(_LIST_VERSIONS, given))

    def add_secret(self, client_id: str, secret: ClientSecret) -> None:
        self.connection.execute(
            _INSERT_SECRET,
            {
                "id": self.entropy.uuid7(self.clock.now_ms()),
                "client_id": client_id,
                "digest": secret.digest,
                "created_at": secret.created_at,
                "expires_at": secret.expires_at,
            },
        )

    def drop_secret(self, client_id: str, secret_id: UUID) -> None:
        self.connection.execute(_DROP_SECRET, {"client_id": client_id, "secret_id": secret_id})

    def drop_secrets(self, client_id: str) -> None:
        self.connection.execute(_DROP_SECRETS, {"client_id": client_id})

    def find_logo(self, row: UUID, digest: str) -> bytes | None:
        given = {"row": row, "digest": digest}
        found: bytes | None = self.connection.execute(_FIND_LOGO, given).scalar()
        return found

    def keep_logo(self, row: UUID, digest: str, body: bytes, *, now: int) -> None:
        given = {"id": row, "digest": digest, "body": body, "made_at": now}
        self.connection.execute(_ADD_LOGO.on(self.connection), given)

    def delete(
        self, client_id: str, now: int, *, author: str, reason: str = "", reference: str = ""
    ) -> None:
        found = self.find(client_id)
        if found is not None:
            self.drop_secrets(client_id)
            self.connection.execute(_DROP_LOGOS, {"row": found.id})
            gone = replace(found, status=ClientStatus.DELETED, logo=None, updated_at=now)
            self.update(gone, author=author, reason=reason, reference=reference)

    def _keep_words(self, client: Client) -> None:
        self.connection.execute(_DROP_WORDS, {"client_id": client.client_id})
        gone = client.status is ClientStatus.DELETED
        words = (
            []
            if gone
            else [
                {"word": word, "client_id": client.client_id} for word in sorted(words_of(client))
            ]
        )
        if words:
            self.connection.execute(_ADD_WORD, words)

    def _keep_version(self, client: Client, author: str, reason: str, reference: str) -> None:
        self.connection.execute(
            _INSERT_VERSION,
            {
                "client_id": client.client_id,
                "version": client.version,
                "metadata": dict(client.metadata),
                "status": client.status,
                "logo": client.logo,
                "author": author[:_AUTHOR_MAX],
                "reason": reason,
                "reference": reference[:_REFERENCE_MAX],
                "created_at": client.updated_at,
            },
        )


def _written(client: Client) -> dict[str, object]:
    return {
        "client_id": client.client_id,
        "status": client.status,
        "profile": client.profile,
        "metadata": dict(client.metadata),
        "owner": client.owner,
        "registration_digest": client.registration_digest,
        "logo": client.logo,
        "name_key": name_key(client),
        "version": client.version,
        "created_at": client.created_at,
        "updated_at": client.updated_at,
    }


def read_client(row: Any, secrets: Iterable[Any]) -> Client:
    """Return the client of a row, with the rows of its secrets."""
    return Client(
        id=row.id,
        client_id=row.client_id,
        status=ClientStatus(row.status),
        profile=Profile(row.profile),
        metadata=row.metadata,
        secrets=tuple(ClientSecret(s.digest, s.created_at, s.expires_at, s.id) for s in secrets),
        owner=row.owner,
        registration_digest=row.registration_digest,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
        logo=row.logo,
    )


def _read_version(row: Any) -> ClientVersion:
    return ClientVersion(
        client_id=row.client_id,
        number=row.version,
        metadata=row.metadata,
        status=ClientStatus(row.status),
        logo=row.logo,
        author=row.author,
        created_at=row.created_at,
        reason=row.reason,
        reference=row.reference,
    )
