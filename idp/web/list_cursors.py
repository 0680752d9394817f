"""Where a sorted list goes on: a place that only we can write (`security.md` IN-3)."""

import json
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final

from idp.domain.ids import decode_base64url, encode_base64url
from idp.web.context import services

_MAC_BYTES: Final = 12
_LONGEST: Final = 1024

ListPlace = tuple[str | int, str]


def write_list_cursor(place: ListPlace, order: str) -> str:
    """Return the text that stands for a place in a list that is sorted so."""
    body = json.dumps(place, separators=(",", ":")).encode()
    return encode_base64url(_mac(body, order, services().vault.keys("list-cursor")[0]) + body)


def read_list_cursor(text: str, order: str) -> ListPlace | None:
    """Return the place, `None` for any text that we did not write for this order."""
    if len(text) > _LONGEST:
        return None
    try:
        value = decode_base64url(text)
    except ValueError:
        return None
    mac, body = value[:_MAC_BYTES], value[_MAC_BYTES:]
    keys = services().vault.keys("list-cursor")
    if not any(compare_digest(mac, _mac(body, order, key)) for key in keys):
        return None
    key, last = json.loads(body)
    return key, last


def _mac(body: bytes, order: str, key: bytes) -> bytes:
    return hmac_digest(key, f"{order}\n".encode() + body, sha256)[:_MAC_BYTES]
