"""How a second step can be taken (`contract.md` 6.8), and which contacts can recover an account.

A contact that was changed takes no code of a recovery for a while (`security.md` OT-7).
"""

from collections.abc import Sequence
from enum import StrEnum

from idp.domain.identity.account import Account
from idp.domain.identity.assurance import (
    DEVICE_PASSKEY,
    EMAIL_CODE,
    SMS_CODE,
    SYNCED_PASSKEY,
    Authentication,
)
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.factors import Factors, Passkey
from idp.domain.identity.otp import Channel
from idp.domain.identity.phone import Phone


class Method(StrEnum):
    """A way to take the second step, in the order in which they are offered."""

    PASSKEY = "passkey"
    APP = "app"
    EMAIL = "email"
    SMS = "sms"
    RECOVERY = "recovery"

    @property
    def channel(self) -> Channel | None:
        """How its code travels, `None` where none is sent."""
        return Channel(self.value) if self in {Method.EMAIL, Method.SMS} else None


def methods_of(
    account: Account, factors: Factors, *, without: Channel | None = None
) -> Sequence[Method]:
    """Return the ways that somebody has.

    `without`: the contact that recovered the password. Whoever enrolled an app or a passkey is then
    asked for it: recovery never lowers a factor (`security.md` AU-11).
    """
    found = []
    if factors.passkeys:
        found.append(Method.PASSKEY)
    if factors.totp is not None:
        found.append(Method.APP)
    if without is None or not found:
        found += [Method(channel) for channel in contacts_of(account, without=without)]
    if factors.recovery_codes_left:
        found.append(Method.RECOVERY)
    return found


def reachable_level(account: Account, factors: Factors) -> int:
    """Return the highest level that somebody's ways can reach (`contract.md` 6.9)."""
    if factors.has_own_device:
        return 3
    return 2 if methods_of(account, factors) else 1


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


def proof_by_passkey(passkey: Passkey) -> Authentication:
    """Return what a passkey proves whose holder was verified."""
    return SYNCED_PASSKEY if passkey.is_synced else DEVICE_PASSKEY


def proof_by(channel: Channel) -> Authentication:
    """Return what a code that came back by a channel proves."""
    return SMS_CODE if channel is Channel.SMS else EMAIL_CODE
