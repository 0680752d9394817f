"""The pretend SMS carriers: the wires of Zenziva, Infobip and Twilio (`sms.md` sections 4, 6)."""

import json
import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, request

from adapters.simulators import kinds
from adapters.simulators.connection import broken_off, stay_silent
from adapters.simulators.inbox import canonical_phone
from adapters.simulators.reports import Writer, follow_up, infobip_report, twilio_report
from adapters.simulators.state import sandbox
from adapters.simulators.switches import Switch
from idp.domain.identity.messages import segments_of

sms = Blueprint("sms", __name__, url_prefix="/sms")

SILENT_SECONDS: Final = 15.0

_MAINTENANCE_PAGE: Final = "<!doctype html><title>Pemeliharaan</title><h1>Sedang pemeliharaan</h1>"

#: Kinds whose message arrives; every other kind is a refusal or an answer about nothing.
_ARRIVING: Final = frozenset(
    {
        "delivered",
        "accepted",
        "undelivered",
        "expired",
        "spam",
        "slow_delivery",
        "early_report",
        "double_report",
        "backward_report",
        "timeout",
        "reset",
        "list",
    }
)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message as a carrier got it. `report_url` may be empty."""

    gateway: str
    id: str
    to: str
    text: str
    report_url: str
    write: Writer


def _chosen_kind(to: str) -> tuple[str, Switch | None]:
    """Return the kind for a number: a switch, else its last digits, else delivery."""
    switch = sandbox().sms_switches.take(canonical_phone(to))
    if switch is not None:
        return switch.kind, switch
    return kinds.SMS_KIND_BY_ENDING.get(to[-4:], kinds.DELIVERED), None


def _carry(parcel: Parcel, kind: str, switch: Switch | None, accepted: Response) -> Response:
    """Do with an acceptable message what its kind says, and answer."""
    state = sandbox()
    if kind in _ARRIVING:
        state.sms.add(
            parcel.to,
            parcel.text,
            gateway=parcel.gateway,
            kind=kind,
            segments=segments_of(parcel.text),
        )
        follow_up(state, kind, parcel.report_url, parcel.write)
    if kind == "timeout":
        wanted = switch.seconds if switch else None
        stay_silent(SILENT_SECONDS * state.pace if wanted is None else wanted)
    if kind == "reset":
        return broken_off(accepted.get_data())
    if kind == "list":
        return _json([json.loads(accepted.get_data())])
    return accepted


_PLAIN_FAILURES: Final[Mapping[str, tuple[int, str]]] = {
    "html": (200, _MAINTENANCE_PAGE),
    "error500": (500, "<h1>500 Internal Server Error</h1>"),
    "error503": (503, "<h1>503 Service Unavailable</h1>"),
}


def _failure(kind: str) -> Response | None:
    """Return the answer of the kinds that are the same on every wire."""
    if kind not in _PLAIN_FAILURES:
        return None
    status, page = _PLAIN_FAILURES[kind]
    return Response(page, status, content_type="text/html")


def _json(document: object, status: int = 200) -> Response:
    return Response(json.dumps(document), status, content_type="application/json")


# Zenziva ------------------------------------------------------------------------------------------

_ZENZIVA_REFUSALS: Final[Mapping[str, str]] = {
    "balance": "Insufficient balance",
    "rejected": "Invalid destination number",
    "credentials": "Userkey or passkey is wrong",
    "credentials_old": "Wrong passkey",
    "sender": "Sender ID is not registered",
    "country": "Destination country is not allowed",
    "opted_out": "Number is in blacklist",
    "busy": "System is busy, try again later",
    "refused": "Failed",
}


@sms.post("/zenziva/<route>/api/<call>/")
def zenziva(route: str, call: str) -> Response:
    """Take a form with `userkey`, `passkey`, `to`, `message`; refuse with HTTP 200."""
    if (route, call.lower()) not in _ZENZIVA_CALLS:
        return _zenziva_refusal("refused", request.form.get("to", ""))
    form, account = request.form, sandbox().account
    to, text = form.get("to", ""), form.get("message", "")
    if (form.get("userkey"), form.get("passkey")) != (account.sms_key, account.sms_secret):
        return _zenziva_refusal("credentials", to)
    kind, switch = _chosen_kind(to)
    if (failure := _failure(kind)) is not None:
        return failure
    if kind in _ZENZIVA_REFUSALS or not (to.startswith("08") and text):
        return _zenziva_refusal(kind if kind in _ZENZIVA_REFUSALS else "rejected", to)
    number = str(1_000_000 + secrets.randbelow(9_000_000))
    parcel = Parcel("zenziva", number, to, text, "", infobip_report(number, to))
    accepted = _json({"messageId": number, "to": to, "status": "1", "text": "Success"})
    return _carry(parcel, kind, switch, accepted)


_ZENZIVA_CALLS: Final = frozenset(
    {
        ("reguler", "sendsms"),
        ("masking", "sendsms"),
        ("masking", "sendotp"),
        ("wareguler", "sendwa"),
    }
)


def _zenziva_refusal(kind: str, to: str) -> Response:
    return _json({"messageId": "", "to": to, "status": "0", "text": _ZENZIVA_REFUSALS[kind]})


@sms.get("/zenziva/<route>/api/balance/")
def zenziva_balance(route: str) -> Response:
    """Tell the credit, with its comma for the thousands."""
    del route
    return _json({"balance": "1,000", "expired": "2099-12-31", "status": "1"})


# Infobip ------------------------------------------------------------------------------------------

_INFOBIP_REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "balance": (12, "REJECTED_NOT_ENOUGH_CREDITS"),
    "rejected": (14, "REJECTED_DESTINATION"),
    "sender": (13, "REJECTED_SENDER"),
    "country": (6, "REJECTED_NETWORK"),
    "opted_out": (8, "REJECTED_DND"),
    "refused": (17, "REJECTED_ROUTE_NOT_AVAILABLE"),
}
_INFOBIP_ERRORS: Final[Mapping[str, tuple[int, object]]] = {
    "credentials": (
        401,
        {
            "errorCode": "E401",
            "description": "The request lacks valid authentication credentials.",
            "action": "Check the authentication header.",
            "violations": [],
            "resources": [],
        },
    ),
    "credentials_old": (
        401,
        {
            "requestError": {
                "serviceException": {
                    "messageId": "UNAUTHORIZED",
                    "text": "Invalid login details",
                }
            }
        },
    ),
    "busy": (
        429,
        {
            "errorCode": "E429",
            "description": "Too many requests.",
            "action": "Wait.",
            "violations": [],
            "resources": [],
        },
    ),
}


@sms.post("/infobip/sms/3/messages")
def infobip() -> Response:
    """Take one message with one destination, as JSON."""
    if request.headers.get("Authorization") != f"App {sandbox().account.sms_key}":
        return _infobip_error("credentials")
    try:
        message = request.get_json(force=True)["messages"][0]
        destination = message["destinations"][0]
        to, text = str(destination["to"]), str(message["content"]["text"])
    except (KeyError, IndexError, TypeError):
        return _json({"errorCode": "E400", "description": "Bad request"}, 400)
    number = str(destination.get("messageId") or secrets.token_hex(16))
    kind, switch = _chosen_kind(to)
    if (failure := _failure(kind)) is not None:
        return failure
    if kind in _INFOBIP_ERRORS:
        return _infobip_error(kind)
    if kind in _INFOBIP_REFUSALS:
        return _infobip_status(number, to, 5, "REJECTED", *_INFOBIP_REFUSALS[kind])
    if not sandbox().once(f"infobip:{number}"):
        return _infobip_status(number, to, 5, "REJECTED", 21, "REJECTED_DUPLICATE_MESSAGE_ID")
    url = str(message.get("webhooks", {}).get("delivery", {}).get("url", ""))
    parcel = Parcel("infobip", number, to, text, url, infobip_report(number, to))
    accepted = _infobip_status(number, to, 1, "PENDING", 26, "PENDING_ACCEPTED")
    return _carry(parcel, kind, switch, accepted)


def _infobip_error(kind: str) -> Response:
    status, document = _INFOBIP_ERRORS[kind]
    return _json(document, status)


def _infobip_status(
    number: str, to: str, group: int, group_name: str, status_id: int, name: str
) -> Response:
    status = {
        "groupId": group,
        "groupName": group_name,
        "id": status_id,
        "name": name,
        "description": name.replace("_", " ").capitalize(),
    }
    message = {"messageId": number, "status": status, "destination": to}
    return _json({"bulkId": f"b-{number}", "messages": [message]})


# Twilio -------------------------------------------------------------------------------------------

_TWILIO_ERRORS: Final[Mapping[str, tuple[int, int]]] = {
    "balance": (401, 20005),
    "rejected": (400, 21211),
    "credentials": (401, 20003),
    "credentials_old": (401, 20003),
    "sender": (400, 21612),
    "country": (400, 21408),
    "opted_out": (400, 21610),
    "busy": (429, 20429),
    "refused": (400, 21617),
}


@sms.post("/twilio/2010-04-01/Accounts/<account_sid>/Messages.json")
def twilio(account_sid: str) -> Response:
    """Take a form with `To`, `From` or `MessagingServiceSid`, `Body`."""
    account, form = sandbox().account, request.form
    login = b64encode(f"{account.sms_key}:{account.sms_secret}".encode()).decode()
    if request.headers.get("Authorization") != f"Basic {login}" or account_sid != account.sms_key:
        return _twilio_error("credentials")
    to, text = form.get("To", ""), form.get("Body", "")
    kind, switch = _chosen_kind(to)
    if (failure := _failure(kind)) is not None:
        return failure
    if kind in _TWILIO_ERRORS:
        return _twilio_error(kind)
    if not (to.startswith("+") and text):
        return _twilio_error("rejected")
    if not (form.get("From") or form.get("MessagingServiceSid")):
        return _twilio_error("sender")
    sid, url = f"SM{secrets.token_hex(16)}", form.get("StatusCallback", "")
    writer = twilio_report(sid, to, url=url, secret=account.sms_secret)
    parcel = Parcel("twilio", sid, to, text, url, writer)
    accepted = {
        "sid": sid,
        "status": "queued",
        "to": to,
        "num_segments": str(segments_of(text)),
        "error_code": None,
        "error_message": None,
    }
    return _carry(parcel, kind, switch, _json(accepted, 201))


def _twilio_error(kind: str) -> Response:
    status, code = _TWILIO_ERRORS[kind]
    return _json(
        {
            "code": code,
            "message": f"Pretend error {code}",
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        },
        status,
    )
