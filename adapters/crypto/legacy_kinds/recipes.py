"""Recipes for digests that PHP pages once made: data, read by a small grammar.

    recipe := digest "(" words ")"            the outermost call names the stored digest
    words  := word { "." word }
    word   := "pass" | "salt" | "'literal'" | call
    call   := digest | "raw_" digest | "upper" | "lower" | "base64", each "(" words ")"

A digest inside gives lower-case hex, as PHP's do; `raw_` gives bytes. `md5(md5(pass) . salt)` is
vBulletin's. Length, depth and number of digests are bounded.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from idp.domain.errors import Refused

LENGTH_MAX: Final = 200
CALLS_MAX: Final = 8

DIGESTS: Final = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")

#: Where the salt stands, by the words that an export may use for it.
SALTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "prefix": "{digest}(salt . pass)",
        "suffix": "{digest}(pass . salt)",
        "both": "{digest}(salt . pass . salt)",
        "nested": "{digest}({digest}(pass) . salt)",
        "nested_prefix": "{digest}(salt . {digest}(pass))",
        "nested_suffix": "{digest}({digest}(pass) . salt)",
    }
)

#: Recipes that go by a name of their own.
NAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "md5_md5": "md5(md5(pass))",
        "md5_sha1": "md5(sha1(pass))",
        "sha1_md5": "sha1(md5(pass))",
        "sha1_sha1": "sha1(sha1(pass))",
        "mysql41": "sha1(raw_sha1(pass))",
        "vbulletin": "md5(md5(pass) . salt)",
        "ipb": "md5(md5(salt) . md5(pass))",
        "opencart": "sha1(salt . sha1(salt . sha1(pass)))",
        "joomla": "md5(pass . salt)",
    }
)

_TOKEN: Final = re.compile(r"\s*(?:(?P<name>[a-z_0-9]+)|'(?P<literal>[ -&(-~]*)'|(?P<sign>[().]))")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe that was read. `digest`: of the outermost call."""

    digest: str
    _inner: "Callable[[bytes, bytes], bytes]" = field(repr=False)
    needs_salt: bool

    @property
    def size(self) -> int:
        """Bytes of the stored digest."""
        return hashlib.new(self.digest, usedforsecurity=False).digest_size

    def compute(self, password: bytes, salt: bytes) -> bytes:
        """Return the digest that the old page would have stored."""
        return _digest(self.digest, self._inner(password, salt))


@lru_cache(maxsize=256)
def read_recipe(text: str) -> Recipe:
    """Return the recipe; refuses with `hash.recipe`."""
    if len(text) > LENGTH_MAX:
        raise Refused("hash.recipe")
    reader = _Reader(_tokens(text))
    name = reader.take_name()
    if name not in DIGESTS:
        raise Refused("hash.recipe")
    inner = reader.take_words()
    if reader.tokens or not reader.has_password:
        raise Refused("hash.recipe")
    return Recipe(name, inner, reader.has_salt)


def _tokens(text: str) -> list[tuple[str, str]]:
    found = []
    position = 0
    text = text.strip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None or token.lastgroup is None:
            raise Refused("hash.recipe")
        found.append((token.lastgroup, token[token.lastgroup]))
        position = token.end()
    return found


_Step = Callable[[bytes, bytes], bytes]


class _Reader:
    """Reads tokens from the left; every call counts."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self.tokens = tokens
        self.has_password = False
        self.has_salt = False
        self._calls = 0

    def take_name(self) -> str:
        kind, text = self._take()
        if kind != "name":
            raise Refused("hash.recipe")
        return text

    def take_words(self) -> _Step:
        """Read `( word { . word } )`."""
        self._calls += 1
        if self._calls > CALLS_MAX:
            raise Refused("hash.recipe")
        self._expect("(")
        words = [self._take_word()]
        while (taken := self._take()) == ("sign", "."):
            words.append(self._take_word())
        if taken != ("sign", ")"):
            raise Refused("hash.recipe")
        steps = tuple(words)
        return lambda password, salt: b"".join(step(password, salt) for step in steps)

    def _take_word(self) -> _Step:
        kind, text = self._take()
        if kind == "literal":
            literal = text.encode("ascii")
            return lambda _password, _salt: literal
        if (kind, text) == ("name", "pass"):
            self.has_password = True
            return lambda password, _salt: password
        if (kind, text) == ("name", "salt"):
            self.has_salt = True
            return lambda _password, salt: salt
        if kind != "name" or text not in _CALLS:
            raise Refused("hash.recipe")
        call, inner = _CALLS[text], self.take_words()
        return lambda password, salt: call(inner(password, salt))

    def _expect(self, sign: str) -> None:
        if self._take() != ("sign", sign):
            raise Refused("hash.recipe")

    def _take(self) -> tuple[str, str]:
        if not self.tokens:
            raise Refused("hash.recipe")
        return self.tokens.pop(0)


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.new(name, content, usedforsecurity=False).digest()


def _hex_call(name: str) -> Callable[[bytes], bytes]:
    return lambda content: _digest(name, content).hex().encode("ascii")


def _raw_call(name: str) -> Callable[[bytes], bytes]:
    return lambda content: _digest(name, content)


_CALLS: Final[Mapping[str, Callable[[bytes], bytes]]] = MappingProxyType(
    {
        **{name: _hex_call(name) for name in DIGESTS},
        **{f"raw_{name}": _raw_call(name) for name in DIGESTS},
        "upper": bytes.upper,
        "lower": bytes.lower,
        "base64": b64encode,
    }
)
