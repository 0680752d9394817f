"""What polling grants share: how they refuse, and what a person's yes buys.

RFC 8628 §3.5, CIBA Core §11.
"""

from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from idp.domain.protocol.ciba import BackchannelRequest
from idp.domain.protocol.device import SLOWER_SECONDS, DeviceRequest, check_poll
from idp.domain.protocol.errors import ProtocolError, invalid_grant
from idp.domain.protocol.grant import UNBOUND, ClientGrant, RefreshFamily
from idp.domain.protocol.scope import OFFLINE_ACCESS, OPENID
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction

if TYPE_CHECKING:
    from idp.oidc.provider import IdentityProvider


class Slowing(Protocol):
    """Either repository of waiting requests."""

    def slow_down(self, digest: bytes, seconds: int) -> None: ...


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


def order_of(
    grant_id: UUID, request: TokenRequest, tx: Transaction, server: "IdentityProvider"
) -> TokenOrder:
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
        refresh=new_family(request, grant, tx, server),
        with_id_token=OPENID in grant.scopes,
    )


def new_family(
    request: TokenRequest, grant: ClientGrant, tx: Transaction, server: "IdentityProvider"
) -> RefreshFamily | None:
    """Begin a refresh token family where `offline_access` was granted (OIDC Core §11)."""
    wants = OFFLINE_ACCESS in grant.scopes and "refresh_token" in request.client.grant_types
    if not wants:
        return None
    lifetimes = server.lifetimes.of(request.client)
    family = RefreshFamily(
        id=server.entropy.uuid7(request.now * 1000),
        grant_id=grant.id,
        generation=0,
        rotated_at=request.now,
        # a confidential client proves itself each time; only public ones need the key (RFC 9449 §5)
        confirmation=request.confirmation if request.client.is_public else UNBOUND,
        scopes=grant.scopes,
        resources=grant.resources,
        issued_at=request.now,
        idle_expires_at=request.now + lifetimes.refresh_idle,
        expires_at=request.now + lifetimes.refresh_absolute,
    )
    tx.refresh_families.add(family)
    return family
