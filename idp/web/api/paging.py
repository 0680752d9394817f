"""Where a list goes on: a place that only we can write, bound to the list and its filter."""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Final
from urllib.parse import urlencode

from flask import request

from idp.domain.ids import decode_base64url, encode_base64url
from idp.web.api.shapes import Cursored
from idp.web.context import services, web_settings
from idp.web.problems import FieldError, Problem

_MAC_BYTES: Final = 12


def place_of(query: Cursored) -> list[Any] | None:
    """Return the place from which a list goes on, `None` at its beginning.

    Raises `Problem` 400 for a cursor that we did not write for this list and filter.
    """
    if query.cursor is None:
        return None
    try:
        value = decode_base64url(query.cursor)
    except ValueError:
        value = b""
    body, mac = value[:-_MAC_BYTES], value[-_MAC_BYTES:]
    if not any(compare_digest(mac, _mac(body, query, key)) for key in _keys()):
        raise Problem(
            400,
            "query.invalid",
            "the query can not be read",
            errors=[FieldError("cursor.unknown", "it is not ours", parameter="cursor")],
        )
    found: list[Any] = json.loads(body)
    return found


def next_address(query: Cursored, place: Sequence[Any] | None) -> str | None:
    """Return where a list goes on, `None` at its end."""
    if place is None:
        return None
    body = json.dumps(list(place), separators=(",", ":")).encode()
    cursor = encode_base64url(body + _mac(body, query, _keys()[0]))
    given = {**query.model_dump(mode="json", exclude_none=True), "cursor": cursor}
    return f"{web_settings().issuer}{request.path}?{urlencode(given)}"


def links(address: str | None) -> tuple[tuple[str, str], ...]:
    """Return the header that says the same (RFC 8288 §3)."""
    return (("Link", f'<{address}>; rel="next"'),) if address is not None else ()


def _filter(query: Cursored) -> Mapping[str, Any]:
    given = query.model_dump(mode="json", exclude_none=True)
    return {name: value for name, value in given.items() if name not in {"limit", "cursor"}}


def _mac(body: bytes, query: Cursored, key: bytes) -> bytes:
    about = json.dumps([request.path, _filter(query)], sort_keys=True)
    return hmac_digest(key, about.encode() + b"\n" + body, sha256)[:_MAC_BYTES]


def _keys() -> Sequence[bytes]:
    return services().vault.keys("api-cursor")
