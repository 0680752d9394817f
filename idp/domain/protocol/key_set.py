"""Key sets that clients publish (RFC 7517 §5)."""

from collections.abc import Mapping
from typing import Any

from idp.domain.protocol.json_text import read_json


def keys_of(body: bytes) -> list[Mapping[str, Any]] | None:
    """Return the keys of a published document, `None` if it is no key set.

    Entries that are no JSON objects are passed over: others in the set may be good.
    """
    try:
        document = read_json(body)
    except ValueError:
        return None
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        return None
    return [key for key in keys if isinstance(key, dict)]


def is_key_set(body: bytes) -> bool:
    """Return whether a document is a key set, an empty one too."""
    return keys_of(body) is not None
