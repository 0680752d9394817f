"""What a grant type is: it spends something and says what to issue (RFC 6749 §4, §5).

Seam: Authlib's grants save tokens themselves and delete the code afterwards; ours get a
transaction, decide single use in it by one statement, and return a `TokenOrder`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin

from idp.domain.protocol.client import Client
from idp.domain.protocol.grant import RefreshFamily
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction


class TokenGrant(BaseGrant, TokenEndpointMixin, ABC):
    """A grant type of the token endpoint.

    `PARAMETERS`: what it reads beside client authentication; everything else is ignored
    (RFC 6749 §3.2).
    """

    GRANT_TYPE: ClassVar[str]
    PARAMETERS: ClassVar[frozenset[str]]
    #: Whether a client that can't prove itself may use it.
    ALLOWS_PUBLIC: ClassVar[bool] = True

    #: Whether `resource` must be registered for the client; an exchange has its own policy.
    CHECKS_RESOURCES: ClassVar[bool] = True

    @classmethod
    def writes(cls, client: Client) -> bool:
        """Return whether redeeming may change anything; a read takes no lock."""
        del client
        return True

    @classmethod
    def is_brief(cls, client: Client) -> bool:
        """Return whether what redeeming changes matters for minutes alone."""
        del client
        return False

    @classmethod
    def is_alone(cls, client: Client) -> bool:
        """Return whether what redeeming changes is one statement, that of `spend`."""
        del client
        return False

    @abstractmethod
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        """Say what is bought; refuses with a `ProtocolError`, `recorded` where that counts."""

    def spend(
        self, request: TokenRequest, order: TokenOrder, tx: Transaction
    ) -> RefreshFamily | None:
        """Spend what was brought and return the family whose token goes out, if any.

        The last that may refuse, so that whoever asked for the wrong thing loses nothing by it.
        """
        del request, tx
        return order.refresh
