"""Plain and salted digests, as PHP pages, LDAP servers, MySQL and early Django kept them.

All of them become recipes; all of them are weak.
"""

import hashlib
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any, Final

from adapters.crypto.legacy_kinds.parameters import (
    SALT_MAX,
    check_cost,
    decoded,
    matched,
    number,
    salt_of,
    word,
)
from adapters.crypto.legacy_kinds.recipes import DIGESTS, NAMED, SALTED, read_recipe
from idp.domain.errors import Refused
from idp.domain.identity.legacy import LegacyHash

ITERATIONS_MAX: Final = 300_000


@dataclass(frozen=True, slots=True)
class Digest:
    """Plain and salted digests: recipes. `text`: the digest in lower-case hex."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        iterations = number(params, "iterations", default=1)
        check_cost(iterations <= ITERATIONS_MAX)
        salt = salt_of(params)
        if not salt and _is_salted(scheme) and (cut := _COMPOSITE.fullmatch(text)):
            text, salt = cut["digest"], cut["salt"].encode()
            params = {"salt_position": "suffix", **params}
        recipe_text = _recipe_for(scheme, params, has_salt=bool(salt))
        recipe = read_recipe(recipe_text)
        if recipe.needs_salt and not salt:
            raise Refused("hash.parameters")
        digest = decoded(text, word(params, "encoding"), recipe.size)
        kept = {"recipe": recipe_text, "salt": salt.hex(), "iterations": iterations}
        return LegacyHash(scheme, digest.hex(), kept, is_weak=True)

    def compute(self, password: bytes, hash_: LegacyHash) -> str:
        params: Mapping[str, Any] = hash_.params
        recipe, salt = read_recipe(params["recipe"]), bytes.fromhex(params["salt"])
        digest = recipe.compute(password, salt)
        # PHP pages that went round and round fed the hex of each digest to the next
        for _ in range(params["iterations"] - 1):
            digest = recipe.compute(digest.hex().encode(), salt)
        return digest.hex()

    def fits(self, password: bytes, hash_: LegacyHash) -> bool:
        return compare_digest(self.compute(password, hash_), hash_.text)


_COMPOSITE: Final = re.compile(r"(?P<digest>[0-9a-fA-F]+):(?P<salt>.+)")


def _is_salted(scheme: str) -> bool:
    return scheme.endswith("_salted") or scheme == "joomla"


def _recipe_for(scheme: str, params: Mapping[str, object], *, has_salt: bool) -> str:
    """Return the recipe that the words of an export mean."""
    if "recipe" in params:
        return word(params, "recipe")
    if scheme in NAMED:
        return NAMED[scheme]
    digest = scheme.removesuffix("_salted")
    if digest not in DIGESTS:
        raise Refused("hash.recipe")
    if not has_salt and not _is_salted(scheme):
        return f"{digest}(pass)"
    position = word(params, "salt_position", "prefix").replace("-", "_")
    if position not in SALTED:
        raise Refused("hash.parameters")
    return SALTED[position].format(digest=digest)


@dataclass(frozen=True, slots=True)
class LdapDigest:
    """`{SSHA}` and its sisters (RFC 2307): base64 of digest and salt. They become recipes."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme, params
        name, content = matched(_LDAP, text).groups()
        digest = LDAP_DIGESTS.get(name.upper())
        if digest is None:
            raise Refused("hash.unknown")
        size = hashlib.new(digest, usedforsecurity=False).digest_size
        try:
            value = b64decode(content, validate=True)
        except (Base64Error, ValueError) as error:
            raise Refused("hash.malformed") from error
        is_salted = name.upper().startswith(("SSHA", "SMD5"))
        if len(value) - size > SALT_MAX or (len(value) > size) != is_salted:
            raise Refused("hash.malformed")
        recipe = f"{digest}(pass . salt)" if is_salted else f"{digest}(pass)"
        return LegacyHash(
            f"ldap_{name.lower()}",
            value[:size].hex(),
            {"recipe": recipe, "salt": value[size:].hex(), "iterations": 1},
            is_weak=True,
        )


_LDAP: Final = re.compile(r"\{([A-Za-z0-9]{3,8})\}([A-Za-z0-9+/=]+)")
LDAP_DIGESTS: Final = {
    "MD5": "md5",
    "SMD5": "md5",
    "SHA": "sha1",
    "SSHA": "sha1",
    "SHA256": "sha256",
    "SSHA256": "sha256",
    "SHA512": "sha512",
    "SSHA512": "sha512",
}


@dataclass(frozen=True, slots=True)
class DjangoDigest:
    """Django's oldest: `sha1$salt$hex`, `md5$salt$hex`. They become recipes."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme, params
        digest, salt, content = matched(_DJANGO_DIGEST, text).groups()
        given = {"salt": salt, "salt_position": "prefix", "encoding": "hex"}
        return Digest().read(f"{digest}_salted" if salt else digest, content, given)


_DJANGO_DIGEST: Final = re.compile(r"(md5|sha1)\$([^$\s]*)\$([0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Mysql41:
    """MySQL's PASSWORD(): `*` and SHA-1 of SHA-1 in upper-case hex."""

    def read(self, scheme: str, text: str, params: Mapping[str, object]) -> LegacyHash:
        del scheme, params
        return Digest().read("mysql41", text.removeprefix("*"), {"encoding": "hex"})
