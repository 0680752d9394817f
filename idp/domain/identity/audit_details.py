"""What an audit event may tell beside who, what and when: kinds of details, each a check.

A detail is a word, number or list from a closed world, never anything personal. The two kinds that
take what somebody typed (`NAME`, `REASON`) take it short, of one line, and without a NIK.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z0-9][\w.:+-]{0,63}", re.ASCII)
_IDENTIFIER: Final = re.compile(r"[\x21-\x7e]{1,512}")
_NIK: Final = re.compile(r"(?<![0-9A-Za-z])\d{16}(?![0-9A-Za-z])")
NAME_LENGTH: Final = 128
REASON_LENGTH: Final = 500


@dataclass(frozen=True, slots=True)
class Detail:
    """One kind: `name` stands in the documentation; `is_optional`: may be absent or null."""

    name: str
    fits: Callable[[object], bool]
    is_optional: bool = False


def optional(detail: Detail) -> Detail:
    """Return the same kind of detail where it may be left out."""
    return replace(detail, name=f"{detail.name}, optional", is_optional=True)


def one_of(*words: str) -> Detail:
    """Return a kind that takes exactly these words."""
    return Detail("one of " + ", ".join(words), lambda value: value in words)


def list_of(detail: Detail) -> Detail:
    """Return a kind that takes any number of another one."""
    return Detail(
        f"list of {detail.name}",
        lambda value: isinstance(value, list | tuple) and all(map(detail.fits, value)),
    )


def _is_word(value: object) -> bool:
    return isinstance(value, str) and _WORD.fullmatch(value) is not None


def _is_identifier(value: object) -> bool:
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_line(value: object, longest: int) -> bool:
    return (
        isinstance(value, str)
        and 0 < len(value) <= longest
        and value.isprintable()
        and _NIK.search(value) is None
    )


#: A stable word of ours: `code_reuse`, `login.wrong`, `sms`.
WORD: Final = Detail("word", _is_word)
WORDS: Final = list_of(WORD)
#: What names a thing: a client, a key, a request, an address of a service.
IDENTIFIER: Final = Detail("identifier", _is_identifier)
COUNT: Final = Detail("whole number", _is_count)
FLAG: Final = Detail("true or false", lambda value: isinstance(value, bool))
#: Who, in words: `command line`, `dynamic registration`.
NAME: Final = Detail("name", lambda value: _is_line(value, NAME_LENGTH))
#: Why, as an officer typed it.
REASON: Final = Detail("reason", lambda value: _is_line(value, REASON_LENGTH))
