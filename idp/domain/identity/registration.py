"""The steps of opening an account, and what each needs.

`KTP` (NIK and names) becomes `CONTACT` when the registry says match, `CODE` when a code was sent,
`DONE` when it came back. The mother's name is in none of them. Whoever proved an old account goes
on without a match, to an account of identity level 0 that can be mended later.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.identity.account import Account, AccountStatus
from idp.domain.identity.assurance import IAL_MATCHED, IAL_UNPROVED
from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import Nik
from idp.domain.identity.person import Person
from idp.domain.identity.phone import Phone

#: How long an unfinished registration can be resumed in the same browser.
RESUME_SECONDS: Final = 1800


class Step(StrEnum):
    """Where a registration stands."""

    CONTACT = "contact"
    CODE = "code"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Registration:
    """One browser's registration. `challenge_subject`: what its code is bound to.

    `legacy_id`: the old account whose password was proved, that comes home with it. `matched_at`:
    absent where the registry did not confirm NIK and name.
    """

    id: UUID
    flow_digest: bytes
    nik: Nik
    person: Person
    step: Step
    challenge_subject: bytes
    locale: str
    matched_at: int | None
    expires_at: int
    email: EmailAddress | None = None
    phone: Phone | None = None
    password_hash: str | None = field(default=None, repr=False)
    account_id: UUID | None = None
    legacy_id: UUID | None = None

    def may_go_on(self, now: int) -> bool:
        """Return whether the person can go on with it."""
        return self.step is not Step.DONE and now < self.expires_at

    @property
    def is_matched(self) -> bool:
        """Whether the registry confirmed NIK and name."""
        return self.matched_at is not None

    @property
    def keeps_password(self) -> bool:
        """Whether a password was proved on the way here that is good enough to stay."""
        return self.legacy_id is not None and self.password_hash is not None

    def with_contact(
        self, email: EmailAddress, phone: Phone, password_hash: str, *, now: int
    ) -> "Registration":
        """Return the registration that waits for its code."""
        return replace(
            self,
            email=email,
            phone=phone,
            password_hash=password_hash,
            step=Step.CODE,
            expires_at=now + RESUME_SECONDS,
        )

    def open_account(self, account_id: UUID, subject: str, *, now: int) -> Account:
        """Return the account that a right code opens; a NIK belongs to it only once confirmed."""
        if self.step is not Step.CODE or self.phone is None:
            raise Refused("registration.step")
        return Account(
            id=account_id,
            subject=subject,
            status=AccountStatus.ACTIVE,
            ial=IAL_MATCHED if self.is_matched else IAL_UNPROVED,
            person=self.person,
            created_at=now,
            updated_at=now,
            nik=self.nik if self.is_matched else None,
            phone=self.phone,
            phone_verified_at=now,
            email=self.email,
            locale=self.locale,
            verified_at=self.matched_at,
        )


def check_alive(registration: Registration | None, now: int, *steps: Step) -> Registration:
    """Return the registration if it may go on from one of `steps`.

    Refuses with `registration.unknown`, `registration.expired` or `registration.step`.
    """
    if registration is None:
        raise Refused("registration.unknown")
    if now >= registration.expires_at:
        raise Refused("registration.expired")
    if registration.step not in steps:
        raise Refused("registration.step", step=registration.step)
    return registration
