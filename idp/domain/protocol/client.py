"""A registered client: what it is, may do and has to prove."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

CLIENT_ID_MAX: Final = 128


def may_be_client_id(text: str) -> bool:
    """Return whether a client could have this identifier: no store is asked for anything else."""
    return 0 < len(text) <= CLIENT_ID_MAX and text.isascii() and text.isprintable()


class ClientStatus(StrEnum):
    """`ACTIVE` clients get tokens, no others. `RETIRED`: never again. `DELETED`: a name kept."""

    ACTIVE = "active"
    DRAFT = "draft"
    SUSPENDED = "suspended"
    RETIRED = "retired"
    DELETED = "deleted"


class Profile(StrEnum):
    """How strict the protocol is for a client."""

    BASELINE = "baseline"
    FAPI2 = "fapi2"


class Environment(StrEnum):
    """Whom a client may let in: everybody, or only those who build it and their test people."""

    PRODUCTION = "production"
    SANDBOX = "sandbox"


SECRET_METHODS: Final = frozenset({"client_secret_basic", "client_secret_post"})
CERTIFICATE_METHODS: Final = frozenset({"tls_client_auth", "self_signed_tls_client_auth"})


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One live secret as a digest; two may be live while rotating. `id`: once it is kept."""

    digest: bytes = field(repr=False)
    created_at: int
    expires_at: int | None = None
    id: UUID | None = None

    def is_live(self, now: int) -> bool:
        """Return whether it still counts."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class ClientVersion:
    """A registration as it once was.

    `author`: a name, or an admin's id. `reason`: what the officer said, if anybody asked.
    `reference`: of the request by which it came.
    """

    client_id: str
    number: int
    metadata: Mapping[str, Any] = field(repr=False)
    status: ClientStatus
    author: str
    created_at: int
    reason: str = ""
    reference: str = ""
    #: The beginning of its logo's digest, if it had one.
    logo: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A client as the protocol sees it: frozen, cached, never re-parsed.

    `metadata`: the registration by its wire names (RFC 7591 §2), defaults filled in. The other
    members are read from it once, for speed and for types.
    """

    id: UUID
    client_id: str
    status: ClientStatus
    profile: Profile
    metadata: Mapping[str, Any] = field(repr=False)
    secrets: tuple[ClientSecret, ...] = field(default=(), repr=False)
    owner: str = ""
    registration_digest: bytes | None = field(default=None, repr=False)
    created_at: int = 0
    updated_at: int = 0
    version: int = 1
    #: The beginning of its logo's digest, which tells one logo from the next.
    logo: str | None = None
    redirect_uris: frozenset[str] = field(init=False)
    grant_types: frozenset[str] = field(init=False)
    scopes: frozenset[str] = field(init=False)
    optional_scopes: frozenset[str] = field(init=False)
    resources: frozenset[str] = field(init=False)
    serves: frozenset[str] = field(init=False)
    auth_method: str = field(init=False)
    sector: str = field(init=False)

    def __post_init__(self) -> None:
        given = self.metadata
        tried_at = given.get("test_redirect_uri")
        known = (
            # our own sign-in tester's is no address of the portal, and makes no sector
            ("redirect_uris", frozenset((*given.get("redirect_uris", ()), *_present(tried_at)))),
            ("grant_types", frozenset(given.get("grant_types", ("authorization_code",)))),
            ("scopes", frozenset(str(given.get("scope", "")).split())),
            ("optional_scopes", frozenset(given.get("optional_scopes", ()))),
            ("resources", frozenset(given.get("resources", ()))),
            ("serves", frozenset(given.get("serves", ()))),
            ("auth_method", given.get("token_endpoint_auth_method", "client_secret_basic")),
            ("sector", _sector(given, self.client_id)),
        )
        for name, value in known:
            object.__setattr__(self, name, value)

    @property
    def is_active(self) -> bool:
        """Whether the client gets anything at all."""
        return self.status is ClientStatus.ACTIVE

    @property
    def is_sandbox(self) -> bool:
        """Whether the client is for trying out: no portal that citizens should meet."""
        return self.metadata.get("environment") == Environment.SANDBOX

    @property
    def is_public(self) -> bool:
        """Whether the client has nothing to prove itself with (RFC 6749 §2.1)."""
        return self.auth_method == "none"

    @property
    def is_native(self) -> bool:
        """Whether the client is an application on a device (OpenID Connect Registration §2)."""
        return self.metadata.get("application_type") == "native"

    @property
    def is_first_party(self) -> bool:
        """Whether the ministry owns the client, so that no consent page stands between."""
        return bool(self.metadata.get("first_party"))

    def name_in(self, language: str) -> str:
        """Return the name for people; `client_name#id` names one by language (RFC 7591 §2.2)."""
        return str(self.words("client_name", language) or self.client_id)

    def words(self, member: str, language: str) -> str | None:
        """Return a human-readable member in a language, else the untagged or any tagged one."""
        for key in (f"{member}#{language}", member):
            if self.metadata.get(key):
                return str(self.metadata[key])
        prefix = f"{member}#"
        return next((str(v) for k, v in self.metadata.items() if k.startswith(prefix) and v), None)

    def purpose_of(self, scope: str, language: str) -> str | None:
        """Return why the client asks for a scope, as it is told to people."""
        told = self.metadata.get("scope_purposes", {}).get(scope, {})
        words = told.get(f"purpose#{language}") or told.get("purpose")
        return None if words is None else str(words)

    @property
    def id_token_alg(self) -> str:
        """The algorithm of the client's ID tokens, exactly as registered."""
        return str(self.metadata.get("id_token_signed_response_alg", "RS256"))

    @property
    def ial_floor(self) -> int:
        """The least identity level that the client accepts."""
        return int(self.metadata.get("ial_floor", 1))

    @property
    def acr_floor(self) -> int:
        """The least authenticator level that the client accepts, 1 if any."""
        return int(str(self.metadata.get("acr_floor", "1")).rpartition(":")[2])

    @property
    def domain(self) -> str:
        """The host that people come back to, for the pages that name the portal."""
        own = sorted(self.metadata.get("redirect_uris", ()))
        uri = self.metadata.get("client_uri") or next(iter(own), "")
        return urlsplit(uri).hostname or ""

    def live_secrets(self, now: int) -> tuple[bytes, ...]:
        """Return the digests of the secrets that still count."""
        return tuple(secret.digest for secret in self.secrets if secret.is_live(now))


def _present(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _sector(metadata: Mapping[str, Any], client_id: str) -> str:
    """Return the sector of pairwise subjects (OpenID Connect Core §8.1)."""
    uri = metadata.get("sector_identifier_uri")
    uris = [uri] if uri else list(metadata.get("redirect_uris", ()))
    if not uris and metadata.get("backchannel_token_delivery_mode"):
        uris = [metadata.get("jwks_uri") or ""]
    hosts = {urlsplit(u).hostname or u for u in uris if u}
    return hosts.pop() if len(hosts) == 1 else client_id
