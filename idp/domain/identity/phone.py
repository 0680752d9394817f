"""Indonesian mobile numbers, in every spelling that people use."""

import re
from dataclasses import dataclass
from typing import Final

import phonenumbers

from idp.domain.errors import Refused

# libphonenumber metadata for 62: 8[1-35-9] and 7 to 10 digits; 080 is toll-free, 084 unused.
_MOBILE: Final = re.compile(r"\+628[1-35-9][0-9]{7,10}")
_TYPED: Final = re.compile(r"\+?[0-9]+")
# numbers that are copied from a list of contacts are wrapped in marks that nobody sees
_DECORATION: Final = re.compile(
    r"[\s\u00a0\u202f.\-()\u2010\u2011\u2012\u2013/\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+"
)
# `00` begins a number of any country: what is dialled by it is no number of ours unless 62 follows
_SLIPS: Final = (
    ("0062", "+62"),
    ("00", "+"),
    ("+620", "+62"),
    ("62", "+62"),
    ("0", "+62"),
    ("8", "+628"),
)


@dataclass(frozen=True, slots=True)
class Phone:
    """An Indonesian mobile number. Its text form is masked; `e164` is the number itself."""

    e164: str

    @property
    def local(self) -> str:
        """The number as people dial it: `0812…`."""
        return "0" + self.e164[3:]

    @property
    def masked(self) -> str:
        """Operator prefix and the last two digits: `0812-••••-••89`."""
        return f"{self.local[:4]}-••••-••{self.local[-2:]}"

    @property
    def block(self) -> str:
        """The number without its last four digits: the unit in which pumping is counted."""
        return self.e164[:-4]

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"Phone({self.masked!r})"


def parse_phone(text: str) -> Phone:
    """Read an Indonesian mobile number as a person types it.

    Refuses with `phone.foreign` where the text is a good number of another country, else with
    `phone.invalid`. ASCII digits only.
    """
    typed = _DECORATION.sub("", text.strip())
    if not _TYPED.fullmatch(typed):
        raise Refused("phone.invalid")
    for slip, mended in _SLIPS:
        if typed.startswith(slip):
            typed = mended + typed[len(slip) :]
            break
    typed = typed.replace("+620", "+62", 1)
    try:
        number = phonenumbers.parse(typed, "ID")
    except phonenumbers.NumberParseException as error:
        raise Refused("phone.invalid") from error
    if number.country_code != 62:
        foreign = phonenumbers.is_possible_number(number)
        raise Refused("phone.foreign" if foreign else "phone.invalid")
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _MOBILE.fullmatch(e164) or e164 != typed:
        raise Refused("phone.invalid")
    return Phone(e164)
