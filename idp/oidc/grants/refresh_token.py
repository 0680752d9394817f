"""The refresh token grant (RFC 6749 §6, RFC 9700 §4.14, OpenID Connect Core §12).

Public clients rotate at each use; confidential ones and those bound to a key keep their token
(FAPI 2.0 Security Profile §5.3.2.1). A spent token is forgiven once, for ten seconds, to the same
client: two tabs, or an answer that was lost.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from typing_extensions import override

from idp.domain.errors import Refused
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.protocol.authorization_details import narrowed_details, parse_details
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_grant
from idp.domain.protocol.grant import (
    UNBOUND,
    ClientGrant,
    RefreshFamily,
    decide_reuse,
    read_refresh_token,
)
from idp.domain.protocol.scope import OFFLINE_ACCESS, OPENID, narrowed
from idp.domain.protocol.tokens import Lifetimes, TokenOrder
from idp.oidc.grants.base import TokenGrant
from idp.oidc.request import TokenRequest
from idp.ports.entropy import Entropy
from idp.ports.store import Transaction


class RefreshTokenGrant(TokenGrant):
    """Exchanges a refresh token for new tokens."""

    GRANT_TYPE: ClassVar[str] = "refresh_token"
    PARAMETERS: ClassVar[frozenset[str]] = frozenset(
        {"refresh_token", "scope", "resource", "authorization_details"}
    )

    @classmethod
    @override
    def writes(cls, client: Client) -> bool:
        return client.is_public

    @classmethod
    @override
    def is_alone(cls, client: Client) -> bool:
        del client
        return True

    @override
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        keys = self.server.vault.keys("refresh-token")
        read = read_refresh_token(request.must("refresh_token"), keys)
        found = tx.refresh_families.find(read[0]) if read is not None else None
        if read is None or found is None:
            raise invalid_grant("the refresh token is unknown")
        family, grant, holder = found
        if grant.client_id != request.client_id:
            raise invalid_grant("the refresh token was issued to another client")
        self._check_key(request, family)
        if request.now >= family.expires_at:
            raise invalid_grant("the refresh token has expired")
        if self._rotates(request, family):
            if request.now >= family.idle_expires_at:
                raise invalid_grant("the refresh token was not used for too long")
        elif read[1] != family.generation:
            raise invalid_grant("the refresh token is unknown")
        scopes = narrowed(request.one("scope"), family.scopes)
        return TokenOrder(
            scopes=scopes,
            resources=family.resources,
            details=self._details(request, grant),
            grant=grant,
            holder=holder,
            confirmation=request.confirmation,
            refresh=family,
            shown=read[1],
            with_id_token=OPENID in scopes,
        )

    @staticmethod
    def _details(request: TokenRequest, grant: ClientGrant) -> tuple[Mapping[str, Any], ...]:
        """Return the authorization details of the new token, never more than granted."""
        asked = parse_details(request.one("authorization_details"))
        return narrowed_details(asked, grant.details)

    @staticmethod
    def _check_key(request: TokenRequest, family: RefreshFamily) -> None:
        """Refuse a bound token without its key (RFC 9449 §5, RFC 8705 §4)."""
        bound = family.confirmation
        if bound.jkt is not None and bound.jkt != request.confirmation.jkt:
            raise invalid_grant("the refresh token is bound to another DPoP key")
        if bound.x5t is not None and bound.x5t != request.confirmation.x5t:
            raise invalid_grant("the refresh token is bound to another certificate")

    @staticmethod
    def _rotates(request: TokenRequest, family: RefreshFamily) -> bool:
        """Return whether this family changes with each use."""
        return request.client.is_public and family.confirmation.claim is None

    @override
    def spend(
        self, request: TokenRequest, order: TokenOrder, tx: Transaction
    ) -> RefreshFamily | None:
        family, grant, shown = order.refresh, order.grant, order.shown
        if family is None or grant is None or shown is None or not self._rotates(request, family):
            return family
        return self._turn(request, family, grant, shown, tx)

    def _turn(
        self,
        request: TokenRequest,
        family: RefreshFamily,
        grant: ClientGrant,
        generation: int,
        tx: Transaction,
    ) -> RefreshFamily:
        """Return the family with its next generation, or the current one again; else end it."""
        now = request.now
        idle_until = now + self.server.lifetimes.of(request.client).refresh_idle
        if generation == family.generation and tx.refresh_families.rotate(
            family.id, generation=generation, now=now, idle_until=idle_until
        ):
            return replace(
                family, generation=generation + 1, rotated_at=now, idle_expires_at=idle_until
            )
        if generation == family.generation:
            # another process turned it between our read and our write: read what it made
            again = tx.refresh_families.find(family.id)
            family = again[0] if again is not None else family
        try:
            decide_reuse(family, generation, now=now, started_at=self.server.started_at)
        except Refused as refusal:
            tx.begin()
            self._end(request, grant, tx)
            raise invalid_grant("the refresh token was already used", recorded=True) from refusal
        return family

    @staticmethod
    def _end(request: TokenRequest, grant: ClientGrant, tx: Transaction) -> None:
        """End the whole family: somebody else has a copy."""
        if tx.grants.revoke(grant.id, request.now, reason="refresh_reuse"):
            tx.audit.record(
                AuditEvent(
                    Action.TOKEN_FAMILY_ENDED,
                    request.now,
                    actor="client",
                    account_id=grant.account_id,
                    client_id=grant.client_id,
                    origin=request.origin,
                    details={"reason": "refresh_reuse"},
                )
            )


def new_family(
    request: TokenRequest,
    grant: ClientGrant,
    tx: Transaction,
    *,
    lifetimes: Lifetimes,
    entropy: Entropy,
) -> RefreshFamily | None:
    """Begin a refresh token family where `offline_access` was granted (OIDC Core §11)."""
    wants = OFFLINE_ACCESS in grant.scopes and "refresh_token" in request.client.grant_types
    if not wants:
        return None
    own = lifetimes.of(request.client)
    family = RefreshFamily(
        id=entropy.uuid7(request.now * 1000),
        grant_id=grant.id,
        generation=0,
        rotated_at=request.now,
        # a confidential client proves itself each time; only public ones need the key (RFC 9449 §5)
        confirmation=request.confirmation if request.client.is_public else UNBOUND,
        scopes=grant.scopes,
        resources=grant.resources,
        issued_at=request.now,
        idle_expires_at=request.now + own.refresh_idle,
        expires_at=request.now + own.refresh_absolute,
    )
    tx.refresh_families.add(family)
    return family
