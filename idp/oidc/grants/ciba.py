"""The CIBA grant (CIBA Core §10.1, §11): polled, by itself or after a ping."""

from typing import ClassVar

from typing_extensions import override

from idp.domain.protocol.ciba import GRANT_TYPE
from idp.domain.protocol.device import PendingStatus
from idp.domain.protocol.errors import invalid_grant
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.grants.polling import PollingGrant, refuse_unless_allowed
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction


class CibaGrant(PollingGrant):
    """Exchanges an `auth_req_id` for tokens once the person allowed it."""

    GRANT_TYPE: ClassVar[str] = GRANT_TYPE
    PARAMETERS: ClassVar[frozenset[str]] = frozenset({"auth_req_id", "resource"})
    ALLOWS_PUBLIC: ClassVar[bool] = False

    @override
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        waiting = tx.backchannel_requests.poll(request.digest("auth_req_id"), request.now)
        if waiting is None or waiting.client_id != request.client_id:
            raise invalid_grant("the auth_req_id is unknown")
        refuse_unless_allowed(waiting, tx.backchannel_requests, request.now)
        if waiting.status is not PendingStatus.ALLOWED or waiting.grant_id is None:
            raise invalid_grant("the auth_req_id was already redeemed")
        if not tx.backchannel_requests.redeem(waiting.digest):
            raise invalid_grant("the auth_req_id was already redeemed")
        return self.order_of(waiting.grant_id, request, tx)
