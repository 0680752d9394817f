"""The device code grant (RFC 8628 §3.4, §3.5): polled until the person answers elsewhere."""

from typing import ClassVar

from typing_extensions import override

from idp.domain.protocol.device import GRANT_TYPE, PendingStatus
from idp.domain.protocol.errors import invalid_grant
from idp.domain.protocol.tokens import TokenOrder
from idp.oidc.grants.polling import PollingGrant, refuse_unless_allowed
from idp.oidc.request import TokenRequest
from idp.ports.store import Transaction


class DeviceCodeGrant(PollingGrant):
    """Exchanges a device code for tokens once the person allowed it."""

    GRANT_TYPE: ClassVar[str] = GRANT_TYPE
    PARAMETERS: ClassVar[frozenset[str]] = frozenset({"device_code", "resource"})

    @override
    def redeem(self, request: TokenRequest, tx: Transaction) -> TokenOrder:
        waiting = tx.device_requests.poll(request.digest("device_code"), request.now)
        if waiting is None or waiting.client_id != request.client_id:
            raise invalid_grant("the device_code is unknown")
        refuse_unless_allowed(waiting, tx.device_requests, request.now)
        if waiting.status is not PendingStatus.ALLOWED or waiting.grant_id is None:
            raise invalid_grant("the device_code was already redeemed")
        if not tx.device_requests.redeem(waiting.digest):
            raise invalid_grant("the device_code was already redeemed")
        return self.order_of(waiting.grant_id, request, tx)
