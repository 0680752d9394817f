"""Access tokens: JWT (RFC 9068) signed with ES256, or opaque, and the reading of our own."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final
from uuid import UUID

from idp.domain.identity.assurance import acr_of
from idp.domain.ids import digest_of
from idp.domain.protocol.algorithms import OWN
from idp.domain.protocol.grant import is_from_ahead
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.tokens.key_ring import KeyRing
from idp.ports.entropy import Entropy
from idp.ports.store import Store, Transaction

TYPE: Final = "at+jwt"
_KEPT_MAX: Final = 10_000


def access_token_claims(
    order: TokenOrder,
    *,
    issuer: str,
    audience: str,
    client_id: str,
    subject: str,
    jti: str,
    now: int,
    life_seconds: int,
) -> dict[str, Any]:
    """Return the claims of RFC 9068 §2.2, with the grant (`gid`) and the key (`cnf`) behind it."""
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "client_id": client_id,
        "iat": now,
        "exp": now + life_seconds,
        "jti": jti,
    }
    if order.scopes:
        claims["scope"] = " ".join(order.scopes)
    grant = order.grant
    if grant is not None:
        claims["gid"] = grant.id.hex
        claims["auth_time"] = grant.auth_time
        claims["acr"] = acr_of(grant.aal)
        claims["amr"] = list(grant.amr)
        if order.holder is not None:
            claims["ial"] = order.holder.ial
    if order.details:
        claims["authorization_details"] = [dict(detail) for detail in order.details]
    if order.actor is not None:
        claims["act"] = order.actor
    confirmation = order.confirmation.claim
    if confirmation is not None:
        claims["cnf"] = confirmation
    return claims


@dataclass(slots=True)
class AccessTokens:
    """Writes access tokens and reads them back.

    What was read once is kept by the token's digest until it expires: neither a signature nor the
    claims of an opaque token change, and whether the grant still stands is asked every time. A key
    that was changed, or retired at once, makes everything be read anew.
    """

    ring: KeyRing
    store: Store
    entropy: Entropy
    _known: OrderedDict[bytes, Mapping[str, Any]] = field(default_factory=OrderedDict)
    _revision: object = None
    _lock: Lock = field(default_factory=Lock)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Return the claims as a signed token."""
        return self.ring.signer(OWN).sign(claims, TYPE)

    def keep(self, claims: Mapping[str, Any], tx: Transaction) -> str:
        """Return an opaque token whose claims the store keeps."""
        token = self.entropy.token()
        grant = claims.get("gid")
        tx.opaque_tokens.add(
            digest_of(token),
            claims,
            grant_id=UUID(hex=grant) if grant is not None else None,
            expires_at=claims["exp"],
        )
        return token

    def read(self, token: str, now: int) -> Mapping[str, Any] | None:
        """Return the claims of a token of ours that has not expired, `None` for anything else."""
        if not token.isascii():
            return None
        digest = digest_of(token)
        revision = self.ring.revision()
        if revision is not self._revision:
            with self._lock:
                self._known.clear()
                self._revision = revision
        claims = self._known.get(digest)
        if claims is None:
            claims = self._read(token, digest)
            if claims is None:
                return None
            self._keep(digest, claims)
        return claims if now < claims["exp"] and not is_from_ahead(claims["iat"], now) else None

    def _read(self, token: str, digest: bytes) -> Mapping[str, Any] | None:
        if "." in token:
            return self.ring.verify(token, TYPE)
        with self.store.read() as tx:
            return tx.opaque_tokens.find(digest)

    def _keep(self, digest: bytes, claims: Mapping[str, Any]) -> None:
        with self._lock:
            self._known[digest] = claims
            while len(self._known) > _KEPT_MAX:
                self._known.popitem(last=False)
