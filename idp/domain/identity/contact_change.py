"""Another phone or address in the place of what an account had (`security.md` AU-14, OT-7)."""

from dataclasses import replace
from typing import Final

from idp.domain.identity.account import Account
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.phone import Phone

#: How long a new contact recovers nothing where the password alone allowed it: time for the owner,
#: whom the old contacts tell, to come back.
HOLD_SECONDS: Final = 48 * 3600


def with_phone(account: Account, phone: Phone, *, now: int, is_held: bool) -> Account:
    """Return the account with a phone that answered a code just now."""
    return replace(
        account,
        phone=phone,
        phone_verified_at=now,
        phone_recovers_at=_held_until(now, is_held=is_held),
        updated_at=now,
    )


def without_phone(account: Account, *, now: int) -> Account:
    """Return the account after somebody else proved its phone."""
    return replace(
        account, phone=None, phone_verified_at=None, phone_recovers_at=None, updated_at=now
    )


def with_email(account: Account, email: EmailAddress, *, now: int, is_held: bool) -> Account:
    """Return the account with an address that was proved just now."""
    return replace(
        account,
        email=email,
        email_verified_at=now,
        email_recovers_at=_held_until(now, is_held=is_held),
        updated_at=now,
    )


def with_unproved_email(
    account: Account, email: EmailAddress, *, now: int, is_held: bool
) -> Account:
    """Return the account with an address whose link has yet to be followed."""
    return replace(
        account,
        email=email,
        email_verified_at=None,
        email_recovers_at=_held_until(now, is_held=is_held),
        updated_at=now,
    )


def with_link_followed(account: Account, email: EmailAddress, *, now: int) -> Account:
    """Return the account after the link to its address was followed; a hold begins anew."""
    return with_email(account, email, now=now, is_held=account.email_recovers_at is not None)


def _held_until(now: int, *, is_held: bool) -> int | None:
    return now + HOLD_SECONDS if is_held else None
