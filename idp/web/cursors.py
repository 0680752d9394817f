"""Where a long list goes on: a place in it that only we can write (`security.md` IN-3)."""

from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Final
from uuid import UUID

from idp.domain.ids import decode_base64url, encode_base64url
from idp.web.context import services

Place = tuple[int, UUID]

_AT_BYTES: Final = 8
_ID_BYTES: Final = 16
_MAC_BYTES: Final = 12


def write_cursor(place: Place, owner: UUID) -> str:
    """Return the text that stands for a place in `owner`'s list."""
    at, row_id = place
    body = at.to_bytes(_AT_BYTES, "big") + row_id.bytes
    return encode_base64url(body + _mac(body, owner, services().vault.keys("cursor")[0]))


def read_cursor(text: str, owner: UUID) -> Place | None:
    """Return the place, `None` for any text that we did not write for this owner."""
    try:
        value = decode_base64url(text)
    except ValueError:
        return None
    body, mac = value[: _AT_BYTES + _ID_BYTES], value[_AT_BYTES + _ID_BYTES :]
    keys = services().vault.keys("cursor")
    if not any(compare_digest(mac, _mac(body, owner, key)) for key in keys):
        return None
    return int.from_bytes(body[:_AT_BYTES], "big"), UUID(bytes=body[_AT_BYTES:])


def _mac(body: bytes, owner: UUID, key: bytes) -> bytes:
    return hmac_digest(key, body + owner.bytes, sha256)[:_MAC_BYTES]
