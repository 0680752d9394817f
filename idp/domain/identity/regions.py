"""Region codes of the Ministry of Home Affairs, current and retired, as they stand inside a NIK."""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Final

TIMOR_TIMUR: Final = "54"

# UU 32/2004 and later presidential decisions: which clock each province lives by.
_WITA: Final = frozenset({"51", "52", "53", "63", "64", "65", "71", "72", "73", "74", "75", "76"})
_WIT: Final = frozenset({"81", "82", "91", "92", "93", "94", "95", "96"})


def _codes(name: str) -> Iterator[str]:
    text = files("idp.domain.identity").joinpath("region_codes", name).read_text(encoding="utf-8")
    return (row[0] for row in csv.reader(text.splitlines()[1:]) if row)


@cache
def current_regions() -> frozenset[str]:
    """Return the codes in force: two digits a province, four a regency or city, six a district."""
    return frozenset(_codes("regions.csv"))


@cache
def retired_regions() -> frozenset[str]:
    """Return the codes that lawfully stand in a NIK but are no longer in force."""
    return frozenset(_codes("retired.csv"))


@cache
def provinces() -> frozenset[str]:
    """Return the province codes that a NIK may begin with: the current ones and Timor Timur."""
    return frozenset(code for code in current_regions() if len(code) == 2) | {TIMOR_TIMUR}


#: Every zone of the country, by the name that it goes by here.
ZONE_NAMES: Final[Mapping[str, str]] = {
    "Asia/Jakarta": "WIB",
    "Asia/Pontianak": "WIB",
    "Asia/Makassar": "WITA",
    "Asia/Jayapura": "WIT",
}
#: WIB, in which times are told to whoever's place is not known.
DEFAULT_ZONE: Final = "Asia/Jakarta"


def time_zone_of(province: str) -> str:
    """Return the IANA zone of a province code: WIB, WITA or WIT; WIB for an unknown one."""
    if province in _WITA:
        return "Asia/Makassar"
    if province in _WIT:
        return "Asia/Jayapura"
    return DEFAULT_ZONE
