"""The developer's gateway: messages on standard output, nothing sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from adapters.sms.receipts import accepted
from idp.domain.identity.messages import DeliveryReport, Sms, SmsReceipt


@dataclass(frozen=True, slots=True)
class ConsoleGateway:
    """Implements `idp.ports.gateways.SmsGateway`; production refuses to start with it.

    The text goes to standard output alone, never to a log, beside the masked number.
    """

    name: ClassVar[str] = "console"

    def send(self, sms: Sms) -> SmsReceipt:
        print(f"SMS {sms.to}: {sms.text}", flush=True)
        return accepted(self.name, sms.id)

    def read_report(
        self, body: bytes, *, content_type: str, headers: Mapping[str, str], url: str
    ) -> tuple[DeliveryReport, ...] | None:
        del body, content_type, headers, url
        return None
