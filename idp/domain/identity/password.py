"""What a new password may be (NIST SP 800-63B-4 §3.1.1.2): long, not about the person."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import Nik
from idp.domain.identity.phone import Phone

MINIMUM: Final = 12
#: Where nothing but the password protects an unknown browser.
MINIMUM_ALONE: Final = 15
MINIMUM_ADMINISTRATOR: Final = 15
MAXIMUM: Final = 256
MAXIMUM_BYTES: Final = 1024

_OWN_WORDS: Final = ("siapkerja", "kemnaker", "naker", "password", "katasandi", "ketenagakerjaan")
_KEYBOARD_ROWS: Final = (
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "abcdefghijklmnopqrstuvwxyz",
)
_RUN: Final = 5
_LONGEST_UNIT: Final = 8
_LEAST_REST: Final = 8
_YEAR: Final = re.compile(r"(?:19|20)[0-9]{2}")
#: Digits and signs as the letters they stand for; 1 and ! stand for two.
_READINGS: Final = tuple(
    str.maketrans("03457@$1!", "oeastas" + ambiguous) for ambiguous in ("ii", "ll")
)
_LETTERS_OR_DIGITS: Final = re.compile(r"[^\W_]+")


def normalise_password(text: str) -> str:
    """Return the password as it is hashed: NFC, nothing else changed.

    Refuses with `password.required`, `password.long` (more than 256 characters or 1,024 bytes).
    """
    if not text:
        raise Refused("password.required")
    if len(text) > MAXIMUM_BYTES:
        raise Refused("password.long", maximum=MAXIMUM)
    password = unicodedata.normalize("NFC", text)
    if len(password) > MAXIMUM or len(password.encode("utf-8", "surrogatepass")) > MAXIMUM_BYTES:
        raise Refused("password.long", maximum=MAXIMUM)
    return password


def check_password(password: str, *, minimum: int, personal: Iterable[str]) -> None:
    """Refuse a password that is short, about the person, about us, or a pattern.

    `password`: normalised. `personal`: words from `personal_words`. Refuses with `password.short`,
    `password.personal`, `password.service`, `password.repeated` or `password.keyboard`.
    """
    if len(password) < minimum:
        raise Refused("password.short", minimum=minimum)
    folded = password.casefold()
    plain = _joined(folded)
    spelled = [_joined(_YEAR.sub("", folded).translate(reading)) for reading in _READINGS]
    own = tuple(personal)
    for words, code in (
        (own, "password.personal"),
        ((*own, *_OWN_WORDS), "password.service"),
    ):
        if any(_is_made_of(text, words) for text in (plain, *spelled)):
            raise Refused(code)
    if len(set(plain or folded)) <= 3 or _is_repetition(folded):
        raise Refused("password.repeated")
    if _is_keyboard_walk(plain):
        raise Refused("password.keyboard")


def personal_words(
    *names: str,
    nik: Nik | None = None,
    phone: Phone | None = None,
    email: EmailAddress | None = None,
) -> tuple[str, ...]:
    """Return what must not make up a password: names, NIK, birth date in any order, contacts."""
    words = {part for name in names for part in _LETTERS_OR_DIGITS.findall(name.casefold())}
    words |= {_joined(name.casefold()) for name in names}
    if nik is not None:
        day, month, year = nik.digits[6:8], nik.digits[8:10], nik.digits[10:12]
        day = f"{int(day) % 40:02d}"
        words |= {nik.digits, nik.digits[:12], nik.digits[6:]}
        for whole in (f"19{year}", f"20{year}"):
            words |= {
                day + month + whole,
                month + day + whole,
                whole + month + day,
                whole + day + month,
            }
    if phone is not None:
        words |= {phone.local, phone.e164[1:], phone.e164[3:]}
    if email is not None:
        local, _, domain = email.normalised.partition("@")
        words |= {_joined(local), _joined(email.normalised), domain.split(".")[0]}
        words |= set(_LETTERS_OR_DIGITS.findall(local))
    return tuple(sorted((word for word in words if len(word) >= 4), key=len, reverse=True))


def _joined(text: str) -> str:
    return "".join(_LETTERS_OR_DIGITS.findall(text))


def _is_made_of(text: str, words: Iterable[str]) -> bool:
    """Return whether too little for a password is left of `text` without `words` and years."""
    rest = text
    for word in words:
        rest = rest.replace(word, "")
    return rest != text and len(_YEAR.sub("", rest)) < _LEAST_REST


def _is_repetition(text: str) -> bool:
    return any(
        len(text) >= 2 * size and (text[:size] * (len(text) // size + 1)).startswith(text)
        for size in range(1, _LONGEST_UNIT + 1)
    )


def _is_keyboard_walk(text: str) -> bool:
    """Return whether runs along the keyboard or the alphabet make up most of the text."""
    covered = 0
    position = 0
    while position < len(text):
        length = _run_at(text, position)
        covered += length
        position += max(length, 1)
    return covered * 4 >= len(text) * 3


def _run_at(text: str, position: int) -> int:
    best = 0
    for row in _KEYBOARD_ROWS:
        for line in (row, row[::-1]):
            start = line.find(text[position])
            length = 0
            while (
                start >= 0
                and start + length < len(line)
                and position + length < len(text)
                and line[start + length] == text[position + length]
            ):
                length += 1
            best = max(best, length)
    return best if best >= _RUN else 0
