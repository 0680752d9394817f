"""An account: one citizen, one NIK, and what its status allows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import Nik
from idp.domain.identity.otp import Channel
from idp.domain.identity.person import Person
from idp.domain.identity.phone import Phone
from idp.domain.identity.regions import DEFAULT_ZONE, ZONE_NAMES


class AccountStatus(StrEnum):
    """`LOCKED`: by an officer. `SUSPENDED`: in review. `CLOSED`: erased but for the tombstone."""

    ACTIVE = "active"
    LOCKED = "locked"
    SUSPENDED = "suspended"
    CLOSED = "closed"


#: Only these get a session or a token.
USABLE: Final = frozenset({AccountStatus.ACTIVE})


@dataclass(frozen=True, slots=True)
class Account:
    """A citizen's record. Contacts are worth something only once their `..._verified_at` is set.

    `subject`: 128 random bits, never derived from the NIK. `ial`: identity level.
    `verified_at`: when the registry confirmed the person.
    `phone_recovers_at`, `email_recovers_at`: from when a changed contact may recover the account;
    `None`: at any time.
    Instants are epoch seconds.
    """

    id: UUID
    subject: str
    status: AccountStatus
    ial: int
    person: Person
    created_at: int
    updated_at: int
    nik: Nik | None = None
    phone: Phone | None = None
    phone_verified_at: int | None = None
    phone_recovers_at: int | None = None
    email: EmailAddress | None = None
    email_verified_at: int | None = None
    email_recovers_at: int | None = None
    locale: str = "id"
    verified_at: int | None = None
    version: int = 1

    @property
    def is_usable(self) -> bool:
        """Whether the account may sign in and get tokens."""
        return self.status in USABLE

    @property
    def time_zone(self) -> str:
        """IANA zone in which times are told to the person: their own, else the NIK's province's.

        One abroad has no name here that people know.
        """
        told = self.person.claims.get("zoneinfo")
        if told in ZONE_NAMES:
            return str(told)
        return self.nik.time_zone if self.nik is not None else DEFAULT_ZONE

    @property
    def verified_phone(self) -> Phone | None:
        """The phone, where it answered a code."""
        return self.phone if self.phone_verified_at is not None else None

    @property
    def verified_email(self) -> EmailAddress | None:
        """The address, where its link was followed or its code came back."""
        return self.email if self.email_verified_at is not None else None


@dataclass(frozen=True, slots=True)
class PasswordCredential:
    """A password's hash, with its parameters inside.

    `disabled_at`: after 100 failures in a row it no longer signs in, until recovery.
    `recovered_by`: the contact that set it by recovery; until another contact has answered a code,
    that one alone opens no unknown browser (`security.md` AU-11). `has_factor`: whether an app or a
    passkey was enrolled beside it, where it was read with its account.
    """

    account_id: UUID
    hash: str
    changed_at: int
    disabled_at: int | None = None
    recovered_by: Channel | None = None
    has_factor: bool = False
