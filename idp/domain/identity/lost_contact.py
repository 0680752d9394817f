"""Phone and address both lost: another pair is asked for, officers decide (`ui.md` section 2)."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.limits import DAY
from idp.domain.identity.support import ALPHABET

#: How long a request may wait for its decision; whoever waited longer asks again.
REQUEST_SECONDS: Final = 30 * DAY

_LETTERS: Final = 12
_GROUP: Final = 4


class TicketState(StrEnum):
    """Where a request stands. `SECOND`: one officer said yes, another has not yet."""

    WAITING = "waiting"
    SECOND = "second"
    GRANTED = "granted"
    REFUSED = "refused"
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


def read_ticket(text: str) -> str:
    """Return a typed ticket as it was written; case, blanks and hyphens do not matter.

    Refuses with `ticket.form`.
    """
    letters = "".join(text.split()).replace("-", "").upper()
    if len(letters) != _LETTERS or letters.strip(ALPHABET):
        raise Refused("ticket.form")
    return "-".join(letters[at : at + _GROUP] for at in range(0, _LETTERS, _GROUP))
