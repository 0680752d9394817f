"""What people choose and attackers try first (`security.md` AU-2).

zxcvbn knows English; Indonesian words and names, leaked passwords and local ones come from
`wordlists/`. All of it is loaded by the first new password of a process.

Its own entry point is not used: it keeps the last person's words in a global, and its search for
digits that stand for letters takes seconds for passwords that are made for that.
"""

import gzip
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from threading import Lock
from typing import Any, Final

#: Characters judged; what comes after them can only make a password better.
_JUDGED: Final = 48
#: Guesses that a password must withstand: good where each one costs something.
_LEAST_GUESSES: Final = 10**8

#: The order of a file's lines is the order in which they are tried.
_WORDLISTS: Final = ("local.txt", "common.txt.gz", "words.txt.gz", "names.txt.gz")
#: Years that people put behind a word, the likely ones first.
_YEARS: Final = tuple(map(str, (*range(2030, 2009, -1), *range(2009, 1939, -1))))

#: Digits and signs that stand for letters; four of them stand for one or the other.
_READINGS: Final = tuple(
    str.maketrans("4@8({[<3690$5+%21!|7", "aabcccceggosstxz" + ambiguous)
    for ambiguous in ("iiit", "llll")
)


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """zxcvbn's parts, and every word's rank: the lowest that a list gives it."""

    matching: Any
    scoring: Any
    ranks: Mapping[str, int] = field(repr=False)


@dataclass
class CommonPasswords:
    """Implements `idp.ports.passwords.PasswordJudge`; safe for threads."""

    _lock: Lock = field(default_factory=Lock, repr=False)

    def is_common(self, password: str, words: Iterable[str]) -> bool:
        if password.casefold() in self._listed:
            return True
        own = {word.casefold(): rank for rank, word in enumerate(words, 1)}
        with self._lock:
            known = self._known
        return _guesses(password[:_JUDGED], {"known": known.ranks, "own": own}, known) < (
            _LEAST_GUESSES
        )

    @cached_property
    def _listed(self) -> frozenset[str]:
        return frozenset(_lines("local.txt")) | frozenset(_lines("common.txt.gz"))

    @cached_property
    def _known(self) -> _Knowledge:
        from zxcvbn import matching, scoring  # noqa: PLC0415 - see above

        ranks: dict[str, int] = {}
        ours = ((name, list(_lines(name))) for name in _WORDLISTS)
        theirs = matching.FREQUENCY_LISTS.items()
        for _, words in (*ours, *theirs, ("years", _YEARS)):
            for rank, word in enumerate(words, 1):
                ranks[word] = min(rank, ranks.get(word, rank))
        return _Knowledge(matching, scoring, ranks)


def _guesses(password: str, dictionaries: Mapping[str, Any], known: _Knowledge) -> int:
    """Return how many tries an attacker needs who knows all that."""
    matching = known.matching
    read = [password, *(password.translate(reading) for reading in _READINGS)]
    matches = [
        match
        for text in dict.fromkeys(read)
        for matcher in (matching.dictionary_match, matching.reverse_dictionary_match)
        for match in matcher(text, _ranked_dictionaries=dictionaries)
    ]
    for matcher in (
        matching.spatial_match,
        matching.sequence_match,
        matching.regex_match,
        matching.date_match,
    ):
        matches += matcher(password)
    # the parts of repetitions are judged with digits read as letters: see above
    matches += matching.repeat_match(read[1])
    judged = known.scoring.most_guessable_match_sequence(
        password, sorted(matches, key=lambda match: (match["i"], match["j"])), True
    )
    return int(judged["guesses"])


def _lines(name: str) -> Iterator[str]:
    """Return the lines of a word list."""
    content = (files("adapters.crypto") / "wordlists" / name).read_bytes()
    text = (gzip.decompress(content) if name.endswith(".gz") else content).decode()
    yield from re.findall(r"\S+", text)
