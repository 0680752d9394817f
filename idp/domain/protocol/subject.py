"""Subject identifiers (OpenID Connect Core §8): pairwise by sector, public where registered so.

A pairwise `sub` is a keyed permutation of the account's own 128 bits: four Feistel rounds of
HMAC-SHA-256 over the sector. Portals can't join or undo them; we can, so that a hint with nothing
but a `sub` finds its person without a table of pairs (`docs/decisions/pairwise-subjects.md`).
"""

from functools import lru_cache
from hashlib import sha256
from hmac import digest as hmac_digest
from typing import Final

from idp.domain.ids import decode_base64url, encode_base64url
from idp.domain.protocol.client import Client

_ROUNDS: Final = 4
_HALF: Final = 8


def subject_for(client: Client, subject: str, key: bytes) -> str:
    """Return the `sub` that this client sees of a person.

    `subject`: the account's own, 22 characters; `key`: the pairwise key, the same for ever.
    """
    if client.metadata.get("subject_type") == "public":
        return subject
    return _permuted(subject, _round_keys(client.sector, key))


def subject_behind(client: Client, sub: str, key: bytes) -> str | None:
    """Return the account's own subject of a `sub` that this client brings; `None` if it is none."""
    if client.metadata.get("subject_type") == "public":
        return sub
    try:
        return _permuted(sub, _round_keys(client.sector, key), undo=True)
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def _round_keys(sector: str, key: bytes) -> tuple[bytes, ...]:
    own = hmac_digest(key, sector.encode(), sha256)
    return tuple(own + bytes([number]) for number in range(_ROUNDS))


@lru_cache(maxsize=4096)
def _permuted(text: str, keys: tuple[bytes, ...], *, undo: bool = False) -> str:
    value = decode_base64url(text)
    if len(value) != 2 * _HALF:
        raise ValueError("a subject has 128 bits")
    left, right = value[:_HALF], value[_HALF:]
    if undo:
        for key in reversed(keys):
            left, right = _mixed(right, left, key), left
    else:
        for key in keys:
            left, right = right, _mixed(left, right, key)
    return encode_base64url(left + right)


def _mixed(half: bytes, other: bytes, key: bytes) -> bytes:
    """Return one half, changed by a keyed function of the other."""
    mask = int.from_bytes(hmac_digest(key, other, sha256)[:_HALF], "big")
    return (int.from_bytes(half, "big") ^ mask).to_bytes(_HALF, "big")
