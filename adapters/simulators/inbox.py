"""Messages that arrived, for people and tests to read."""

import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Condition
from typing import Final

_KEPT: Final = 20_000


@dataclass(frozen=True, slots=True)
class Message:
    """One SMS or letter.

    `to`: E.164 or an e-mail address. `at`: epoch seconds with milliseconds. `extra`: the gateway,
    the segments of an SMS; the subject and HTML of a letter.
    """

    id: str
    to: str
    text: str
    at: float
    extra: Mapping[str, object] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the members that the API shows."""
        return {"id": self.id, "to": self.to, "text": self.text, "at": self.at, **self.extra}


def canonical_phone(text: str) -> str:
    """Return any spelling of an Indonesian number as E.164.

    In a query a plus sign may have become a blank. What is no number comes back without a match.
    """
    digits = re.sub(r"[^0-9]", "", text)
    for prefix, mended in (("00", ""), ("620", "62"), ("0", "62"), ("8", "628")):
        if digits.startswith(prefix):
            digits = mended + digits[len(prefix) :]
    return f"+{digits}" if digits else text.strip()


def canonical_address(text: str) -> str:
    """Return an e-mail address in lower case; a blank inside was a plus sign once."""
    return text.strip().lower().replace(" ", "+")


class Inbox:
    """The newest 20,000 messages, shared by the threads of the servers."""

    def __init__(self, canonical: Callable[[str], str]) -> None:
        self._canonical = canonical
        self._messages: deque[Message] = deque(maxlen=_KEPT)
        self._changed = Condition()

    def add(self, to: str, text: str, **extra: object) -> Message:
        """Keep one message and return it."""
        message = Message(
            secrets.token_hex(8), self._canonical(to), text, round(time.time(), 3), extra
        )
        with self._changed:
            self._messages.appendleft(message)
            self._changed.notify_all()
        return message

    def messages(self, to: str | None = None) -> list[Message]:
        """Return the messages to one recipient in any spelling, or all; newest first."""
        wanted = self._canonical(to) if to else None
        with self._changed:
            return [m for m in self._messages if wanted is None or m.to == wanted]

    def await_messages(self, to: str, *, count: int, seconds: float) -> list[Message]:
        """Return the messages to one recipient as soon as there are `count`, or after `seconds`."""
        with self._changed:
            self._changed.wait_for(lambda: len(self.messages(to)) >= count, timeout=seconds)
        return self.messages(to)

    def clear(self) -> None:
        """Throw everything away."""
        with self._changed:
            self._messages.clear()
