"""What we send: one method, the fewest elements (`dukcapil.md` section 2)."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from idp.domain.identity.registry import RegistryQuery

METHOD: Final = "CALL_VERIFY_BY_ELEMEN"
NIK: Final = "NIK"

KeyCase = Literal["upper", "lower"]

_APOSTROPHES: Final = re.compile("[’‘`´ʼ]")
_CONTROL_CATEGORIES: Final = frozenset({"Cc", "Cf"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the registry. `ip_user`: our registered outgoing address, nobody else's."""

    user_id: str = field(repr=False)
    password: str = field(repr=False)
    ip_user: str
    key_case: KeyCase = "upper"


def clean_name(name: str) -> str:
    """Return a name as the registry compares names.

    NFC, plain apostrophes, single blanks, upper case by Unicode's own rules, no control
    characters. Titles, dots and one-word names stay as they are.
    """
    one_line = " ".join(unicodedata.normalize("NFC", name).split())
    visible = "".join(
        sign for sign in one_line if unicodedata.category(sign) not in _CONTROL_CATEGORIES
    )
    # capitals may come apart: NFC once more
    capital = unicodedata.normalize("NFC", visible.upper())
    return " ".join(_APOSTROPHES.sub("'", capital).split())


def elements_of(query: RegistryQuery, required: tuple[str, ...]) -> Mapping[str, str]:
    """Return the values to send, in the order of `required`, which begins with `NIK`.

    An element that nobody gave is empty; one that was given without need stays here.
    """
    return {
        element: query.nik.digits if element == NIK else clean_name(query.names.get(element, ""))
        for element in required
    }


def request_body(elements: Mapping[str, str], credentials: Credentials, *, threshold: int) -> bytes:
    """Return the JSON body; `threshold` from 80 to 100 goes as text, under its own spelling."""
    account = {
        "USER_ID": credentials.user_id,
        "PASSWORD": credentials.password,
        "IP_USER": credentials.ip_user,
    }
    if credentials.key_case == "lower":
        account = {key.lower(): value for key, value in account.items()}
    return json.dumps({**account, "TRESHOLD": str(threshold), **elements}).encode()
