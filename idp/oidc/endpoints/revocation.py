"""Revocation (RFC 7009): the holder of a token ends it, and all that hangs on the same grant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.ids import digest_of
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_request
from idp.domain.protocol.grant import read_refresh_token
from idp.oidc.client_authentication import ClientAuthenticator
from idp.oidc.request import WireRequest
from idp.oidc.response import WireResponse, empty_response
from idp.oidc.tokens.access_token import AccessTokens
from idp.ports.clock import Clock
from idp.ports.store import Store
from idp.ports.vault import Vault


@dataclass(frozen=True, slots=True)
class RevocationEndpoint:
    """Ends own tokens; an unknown one is answered like a known one (RFC 7009 §2.2)."""

    url: str
    authenticator: ClientAuthenticator
    access_tokens: AccessTokens
    vault: Vault
    store: Store
    clock: Clock

    def respond(self, request: WireRequest) -> WireResponse:
        """Return 200 without content."""
        caller = self.authenticator.authenticate(request, self.url)
        token = request.form().one("token")
        if token is None:
            raise invalid_request("the parameter token is missing")
        now = self.clock.now()
        claims = self.access_tokens.read(token, now)
        if claims is not None and claims["client_id"] == caller.client_id:
            self._end_access_token(claims, caller, request, now)
        elif claims is None:
            self._end_family(token, caller, request, now)
        return empty_response()

    def _end_access_token(
        self, claims: Mapping[str, Any], caller: Client, request: WireRequest, now: int
    ) -> None:
        """End a token with its grant; one that is not of the caller's own grant by itself."""
        with self.store.read() as tx:
            found = tx.grants.find(UUID(hex=claims["gid"])) if "gid" in claims else None
        if found is not None and found[0].client_id == caller.client_id:
            self._end(found[0].id, caller, request, now)
            return
        with self.store.write() as tx:
            tx.revoked_tokens.add(digest_of(claims["jti"]), claims["exp"])

    def _end_family(self, token: str, caller: Client, request: WireRequest, now: int) -> None:
        read = read_refresh_token(token, self.vault.keys("refresh-token"))
        if read is None:
            return
        with self.store.read() as tx:
            found = tx.refresh_families.find(read[0])
        if found is not None and found[1].client_id == caller.client_id:
            self._end(found[1].id, caller, request, now)

    def _end(self, grant_id: UUID, caller: Client, request: WireRequest, now: int) -> None:
        with self.store.write() as tx:
            if tx.grants.revoke(grant_id, now, reason="client_revoked"):
                found = tx.grants.find(grant_id)
                tx.audit.record(
                    AuditEvent(
                        Action.GRANT_REVOKED,
                        now,
                        actor="client",
                        account_id=found[0].account_id if found is not None else None,
                        client_id=caller.client_id,
                        origin=request.origin,
                        details={"reason": "client_revoked"},
                    )
                )
