"""Old accounts of Kemnaker's portals that wait for their owners (`../shared/domain/portals.md` §5).

An imported row is a claim of the past, not an account: it can prove that somebody knows an old
password, and say which NIK the portal had. The person is proofed like anybody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from idp.domain.identity.email import EmailAddress
from idp.domain.identity.nik import Nik
from idp.domain.identity.phone import Phone

#: A row not used for so long is dormant: its owner is told, then it goes.
DORMANT_MONTHS: Final = 24
#: The same for a row of whose last use nothing is known: so long after it came in.
DORMANT_SECONDS: Final = 2 * 365 * 86400
#: How long after its owner was told a dormant row goes: from 24 months to 30 (`privacy.md` §7).
NOTICE_SECONDS: Final = 183 * 86400
#: How long a link to an old account can be undone; its old hash is erased after that.
UNDO_SECONDS: Final = 30 * 86400

_NO_PARAMS: Final[Mapping[str, object]] = MappingProxyType({})


class LegacyState(StrEnum):
    """Where a row stands on its way to an owner.

    `IDENTITY_REQUIRED`: waits, but its portal had no NIK. `BLOCKED`: suspended at its portal, an
    officer decides. `CLAIMED`: linked to an account. `CLOSED`: will never be claimed.
    """

    WAITING = "waiting"
    IDENTITY_REQUIRED = "identity_required"
    BLOCKED = "blocked"
    CLAIMED = "claimed"
    CLOSED = "closed"


#: Rows that still may find an owner; a new export changes only these.
UNCLAIMED: Final = frozenset(
    {LegacyState.WAITING, LegacyState.IDENTITY_REQUIRED, LegacyState.BLOCKED}
)
#: Rows whose old password is worth something at sign-in.
OPEN: Final = frozenset({LegacyState.WAITING, LegacyState.IDENTITY_REQUIRED})


class Credential(StrEnum):
    """What is kept of the old password. `WEAK`: sealed, useless until it is wrapped."""

    NONE = "none"
    WEAK = "weak"
    READY = "ready"


class Way(StrEnum):
    """How somebody who is signed in may show that an offered old account is theirs.

    `EMAIL`, `SMS`: a code to a contact that its portal had verified. `REGISTRY`: the civil
    registry confirms the NIK, the name and the mother's name once more. `ACCOUNT`: an account of
    level 0 had it, whose person was matched with the NIK of the account that it moved to.
    """

    PASSWORD = "password"
    EMAIL = "email"
    SMS = "sms"
    REGISTRY = "registry"
    ACCOUNT = "account"


class ConflictKind(StrEnum):
    """What two rows, or a row and an account, have in common that they should not."""

    EMAIL = "email"
    PHONE = "phone"
    NIK = "nik"


class Decision(StrEnum):
    """What an officer finds. Only `SAME_PERSON` lets the shared contact prove anything again."""

    SAME_PERSON = "same_person"
    OTHER_PEOPLE = "other_people"
    PORTAL_MENDS = "portal_mends"


@dataclass(frozen=True, slots=True)
class LegacyHash:
    """An old password hash, read and found affordable.

    `scheme`: a name from the catalogue of kinds. `text`: what is compared, in the kind's canonical
    spelling; where `is_wrapped`, Argon2id over it. `params`: what else it takes to compute the
    text: salt (hex), recipe, iterations. `is_weak`: a fast digest, that may not stay as it is.
    """

    scheme: str
    text: str = field(repr=False)
    params: Mapping[str, object] = field(default_factory=lambda: _NO_PARAMS, repr=False)
    is_weak: bool = False
    is_wrapped: bool = False

    @property
    def credential(self) -> Credential:
        """What the row may say of it."""
        return Credential.WEAK if self.is_weak and not self.is_wrapped else Credential.READY


@dataclass(frozen=True, slots=True)
class LegacyEmail:
    """An address of an old account. Unverified ones never recover anything."""

    address: EmailAddress
    is_verified: bool


@dataclass(frozen=True, slots=True)
class LegacyPhone:
    """A number of an old account. Unverified ones never recover anything."""

    number: Phone
    is_verified: bool


@dataclass(frozen=True, slots=True)
class LegacyRecord:
    """One row of an export, parsed. Instants are epoch seconds.

    `source_id`: the portal's own identifier; with `source` it names the row for ever. `login`: a
    user name, where the portal had such. `orgs`: what the person managed there, words by name.
    """

    source: str
    source_id: str = field(repr=False)
    state: LegacyState
    nik: Nik | None = None
    name: str | None = field(default=None, repr=False)
    emails: tuple[LegacyEmail, ...] = ()
    phones: tuple[LegacyPhone, ...] = ()
    login: str | None = field(default=None, repr=False)
    hash: LegacyHash | None = None
    created_at: int | None = None
    last_login_at: int | None = None
    orgs: tuple[Mapping[str, str], ...] = field(default=(), repr=False)

    @property
    def credential(self) -> Credential:
        """What is known of the old password."""
        return Credential.NONE if self.hash is None else self.hash.credential


@dataclass(frozen=True, slots=True)
class LegacyAccount:
    """A stored row, opened.

    `is_released`: the file that it came from was accepted; `in_conflict`: its NIK, a verified
    address or number also stands for somebody else, and no officer found that it is one person.
    `failure`: a stable word for why the last claim failed.
    """

    id: UUID
    record: LegacyRecord
    state: LegacyState
    imported_at: int
    is_released: bool
    in_conflict: bool
    account_id: UUID | None = None
    claimed_at: int | None = None
    failure: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it waits for an owner who can show that it is theirs."""
        return self.is_released and self.state in OPEN

    @property
    def may_sign_in(self) -> bool:
        """Whether its old password may be tried."""
        return (
            self.is_open
            and self.record.hash is not None
            and self.record.hash.credential is Credential.READY
        )

    @property
    def verified_email(self) -> EmailAddress | None:
        """The first address that its portal had verified."""
        found = (email.address for email in self.record.emails if email.is_verified)
        return next(found, None)

    @property
    def verified_phone(self) -> Phone | None:
        """The first number that its portal had verified."""
        found = (phone.number for phone in self.record.phones if phone.is_verified)
        return next(found, None)

    def ways(self, nik: Nik | None) -> tuple[Way, ...]:
        """Return how the holder of an account with this confirmed NIK may link it; often several.

        Only an old password helps while officers have to decide whose NIK or contact it is.
        """
        if not self.is_open or nik is None or self.record.nik not in {None, nik}:
            return ()
        found = [Way.PASSWORD] if self.may_sign_in else []
        if not self.in_conflict:
            found += [Way.EMAIL] if self.verified_email is not None else []
            found += [Way.SMS] if self.verified_phone is not None else []
            found += [Way.REGISTRY] if self.record.nik == nik else []
        return tuple(found)


@dataclass(frozen=True, slots=True)
class LegacyLink:
    """One entry of the journal: an old row came home to an account.

    `before`: what stood before, whatever the link changed, so that undoing it brings exactly that
    back; sealed at rest. `undone_at`: taken back.
    """

    id: UUID
    legacy_id: UUID
    account_id: UUID
    before: Mapping[str, object] = field(repr=False)
    created_at: int
    undone_at: int | None = None

    def may_be_undone(self, now: int) -> bool:
        """Whether there still is time."""
        return self.undone_at is None and now < self.created_at + UNDO_SECONDS


def month_of(instant: int) -> int:
    """Return the months since year 0 (UTC): as exactly as dormancy needs, and no more."""
    moment = datetime.fromtimestamp(instant, UTC)
    return moment.year * 12 + moment.month - 1


def dormant_before(now: int) -> int:
    """Return the month before which a last use makes a row dormant."""
    return month_of(now) - DORMANT_MONTHS
