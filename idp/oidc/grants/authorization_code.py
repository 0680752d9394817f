"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6, OpenID Connect Core §3.1.3)."""

from typing import ClassVar, NoReturn

from typing_extensions import override

from idp.domain.identity.audit import Action, AuditEvent, Outcome
from idp.domain.protocol.authorization_details import narrowed_details, parse_details
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_grant
from idp.domain.protocol.grant import ClientGrant, RefreshFamily, check_code
from idp.domain.protocol.scope import OPENID
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.grants.base import TokenGrant
from idp.oidc.grants.refresh_token import new_family
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction


class AuthorizationCodeGrant(TokenGrant):
    """Exchanges one authorization code, once, for tokens."""

    GRANT_TYPE: ClassVar[str] = "authorization_code"
    PARAMETERS: ClassVar[frozenset[str]] = frozenset(
        {"code", "redirect_uri", "code_verifier", "resource", "authorization_details"}
    )

    @classmethod
    @override
    def is_brief(cls, client: Client) -> bool:
        return "refresh_token" not in client.grant_types

    @classmethod
    @override
    def is_alone(cls, client: Client) -> bool:
        # a refresh token is a second row
        return cls.is_brief(client)

    @override
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        found = tx.grants.find_code(request.digest("code"))
        if found is None:
            raise invalid_grant("the code is unknown")
        code, grant, holder = found
        check_code(
            code,
            grant,
            client_id=request.client_id,
            redirect_uri=request.one("redirect_uri"),
            code_verifier=request.one("code_verifier"),
            now=request.now,
        )
        if code.jkt is not None and code.jkt != request.confirmation.jkt:
            raise invalid_grant("the code is bound to another DPoP key (RFC 9449 section 10)")
        if code.redeemed_at is not None:
            self._end(request, grant, tx)
        return TokenOrder(
            scopes=grant.scopes,
            resources=grant.resources,
            grant=grant,
            holder=holder,
            details=narrowed_details(
                parse_details(request.one("authorization_details")), grant.details
            ),
            confirmation=request.confirmation,
            nonce=code.nonce,
            with_id_token=OPENID in grant.scopes,
        )

    @override
    def spend(
        self, request: TokenRequest, order: TokenOrder, tx: Transaction
    ) -> RefreshFamily | None:
        grant = order.grant
        if grant is None:
            raise LookupError("a code has a grant")
        if not tx.grants.redeem_code(request.digest("code"), request.now):
            self._end(request, grant, tx)
        return new_family(
            request, grant, tx, lifetimes=self.server.lifetimes, entropy=self.server.entropy
        )

    @staticmethod
    def _end(request: TokenRequest, grant: ClientGrant, tx: Transaction) -> NoReturn:
        """End everything that a code bought, since it came a second time (RFC 6749 §4.1.2).

        After the checks on purpose: a caller without the verifier must not end anything.
        """
        tx.begin()
        tx.grants.revoke(grant.id, request.now, reason="code_reuse")
        tx.audit.record(
            AuditEvent(
                Action.GRANT_REVOKED,
                request.now,
                outcome=Outcome.DONE,
                actor="client",
                account_id=grant.account_id,
                client_id=grant.client_id,
                origin=request.origin,
                details={"reason": "code_reuse"},
            )
        )
        raise invalid_grant("the code was already redeemed", recorded=True)
