"""Crypt of Unix and its offspring: SHA-crypt, MD5-crypt, phpass, Drupal 7."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Final

from adapters.crypto.legacy_kinds.parameters import bounded, check_cost, matched
from idp.domain.errors import Refused
from idp.domain.identity.legacy import LegacyHash

SHA_CRYPT_ROUNDS_MAX: Final = 700_000
PHPASS_LOG2_MAX: Final = 20
DRUPAL_LOG2_MAX: Final = 19

_ITOA64: Final = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class ModularCrypt:
    """`$5$`, `$6$`, phpass: libpass knows them."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme, params
        if found := _SHA_CRYPT.fullmatch(text):
            check_cost(found["rounds"] is None or bounded(found["rounds"]) <= SHA_CRYPT_ROUNDS_MAX)
            name = "sha256_crypt" if found["kind"] == "5" else "sha512_crypt"
            if len(found["checksum"]) != _SHA_CRYPT_SIZES[found["kind"]]:
                raise Refused("hash.malformed")
            return LegacyHash(name, text)
        found = matched(_PHPASS, text)
        check_cost(7 <= _ITOA64.index(found["log2"]) <= PHPASS_LOG2_MAX)
        return LegacyHash("phpass", text)

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        return bool(_handler(hash_.scheme).verify(password, hash_.text))


_SHA_CRYPT: Final = re.compile(
    r"\$(?P<kind>[56])\$(?:rounds=(?P<rounds>[0-9]+)\$)?[./A-Za-z0-9]{0,16}"
    r"\$(?P<checksum>[./A-Za-z0-9]+)"
)
_SHA_CRYPT_SIZES: Final = {"5": 43, "6": 86}
_PHPASS: Final = re.compile(r"\$[PH]\$(?P<log2>[./A-Za-z0-9])[./A-Za-z0-9]{30}")


def _handler(scheme: str) -> Any:
    """Return libpass's own class for a scheme."""
    # a tenth of a second to import, and only old accounts need it
    from passlib import hash as handlers  # noqa: PLC0415 - see above

    return getattr(handlers, scheme)


@dataclass(frozen=True, slots=True)
class Md5Crypt:
    """`$1$` and Apache's `$apr1$`: a thousand rounds of MD5 are weak by now."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del params
        found = matched(_MD5_CRYPT, text)
        scheme = "md5_crypt" if found["kind"] == "1" else "apr_md5_crypt"
        return LegacyHash(scheme, text, {"salt": found["salt"]}, is_weak=True)

    def compute(self, password: bytes, hash_: LegacyHash) -> str:
        handler = _handler(hash_.scheme).using(salt=hash_.params["salt"])
        return str(handler.hash(password))

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        return compare_digest(self.compute(password, hash_), hash_.text)


_MD5_CRYPT: Final = re.compile(
    r"\$(?P<kind>1|apr1)\$(?P<salt>[./A-Za-z0-9]{0,8})\$[./A-Za-z0-9]{22}"
)


@dataclass(frozen=True, slots=True)
class Drupal7:
    """`$S$`: phpass with SHA-512, cut to 55 characters; `U$S$` over the MD5 of Drupal 6."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme, params
        found = matched(_DRUPAL7, text)
        check_cost(7 <= _ITOA64.index(found["log2"]) <= DRUPAL_LOG2_MAX)
        return LegacyHash("drupal7", text)

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        found = matched(_DRUPAL7, hash_.text)
        if found["from_drupal6"]:
            password = hashlib.md5(password, usedforsecurity=False).hexdigest().encode()
        digest = hashlib.sha512(found["salt"].encode() + password).digest()
        for _ in range(1 << _ITOA64.index(found["log2"])):
            digest = hashlib.sha512(digest + password).digest()
        return compare_digest(_itoa64(digest)[:43], found["checksum"])


_DRUPAL7: Final = re.compile(
    r"(?P<from_drupal6>U)?\$S\$(?P<log2>[./A-Za-z0-9])(?P<salt>[./A-Za-z0-9]{8})"
    r"(?P<checksum>[./A-Za-z0-9]{43})"
)


def _itoa64(content: bytes) -> str:
    """Return phpass's own base64: three bytes, lowest bits first."""
    letters = []
    for start in range(0, len(content), 3):
        chunk = content[start : start + 3]
        value = int.from_bytes(chunk, "little")
        for _ in range(len(chunk) + 1):
            letters.append(_ITOA64[value & 63])
            value >>= 6
    return "".join(letters)
