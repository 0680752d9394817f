"""The JWT bearer grant (RFC 7523 §2.1, §3): a client's own signed word in place of a secret.

An assertion speaks for the client that signs it and for nobody else: no person is ever its subject.
"""

from typing import ClassVar, Final

from typing_extensions import override

from idp.domain.ids import digest_of
from idp.domain.protocol.client_assertion import check_assertion
from idp.domain.protocol.errors import ProtocolError, invalid_grant
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.client_keys import allowed_algorithms, media_type, read_jws
from idp.oidc.endpoints import TOKEN
from idp.oidc.grants.base import TokenGrant
from idp.oidc.grants.client_credentials import own_scopes
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction

#: RFC 7523bis §3: a client assertion, which says so itself, is no grant.
TYPES: Final = frozenset({"jwt", "authorization-grant+jwt"})


class JwtBearerGrant(TokenGrant):
    """Exchanges a client's signed assertion for an access token of its own."""

    GRANT_TYPE: ClassVar[str] = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    PARAMETERS: ClassVar[frozenset[str]] = frozenset({"assertion", "scope", "resource"})

    @override
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        client, addresses = request.client, self.server.addresses
        jws = read_jws(request.must("assertion"))
        if jws is None:
            raise invalid_grant("the assertion is no signed JWT in compact form")
        if media_type(jws) not in TYPES:
            raise invalid_grant("the assertion has another typ than JWT")
        allowed = allowed_algorithms(client, "token_endpoint_auth_signing_alg")
        if not self.server.client_keys.verify(jws, client, allowed=allowed):
            raise invalid_grant("the assertion is not signed by a registered key of this client")
        try:
            identifier = check_assertion(
                jws.claims,
                client,
                issuer=self.server.issuer,
                endpoints=frozenset(addresses.all_of(addresses.of(TOKEN))),
                now=request.now,
            )
        except ProtocolError as error:
            raise invalid_grant(error.description) from error
        digest = digest_of(f"grant assertion\n{client.client_id}\n{identifier.jti}")
        expires_at = identifier.remember_until
        if not tx.replays.add_once(digest, expires_at=expires_at, now=request.now):
            raise invalid_grant("the assertion was used before")
        return TokenOrder(scopes=own_scopes(request), confirmation=request.confirmation)
