"""Further old accounts of somebody who is signed in: each linked after a proof of its own.

Beside the old password these are a code to a contact that the portal had verified, and the civil
registry, which confirms once more who the person is.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.legacy import LegacyAccount, LegacyLink, Way
from idp.domain.identity.otp import Challenge, Channel, Purpose
from idp.domain.identity.phone import Phone
from idp.domain.identity.visitor import Visitor
from idp.ports.clock import Clock
from idp.ports.store import Store, Transaction
from idp.services.identity_check import Applicant, IdentityCheck
from idp.services.legacy_upgrade import LegacyUpgradeService
from idp.services.otp import OtpService
from idp.services.puzzle import Solution

_CHANNELS: Final = {Way.EMAIL: Channel.EMAIL, Way.SMS: Channel.SMS}


@dataclass(frozen=True, slots=True)
class OldCode:
    """What the code page shows. `sent_to`: the contact of the old account."""

    legacy: LegacyAccount
    challenge: Challenge
    sent_to: EmailAddress | Phone


@dataclass(frozen=True, slots=True)
class LegacyOfferService:
    """Proves and links old accounts that were offered."""

    store: Store
    clock: Clock
    upgrade: LegacyUpgradeService
    otp: OtpService
    identity: IdentityCheck

    def find(self, legacy_id: UUID, account: Account, way: Way) -> LegacyAccount:
        """Return an old account that may be linked this way; refuses with `legacy.way`."""
        for legacy in self.upgrade.offer(account):
            if legacy.id == legacy_id and way in legacy.ways(account.nik):
                return legacy
        raise Refused("legacy.way")

    def send_code(
        self,
        legacy_id: UUID,
        way: Way,
        account: Account,
        visitor: Visitor,
        *,
        again: bool = False,
        puzzle: Solution | None = None,
    ) -> None:
        """Send a code to the old account's contact.

        Unless `again`, a code that went there a moment ago still counts and none is sent. Refuses
        with `legacy.way` or as `OtpService.send`.
        """
        to = _contact(self.find(legacy_id, account, way), way)
        if to is None:
            raise Refused("legacy.way")
        subject = _subject(legacy_id, account, visitor)
        with self.store.write() as tx:
            former = tx.challenges.find(subject)
            if former is not None and not again and self._still_counts(former, way):
                return
            self.otp.send(
                purpose=Purpose.LEGACY,
                subject=subject,
                to=to,
                visitor=visitor,
                tx=tx,
                counted=(account.id.bytes,),
                account_id=account.id,
                puzzle=puzzle,
            )

    def sent_code(self, legacy_id: UUID, account: Account, visitor: Visitor) -> OldCode:
        """Return what was sent; refuses with `legacy.way` where nothing was."""
        with self.store.read() as tx:
            challenge = tx.challenges.find(_subject(legacy_id, account, visitor))
        if challenge is None or challenge.consumed_at is not None:
            raise Refused("legacy.way")
        way = Way.EMAIL if challenge.channel is Channel.EMAIL else Way.SMS
        legacy = self.find(legacy_id, account, way)
        to = _contact(legacy, way)
        if to is None:
            raise Refused("legacy.way")
        return OldCode(legacy, challenge, to)

    def link_by_code(
        self, legacy_id: UUID, code: str, account: Account, visitor: Visitor
    ) -> LegacyLink:
        """Link an old account whose contact answered.

        Refuses with `legacy.way`, `legacy.taken`, or as `OtpService.redeem`.
        """
        sent = self.sent_code(legacy_id, account, visitor)
        way = Way.EMAIL if sent.challenge.channel is Channel.EMAIL else Way.SMS
        with self.store.write() as tx:
            self.otp.redeem(
                subject=_subject(legacy_id, account, visitor),
                purpose=Purpose.LEGACY,
                code=code,
                tx=tx,
                visitor=visitor,
                counted=(account.id.bytes,),
                account_id=account.id,
            )
            return self._link(legacy_id, account, way, visitor, tx=tx)

    def link_by_registry(
        self,
        legacy_id: UUID,
        full_name: str,
        mother_name: str,
        account: Account,
        visitor: Visitor,
        *,
        puzzle: Solution | None = None,
    ) -> LegacyLink:
        """Link an old account with the account's own NIK after another match.

        Refuses with `legacy.way`, `legacy.taken`, or as `IdentityCheck.ask` and `settle`.
        """
        self.find(legacy_id, account, Way.REGISTRY)
        if account.nik is None:
            raise Refused("legacy.way")
        applicant = Applicant(account.nik, full_name, mother_name)
        answer = self.identity.ask(applicant, visitor, puzzle=puzzle)
        with self.store.write() as tx:
            try:
                self.identity.settle(answer, account.nik, visitor, tx=tx)
            except Refused as refusal:
                tx.legacy_accounts.note_failure(legacy_id, refusal.code)
                raise
            return self._link(legacy_id, account, Way.REGISTRY, visitor, tx=tx)

    def _link(
        self, legacy_id: UUID, account: Account, way: Way, visitor: Visitor, *, tx: Transaction
    ) -> LegacyLink:
        """Link it unless it changed while the proof was on its way."""
        legacy = tx.legacy_accounts.find(legacy_id)
        if legacy is None or way not in legacy.ways(account.nik):
            raise Refused("legacy.taken")
        return self.upgrade.link_in(legacy_id, account, visitor, way=way, tx=tx)

    def _still_counts(self, former: Challenge, way: Way) -> bool:
        now = self.clock.now()
        if former.channel is not _CHANNELS[way] or now >= former.resend_at:
            return False
        return former.may_be_used(now)


def _contact(legacy: LegacyAccount, way: Way) -> EmailAddress | Phone | None:
    """Return where a code goes; only what the portal had verified."""
    return {Way.EMAIL: legacy.verified_email, Way.SMS: legacy.verified_phone}.get(way)


def _subject(legacy_id: UUID, account: Account, visitor: Visitor) -> bytes:
    """Return what a code is bound to: this old account, this account, this browser."""
    bound = b"old account\n" + visitor.flow_digest + account.id.bytes + legacy_id.bytes
    return sha256(bound).digest()
