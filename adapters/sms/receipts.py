"""What carriers' answers mean for us: taken, not taken, or nobody knows (`sms.md` section 4).

Only a clear refusal, or a connection that never came about, allows another carrier: the same code
twice costs money, makes people doubt, and kills the code they are typing.
"""

import json
from collections.abc import Mapping
from typing import Final

from adapters.outbound import ExchangeError, NotSentError, OutboundHttp, Reply
from idp.domain.identity.messages import SmsReceipt, SmsState

#: Refusals that hold with every carrier.
_FINAL_REASONS: Final = frozenset({"number", "opted_out"})

_UNKNOWN_REASONS: Final[Mapping[str, str]] = {"protocol": "bad_answer"}


def accepted(gateway: str, provider_id: object) -> SmsReceipt:
    """Return the receipt for a message that the carrier took."""
    is_id = isinstance(provider_id, str | int) and provider_id != ""
    return SmsReceipt(SmsState.ACCEPTED, gateway, str(provider_id) if is_id else None)


def refused(gateway: str, reason: str) -> SmsReceipt:
    """Return the receipt for a message that the carrier did not take."""
    return SmsReceipt(
        SmsState.REJECTED, gateway, reason=reason, retryable=reason not in _FINAL_REASONS
    )


def unknown(gateway: str, reason: str) -> SmsReceipt:
    """Return the receipt for a message that may be on its way."""
    return SmsReceipt(SmsState.UNKNOWN, gateway, reason=reason)


def hand_over(
    outbound: OutboundHttp, gateway: str, url: str, content: bytes, *, headers: Mapping[str, str]
) -> Reply | SmsReceipt:
    """Post a message; return a reply below status 500, or the receipt where there is none.

    429 and 503 say that nothing was taken; any other 5xx says nothing at all.
    """
    try:
        reply = outbound.post(url, content, headers=headers)
    except NotSentError:
        return refused(gateway, "unreachable")
    except ExchangeError as error:
        return unknown(gateway, _UNKNOWN_REASONS.get(error.reason, error.reason))
    if reply.status in {429, 503}:
        return refused(gateway, "busy")
    if reply.status >= 500:
        return unknown(gateway, "server_error")
    return unknown(gateway, "bad_answer") if reply.is_cut else reply


def refusal_by_status(gateway: str, status: int) -> SmsReceipt:
    """Return the receipt for a 3xx or 4xx whose body says no more."""
    return refused(gateway, "credentials" if status in {401, 403} else "refused")


def json_object(body: bytes) -> Mapping[str, object]:
    """Return the JSON object in a body, an empty one where there is none."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def member(document: object, *path: str | int) -> object:
    """Return what stands at a path of member names and list positions, `None` if nothing does."""
    for step in path:
        match document, step:
            case dict(), str():
                document = document.get(step)
            case list(), int() if step < len(document):
                document = document[step]
            case _:
                return None
    return document
