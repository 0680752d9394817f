"""E-mail addresses, as values."""

from dataclasses import dataclass
from typing import Final

#: Slips of the finger seen in the domains that nearly everybody uses.
_TYPOS: Final = {
    "gmail.co": "gmail.com",
    "gmail.con": "gmail.com",
    "gmail.cm": "gmail.com",
    "gmail.om": "gmail.com",
    "gmail.id": "gmail.com",
    "gmail.co.id": "gmail.com",
    "gmai.com": "gmail.com",
    "gmal.com": "gmail.com",
    "gmial.com": "gmail.com",
    "gamil.com": "gmail.com",
    "gmaill.com": "gmail.com",
    "yaho.com": "yahoo.com",
    "yahoo.con": "yahoo.com",
    "yahho.com": "yahoo.com",
    "yhoo.com": "yahoo.com",
    "yahoo.co.ld": "yahoo.co.id",
    "yahoo.coid": "yahoo.co.id",
    "hotmail.con": "hotmail.com",
    "hotmal.com": "hotmail.com",
    "outlok.com": "outlook.com",
    "outlook.con": "outlook.com",
    "iclod.com": "icloud.com",
}


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """An address whose syntax was checked at the edge; the domain is in lower case."""

    address: str

    @property
    def normalised(self) -> str:
        """The form under which it is looked up: people type capitals as they please."""
        return self.address.casefold()

    @property
    def masked(self) -> str:
        """First letter and domain: `b•••@contoh.id`."""
        local, _, domain = self.address.rpartition("@")
        return f"{local[:1]}•••@{domain}"

    @property
    def suggestion(self) -> str | None:
        """The address that was probably meant, if the domain looks like a slip of the finger."""
        local, _, domain = self.address.rpartition("@")
        meant = _TYPOS.get(domain)
        return f"{local}@{meant}" if meant else None

    def __str__(self) -> str:
        return self.masked

    def __repr__(self) -> str:
        return f"EmailAddress({self.masked!r})"
