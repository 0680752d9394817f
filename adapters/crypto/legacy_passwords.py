"""Hashes of old portals: read, bounded, verified, and wrapped where they are weak.

Libraries do what libraries know (bcrypt, argon2-cffi, libpass, hashlib); what only one PHP page
ever did is a recipe. What one verification may cost is bounded: half a second, 256 MiB.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import thread_time
from types import MappingProxyType
from typing import Final

from adapters.crypto.argon2id import Argon2id
from adapters.crypto.legacy_kinds.crypts import Drupal7, Md5Crypt, ModularCrypt
from adapters.crypto.legacy_kinds.derivations import Argon2, Bcrypt, Pbkdf2, Scrypt
from adapters.crypto.legacy_kinds.digests import (
    LDAP_DIGESTS,
    Digest,
    DjangoDigest,
    LdapDigest,
    Mysql41,
)
from adapters.crypto.legacy_kinds.parameters import Computable, Kind, Reader
from adapters.crypto.legacy_kinds.recipes import DIGESTS, NAMED
from idp.domain.errors import Refused
from idp.domain.identity.legacy import LegacyHash

TEXT_MAX: Final = 1024

_DIGEST: Final = Digest()
_LDAP_DIGEST: Final = LdapDigest()
_BCRYPT_FAMILY: Final = Bcrypt()
_ARGON2: Final = Argon2()
_PBKDF2: Final = Pbkdf2()
_SCRYPT: Final = Scrypt()
_MODULAR: Final = ModularCrypt()
_MD5: Final = Md5Crypt()
_DRUPAL: Final = Drupal7()
_DJANGO: Final = DjangoDigest()
_MYSQL: Final = Mysql41()

#: Kinds that say themselves what they are, whatever the export calls them.
_BY_SHAPE: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = (
    (re.compile(r"(?:bcrypt(?:_sha256)?\$|\$wp)?\$2[aby]\$"), _BCRYPT_FAMILY),
    (re.compile(r"(?:argon2)?\$argon2(?:id|i|d)\$"), _ARGON2),
    (re.compile(r"\$[56]\$|\$[PH]\$"), _MODULAR),
    (re.compile(r"\$(?:1|apr1)\$"), _MD5),
    (re.compile(r"U?\$S\$"), _DRUPAL),
    (re.compile(r"pbkdf2_sha(?:1|256|512)\$|\$pbkdf2(?:-sha(?:256|512))?\$"), _PBKDF2),
    (re.compile(r"scrypt\$|\$scrypt\$"), _SCRYPT),
    (re.compile(r"(?:md5|sha1)\$"), _DJANGO),
    (re.compile(r"\{[A-Za-z0-9]{3,8}\}"), _LDAP_DIGEST),
    (re.compile(r"\*[0-9A-F]{40}\Z"), _MYSQL),
)

#: What an export may call a kind whose text does not say it.
_BY_SCHEME: Final[Mapping[str, Pbkdf2 | Scrypt | Digest]] = MappingProxyType(
    {
        **{
            f"{prefix}{digest}": _PBKDF2
            for prefix in ("pbkdf2_", "django_pbkdf2_")
            for digest in ("sha1", "sha256", "sha512")
        },
        "pbkdf2": _PBKDF2,
        "scrypt": _SCRYPT,
        **{name: _DIGEST for digest in DIGESTS for name in (digest, f"{digest}_salted")},
        **dict.fromkeys(NAMED, _DIGEST),
        "recipe": _DIGEST,
    }
)

#: Names of kinds whose text must say itself what it is, and who may read them.
_SAID: Final[Mapping[str, tuple[Reader, ...]]] = MappingProxyType(
    {
        "bcrypt": (_BCRYPT_FAMILY,),
        "laravel": (_BCRYPT_FAMILY, _ARGON2),
        "argon2": (_ARGON2,),
        "argon2i": (_ARGON2,),
        "argon2d": (_ARGON2,),
        "argon2id": (_ARGON2,),
        "phpass": (_MODULAR,),
        "wordpress": (_MODULAR, _BCRYPT_FAMILY),
        "drupal7": (_DRUPAL,),
        "sha256_crypt": (_MODULAR,),
        "sha512_crypt": (_MODULAR,),
        "md5_crypt": (_MD5,),
        "apr_md5_crypt": (_MD5,),
        "crypt": (_MODULAR, _MD5, _BCRYPT_FAMILY),
        "ldap": (_LDAP_DIGEST, _MODULAR, _MD5, _BCRYPT_FAMILY),
        "ssha": (_LDAP_DIGEST,),
        "django": (_PBKDF2, _SCRYPT, _BCRYPT_FAMILY, _ARGON2, _DJANGO),
        "auto": tuple(reader for _, reader in _BY_SHAPE),
    }
)

#: Names that only say "look at it".
_VAGUE: Final = frozenset({"auto", "crypt", "django", "ldap"})
_DIGESTS_BY_SHAPE: Final = (_LDAP_DIGEST, _DJANGO, _MYSQL)

#: Who verifies what a reader wrote, by its scheme.
_WRITTEN: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        **_BY_SCHEME,
        **dict.fromkeys(("bcrypt", "bcrypt_sha256", "bcrypt_wordpress"), _BCRYPT_FAMILY),
        **dict.fromkeys(("argon2i", "argon2d", "argon2id"), _ARGON2),
        **dict.fromkeys(("sha256_crypt", "sha512_crypt", "phpass"), _MODULAR),
        **dict.fromkeys(("md5_crypt", "apr_md5_crypt"), _MD5),
        **{f"ldap_{name.lower()}": _DIGEST for name in LDAP_DIGESTS},
        "drupal7": _DRUPAL,
    }
)


@dataclass(frozen=True)
class LegacyHashes:
    """Implements `idp.ports.legacy.LegacyPasswords`.

    `in_lane`: runs one hashing in the lane of all hashing. `argon2id`: what wraps weak hashes.
    """

    in_lane: Callable[[Callable[[], object]], object] = field(repr=False)
    argon2id: Argon2id

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        name = scheme.strip().lower().replace("-", "_")
        text = text.strip()
        if len(text) > TEXT_MAX:
            raise Refused("hash.malformed")
        if not text.isascii() or not text.isprintable():
            raise Refused("hash.malformed")
        if text.startswith(("{CRYPT}", "{crypt}")):
            text = text[len("{CRYPT}") :]
        return _reader_for(name, text).read(name, text, params)

    def verify(self, password: str, hash_: LegacyHash) -> bool:
        fits, _ = self.compare(password, hash_)
        return fits

    def compare(self, password: str, hash_: LegacyHash) -> tuple[bool, float]:
        typed = password.encode("utf-8", "surrogatepass")
        seconds: list[float] = []

        def timed() -> bool:
            # the thread's own time: how busy the machine is says nothing of the hash
            began = thread_time()
            fits = self._fits(typed, hash_)
            seconds.append(thread_time() - began)
            return fits

        return bool(self.in_lane(timed)), sum(seconds)

    def wrap(self, hash_: LegacyHash) -> LegacyHash:
        return replace(hash_, text=self.argon2id.hash(hash_.text), is_wrapped=True)

    def spend_one(self) -> None:
        self.argon2id.hash("0" * 32)

    def _fits(self, password: bytes, hash_: LegacyHash) -> bool:
        kind = _WRITTEN[hash_.scheme]
        if not hash_.is_wrapped:
            return kind.fits(password, hash_)
        if not isinstance(kind, Computable):
            return False
        return self.argon2id.verify(kind.compute(password, hash_), hash_.text)


def _reader_for(name: str, text: str) -> Reader:
    """Return who reads a hash: its own shape decides, and must not contradict its name."""
    shaped = next((reader for shape, reader in _BY_SHAPE if shape.match(text)), None)
    if name in _SAID:
        if shaped is None:
            raise Refused("hash.unknown" if name in _VAGUE else "hash.malformed")
        if shaped not in _SAID[name]:
            raise Refused("hash.malformed")
        return shaped
    named = _BY_SCHEME.get(name)
    if named is None:
        raise Refused("hash.unknown")
    if shaped in {None, named} or (named is _DIGEST and shaped in _DIGESTS_BY_SHAPE):
        return shaped or named
    raise Refused("hash.malformed")
