"""Delivery reports: what the pretend carriers tell us later."""

import base64
import hashlib
import hmac
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from typing import Final
from urllib.parse import urlencode

from adapters.simulators.state import SandboxState

logger = logging.getLogger(__name__)

_POST_SECONDS: Final = 5.0
_HEAD_START_SECONDS: Final = 0.5

#: Seconds after acceptance and the state reported then; what is missing here reports nothing.
PLANS: Final[Mapping[str, tuple[tuple[float, str], ...]]] = {
    "delivered": ((1, "delivered"),),
    "undelivered": ((1, "undelivered"),),
    "expired": ((1, "expired"),),
    "spam": ((1, "spam"),),
    "slow_delivery": ((90, "delivered"),),
    "early_report": ((0, "delivered"),),
    "double_report": ((1, "delivered"), (1, "delivered")),
    "backward_report": ((1, "delivered"), (1, "sent")),
    "timeout": ((1, "delivered"),),
    "reset": ((1, "delivered"),),
}


@dataclass(frozen=True, slots=True)
class Report:
    """What to send: body and headers, made by the carrier's own rules."""

    body: bytes
    headers: Mapping[str, str]


Writer = Callable[[str], Report]


def follow_up(state: SandboxState, kind: str, url: str, write: Writer) -> None:
    """Send the reports of `kind` to `url`; one that is due at once gets a head start."""
    plan = PLANS.get(kind, ())
    if not url or not plan:
        return
    reporter = Thread(target=_run, args=(state, plan, url, write), daemon=True)
    reporter.start()
    if plan[0][0] == 0:
        # who takes reports in the same thread in which it sends must not wait for itself
        reporter.join(_HEAD_START_SECONDS)


def infobip_report(message_id: str, to: str) -> Writer:
    """Return who writes reports as Infobip does (`sms.md` section 4.2)."""

    def write(outcome: str) -> Report:
        group, name, status_id, status = _INFOBIP[outcome]
        instant = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
        is_fine = outcome in {"delivered", "sent"}
        result = {
            "bulkId": f"b-{message_id}",
            "messageId": message_id,
            "to": to.removeprefix("+"),
            "sentAt": instant,
            "doneAt": instant,
            "messageCount": 1,
            "mccMnc": "51010",
            "status": {"groupId": group, "groupName": name, "id": status_id, "name": status},
            "error": {
                "groupId": 0 if is_fine else 1,
                "groupName": "OK" if is_fine else "HANDSET_ERRORS",
                "id": 0 if is_fine else 27,
                "name": "NO_ERROR" if is_fine else "EC_ABSENT_SUBSCRIBER",
                "permanent": False,
            },
        }
        body = json.dumps({"results": [result]}).encode()
        return Report(body, {"Content-Type": "application/json"})

    return write


_INFOBIP: Final[Mapping[str, tuple[int, str, int, str]]] = {
    "sent": (1, "PENDING", 7, "PENDING_ENROUTE"),
    "delivered": (3, "DELIVERED", 5, "DELIVERED_TO_HANDSET"),
    "undelivered": (2, "UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED"),
    "expired": (4, "EXPIRED", 15, "EXPIRED_EXPIRED"),
    "spam": (5, "REJECTED", 18, "REJECTED_FLOODING_FILTER"),
}


def twilio_report(message_id: str, to: str, *, url: str, secret: str) -> Writer:
    """Return who writes reports as Twilio does, signed (`sms.md` section 4.3)."""

    def write(outcome: str) -> Report:
        status, code = _TWILIO[outcome]
        fields = {"MessageSid": message_id, "MessageStatus": status, "To": to, "ErrorCode": code}
        fields = {name: value for name, value in fields.items() if value}
        signed = url + "".join(name + fields[name] for name in sorted(fields))
        mac = hmac.digest(secret.encode(), signed.encode(), hashlib.sha1)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Twilio-Signature": base64.b64encode(mac).decode(),
        }
        return Report(urlencode(fields).encode(), headers)

    return write


_TWILIO: Final[Mapping[str, tuple[str, str]]] = {
    "sent": ("sent", ""),
    "delivered": ("delivered", ""),
    "undelivered": ("undelivered", "30003"),
    "expired": ("undelivered", "30036"),
    "spam": ("undelivered", "30007"),
}


def _run(
    state: SandboxState, steps: tuple[tuple[float, str], ...], url: str, write: Writer
) -> None:
    waited = 0.0
    for after, outcome in steps:
        if state.stopping.wait((after - waited) * state.pace):
            return
        waited = after
        _post(url, write(outcome))


def _post(url: str, report: Report) -> None:
    """Deliver a report once; nobody waits for it, and what the other side says is its business."""
    request = urllib.request.Request(  # noqa: S310 - the address came with the message
        url, report.body, dict(report.headers), method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_POST_SECONDS):  # noqa: S310 - as above
            return
    except (OSError, ValueError) as error:
        logger.info("delivery report not taken", extra={"error": type(error).__name__})
