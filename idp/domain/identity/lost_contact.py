"""Phone and address both lost: another pair is asked for, officers decide (`ui.md` section 2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.limits import DAY
from idp.domain.identity.support import ALPHABET
from idp.domain.ids import decode_base64url, encode_base64url

#: How long a request may wait for its decision; whoever waited longer asks again.
REQUEST_SECONDS: Final = 30 * DAY

_LETTERS: Final = 12
_GROUP: Final = 4
_ID_BYTES: Final = 16


class TicketState(StrEnum):
    """Where a request stands. `SECOND`: one officer said yes, another has not yet.

    `STOPPED`: by whoever has the old contacts.
    """

    WAITING = "waiting"
    SECOND = "second"
    GRANTED = "granted"
    REFUSED = "refused"
    STOPPED = "stopped"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Ticket:
    """What whoever asked is told. `recovers_at`: from when the new phone helps, once granted."""

    number: str
    state: TicketState
    asked_at: int
    recovers_at: int | None = None


def ticket_number(case_id: UUID, key: bytes) -> str:
    """Return the ticket of a case, `BCDF-3467-GHJK`: 54 bits that only the key can tell."""
    drawn = int.from_bytes(hmac_digest(key, case_id.bytes, sha256), "big")
    letters = []
    for _ in range(_LETTERS):
        drawn, place = divmod(drawn, len(ALPHABET))
        letters.append(ALPHABET[place])
    text = "".join(letters)
    return "-".join(text[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))


def stop_secret(case_id: UUID, key: bytes) -> str:
    """Return what lets whoever has the old contacts stop a request; nothing keeps it."""
    return encode_base64url(case_id.bytes + _stop_mac(case_id, key))


def case_to_stop(secret: str, keys: Iterable[bytes]) -> UUID | None:
    """Return the case that a secret stops, `None` for one that is not ours."""
    try:
        told = decode_base64url(secret)
        case_id = UUID(bytes=told[:_ID_BYTES])
    except ValueError:
        return None
    mac = told[_ID_BYTES:]
    is_ours = any(compare_digest(mac, _stop_mac(case_id, key)) for key in keys)
    return case_id if is_ours else None


def _stop_mac(case_id: UUID, key: bytes) -> bytes:
    return hmac_digest(key, b"stop\n" + case_id.bytes, sha256)[:_ID_BYTES]


def read_ticket(text: str) -> str:
    """Return a typed ticket as it was written; case, blanks and hyphens do not matter.

    Refuses with `ticket.form`.
    """
    letters = "".join(text.split()).replace("-", "").upper()
    if len(letters) != _LETTERS or letters.strip(ALPHABET):
        raise Refused("ticket.form")
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))
