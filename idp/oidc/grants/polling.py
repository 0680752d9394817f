"""What polling grants share: how they refuse, and what a person's yes buys.

RFC 8628 §3.5, CIBA Core §11.
"""

from abc import ABC
from typing import Protocol
from uuid import UUID

from idp.domain.protocol.ciba import BackchannelRequest
from idp.domain.protocol.device import SLOWER_SECONDS, DeviceRequest, check_poll
from idp.domain.protocol.errors import ProtocolError, invalid_grant
from idp.domain.protocol.scope import OPENID
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.grants.base import TokenGrant
from idp.oidc.grants.refresh_token import new_family
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction


class Slowing(Protocol):
    """Either repository of waiting requests."""

    def slow_down(self, digest: bytes, seconds: int) -> None: ...


class PollingGrant(TokenGrant, ABC):
    """A grant that is asked for again and again until a person answered elsewhere."""

    def order_of(self, grant_id: UUID, request: TokenRequest, tx: Transaction) -> TokenOrder:
        """Return what the grant buys, for the key that this poll proved."""
        found = tx.grants.find(grant_id)
        if found is None:
            raise invalid_grant("the grant was ended")
        grant, holder = found
        return TokenOrder(
            scopes=grant.scopes,
            resources=grant.resources,
            details=grant.details,
            grant=grant,
            holder=holder,
            confirmation=request.confirmation,
            refresh=new_family(
                request, grant, tx, lifetimes=self.server.lifetimes, entropy=self.server.entropy
            ),
            with_id_token=OPENID in grant.scopes,
        )


def refuse_unless_allowed(
    waiting: DeviceRequest | BackchannelRequest, repository: Slowing, now: int
) -> None:
    """Refuse a poll until the person answered; polling too fast lengthens the interval."""
    try:
        check_poll(
            waiting.status,
            polled_at=waiting.polled_at,
            interval=waiting.interval,
            expires_at=waiting.expires_at,
            now=now,
        )
    except ProtocolError as error:
        if error.error == "slow_down":
            repository.slow_down(waiting.digest, SLOWER_SECONDS)
        raise
