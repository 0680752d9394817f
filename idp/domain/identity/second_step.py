"""Which contacts of an account can take a code: of a second step (`contract.md` 6.8) or a recovery.

A contact that was changed takes none of a recovery for a while (`security.md` OT-7).
"""

from idp.domain.identity.account import Account
from idp.domain.identity.assurance import EMAIL_CODE, SMS_CODE, Authentication
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.otp import Channel
from idp.domain.identity.phone import Phone


def contacts_of(
    account: Account, *, without: Channel | None = None
) -> dict[Channel, EmailAddress | Phone]:
    """Return the verified contacts, e-mail first: it costs nothing.

    `without`: the contact that recovered the password; it proves nothing new, so it is left out
    wherever another remains (`security.md` AU-11).
    """
    verified: dict[Channel, EmailAddress | Phone] = {}
    if account.verified_email is not None:
        verified[Channel.EMAIL] = account.verified_email
    if account.verified_phone is not None:
        verified[Channel.SMS] = account.verified_phone
    others = {channel: contact for channel, contact in verified.items() if channel != without}
    return others or verified


def recovery_contacts_of(account: Account, now: int) -> dict[Channel, EmailAddress | Phone]:
    """Return the verified contacts by which a forgotten password may be set anew."""
    contacts = contacts_of(account)
    if is_phone_held(account, now):
        contacts.pop(Channel.SMS, None)
    if is_email_held(account, now):
        contacts.pop(Channel.EMAIL, None)
    return contacts


def is_phone_held(account: Account, now: int) -> bool:
    """Return whether the phone is too new to recover the account."""
    return account.phone_recovers_at is not None and now < account.phone_recovers_at


def is_email_held(account: Account, now: int) -> bool:
    """Return whether the address is too new to recover the account."""
    if account.email_verified_at is None or account.email_recovers_at is None:
        return False
    return now < account.email_recovers_at


def proof_by(channel: Channel) -> Authentication:
    """Return what a code that came back by a channel proves."""
    return SMS_CODE if channel is Channel.SMS else EMAIL_CODE
