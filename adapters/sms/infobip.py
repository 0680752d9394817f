"""Infobip, SMS API v3 (`sms.md` section 4.2)."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final
from urllib.parse import urlsplit

from adapters.outbound import OutboundHttp, Reply
from adapters.sms.account import GatewayAccount
from adapters.sms.receipts import (
    accepted,
    hand_over,
    json_object,
    member,
    refusal_by_status,
    refused,
    unknown,
)
from idp.domain.identity.messages import DeliveryReport, Sms, SmsReceipt, SmsState

_PENDING, _UNDELIVERABLE, _DELIVERED, _EXPIRED, _REJECTED = 1, 2, 3, 4, 5
_TAKEN: Final = frozenset({0, _PENDING, _DELIVERED})
_NOT_TAKEN: Final = frozenset({_UNDELIVERABLE, _EXPIRED, _REJECTED})

#: Statuses of group 5; the rest are `refused`.
_REFUSALS: Final[Mapping[str, str]] = {
    "REJECTED_NOT_ENOUGH_CREDITS": "balance",
    "REJECTED_PREPAID_PACKAGE_EXPIRED": "balance",
    "REJECTED_DESTINATION": "number",
    "REJECTED_INVALID_DESTINATION": "number",
    "REJECTED_PREFIX_MISSING": "number",
    "REJECTED_DND": "opted_out",
    "REJECTED_SENDER": "sender",
    "REJECTED_SOURCE": "sender",
    "REJECTED_NETWORK": "country",
    "REJECTED_FLOODING_FILTER": "busy",
}
#: We name messages ourselves: a duplicate is a message that they have.
_DUPLICATE: Final = "REJECTED_DUPLICATE_MESSAGE_ID"

#: Codes of an error body, of the new shape and of the old.
_ERROR_CODES: Final[Mapping[str, str]] = {
    "E401": "credentials",
    "E403": "credentials",
    "E429": "busy",
    "UNAUTHORIZED": "credentials",
    "FORBIDDEN": "credentials",
    "TOO_MANY_REQUESTS": "busy",
}

_LATER_STATES: Final[Mapping[int, SmsState]] = {
    0: SmsState.ACCEPTED,
    _PENDING: SmsState.ACCEPTED,
    _UNDELIVERABLE: SmsState.UNDELIVERED,
    _DELIVERED: SmsState.DELIVERED,
    _EXPIRED: SmsState.EXPIRED,
    _REJECTED: SmsState.REJECTED,
}
_ON_ITS_WAY: Final = frozenset({"PENDING_ENROUTE"})
_LATER_REASONS: Final[Mapping[SmsState, str]] = {
    SmsState.UNDELIVERED: "undelivered",
    SmsState.EXPIRED: "expired",
    SmsState.REJECTED: "refused",
}
_HANDSET_ERROR: Final = 1


@dataclass(frozen=True, slots=True)
class InfobipGateway:
    """Implements `idp.ports.gateways.SmsGateway`.

    `account.url`: the account's own base address; `key` the API key; `sender` as registered.
    `report_url`: where reports go; its last segment is a secret, since nothing else proves them.
    """

    account: GatewayAccount
    outbound: OutboundHttp
    report_url: str = ""
    name: ClassVar[str] = "infobip"

    def send(self, sms: Sms) -> SmsReceipt:
        message = {
            "sender": self.account.sender,
            "destinations": [{"to": sms.to.e164.removeprefix("+"), "messageId": sms.id}],
            "content": {"text": sms.text},
            "webhooks": {"delivery": {"url": self.report_url}},
        }
        reply = hand_over(
            self.outbound,
            self.name,
            f"{self.account.url.rstrip('/')}/sms/3/messages",
            json.dumps({"messages": [message]}).encode(),
            headers={
                "Authorization": f"App {self.account.key}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
        )
        return self._receipt(reply, sms.id) if isinstance(reply, Reply) else reply

    def read_report(
        self, body: bytes, *, content_type: str, headers: Mapping[str, str], url: str
    ) -> tuple[DeliveryReport, ...] | None:
        del content_type, headers
        if not hmac.compare_digest(_last_segment(url), _last_segment(self.report_url)):
            return None
        results = json_object(body).get("results")
        if not isinstance(results, list):
            return None
        read = (self._report(result) for result in results)
        return tuple(report for report in read if report is not None)

    def _receipt(self, reply: Reply, message_id: str) -> SmsReceipt:
        answer = json_object(reply.body)
        if reply.status >= 300:
            code = member(answer, "errorCode") or member(
                answer, "requestError", "serviceException", "messageId"
            )
            reason = _ERROR_CODES.get(str(code))
            if reason is None:
                return refusal_by_status(self.name, reply.status)
            return refused(self.name, reason)
        group = member(answer, "messages", 0, "status", "groupId")
        name = member(answer, "messages", 0, "status", "name")
        if not isinstance(group, int):
            return unknown(self.name, "bad_answer")
        if group in _TAKEN or name == _DUPLICATE:
            return accepted(self.name, message_id)
        if group in _NOT_TAKEN:
            return refused(self.name, _REFUSALS.get(str(name), "refused"))
        return unknown(self.name, "bad_answer")

    def _report(self, result: object) -> DeliveryReport | None:
        message_id, group = member(result, "messageId"), member(result, "status", "groupId")
        if not isinstance(message_id, str) or not isinstance(group, int):
            return None
        state = _LATER_STATES.get(group, SmsState.UNKNOWN)
        name = str(member(result, "status", "name"))
        if name in _ON_ITS_WAY:
            state = SmsState.SENT
        return DeliveryReport(self.name, message_id, state, _why(result, state, name))


def _why(result: object, state: SmsState, name: str) -> str | None:
    """Return the reason of a message that did not arrive."""
    if state not in _LATER_REASONS:
        return None
    if name == "REJECTED_FLOODING_FILTER":
        return "spam"
    if state is SmsState.UNDELIVERED and member(result, "error", "groupId") == _HANDSET_ERROR:
        return "handset"
    return _LATER_REASONS[state]


def _last_segment(url: str) -> bytes:
    return urlsplit(url).path.rpartition("/")[2].encode()
