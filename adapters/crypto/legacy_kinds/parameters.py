"""What every kind needs: its protocol, parameters read strictly, bounds on work."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from typing import Final, Protocol, runtime_checkable

from idp.domain.errors import Refused
from idp.domain.identity.legacy import LegacyHash

SALT_MAX: Final = 256


class Reader(Protocol):
    """Reads hashes of one shape."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        """Return the hash, or refuse with `hash.*`."""


class Kind(Protocol):
    """Hashes that are computed alike."""

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        """Return whether the password fits."""


@runtime_checkable
class Computable(Kind, Protocol):
    """A kind whose text can be computed from password and parameters: it can be wrapped."""

    def compute(self, password: bytes, hash_: LegacyHash) -> str:
        """Return what the text would be."""


def matched(pattern: re.Pattern[str], text: str) -> re.Match[str]:
    """Return the match of a whole text, or refuse with `hash.malformed`."""
    found = pattern.fullmatch(text)
    if found is None:
        raise Refused("hash.malformed")
    return found


def check_cost(is_affordable: bool) -> None:
    """Refuse with `hash.cost` what a sign-in can't afford."""
    if not is_affordable:
        raise Refused("hash.cost")


def number(params: Mapping[str, object], *names: str, default: int | None = None) -> int:
    """Return a positive whole number of the parameters, under the first name that is there."""
    value = next((params[name] for name in names if params.get(name) is not None), default)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Refused("hash.parameters")
    return value


def word(params: Mapping[str, object], name: str, default: str = "") -> str:
    """Return a text of the parameters, or refuse with `hash.parameters`."""
    value = params.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise Refused("hash.parameters")
    return value


def salt_of(params: Mapping[str, object]) -> bytes:
    """Return the salt: text as it stands, or hex or base64 where `salt_encoding` says so."""
    given = params.get("salt")
    if given is None:
        return b""
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    encoding = word(params, "salt_encoding", "text")
    if not isinstance(given, str) or len(given) > SALT_MAX:
        raise Refused("hash.parameters")
    try:
        return _SALT_ENCODINGS[encoding](given)
    except (KeyError, ValueError) as error:
        raise Refused("hash.parameters") from error


_SALT_ENCODINGS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "text": str.encode,
    "hex": bytes.fromhex,
    "base64": lambda text: b64decode(text, validate=True),
}


def decoded(text: str, encoding: str, size: int | None) -> bytes:
    """Return digest bytes from hex or base64; without a word for it the length tells."""
    encoding = encoding.lower()
    if encoding not in {"", "hex", "base64"}:
        raise Refused("hash.parameters")
    if encoding != "base64" and _HEX.fullmatch(text) and size in {None, len(text) // 2}:
        return bytes.fromhex(text)
    if encoding != "hex":
        try:
            value = b64decode(text + "=" * (-len(text) % 4), validate=True)
        except (Base64Error, ValueError) as error:
            raise Refused("hash.malformed") from error
        if size in {None, len(value)}:
            return value
    raise Refused("hash.malformed")


_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")


def adapted(text: str) -> bytes:
    """Return what libpass's "adapted" base64 holds: `.` for `+`, no padding."""
    try:
        return b64decode(text.replace(".", "+") + "=" * (-len(text) % 4))
    except (Base64Error, ValueError) as error:
        raise Refused("hash.malformed") from error


def bounded(digits: str) -> int:
    """Return a number of at most nine digits: longer ones are not worth reading."""
    check_cost(len(digits) < 10)
    return int(digits)
