"""Identifiers made from a given instant and given random bytes."""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from binascii import b2a_base64
from hashlib import sha256
from threading import Lock
from typing import Final
from uuid import UUID


def uuid7_from(now_ms: int, random: bytes) -> UUID:
    """Return a UUIDv7 (RFC 9562 §5.7).

    `now_ms`: milliseconds since the epoch. `random`: ten bytes.
    """
    value = (now_ms & (2**48 - 1)) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


class Uuid7Sequence:
    """UUIDv7s whose order is the order in which one process made them (RFC 9562 §6.2, method 1)."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ms = 0
        self._counter = 0

    def next(self, now_ms: int, random: bytes) -> UUID:
        """Return the next one. `now_ms`: milliseconds since the epoch. `random`: eight bytes."""
        with self._lock:
            if now_ms != self._ms:
                self._ms, self._counter = now_ms, 0
            else:
                self._counter += 1
            counter = self._counter
        return uuid7_from(now_ms, (counter & 0xFFF).to_bytes(2, "big") + random)


def uuid8_from(digest: bytes) -> UUID:
    """Return a UUIDv8 (RFC 9562 §5.8) of the first sixteen bytes of a digest."""
    value = int.from_bytes(digest[:16], "big")
    value = value & ~(0xF << 76) | 0x8 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def uuid4_text(bits: int) -> str:
    """Return a UUIDv4 as text (RFC 9562 §5.4). `bits`: 128 of them; six are overwritten."""
    digits = f"{bits:032x}"
    variant = "89ab"[bits >> 62 & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def text_of(bits: int, count: int) -> str:
    """Return a number of `count` bytes as base64url without padding."""
    return encode_base64url(bits.to_bytes(count, "big"))


def encode_base64url(value: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return base64url(value).decode("ascii")


def base64url(value: bytes) -> bytes:
    """Return base64url without padding, as bytes; `base64` makes a detour of three calls."""
    return b2a_base64(value, newline=False).translate(_OF_URLS, b"=")


_OF_URLS: Final = bytes.maketrans(b"+/", b"-_")


def decode_base64url(text: str) -> bytes:
    """Read strict base64url without padding; `ValueError` for anything else.

    A second spelling of the same bytes is refused: what was cut, lengthened or re-encoded is
    unknown.
    """
    try:
        value = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (Base64Error, UnicodeEncodeError) as error:
        raise ValueError("not base64url") from error
    if encode_base64url(value) != text:
        raise ValueError("not canonical base64url")
    return value


def digest_of(secret: str | bytes) -> bytes:
    """Return the SHA-256 under which a random secret is kept; 32 bytes."""
    return sha256(secret.encode() if isinstance(secret, str) else secret).digest()
