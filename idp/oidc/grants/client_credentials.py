"""The client credentials grant (RFC 6749 §4.4): a client acting for itself."""

from typing import ClassVar

from typing_extensions import override

from idp.domain.identity.claims import SCOPES
from idp.domain.protocol.authorization_details import narrowed_details, parse_details
from idp.domain.protocol.client import Client
from idp.domain.protocol.errors import invalid_scope
from idp.domain.protocol.scope import parse_scope
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.grants.base import TokenGrant
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction

_ABOUT_PEOPLE = frozenset(SCOPES)


class ClientCredentialsGrant(TokenGrant):
    """Issues an access token without a person, and nothing else."""

    GRANT_TYPE: ClassVar[str] = "client_credentials"
    PARAMETERS: ClassVar[frozenset[str]] = frozenset({"scope", "resource", "authorization_details"})
    ALLOWS_PUBLIC: ClassVar[bool] = False

    @classmethod
    @override
    def writes(cls, client: Client) -> bool:
        del client
        return False

    @override
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        del tx
        # every type of details is a person's to grant, and nobody granted any
        details = narrowed_details(parse_details(request.one("authorization_details")), ())
        return TokenOrder(
            scopes=own_scopes(request), details=details, confirmation=request.confirmation
        )


def own_scopes(request: TokenRequest) -> tuple[str, ...]:
    """Return the scopes of a client that acts for itself; those about people need a person."""
    own = request.client.scopes - _ABOUT_PEOPLE
    asked = parse_scope(request.one("scope"))
    if set(asked) & _ABOUT_PEOPLE:
        raise invalid_scope("scopes about a person need a person")
    if set(asked) - own:
        raise invalid_scope("a requested scope is not allowed for this client")
    return asked or tuple(sorted(own))
