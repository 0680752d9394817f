"""Names and the other facts about a person that portals may ask for."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from idp.domain.errors import Refused

NAME_MAX: Final = 120

_APOSTROPHES: Final = str.maketrans({"’": "'", "`": "'", "‘": "'", "´": "'", "ʼ": "'"})
# some begin with the apostrophe that stands for ain: 'Aisyah
_NAME: Final = re.compile(r"'?[^\W\d_](?:[^\W\d_]|[\u0300-\u036f '.,\-/()])*")


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a person beside NIK and contacts.

    `name`: as typed and confirmed. `claims`: further OpenID standard claims by name.
    """

    name: str = field(repr=False)
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def initials(self) -> str:
        """One or two letters that stand for a photo."""
        words = [word.lstrip("'") for word in self.name.replace(".", " ").split()]
        words = [word for word in words if word[:1].isalpha()]
        picked = words[:1] + (words[-1:] if len(words) > 1 else [])
        return "".join(word[0].upper() for word in picked)

    @property
    def short_name(self) -> str:
        """The name, cut for headings."""
        return self.name if len(self.name) <= 40 else self.name[:39].rstrip() + "…"


def clean_name(text: str, field_name: str) -> str:
    """Return a name in NFC, blanks collapsed, apostrophes unified; titles and dots stay.

    Refuses with `<field_name>.required`, `.length` or `.character`; one word is a name.
    """
    name = " ".join(unicodedata.normalize("NFC", text).translate(_APOSTROPHES).split())
    if not name:
        raise Refused(f"{field_name}.required")
    if len(name) > NAME_MAX:
        raise Refused(f"{field_name}.length", maximum=NAME_MAX)
    if not _NAME.fullmatch(name):
        raise Refused(f"{field_name}.character")
    return name
