"""Finding one of thousands of clients: by words, status and profile, a page at a time.

Words are those of its names (RFC 7591 §2.2), its identifier, its owner and its domains; what is
typed finds words that begin so.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from idp.domain.protocol.client import Client, ClientStatus, Profile

#: Words of a question that count, and the longest that is compared.
WORDS_MAX: Final = 4
WORD_LENGTH_MAX: Final = 40
#: Words by which one client is found.
_OF_CLIENT_MAX: Final = 40
NAME_KEY_MAX: Final = 120
_WORD: Final = re.compile(r"[^\W_]+")


class ClientOrder(StrEnum):
    """By what a list is sorted; `-` in front turns it round."""

    NAME = "nama"
    NAME_DOWN = "-nama"
    CHANGED = "diubah"
    CHANGED_DOWN = "-diubah"
    CREATED = "dibuat"
    CREATED_DOWN = "-dibuat"

    @property
    def is_down(self) -> bool:
        """Whether the largest comes first."""
        return self.value.startswith("-")

    @property
    def column(self) -> str:
        """What is compared, without the direction."""
        return self.value.removeprefix("-")


#: The place of a client in a list: its key in that order, and its identifier.
Place = tuple[str | int, str]


@dataclass(frozen=True, slots=True)
class ClientSearch:
    """What is asked of the list. `after`: the last place of the page before. `limit`: rows."""

    words: tuple[str, ...] = ()
    status: ClientStatus | None = None
    profile: Profile | None = None
    order: ClientOrder = ClientOrder.NAME
    after: Place | None = None
    limit: int = 25


def parse_words(text: str) -> tuple[str, ...]:
    """Return the words of a question; what is no word is left out."""
    return tuple(word[:WORD_LENGTH_MAX] for word in _words(text))[:WORDS_MAX]


def words_of(client: Client) -> frozenset[str]:
    """Return the words by which a client is found."""
    names = [
        str(value)
        for key, value in client.metadata.items()
        if key.partition("#")[0] == "client_name"
    ]
    texts = [*names, client.client_id, client.owner, client.domain]
    # whole as well, for whoever pastes an identifier or a domain
    whole = [text.casefold() for text in (client.client_id, client.domain) if text]
    found = dict.fromkeys([*whole, *(word for text in texts for word in _words(text))])
    return frozenset(word[:WORD_LENGTH_MAX] for word in list(found)[:_OF_CLIENT_MAX])


def name_key(client: Client) -> str:
    """Return by what a client is sorted: its Indonesian name without regard to case."""
    return client.name_in("id").casefold()[:NAME_KEY_MAX]


def place_of(client: Client, order: ClientOrder) -> Place:
    """Return where a client stands in an order."""
    keys: dict[str, str | int] = {
        "nama": name_key(client),
        "diubah": client.updated_at,
        "dibuat": client.created_at,
    }
    return keys[order.column], client.client_id


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
