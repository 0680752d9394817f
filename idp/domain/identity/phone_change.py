"""Another phone in the place of the one that an account had (`security.md` AU-14, OT-7)."""

from dataclasses import replace
from typing import Final

from idp.domain.identity.account import Account
from idp.domain.identity.phone import Phone

#: How long a new phone recovers nothing where the password alone allowed it: time for the owner,
#: whom the old contacts tell, to come back.
HOLD_SECONDS: Final = 48 * 3600


def with_phone(account: Account, phone: Phone, *, now: int, is_held: bool) -> Account:
    """Return the account with a phone that answered a code just now."""
    return replace(
        account,
        phone=phone,
        phone_verified_at=now,
        phone_recovers_at=now + HOLD_SECONDS if is_held else None,
        updated_at=now,
    )


def without_phone(account: Account, *, now: int) -> Account:
    """Return the account after somebody else proved its phone."""
    return replace(
        account, phone=None, phone_verified_at=None, phone_recovers_at=None, updated_at=now
    )
