"""Words of rich authorization requests: what a portal wants to do, for the person who allows it."""

from collections.abc import Mapping
from typing import Any, Final

from flask_babel import gettext, lazy_gettext

#: Type and action to a sentence; every row of the registry of types has its words here.
WORDS: Final[Mapping[tuple[str, str], object]] = {
    ("kemnaker_jkp_claim", "read"): lazy_gettext("Melihat status klaim JKP Anda"),
    ("kemnaker_jkp_claim", "submit"): lazy_gettext("Mengajukan klaim JKP atas nama Anda"),
    ("kemnaker_document", "read"): lazy_gettext("Membaca dokumen %(identifier)s"),
}


def words_of(detail: Mapping[str, Any]) -> str:
    """Return what one authorization detail means."""
    told = []
    for action in detail.get("actions", ()):
        words = WORDS.get((detail["type"], action))
        if words is None:
            told.append(gettext("Izin khusus %(name)s", name=f"{detail['type']} {action}"))
        else:
            told.append(str(words) % {"identifier": detail.get("identifier", "")})
    return "; ".join(told)
