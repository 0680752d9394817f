"""Hashes that were made to be slow: bcrypt, Argon2, PBKDF2, scrypt."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from hmac import digest as hmac_digest
from typing import Any, Final

import bcrypt
from argon2 import Type, extract_parameters
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import verify_secret

from adapters.crypto.legacy_kinds.parameters import (
    adapted,
    bounded,
    check_cost,
    decoded,
    matched,
    number,
    salt_of,
    word,
)
from adapters.crypto.legacy_kinds.recipes import DIGESTS
from idp.domain.errors import Refused
from idp.domain.identity.legacy import LegacyHash

BCRYPT_COST_MAX: Final = 13
#: bcrypt never saw more of a password than this; PHP cuts silently, and so must we.
BCRYPT_BYTES: Final = 72
PBKDF2_ITERATIONS_MAX: Final = 2_000_000
#: PBKDF2 with fewer is no better than a salted digest.
PBKDF2_ITERATIONS_WEAK: Final = 1000
SCRYPT_WORK_MAX: Final = 1_310_720  # N * r * p; Django's is half of it
SCRYPT_MEMORY_MAX: Final = 64 << 20
ARGON2_MEMORY_MAX_KIB: Final = 256 << 10
ARGON2_WORK_MAX_KIB: Final = 1 << 20  # memory times passes
ARGON2_LANES_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Bcrypt:
    """`$2a$`, `$2b$`, `$2y$`; over a digest of the password where Django or WordPress says so."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme, params
        found = matched(_BCRYPT, text)
        check_cost(4 <= int(found["cost"]) <= BCRYPT_COST_MAX)
        before = found["django"] or found["wordpress"] or ""
        scheme = {"bcrypt_sha256$": "bcrypt_sha256", "$wp": "bcrypt_wordpress"}.get(
            before, "bcrypt"
        )
        # one algorithm, three names: PHP's own letter is `y`
        return LegacyHash(scheme, f"$2b${found['cost']}${_clean(found['salt'], found['hash'])}")

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        prepared = _BEFORE_BCRYPT.get(hash_.scheme, bytes)(password)
        try:
            return bcrypt.checkpw(prepared[:BCRYPT_BYTES], hash_.text.encode())
        except ValueError:
            return False


_BCRYPT: Final = re.compile(
    r"(?:(?P<django>bcrypt(?:_sha256)?\$)|(?P<wordpress>\$wp))?"
    r"\$2[aby]\$(?P<cost>[0-9]{2})\$(?P<salt>[./A-Za-z0-9]{22})(?P<hash>[./A-Za-z0-9]{31})"
)
_BCRYPT_LETTERS: Final = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def _clean(salt: str, hash_: str) -> str:
    """Return salt and hash with the bits cleared that stand for nothing: the library asks for it.

    16 bytes fill 22 letters but for four bits, 23 bytes fill 31 but for two.
    """
    return _cleared(salt, 0b110000) + _cleared(hash_, 0b111100)


def _cleared(letters: str, mask: int) -> str:
    last = _BCRYPT_LETTERS[_BCRYPT_LETTERS.index(letters[-1]) & mask]
    return letters[:-1] + last


def _wordpress(password: bytes) -> bytes:
    """WordPress 6.8: base64 of HMAC-SHA-384 of the trimmed password."""
    return b64encode(hmac_digest(b"wp-sha384", password.strip(b" \t\n\r\0\x0b"), "sha384"))


_BEFORE_BCRYPT: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "bcrypt_sha256": lambda password: hashlib.sha256(password).hexdigest().encode(),
    "bcrypt_wordpress": _wordpress,
}


@dataclass(frozen=True, slots=True)
class Argon2:
    """Argon2id, Argon2i, Argon2d as PHP and Django write them."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme, params
        text = text.removeprefix("argon2") if text.startswith("argon2$") else text
        try:
            found = extract_parameters(text)
        except ValueError as error:
            raise Refused("hash.malformed") from error
        check_cost(
            found.memory_cost <= ARGON2_MEMORY_MAX_KIB
            and found.memory_cost * found.time_cost <= ARGON2_WORK_MAX_KIB
            and 1 <= found.parallelism <= ARGON2_LANES_MAX
        )
        return LegacyHash(f"argon2{found.type.name.lower()}", text)

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        kind = Type[hash_.scheme.removeprefix("argon2").upper()]
        try:
            return verify_secret(hash_.text.encode(), password, kind)
        except (Argon2Error, InvalidHashError):
            return False


@dataclass(frozen=True, slots=True)
class Pbkdf2:
    """Django's text, libpass's text, or hash, salt and iterations apart. `text`: the key in hex."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        digest = scheme.removeprefix("django_").removeprefix("pbkdf2").strip("_")
        if found := _DJANGO_PBKDF2.fullmatch(text):
            digest, salt = found["digest"], found["salt"].encode()
            iterations, key = found["iterations"], decoded(found["key"], "base64", None)
        elif found := _MODULAR_PBKDF2.fullmatch(text):
            digest = found["digest"] or "sha1"
            salt, key = adapted(found["salt"]), adapted(found["key"])
            iterations = found["iterations"]
        else:
            digest = digest or word(params, "digest", "sha256")
            salt, key = salt_of(params), decoded(text, word(params, "encoding"), None)
            iterations = str(number(params, "iterations"))
        if digest not in DIGESTS or not salt or not 16 <= len(key) <= 128:
            raise Refused("hash.parameters")
        # counted as text first: a billion digits are no number to be read
        check_cost(len(iterations) < 10 and 1 <= int(iterations) <= PBKDF2_ITERATIONS_MAX)
        return LegacyHash(
            f"pbkdf2_{digest}",
            key.hex(),
            {"salt": salt.hex(), "iterations": int(iterations), "size": len(key)},
            is_weak=int(iterations) < PBKDF2_ITERATIONS_WEAK,
        )

    def compute(self, password: bytes, hash_: LegacyHash) -> str:
        params: Mapping[str, Any] = hash_.params
        digest = hash_.scheme.removeprefix("pbkdf2_")
        salt = bytes.fromhex(params["salt"])
        key = hashlib.pbkdf2_hmac(digest, password, salt, params["iterations"], params["size"])
        return key.hex()

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        return compare_digest(self.compute(password, hash_), hash_.text)


_DJANGO_PBKDF2: Final = re.compile(
    r"pbkdf2_(?P<digest>sha1|sha256|sha512)\$(?P<iterations>[0-9]+)\$(?P<salt>[^$\s]+)"
    r"\$(?P<key>[A-Za-z0-9+/]+={0,2})"
)
_MODULAR_PBKDF2: Final = re.compile(
    r"\$pbkdf2(?:-(?P<digest>sha256|sha512))?\$(?P<iterations>[0-9]+)"
    r"\$(?P<salt>[./A-Za-z0-9]+)\$(?P<key>[./A-Za-z0-9]+)"
)


@dataclass(frozen=True, slots=True)
class Scrypt:
    """RFC 7914: Django's text, libpass's text, or the parts as parameters. `text`: key in hex."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme
        if found := _DJANGO_SCRYPT.fullmatch(text):
            salt, key = found["salt"].encode(), decoded(found["key"], "base64", None)
            n, r, p = (bounded(found[name]) for name in ("n", "r", "p"))
        elif found := _MODULAR_SCRYPT.fullmatch(text):
            salt, key = adapted(found["salt"]), adapted(found["key"])
            log2, r, p = (bounded(found[name]) for name in ("ln", "r", "p"))
            check_cost(log2 <= 30)
            n = 1 << log2
        else:
            salt, key = salt_of(params), decoded(text, word(params, "encoding"), None)
            n, r, p = (
                number(params, "n", "N", "iterations"),
                number(params, "r", default=8),
                number(params, "p", default=1),
            )
        if not salt or not 16 <= len(key) <= 128 or n & (n - 1) or n < 2 or r < 1 or p < 1:
            raise Refused("hash.parameters")
        check_cost(n * r * p <= SCRYPT_WORK_MAX and 128 * n * r <= SCRYPT_MEMORY_MAX)
        return LegacyHash(
            "scrypt",
            key.hex(),
            {"salt": salt.hex(), "n": n, "r": r, "p": p, "size": len(key)},
        )

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        params: Mapping[str, Any] = hash_.params
        key = hashlib.scrypt(
            password,
            salt=bytes.fromhex(params["salt"]),
            n=params["n"],
            r=params["r"],
            p=params["p"],
            dklen=params["size"],
            maxmem=2 * SCRYPT_MEMORY_MAX,
        )
        return compare_digest(key.hex(), hash_.text)


_DJANGO_SCRYPT: Final = re.compile(
    r"scrypt\$(?P<n>[0-9]+)\$(?P<salt>[^$\s]+)\$(?P<r>[0-9]+)\$(?P<p>[0-9]+)"
    r"\$(?P<key>[A-Za-z0-9+/]+={0,2})"
)
_MODULAR_SCRYPT: Final = re.compile(
    r"\$scrypt\$ln=(?P<ln>[0-9]+),r=(?P<r>[0-9]+),p=(?P<p>[0-9]+)"
    r"\$(?P<salt>[A-Za-z0-9+/.]+)\$(?P<key>[A-Za-z0-9+/.]+)"
)
