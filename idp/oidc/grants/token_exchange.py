"""The token exchange grant (RFC 8693 §2): narrowing, and acting on a person's behalf.

Seam: Authlib's package for it is empty; rules are in `domain/protocol/token_exchange.py`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from typing_extensions import override

from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.protocol.authorization_details import narrowed_details, parse_details
from idp.domain.protocol.errors import invalid_request
from idp.domain.protocol.grant import ClientGrant, GrantHolder
from idp.domain.protocol.token_exchange import (
    ACCESS_TOKEN,
    GRANT_TYPE,
    JWT,
    actor_claim,
    audience_for,
    check_source,
    check_types,
    scopes_for,
)
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.grants.base import TokenGrant
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction


class TokenExchangeGrant(TokenGrant):
    """Exchanges an access token for one with less, or for another service."""

    GRANT_TYPE: ClassVar[str] = GRANT_TYPE
    PARAMETERS: ClassVar[frozenset[str]] = frozenset(
        {
            "subject_token",
            "subject_token_type",
            "actor_token",
            "actor_token_type",
            "requested_token_type",
            "audience",
            "resource",
            "scope",
            "authorization_details",
        }
    )
    ALLOWS_PUBLIC: ClassVar[bool] = False
    CHECKS_RESOURCES: ClassVar[bool] = False

    @override
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        actor_text = request.one("actor_token")
        actor_type = request.one("actor_token_type")
        if (actor_text is None) != (actor_type is None):
            raise invalid_request("actor_token and actor_token_type come together")
        requested = request.one("requested_token_type") or ACCESS_TOKEN
        check_types(
            subject_type=request.one("subject_token_type"),
            actor_type=actor_type,
            requested=requested,
        )
        subject, found = self._read(request.must("subject_token"), "subject", request, tx)
        check_source(subject, request.client)
        actor = None
        if actor_text is not None:
            actor, _ = self._read(actor_text, "actor", request, tx)
        named = (*request.parameters.many("audience"), *request.parameters.many("resource"))
        audience = audience_for(named, subject, request.client)
        if requested == JWT and self.server.issuing.is_opaque(request.client, audience):
            raise invalid_request("tokens for this audience are opaque, not JWT")
        details = narrowed_details(
            parse_details(request.one("authorization_details")),
            subject.get("authorization_details", ()),
        )
        grant, holder = found or (None, None)
        tx.audit.record(
            AuditEvent(
                Action.TOKEN_EXCHANGED,
                request.now,
                actor="client",
                account_id=grant.account_id if grant is not None else None,
                client_id=request.client_id,
                origin=request.origin,
                details={"audience": audience, "issued_to": subject["client_id"]},
            )
        )
        return TokenOrder(
            scopes=scopes_for(request.one("scope"), subject, request.client),
            details=details,
            grant=grant,
            holder=holder,
            confirmation=request.confirmation,
            audience=audience,
            # a person is named as this client knows them, a service by its own name
            subject=None if grant is not None else str(subject["sub"]),
            actor=actor_claim(subject, request.client, actor),
            issued_type=requested,
            life_max_seconds=subject["exp"] - request.now,
        )

    def _read(
        self, token: str, which: str, request: TokenRequest, tx: Transaction
    ) -> tuple[Mapping[str, Any], tuple[ClientGrant, GrantHolder] | None]:
        """Return the claims of a token of ours that counts, and the grant behind it.

        A client brings its own bound token only with its key (RFC 9449 §7); what is wrong with a
        token is `invalid_request` (RFC 8693 §2.2.2).
        """
        claims: Mapping[str, Any] | None = self.server.access_tokens.read(token, request.now)
        if claims is None:
            raise invalid_request(f"the {which} token is not a valid access token of this issuer")
        is_own = claims["client_id"] == request.client_id
        if is_own and not request.confirmation.covers(claims.get("cnf", {})):
            raise invalid_request(f"the {which} token is bound to another key")
        found = tx.grants.find(UUID(hex=claims["gid"])) if "gid" in claims else None
        if not self.server.gate.counts(claims, found, now=request.now, tx=tx):
            raise invalid_request(f"the {which} token was ended")
        return claims, found
