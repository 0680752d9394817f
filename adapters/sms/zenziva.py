"""Zenziva (`sms.md` section 4.1): a form, HTTP 200 for everything, no delivery reports."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlencode

from adapters.outbound import OutboundHttp, Reply
from adapters.sms.account import GatewayAccount
from adapters.sms.receipts import (
    accepted,
    hand_over,
    json_object,
    refusal_by_status,
    refused,
    unknown,
)
from idp.domain.identity.messages import DeliveryReport, Sms, SmsReceipt

_HEADERS: Final = {"Content-Type": "application/x-www-form-urlencoded"}

#: The first pattern that is found decides.
_REFUSALS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern), reason)
    for pattern, reason in (
        (r"balance|saldo|kredit|credit", "balance"),
        (r"userkey|passkey|password", "credentials"),
        (r"sender", "sender"),
        (r"country|negara", "country"),
        (r"blacklist|unsubscribe", "opted_out"),
        (r"busy|sibuk|try again", "busy"),
        (r"number|nomor|destination", "number"),
    )
)


@dataclass(frozen=True, slots=True)
class ZenzivaGateway:
    """Implements `idp.ports.gateways.SmsGateway`.

    `account.url`: the console's address, or the full address of one call (`.../api/sendOTP/`) for
    a contract that has that route; `key` the userkey, `secret` the passkey, `sender` not empty for
    a masking contract.
    """

    account: GatewayAccount
    outbound: OutboundHttp
    report_url: str = ""
    name: ClassVar[str] = "zenziva"

    def send(self, sms: Sms) -> SmsReceipt:
        form = {
            "userkey": self.account.key,
            "passkey": self.account.secret,
            "to": sms.to.local,
            "message": sms.text,
        }
        reply = hand_over(
            self.outbound, self.name, self._address(), urlencode(form).encode(), headers=_HEADERS
        )
        return self._receipt(reply) if isinstance(reply, Reply) else reply

    def read_report(
        self, body: bytes, *, content_type: str, headers: Mapping[str, str], url: str
    ) -> tuple[DeliveryReport, ...] | None:
        # no push is known: reports stay in their console
        del body, content_type, headers, url
        return None

    def _address(self) -> str:
        base = self.account.url.rstrip("/")
        if "/api/" in base:
            return f"{base}/"
        return f"{base}/{'masking' if self.account.sender else 'reguler'}/api/sendsms/"

    def _receipt(self, reply: Reply) -> SmsReceipt:
        if reply.status != 200:
            return refusal_by_status(self.name, reply.status)
        answer = json_object(reply.body)
        if "status" not in answer:
            return unknown(self.name, "bad_answer")
        if str(answer["status"]) == "1":
            return accepted(self.name, answer.get("messageId"))
        text = str(answer.get("text", "")).lower()
        reason = next((reason for pattern, reason in _REFUSALS if pattern.search(text)), "refused")
        return refused(self.name, reason)
