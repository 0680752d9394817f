"""What is sent to people: written into the outbox with the change that causes it.

A message is a template's name, a language and values, sealed; the words are chosen when it leaves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from idp.domain.identity.account import Account
from idp.domain.identity.admin import INVITATION_SECONDS
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.factors import ALL
from idp.domain.identity.limits import (
    DAY,
    NOTICES_BY_SMS,
    NOTICES_OF_ACCOUNT,
    NOTICES_OF_CHANGE,
    Hit,
    Limit,
)
from idp.domain.identity.messages import SmsState
from idp.domain.identity.otp import CODE_SECONDS
from idp.domain.identity.phone import Phone
from idp.domain.identity.regions import DEFAULT_ZONE
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import Client
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.store import OutboxMessage, SmsRecord, Transaction
from idp.services.limits import LimitService

SMS: Final = "sms"
MAIL: Final = "mail"

#: A code that comes later than this confuses more than it helps (R-3).
SMS_SECONDS: Final = 120
LETTER_SECONDS: Final = DAY


class SmsKind(StrEnum):
    """Every short message. `CODE` needs `purpose` and `code`."""

    CODE = "code"
    NIK_ATTEMPTED = "nik_attempted"
    PASSWORD_CHANGED = "password_changed"
    EMAIL_CHANGED = "email_changed"
    PHONE_CHANGED = "phone_changed"
    REQUEST_WAITING = "request_waiting"  # portal
    ACCOUNT_LOCKED = "account_locked"
    ACCOUNT_UNLOCKED = "account_unlocked"
    ACCOUNT_MERGED = "account_merged"
    CONTACT_ASKED = "contact_asked"
    CONTACT_REPLACED = "contact_replaced"
    FACTOR_CHANGED = "factor_changed"
    RECOVERY_HELPED = "recovery_helped"


class LetterKind(StrEnum):
    """Every letter; what each needs in `values` stands beside it."""

    CODE = "code"  # purpose, code
    EMAIL_PROOF = "email_proof"  # secret
    NIK_ATTEMPTED = "nik_attempted"
    CONTACT_USED = "contact_used"
    PHONE_MOVED = "phone_moved"
    NEW_DEVICE = "new_device"  # device, network, at
    PASSWORD_CHANGED = "password_changed"  # at
    PASSWORD_DISABLED = "password_disabled"
    EMAIL_CHANGED = "email_changed"  # at
    PHONE_CHANGED = "phone_changed"  # at
    RECOVERY_LINK = "recovery_link"  # secret, onward
    PORTAL_CONNECTED = "portal_connected"  # portal, at
    LEGACY_LINKED = "legacy_linked"  # portal, at
    LEGACY_DORMANT = "legacy_dormant"  # portal, at
    SESSIONS_ENDED = "sessions_ended"  # at
    REQUEST_WAITING = "request_waiting"  # portal, page
    ACCOUNT_LOCKED = "account_locked"  # at
    ACCOUNT_UNLOCKED = "account_unlocked"  # at
    ACCOUNT_MERGED = "account_merged"  # at
    CONTACT_ASKED = "contact_asked"  # at, secret
    CONTACT_REPLACED = "contact_replaced"  # at
    FACTOR_ADDED = "factor_added"  # at, factor
    FACTOR_REMOVED = "factor_removed"  # at, factor
    RECOVERY_USED = "recovery_used"  # at, left
    ADMIN_INVITED = "admin_invited"  # secret
    ADMIN_RESET = "admin_reset"  # secret
    ADMIN_CHANGED = "admin_changed"  # at
    TEAM_INVITATION = "team_invitation"  # team, team_role, secret
    TEAM_JOINED = "team_joined"  # team, member, team_role
    RELEASE_RETURNED = "release_returned"  # portal, portal_id
    RELEASE_APPROVED = "release_approved"  # portal, portal_id
    SECRET_EXPIRES = "secret_expires"  # portal, portal_id, days, at
    KEYS_AWAY = "keys_away"  # portal, portal_id, at
    OFFICER_SECRET_EXPIRES = "officer_secret_expires"  # portal, client_row, days, at
    OFFICER_KEYS_AWAY = "officer_keys_away"  # portal, client_row, at
    CONTACT_SECRET_EXPIRES = "contact_secret_expires"  # portal, days, at
    CONTACT_KEYS_AWAY = "contact_keys_away"  # portal, at


#: Letters that are worth nothing once what they carry has ended.
_LIVES: Final[Mapping[LetterKind, int]] = {
    LetterKind.CODE: CODE_SECONDS,
    LetterKind.ADMIN_INVITED: INVITATION_SECONDS,
    LetterKind.ADMIN_RESET: INVITATION_SECONDS,
}


#: Letters that nobody waits for: with each sign-in one is written, and they leave together.
_UNHURRIED: Final = frozenset({LetterKind.NEW_DEVICE})


@dataclass(frozen=True, slots=True)
class Words:
    """A letter's words in one language."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


class Composer(Protocol):
    """Chooses words at the edge; `values` are those of the kind."""

    def sms(self, kind: SmsKind, locale: str, values: Mapping[str, Any]) -> str:
        """Return the text of a short message."""

    def letter(self, kind: LetterKind, locale: str, values: Mapping[str, Any]) -> Words:
        """Return the words of a letter."""


@dataclass(frozen=True, slots=True)
class MessageService:
    """Writes messages; `OutboxService` delivers them."""

    clock: Clock
    entropy: Entropy
    limits: LimitService

    def sms(
        self,
        kind: SmsKind,
        to: Phone,
        *,
        purpose: str,
        locale: str,
        tx: Transaction,
        message_id: UUID | None = None,
        refunds: Iterable[Hit] = (),
        **values: str,
    ) -> None:
        """Send a short message, within two minutes or not at all.

        `purpose`: for figures. `refunds`: limits that get their hit back if no carrier takes it.
        """
        now = self.clock.now()
        message_id = message_id or self.entropy.uuid7(self.clock.now_ms())
        payload = {
            "kind": kind,
            "to": to.e164,
            "locale": locale,
            "purpose": purpose,
            "values": values,
            "refunds": [hit.key.hex() for hit in refunds],
        }
        tx.outbox.add(OutboxMessage(message_id, SMS, payload, now, now, now + SMS_SECONDS))
        tx.sms_records.put(SmsRecord(message_id, purpose, SmsState.QUEUED, to.local[:4], now, now))

    def letter(
        self,
        kind: LetterKind,
        to: EmailAddress,
        *,
        locale: str,
        tx: Transaction,
        message_id: UUID | None = None,
        of: Account | None = None,
        **values: str | int,
    ) -> None:
        """Send a letter; it is tried again for a day, one with a code for the code's life.

        `of`: whose letter it is, where it tells a time.
        """
        now = self.clock.now()
        message_id = message_id or self.entropy.uuid7(self.clock.now_ms())
        life = _LIVES.get(kind, LETTER_SECONDS)
        if of is not None and "at" in values and of.time_zone != DEFAULT_ZONE:
            values["zone"] = of.time_zone
        payload = {"kind": kind, "to": to.address, "locale": locale, "values": values}
        tx.outbox.add(
            OutboxMessage(
                message_id, MAIL, payload, now, now, now + life, may_wait=kind in _UNHURRIED
            )
        )

    def notify(
        self, account: Account, kind: LetterKind, *, tx: Transaction, **values: str | int
    ) -> bool:
        """Send a letter to the account's address; return whether there is one."""
        if account.email is None:
            return False
        self.letter(
            kind,
            account.email,
            locale=account.locale,
            tx=tx,
            message_id=None,
            of=account,
            **values,
        )
        return True

    def tell_of_change(
        self,
        account: Account,
        letter: LetterKind,
        sms: SmsKind,
        visitor: Visitor,
        *,
        tx: Transaction,
        **values: str | int,
    ) -> None:
        """Tell the person of a change to their account (AU-14); `account`: as it was before.

        By letter, and by short message too where nobody proved that the letters arrive. `values`:
        of the letter, beside the time.
        """
        self.notify(account, letter, tx=tx, at=self.clock.now(), **values)
        phone = account.verified_phone
        if account.verified_email is not None or phone is None:
            return
        if self._may_notice(NOTICES_OF_CHANGE, account, visitor, tx=tx):
            self.sms(sms, phone, purpose="notice", locale=account.locale, tx=tx)

    def tell_of_phone_change(self, account: Account, *, tx: Transaction) -> None:
        """Tell the old phone and the address (AU-14); `account`: as it was before the change.

        Unlimited: a code to the new phone was paid for each, and each goes to another phone.
        """
        self._tell_both(account, LetterKind.PHONE_CHANGED, SmsKind.PHONE_CHANGED, tx=tx)

    def tell_of_email_change(self, account: Account, *, tx: Transaction) -> None:
        """Tell the old address and the phone (AU-14); `account`: as it was before the change.

        Unlimited: a code to the new address was paid for each, and the phone is the only one to
        tell where somebody else reads the old mailbox.
        """
        self._tell_both(account, LetterKind.EMAIL_CHANGED, SmsKind.EMAIL_CHANGED, tx=tx)

    def tell_of_lock(self, account: Account, *, is_locked: bool, tx: Transaction) -> None:
        """Tell the person that an officer locked their account, or that the lock is lifted.

        By letter, and by short message where nobody proved that the letters arrive. Unlimited:
        each is the act of an officer, and the last one must be the one that is known.
        """
        letter = LetterKind.ACCOUNT_LOCKED if is_locked else LetterKind.ACCOUNT_UNLOCKED
        sms = SmsKind.ACCOUNT_LOCKED if is_locked else SmsKind.ACCOUNT_UNLOCKED
        self._tell_of_officer(account, letter, sms, tx=tx)

    def tell_of_merge(self, account: Account, *, tx: Transaction) -> None:
        """Tell the person that officers merged two accounts, by the same ways as of a lock."""
        self._tell_of_officer(account, LetterKind.ACCOUNT_MERGED, SmsKind.ACCOUNT_MERGED, tx=tx)

    def tell_where_to_recover(self, account: Account, *, tx: Transaction) -> None:
        """Tell the phone where its owner sets a new password: no code and no link (AD-4).

        Unlimited: whoever lets an officer help counts.
        """
        phone = account.verified_phone
        if phone is not None:
            locale = account.locale
            self.sms(SmsKind.RECOVERY_HELPED, phone, purpose="notice", locale=locale, tx=tx)

    def tell_of_contact_request(self, account: Account, secret: str, *, tx: Transaction) -> None:
        """Tell phone and address that somebody says they are lost: whoever has them can object.

        `secret`: of the letter's link that stops it; short messages hold no links.
        """
        letter, sms = LetterKind.CONTACT_ASKED, SmsKind.CONTACT_ASKED
        self._tell_both(account, letter, sms, tx=tx, secret=secret)

    def tell_of_contact_replaced(self, account: Account, *, tx: Transaction) -> None:
        """Tell the old phone and the old address; `account`: as it was before."""
        self._tell_both(account, LetterKind.CONTACT_REPLACED, SmsKind.CONTACT_REPLACED, tx=tx)

    def tell_of_factors_reset(self, account: Account, *, tx: Transaction) -> None:
        """Tell phone and address that officers forgot the account's factors."""
        letter, sms = LetterKind.FACTOR_REMOVED, SmsKind.FACTOR_CHANGED
        self._tell_both(account, letter, sms, tx=tx, factor=ALL)

    def _tell_both(
        self,
        account: Account,
        letter: LetterKind,
        sms: SmsKind,
        *,
        tx: Transaction,
        **values: str | int,
    ) -> None:
        self.notify(account, letter, tx=tx, at=self.clock.now(), **values)
        phone = account.verified_phone
        if phone is not None:
            self.sms(sms, phone, purpose="notice", locale=account.locale, tx=tx)

    def _tell_of_officer(
        self, account: Account, letter: LetterKind, sms: SmsKind, *, tx: Transaction
    ) -> None:
        self.notify(account, letter, tx=tx, at=self.clock.now())
        phone = account.verified_phone
        if account.verified_email is None and phone is not None:
            self.sms(sms, phone, purpose="notice", locale=account.locale, tx=tx)

    def warn_of_nik(self, owner: Account, visitor: Visitor, *, tx: Transaction) -> None:
        """Tell the owner that somebody tried to register with their NIK, a few times a day."""
        if not self._may_notice(NOTICES_OF_ACCOUNT, owner, visitor, tx=tx):
            return
        if self.notify(owner, LetterKind.NIK_ATTEMPTED, tx=tx):
            return
        phone = owner.verified_phone
        if phone is not None and self._may_notice(NOTICES_BY_SMS, owner, visitor, tx=tx):
            self.sms(SmsKind.NIK_ATTEMPTED, phone, purpose="notice", locale=owner.locale, tx=tx)

    def warn_of_contact(self, owner: Account, visitor: Visitor, *, tx: Transaction) -> None:
        """Tell the owner that somebody else gave their address, a few times a day."""
        if self._may_notice(NOTICES_OF_ACCOUNT, owner, visitor, tx=tx):
            self.notify(owner, LetterKind.CONTACT_USED, tx=tx)

    def tell_of_request(
        self, account: Account, client: Client, page_id: str, tx: Transaction
    ) -> None:
        """Tell a person that a portal asks for an answer: by letter, else by short message."""
        portal = client.name_in(account.locale)
        if account.verified_email is not None:
            self.letter(
                LetterKind.REQUEST_WAITING,
                account.verified_email,
                locale=account.locale,
                tx=tx,
                portal=portal,
                page=page_id,
            )
        elif account.verified_phone is not None:
            self.sms(
                SmsKind.REQUEST_WAITING,
                account.verified_phone,
                purpose="notice",
                locale=account.locale,
                tx=tx,
                portal=portal[:30],
            )

    def _may_notice(
        self, limit: Limit, owner: Account, visitor: Visitor, *, tx: Transaction
    ) -> bool:
        hit = Hit(limit, owner.id.bytes)
        if self.limits.left(hit, tx=tx) == 0:
            self.limits.note(hit, visitor, tx=tx)
            return False
        self.limits.count(hit, tx=tx)
        return True
