"""Short messages and letters, and what became of them."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from idp.domain.identity.phone import Phone

# 3GPP TS 23.038 §6.2.1: the default alphabet, and the extension whose characters count twice.
_GSM_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENDED: Final = frozenset("\f^{}\\[~]|€")
_GSM_SINGLE, _GSM_PART = 160, 153
_UCS2_SINGLE, _UCS2_PART = 70, 67


class SmsState(StrEnum):
    """States of a message, in the order in which they may follow one another.

    Acceptance is not delivery. `UNKNOWN`: sent, no answer; never sent again by itself.
    """

    QUEUED = "queued"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


FINAL_STATES: Final = frozenset(
    {SmsState.DELIVERED, SmsState.UNDELIVERED, SmsState.EXPIRED, SmsState.REJECTED}
)
#: The message will not reach the phone.
LOST_STATES: Final = FINAL_STATES - {SmsState.DELIVERED}

_PROGRESS: Final = (SmsState.UNKNOWN, SmsState.QUEUED, SmsState.ACCEPTED, SmsState.SENT)


@dataclass(frozen=True, slots=True)
class Sms:
    """One message. `id`: our own, the idempotency key. `ttl_seconds`: worthless after that."""

    id: str
    to: Phone
    text: str = field(repr=False)
    purpose: str
    ttl_seconds: int


@dataclass(frozen=True, slots=True)
class SmsReceipt:
    """What a gateway said at once.

    `state`: `ACCEPTED`, `REJECTED` or `UNKNOWN`. `retryable`: another gateway may do better.
    `provider_id`: the gateway's name for the message, by which its reports call it.
    `reason`: stable word. Refused: `balance`, `number`, `credentials`, `sender`, `country`,
    `opted_out`, `busy`, `unreachable`, `refused`. Unknown: `timeout`, `reset`, `server_error`,
    `bad_answer`.
    """

    state: SmsState
    gateway: str
    provider_id: str | None = None
    reason: str | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a gateway said later of one message; `provider_id` is the gateway's name for it.

    `reason`: stable word where the message did not arrive: `handset`, `blocked`, `landline`,
    `spam`, `pumping`, `expired`, `refused`, `undelivered`; nobody is told more than that.
    """

    gateway: str
    provider_id: str
    state: SmsState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail: plain text and simple HTML, at most one link, spelled out."""

    id: str
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


def may_follow(new: SmsState, old: SmsState) -> bool:
    """Tell whether a report may change the state; reports come late, twice and in any order.

    Nothing leads back: neither from `SENT` to `ACCEPTED` nor from a final state, with one
    exception: a message given up as lost that arrives after all is `DELIVERED`.
    """
    if old in FINAL_STATES:
        return new is SmsState.DELIVERED and old is not SmsState.DELIVERED
    if new in FINAL_STATES:
        return True
    return _PROGRESS.index(new) > _PROGRESS.index(old)


def segments_of(text: str) -> int:
    """Return how many short messages a carrier bills for `text`: 1 up to 160 GSM-7 characters.

    One character outside that alphabet makes it UCS-2: 70 characters, 67 for each part of several.
    """
    if all(sign in _GSM_BASIC or sign in _GSM_EXTENDED for sign in text):
        length = len(text) + sum(sign in _GSM_EXTENDED for sign in text)
        single, part = _GSM_SINGLE, _GSM_PART
    else:
        length = len(text.encode("utf-16-le")) // 2
        single, part = _UCS2_SINGLE, _UCS2_PART
    return 1 if length <= single else -(-length // part)
