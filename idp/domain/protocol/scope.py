"""Scopes (RFC 6749 §3.3)."""

import re
from typing import Final

from idp.domain.protocol.errors import invalid_scope

_TOKEN: Final = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+")

OPENID: Final = "openid"
PROFILE: Final = "profile"
OFFLINE_ACCESS: Final = "offline_access"


def parse_scope(text: str | None) -> tuple[str, ...]:
    """Return the scope tokens in order, each once; `invalid_scope` for other characters."""
    words = (text or "").split(" ")
    if any(word and not _TOKEN.fullmatch(word) for word in words):
        raise invalid_scope("the scope has a character that scopes do not have")
    return tuple(dict.fromkeys(word for word in words if word))


def narrowed(asked: str | None, granted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the scopes of a new token: those asked for, never more than granted (RFC 6749 §6)."""
    if asked is None:
        return granted
    wanted = parse_scope(asked)
    if not set(wanted) <= set(granted):
        raise invalid_scope("the scope exceeds what was granted")
    return wanted
