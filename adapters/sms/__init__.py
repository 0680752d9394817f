"""SMS carriers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from adapters.outbound import OutboundHttp
from adapters.sms.account import GatewayAccount
from adapters.sms.console import ConsoleGateway
from adapters.sms.failover import FailoverSmsGateways
from adapters.sms.infobip import InfobipGateway
from adapters.sms.twilio import TwilioGateway
from adapters.sms.zenziva import ZenzivaGateway
from idp.ports.clock import Clock
from idp.ports.gateways import SmsGateway, SmsGateways
from idp.ports.metrics import Metrics

__all__ = ["GATEWAYS", "GatewayAccount", "build_sms_gateways"]

CALL_SECONDS: Final = 3.0
CALLS_AT_ONCE: Final = 32

Factory = Callable[[GatewayAccount, OutboundHttp, str], SmsGateway]

#: Carriers by their names in settings, metrics and report addresses.
GATEWAYS: Final[Mapping[str, Factory]] = {
    "zenziva": ZenzivaGateway,
    "infobip": InfobipGateway,
    "twilio": TwilioGateway,
    "console": lambda _account, _outbound, _report_url: ConsoleGateway(),
}

#: Those whose reports nothing but a secret in the address proves.
_TOKEN_IN_ADDRESS: Final = frozenset({"infobip"})


def build_sms_gateways(
    names: Sequence[str],
    accounts: Mapping[str, GatewayAccount],
    *,
    report_base_url: str,
    report_token: str,
    clock: Clock,
    metrics: Metrics,
) -> SmsGateways:
    """Return the carriers in `names`, tried in that order.

    `accounts`: by name. `report_base_url`: our own origin; reports come to `/hooks/sms/<name>`
    below it, for some with `/<report_token>` behind. Raises `ValueError` for an unknown name, a
    name twice or none, or where the token is needed and empty.
    """
    if strangers := sorted(set(names) - set(GATEWAYS)):
        raise ValueError(f"no such SMS gateway: {', '.join(strangers)}")
    if len(set(names)) != len(names):
        raise ValueError("an SMS gateway is named twice")
    if not report_token and set(names) & _TOKEN_IN_ADDRESS:
        raise ValueError("delivery reports need a secret in their address")
    base = f"{report_base_url.rstrip('/')}/hooks/sms"
    gateways = tuple(
        GATEWAYS[name](
            accounts[name],
            OutboundHttp(clock, seconds=CALL_SECONDS, connections=CALLS_AT_ONCE),
            f"{base}/{name}/{report_token}" if name in _TOKEN_IN_ADDRESS else f"{base}/{name}",
        )
        for name in names
    )
    return FailoverSmsGateways(gateways, clock=clock, metrics=metrics)
