"""One-time codes: six digits, five minutes, five tries, paced sending."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from hmac import compare_digest
from typing import Final
from uuid import UUID

from idp.domain.errors import Refused

CODE_SECONDS: Final = 300
ATTEMPTS: Final = 5
SENDS_PER_CHALLENGE: Final = 3
#: How long to wait before the second, third, … message to one phone.
RESEND_LADDER: Final = (60, 120, 240, 480, 960, 1920)


class Purpose(StrEnum):
    """What a code is for; a code for one never works for another."""

    SIGNUP = "signup"
    LOGIN = "login"
    RECOVERY = "recovery"
    PHONE_CHANGE = "phone_change"
    EMAIL_CHANGE = "email_change"
    STEP_UP = "step_up"
    LEGACY = "legacy"


class Channel(StrEnum):
    """How a code travels."""

    SMS = "sms"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One code that was sent.

    `subject`: what it is bound to (registration, sign-in or recovery row, as a digest).
    `contact_index`: blind index of the phone or address. `code_digest`: keyed; `previous_digest`:
    of the code that this one replaced, to tell "use the newest message". `resend_at`: from when
    the contact may get another.
    """

    id: UUID
    purpose: Purpose
    channel: Channel
    subject: bytes
    contact_index: bytes
    code_digest: bytes
    sent_at: int
    expires_at: int
    resend_at: int
    sends: int = 1
    attempts: int = 0
    previous_digest: bytes | None = None
    consumed_at: int | None = None

    def renewed(self, code_digest: bytes, *, now: int, resend_at: int) -> "Challenge":
        """Return the challenge with a new code, which kills the old one; tries start again."""
        return replace(
            self,
            code_digest=code_digest,
            previous_digest=self.code_digest,
            sent_at=now,
            expires_at=now + CODE_SECONDS,
            resend_at=resend_at,
            sends=self.sends + 1,
            attempts=0,
        )

    def may_be_used(self, now: int) -> bool:
        """Return whether the newest code can still be the right one."""
        return self.consumed_at is None and now < self.expires_at and self.attempts_left > 0

    @property
    def message_id(self) -> UUID:
        """The newest message's id: the challenge's own, counted up with every message."""
        return UUID(int=self.id.int + self.sends)

    @property
    def attempts_left(self) -> int:
        """How many tries the code still has."""
        return max(0, ATTEMPTS - self.attempts)


def resend_wait(sends: int) -> int:
    """Return the seconds to wait after the `sends`-th message."""
    return RESEND_LADDER[min(sends, len(RESEND_LADDER)) - 1]


def read_code(text: str) -> str:
    """Return the six digits of a typed code; blanks and hyphens are dropped.

    Refuses with `otp.required` or `otp.form`.
    """
    code = "".join(text.split()).replace("-", "")
    if not code:
        raise Refused("otp.required")
    if len(code) != 6 or not (code.isascii() and code.isdigit()):
        raise Refused("otp.form")
    return code


_OLDER: Final = {Channel.SMS: "otp.older", Channel.EMAIL: "otp.older_letter"}


def check_code(challenge: Challenge, digests: Sequence[bytes], now: int) -> None:
    """Refuse a code unless it is the newest one sent for this challenge.

    `challenge`: as it stands after this try was counted. `digests`: of the typed code under every
    readable key. Refuses with `otp.expired`, `otp.attempts`, `otp.older` or `otp.wrong` (recorded:
    the try stays counted); `otp.older_letter` where the code came by e-mail.
    """
    if challenge.consumed_at is not None or now >= challenge.expires_at:
        raise Refused("otp.expired", recorded=True)
    if challenge.attempts > ATTEMPTS:
        raise Refused("otp.attempts", recorded=True)
    if any(compare_digest(challenge.code_digest, digest) for digest in digests):
        return
    if challenge.attempts >= ATTEMPTS:
        raise Refused("otp.attempts", recorded=True)
    previous = challenge.previous_digest
    if previous and any(compare_digest(previous, digest) for digest in digests):
        raise Refused(_OLDER[challenge.channel], recorded=True, left=challenge.attempts_left)
    raise Refused("otp.wrong", recorded=True, left=challenge.attempts_left)
