"""What officers see of a citizen: everything personal masked, until a reason is given."""

from dataclasses import dataclass
from typing import Final

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.approval import read_reason
from idp.domain.identity.audit_details import REASON
from idp.domain.identity.limits import DAY, HOUR, Limit

#: Looks at personal data of one officer (AD-6); beyond them an approver decides.
LOOKS_OF_OFFICER: Final = Limit("people.looks", 20, DAY, "people.quota", is_pace=True)
#: Whoever knows an identifier finds its account; nobody may try numbers one after another.
SEARCHES_OF_OFFICER: Final = Limit("people.searches", 200, HOUR, "people.searches")
#: Opening one account again within this time is the same look.
SAME_LOOK_SECONDS: Final = 600
#: How long an approved look may wait.
APPROVED_LOOK_SECONDS: Final = DAY

#: What an officer may put an end to, and what a second person may lift.
LOCKABLE: Final = frozenset({AccountStatus.ACTIVE, AccountStatus.SUSPENDED})
UNLOCKABLE: Final = frozenset({AccountStatus.LOCKED, AccountStatus.SUSPENDED})

_DOT: Final = "•"
_SHOWN_LETTERS: Final = 1


@dataclass(frozen=True, slots=True)
class Revealed:
    """Personal data in the clear, for one answer."""

    name: str
    nik: str
    phone: str
    email: str


def reveal(account: Account) -> Revealed:
    """Return an account's personal data."""
    return Revealed(
        account.person.name,
        account.nik.digits if account.nik is not None else "",
        account.phone.local if account.phone is not None else "",
        account.email.address if account.email is not None else "",
    )


def masked_name(name: str) -> str:
    """Return a name of which only the first letter of each word is left: `B••• S•••••••`."""
    words = name.split()
    return " ".join(word[:_SHOWN_LETTERS] + _DOT * len(word[_SHOWN_LETTERS:]) for word in words)


def read_public_reason(text: str) -> str:
    """Return a reason that goes into the audit.

    Refuses as `read_reason`, and with `reason.personal` where a NIK stands in it.
    """
    reason = read_reason(text)
    if not REASON.fits(reason):
        raise Refused("reason.personal")
    return reason
