"""What a citizen allowed a client in one sign-in, and what may still be bought with it.

The authorization code is part of the grant (RFC 6749 §4.1), a refresh token family hangs on it
(RFC 6749 §6, RFC 9700 §4.14); ending the grant ends everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.ids import decode_base64url, encode_base64url
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import ProtocolError, invalid_grant
from idp.domain.protocol.pkce import check_verifier

#: How long the newest spent refresh token still gets its successor again.
REUSE_GRACE_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The keys that tokens are bound to (RFC 7800): `jkt` for DPoP, `x5t` for a certificate.

    A client that is registered for certificates and sends a proof as well gets both.
    """

    jkt: str | None = None
    x5t: str | None = None

    @property
    def claim(self) -> dict[str, str] | None:
        """The `cnf` claim, `None` for bearer tokens (RFC 9449 §6.1, RFC 8705 §3.1)."""
        known = {"jkt": self.jkt, "x5t#S256": self.x5t}
        return {name: value for name, value in known.items() if value is not None} or None

    def covers(self, cnf: Mapping[str, str]) -> bool:
        """Return whether whoever proved these keys holds all that a token is bound to."""
        held = self.claim or {}
        return all(held.get(name) == value for name, value in cnf.items())


UNBOUND: Final = Confirmation()


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """One permission. Instants in epoch seconds.

    `claims`: the parsed `claims` parameter as its JSON. `is_offline`: outlives the login session.
    """

    id: UUID
    client_id: str
    account_id: UUID | None
    session_sid: str | None
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int
    resources: tuple[str, ...] = ()
    claims: Mapping[str, Any] = field(default_factory=dict)
    details: tuple[Mapping[str, Any], ...] = ()
    aal: int = 0
    amr: tuple[str, ...] = ()
    auth_time: int = 0
    is_offline: bool = False
    revoked_at: int | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """The code of a grant, as kept: a digest and what it is bound to (RFC 6749 §4.1.2)."""

    digest: bytes
    expires_at: int
    redirect_uri: str
    code_challenge: str | None
    nonce: str | None
    jkt: str | None = None
    redeemed_at: int | None = None


@dataclass(frozen=True, slots=True)
class GrantHolder:
    """The person and session behind a grant, as far as tokens need them.

    `session_until`: when the login session ends, 0 if it has ended or the grant has none.
    """

    subject: str
    ial: int
    is_usable: bool
    session_until: int


#: A clock that fell back may not prolong what was issued before it by more than this (R-9).
AHEAD_MAX_SECONDS: Final = 60


def is_from_ahead(issued_at: int, now: int) -> bool:
    """Return whether something of ours seems to come from the future."""
    return issued_at > now + AHEAD_MAX_SECONDS


def check_holder(grant: ClientGrant, holder: GrantHolder, now: int) -> None:
    """Refuse tokens for a grant that no longer stands: one gate for every grant type.

    The account must be usable, the grant not revoked or over, the session alive unless the grant is
    offline. Refuses with `invalid_grant`.
    """
    if grant.revoked_at is not None or now >= grant.expires_at:
        raise invalid_grant("the grant was ended")
    if not holder.is_usable:
        raise invalid_grant("the account may not get tokens now")
    if not grant.is_offline and now >= holder.session_until:
        raise invalid_grant("the login session has ended")


def check_factors(grant: ClientGrant, holder: GrantHolder, client: Client) -> None:
    """Refuse a grant whose sign-in or identity is below what the client's registration asks now.

    Refuses with `invalid_grant`.
    """
    if grant.aal < client.acr_floor or holder.ial < client.ial_floor:
        raise invalid_grant("the sign-in or the identity is no longer enough for this client")


def is_standing(grant: ClientGrant, holder: GrantHolder, now: int) -> bool:
    """Return whether `check_holder` would let tokens pass."""
    try:
        check_holder(grant, holder, now)
    except ProtocolError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class RefreshFamily:
    """One refresh token family: a row whose generation counts up (contract: point 12)."""

    id: UUID
    grant_id: UUID
    generation: int
    rotated_at: int
    confirmation: Confirmation
    scopes: tuple[str, ...]
    resources: tuple[str, ...]
    issued_at: int
    idle_expires_at: int
    expires_at: int


def check_code(
    code: AuthorizationCode,
    grant: ClientGrant,
    *,
    client_id: str,
    redirect_uri: str | None,
    code_verifier: str | None,
    now: int,
) -> None:
    """Refuse a code that was not meant for this call (RFC 6749 §4.1.3), with `invalid_grant`.

    One that was spent already is let through however old it is: that it comes again must be seen.
    """
    if grant.client_id != client_id:
        raise invalid_grant("the code was issued to another client")
    if redirect_uri is None:
        raise invalid_grant("redirect_uri is missing")
    if redirect_uri != code.redirect_uri:
        raise invalid_grant("redirect_uri differs from the one of the authorization request")
    check_verifier(code.code_challenge, code_verifier)
    if code.redeemed_at is not None:
        return
    if now >= code.expires_at or is_from_ahead(grant.created_at, now):
        raise invalid_grant("the code has expired")


def write_refresh_token(family: UUID, generation: int, key: bytes) -> str:
    """Return the token of one generation: `family.generation.MAC`."""
    stem = f"{encode_base64url(family.bytes)}.{generation}"
    return f"{stem}.{_mac(stem, key)}"


def read_refresh_token(token: str, keys: tuple[bytes, ...]) -> tuple[UUID, int] | None:
    """Return family and generation if one of our keys made the token, else `None`."""
    if not token.isascii():
        return None
    stem, _, mac = token.rpartition(".")
    name, _, number = stem.partition(".")
    if not number.isdigit() or len(number) > 9 or number != str(int(number)):
        return None
    if not any(compare_digest(mac.encode(), _mac(stem, key).encode()) for key in keys):
        return None
    try:
        return UUID(bytes=decode_base64url(name)), int(number)
    except ValueError:
        return None


def decide_reuse(family: RefreshFamily, generation: int, *, now: int, started_at: int) -> bool:
    """Return whether an older token gets the current one again; `Refused` ends the family.

    `started_at`: when this process began: answers lost in a crash count as lost from then on.
    """
    lost_since = max(family.rotated_at, started_at)
    if generation == family.generation - 1 and now - lost_since <= REUSE_GRACE_SECONDS:
        return True
    raise Refused("refresh.reused", recorded=True)


def _mac(stem: str, key: bytes) -> str:
    return encode_base64url(hmac_digest(key, stem.encode(), sha256))
