"""The NIK, the number that names a resident of Indonesia (PP 37/2007 art. 37).

Its digits are `PP KK CC DD MM YY SSSS`: province, regency, district of first registration, date
of birth (a woman's day is raised by 40), serial. No check digit: only Dukcapil knows who has it.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.regions import (
    TIMOR_TIMUR,
    current_regions,
    provinces,
    retired_regions,
    time_zone_of,
)

LENGTH: Final = 16
FEMALE_DAY_OFFSET: Final = 40
WORKING_AGE: Final = 15
FULL_AGE: Final = 18
UNUSUAL_AGE: Final = 90

_SEPARATORS: Final = re.compile(r"[\s\u00a0\u202f\u2007.\-\u2010\u2011\u2012\u2013]+")
_DIGITS: Final = re.compile(r"[0-9]*")


class Sex(StrEnum):
    """What the day of birth in a NIK says; never profile data."""

    MALE = "L"
    FEMALE = "P"


class Oddity(StrEnum):
    """What looks odd about a well-formed NIK. People carry such numbers: never a refusal."""

    REGENCY_UNKNOWN = "W_REGENCY_UNKNOWN"
    DISTRICT_UNKNOWN = "W_DISTRICT_UNKNOWN"
    REGION_RETIRED = "W_REGION_RETIRED"
    DATE_IMPOSSIBLE = "W_DATE_IMPOSSIBLE"
    UNDER_WORKING_AGE = "W_AGE_UNDER_15"
    CHILD = "I_CHILD"
    OVER_NINETY = "W_AGE_OVER_90"


@dataclass(frozen=True, slots=True)
class Nik:
    """A well-formed NIK. Its text form is masked; `digits` is the number itself."""

    digits: str

    @property
    def masked(self) -> str:
        """First four and last two digits, as everywhere in the product."""
        return f"{self.digits[:4]}{'•' * 10}{self.digits[-2:]}"

    @property
    def province(self) -> str:
        """Province code of the first registration, two digits."""
        return self.digits[:2]

    @property
    def time_zone(self) -> str:
        """IANA zone of that province: a first guess at where the person reads times."""
        return time_zone_of(self.province)

    @property
    def sex(self) -> Sex:
        """What the raised day says."""
        return Sex.FEMALE if int(self.digits[6:8]) > FEMALE_DAY_OFFSET else Sex.MALE

    def birth_date(self, today: date) -> date | None:
        """Return the date of birth that the digits hint at, `None` if no such day exists.

        Of 19YY and 20YY the one with an age from 0 to 99 on `today` (29 February: leap years only).
        """
        day = int(self.digits[6:8]) % FEMALE_DAY_OFFSET
        month, year = int(self.digits[8:10]), int(self.digits[10:12])
        for century in (2000, 1900):
            try:
                candidate = date(century + year, month, day)
            except ValueError:
                continue
            if 0 <= years_between(candidate, today) < 100:
                return candidate
        return None

    def oddities(self, today: date) -> tuple[Oddity, ...]:
        """Return what is unusual about it: counted, and never a reason to refuse."""
        region = _region_oddity(self.digits)
        age = _age_oddity(self.birth_date(today), today)
        return tuple(oddity for oddity in (region, age) if oddity is not None)

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"Nik({self.masked!r})"


def without_separators(text: str) -> str:
    """Return what was typed without what people put between the digits."""
    return _SEPARATORS.sub("", text)


def parse_nik(text: str) -> Nik:
    """Read a NIK as a person types it.

    `text`: sixteen ASCII digits; blanks, dots and hyphens between them are dropped.
    Refuses with `nik.character`, `nik.length`, `nik.province`, `nik.regency`, `nik.district`,
    `nik.day`, `nik.month` or `nik.serial`: the first that fails.
    """
    digits = without_separators(text)
    if not _DIGITS.fullmatch(digits):
        raise Refused("nik.character")
    if len(digits) != LENGTH:
        raise Refused("nik.length")
    if digits[:2] not in provinces():
        raise Refused("nik.province")
    if digits[2:4] == "00":
        raise Refused("nik.regency")
    if digits[4:6] == "00":
        raise Refused("nik.district")
    day = int(digits[6:8])
    if not (1 <= day <= 31 or 1 <= day - FEMALE_DAY_OFFSET <= 31):
        raise Refused("nik.day")
    if not 1 <= int(digits[8:10]) <= 12:
        raise Refused("nik.month")
    if digits[12:] == "0000":
        raise Refused("nik.serial")
    return Nik(digits)


def years_between(birth: date, today: date) -> int:
    """Return the age in whole years, negative before birth."""
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))


def _region_oddity(digits: str) -> Oddity | None:
    province, regency, district = digits[:2], digits[:4], digits[:6]
    retired, current = retired_regions(), current_regions()
    if province == TIMOR_TIMUR or regency in retired or district in retired:
        return Oddity.REGION_RETIRED
    if regency not in current:
        return Oddity.REGENCY_UNKNOWN
    if district not in current:
        return Oddity.DISTRICT_UNKNOWN
    return None


def _age_oddity(birth: date | None, today: date) -> Oddity | None:
    if birth is None:
        return Oddity.DATE_IMPOSSIBLE
    age = years_between(birth, today)
    if age < WORKING_AGE:
        return Oddity.UNDER_WORKING_AGE
    if age < FULL_AGE:
        return Oddity.CHILD
    if age >= UNUSUAL_AGE:
        return Oddity.OVER_NINETY
    return None
