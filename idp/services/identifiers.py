"""Whom a typed identifier means: e-mail address, phone number or NIK, told apart by shape."""

from collections.abc import Callable
from dataclasses import dataclass

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, PasswordCredential
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import LENGTH, Nik, parse_nik, without_separators
from idp.domain.identity.phone import Phone, parse_phone
from idp.ports.store import Transaction
from idp.ports.vault import Vault

Identifier = EmailAddress | Phone | Nik


@dataclass(frozen=True, slots=True)
class Identifiers:
    """`parse_email`: the edge's reading of an address."""

    parse_email: Callable[[str], EmailAddress]

    def read(self, text: str) -> Identifier | None:
        """Return what was typed; `None` for what can name nobody."""
        typed = text.strip()
        try:
            if "@" in typed:
                # keyboards that suggest words leave blanks behind them
                return self.parse_email("".join(typed.split()))
            digits = without_separators(typed)
            # "+62 (0)812 ..." and "0062 812 ..." may have sixteen characters too; no NIK begins so
            if len(digits) == LENGTH and digits.isdigit() and digits[0] != "0":
                return parse_nik(digits)
            return parse_phone(typed)
        except Refused:
            return None

    def find(self, text: str, tx: Transaction) -> Account | None:
        """Return the account that signs in with an identifier, `None` where nobody does."""
        return holder_of(self.read(text), tx)


def holder_of(identifier: Identifier | None, tx: Transaction) -> Account | None:
    """Return the account that an identifier signs in, `None` where it is nobody's."""
    match identifier:
        case EmailAddress() as email:
            return tx.accounts.find_by_email(email)
        case Nik() as nik:
            return tx.accounts.find_by_nik(nik)
        case Phone() as phone:
            return tx.accounts.find_by_phone(phone)
    return None


def password_holder_of(
    identifier: Identifier | None, tx: Transaction
) -> tuple[Account | None, PasswordCredential | None]:
    """Return the same with its password, in one statement; `None` twice where it is nobody's."""
    found = None
    match identifier:
        case EmailAddress() as email:
            found = tx.password_holders.find_by_email(email)
        case Nik() as nik:
            found = tx.password_holders.find_by_nik(nik)
        case Phone() as phone:
            found = tx.password_holders.find_by_phone(phone)
        case None:
            pass
    return found or (None, None)


def index_of(identifier: Identifier | str, vault: Vault) -> bytes:
    """Return the blind index under which an identifier is counted, whoever has it.

    A text that can name nobody is counted as it was typed: it must not be told apart.
    """
    match identifier:
        case EmailAddress() as email:
            return vault.blind_index("email", email.normalised)
        case Nik() as nik:
            return vault.blind_index("nik", nik.digits)
        case Phone() as phone:
            return vault.blind_index("phone", phone.e164)
    return vault.blind_index("identifier", identifier.strip().casefold())
