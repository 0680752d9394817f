"""Failures and the support codes under which they are found again.

A code says nothing by itself. Whoever looks it up sees what is theirs: the portal's team the cause
of its own request, support everything that was kept.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused

#: Read out and typed by people: no vowels, so that no word comes out, and no look-alikes (2 and Z,
#: 5 and S, 8 and B, 0 and O, 1, I and L).
ALPHABET: Final = "34679BCDFGHJKMNPQRTVWXY"
LENGTH: Final = 8
#: How long a failure is kept.
KEPT_SECONDS: Final = 30 * 86400

_HALF: Final = LENGTH // 2


class Side(StrEnum):
    """`PORTAL`: a portal's own request failed. `PAGE`: a page for people did."""

    PORTAL = "portal"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Failure:
    """One answer that failed; nothing personal.

    `process`: who answered. `endpoint`: name of the route. `cause`: stable word. `detail`:
    technical English out of fixed tables. `client_id`: the portal that asked, or that the page was
    for. `account_id`: who was signed in. `trail`: SHA-256 of the browser's flow cookie, by which
    the failures of one browser hang together.
    """

    id: UUID
    code: str
    at: int
    process: str
    side: Side
    endpoint: str
    status: int
    cause: str
    detail: str
    request_id: str
    client_id: str | None = None
    account_id: UUID | None = None
    trail: bytes | None = None


def write_support_code(letters: str) -> str:
    """Return `BCDF-3467` of eight letters and digits."""
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def read_support_code(text: str) -> str:
    """Return the eight letters of a typed code; case, blanks and hyphens do not matter.

    Refuses with `support.form`.
    """
    letters = "".join(text.split()).replace("-", "").upper()
    if len(letters) != LENGTH or letters.strip(ALPHABET):
        raise Refused("support.form")
    return letters
