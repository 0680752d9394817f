"""Introspection (RFC 7662, RFC 9701): whether a token still counts, told to its resource."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_client, invalid_request
from idp.domain.protocol.grant import is_standing, read_refresh_token
from idp.domain.protocol.profile import rules_of
from idp.domain.protocol.subject import subject_for
from idp.oidc.client_authentication import ClientAuthenticator
from idp.oidc.encryption import CannotEncrypt, Encryption
from idp.oidc.request import WireRequest
from idp.oidc.response import NO_STORE, WireResponse, json_response
from idp.oidc.tokens.access_token import AccessTokens
from idp.oidc.tokens.gate import Gate
from idp.oidc.tokens.key_ring import KeyRing
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.ports.vault import Vault

INACTIVE: Final[Mapping[str, Any]] = {"active": False}

#: RFC 9701 §4, §5: the answer as a signed JWT, where the caller asks for it.
SIGNED_TYPE: Final = "application/token-introspection+jwt"

#: Claims of our access tokens that a resource is told (RFC 7662 §2.2, RFC 9068 §2.2).
TOLD: Final = (
    "iss",
    "aud",
    "sub",
    "client_id",
    "iat",
    "exp",
    "jti",
    "scope",
    "auth_time",
    "acr",
    "amr",
    "ial",
    "cnf",
    "authorization_details",
    "act",
)


@dataclass(frozen=True, slots=True)
class IntrospectionEndpoint:
    """Answers resource servers for their own audience, and clients for their own tokens."""

    issuer: str
    url: str
    authenticator: ClientAuthenticator
    gate: Gate
    access_tokens: AccessTokens
    ring: KeyRing
    encryption: Encryption
    vault: Vault
    store: Store
    clock: Clock

    def respond(self, request: WireRequest) -> WireResponse:
        """Return what is known of the token; everything else is exactly `{"active":false}`."""
        caller = self.authenticator.authenticate(request, self.url)
        if caller.is_public:
            raise invalid_client("introspection needs a client that authenticates")
        token = request.form().one("token")
        if token is None:
            raise invalid_request("the parameter token is missing")
        now = self.clock.now()
        claims = self.access_tokens.read(token, now)
        if claims is not None:
            told = self._access_token(claims, caller, now)
        else:
            told = self._refresh_token(token, caller, now)
        if wants_signed(request.headers.get("accept", "")):
            return self._signed(told, caller, now)
        return json_response(told)

    def _signed(self, told: Mapping[str, Any], caller: Client, now: int) -> WireResponse:
        """Return the answer as a JWT for the caller alone (RFC 9701 §5)."""
        claims = {
            "iss": self.issuer,
            "aud": caller.client_id,
            "iat": now,
            "token_introspection": told,
        }
        alg = caller.metadata.get(
            "introspection_signed_response_alg",
            rules_of(caller).own_algorithm,
        )
        signed = self.ring.signer(alg).sign(claims, "token-introspection+jwt")
        try:
            body = self.encryption.to_client(signed, caller, "introspection").encode()
        except CannotEncrypt as error:
            raise invalid_request("no key of this client to encrypt to") from error
        return WireResponse(200, (("Content-Type", SIGNED_TYPE), *NO_STORE), body)

    def _access_token(
        self, claims: Mapping[str, Any], caller: Client, now: int
    ) -> Mapping[str, Any]:
        is_its_own = claims["client_id"] == caller.client_id
        if claims["aud"] not in caller.serves and not is_its_own:
            return INACTIVE
        with self.store.read() as tx:
            found = tx.grants.find(UUID(hex=claims["gid"])) if "gid" in claims else None
            if not self.gate.counts(claims, found, now=now, tx=tx):
                return INACTIVE
        told: dict[str, Any] = {name: claims[name] for name in TOLD if name in claims}
        return {"active": True, "token_type": _type(claims), **told}

    def _refresh_token(self, token: str, caller: Client, now: int) -> Mapping[str, Any]:
        read = read_refresh_token(token, self.vault.keys("refresh-token"))
        if read is None:
            return INACTIVE
        with self.store.read() as tx:
            found = tx.refresh_families.find(read[0])
        if found is None:
            return INACTIVE
        family, grant, holder = found
        is_current = read[1] == family.generation and now < family.expires_at
        is_its_own = grant.client_id == caller.client_id
        if not is_its_own or not is_current or not is_standing(grant, holder, now):
            return INACTIVE
        return {
            "active": True,
            "iss": self.issuer,
            "sub": subject_for(caller, holder.subject, self.vault.pairwise_key()),
            "client_id": grant.client_id,
            "iat": family.issued_at,
            "exp": family.expires_at,
            "scope": " ".join(family.scopes),
        }


def wants_signed(accept: str) -> bool:
    """Return whether an `Accept` header asks for a signed answer (RFC 9701 §4)."""
    for item in accept.lower().split(","):
        media, *parameters = (part.strip() for part in item.split(";"))
        if media == SIGNED_TYPE and not any(_NEVER.fullmatch(given) for given in parameters):
            return True
    return False


_NEVER: Final = re.compile(r"q=0(?:\.0*)?")


def _type(claims: Mapping[str, Any]) -> str:
    return "DPoP" if "jkt" in claims.get("cnf", {}) else "Bearer"
