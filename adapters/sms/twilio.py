"""Twilio Messages (`sms.md` section 4.3)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import parse_qsl, quote, urlencode

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
from idp.domain.identity.messages import DeliveryReport, Sms, SmsReceipt, SmsState

_SERVICE_PREFIX: Final = "MG"
_MOST_SECONDS: Final = 36_000

_REFUSALS: Final[Mapping[int, str]] = {
    20003: "credentials",
    20005: "balance",
    20429: "busy",
    21211: "number",
    21408: "country",
    21610: "opted_out",
    21611: "busy",
    21612: "sender",
    21614: "number",
    21657: "sender",
    30042: "sender",
    60203: "busy",
}

_STATES: Final[Mapping[str, SmsState]] = {
    "accepted": SmsState.ACCEPTED,
    "scheduled": SmsState.ACCEPTED,
    "queued": SmsState.ACCEPTED,
    "sending": SmsState.ACCEPTED,
    "sent": SmsState.SENT,
    "delivered": SmsState.DELIVERED,
    "undelivered": SmsState.UNDELIVERED,
    "failed": SmsState.UNDELIVERED,
}
_REASONS: Final[Mapping[str, str]] = {
    "30003": "handset",
    "30004": "blocked",
    "30005": "handset",
    "30006": "landline",
    "30007": "spam",
    "30008": "undelivered",
    "30036": "expired",
    "30450": "pumping",
    "60410": "pumping",
}


@dataclass(frozen=True, slots=True)
class TwilioGateway:
    """Implements `idp.ports.gateways.SmsGateway`.

    `account.url`: the API's address; `key` the account SID, `secret` the auth token, which signs
    reports; `sender` a number, a registered name or a messaging service (`MG...`).
    """

    account: GatewayAccount
    outbound: OutboundHttp
    report_url: str = ""
    name: ClassVar[str] = "twilio"

    def send(self, sms: Sms) -> SmsReceipt:
        sender = self.account.sender
        form = {
            "To": sms.to.e164,
            "MessagingServiceSid" if sender.startswith(_SERVICE_PREFIX) else "From": sender,
            "Body": sms.text,
            "StatusCallback": self.report_url,
            "ValidityPeriod": str(min(sms.ttl_seconds, _MOST_SECONDS)),
        }
        login = base64.b64encode(f"{self.account.key}:{self.account.secret}".encode()).decode()
        reply = hand_over(
            self.outbound,
            self.name,
            f"{self.account.url.rstrip('/')}/2010-04-01/Accounts/{quote(self.account.key, '')}"
            "/Messages.json",
            urlencode(form).encode(),
            headers={
                "Authorization": f"Basic {login}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
            },
        )
        return self._receipt(reply) if isinstance(reply, Reply) else reply

    def read_report(
        self, body: bytes, *, content_type: str, headers: Mapping[str, str], url: str
    ) -> tuple[DeliveryReport, ...] | None:
        del content_type
        try:
            fields = parse_qsl(body.decode("ascii"), keep_blank_values=True)
        except ValueError:
            return None
        given = {name.lower(): value for name, value in headers.items()}
        signature = given.get("x-twilio-signature", "").encode()
        if not self.account.secret:
            # a signature under no key is anybody's
            return None
        if not hmac.compare_digest(signature, self._signature(url, fields)):
            return None
        report = dict(fields)
        state = _STATES.get(report.get("MessageStatus", ""))
        message_id = report.get("MessageSid", "")
        if state is None or not message_id:
            return ()
        reason = _why(state, report.get("ErrorCode", ""))
        return (DeliveryReport(self.name, message_id, state, reason),)

    def _signature(self, url: str, fields: list[tuple[str, str]]) -> bytes:
        """Return what must stand in `X-Twilio-Signature`: HMAC-SHA-1, since that is theirs."""
        signed = url + "".join(name + value for name, value in sorted(set(fields)))
        mac = hmac.digest(self.account.secret.encode(), signed.encode(), hashlib.sha1)
        return base64.b64encode(mac)

    def _receipt(self, reply: Reply) -> SmsReceipt:
        answer = json_object(reply.body)
        if reply.status >= 300:
            code = answer.get("code")
            if not isinstance(code, int):
                return refusal_by_status(self.name, reply.status)
            return refused(self.name, _REFUSALS.get(code, "refused"))
        sid = answer.get("sid")
        if not isinstance(sid, str) or not sid:
            return unknown(self.name, "bad_answer")
        return accepted(self.name, sid)


def _why(state: SmsState, code: str) -> str | None:
    if state is not SmsState.UNDELIVERED:
        return None
    return _REASONS.get(code, "undelivered")
