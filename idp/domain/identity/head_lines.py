"""Finding signed heads of the audit chain in a file: heads alone, or the log that tells them.

A line that should tell a head and tells none is as bad as a head that the log does not fit: who
cuts the end of the log off would bend the heads that tell of it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

#: A head is a compact JWS, whatever a collector of logs puts around it.
_HEAD: Final = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]+", re.ASCII)
#: What tells a head without having one: the log's event, the member (`null` is said where nothing
#: was sealed yet), or one word where other lines are heads.
_SHOULD_TELL: Final = re.compile(
    r"""audit\ head
    | "head"\s*:(?!\s*null\b)
    | \A[\w.\[\]-]+\Z""",
    re.ASCII | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ToldHead:
    """A head as a line tells it, unchecked. `line`: from 1; `text`: empty where it tells none."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class HeadFile:
    """What a file tells. `lines`: how many are not blank, most of a log's are no heads."""

    lines: int
    heads: Sequence[ToldHead]


def read_head_file(lines: Iterable[str]) -> HeadFile:
    """Return what lines tell; one that is about something else only counts as a line."""
    count, heads = 0, []
    for number, line in enumerate(lines, start=1):
        count += bool(line.strip())
        heads += [ToldHead(number, text) for text in _told_in(line)]
    return HeadFile(count, heads)


def _told_in(line: str) -> list[str]:
    return _HEAD.findall(line) or ([""] if _SHOULD_TELL.search(line.strip()) else [])
