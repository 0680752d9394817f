"""The catalogue of audit events: what somebody may be asked about later.

A row is written with the change that it tells of, in the same transaction. An event that its entry
does not describe is not written, and neither is the change.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from idp.domain.identity.audit_details import (
    COUNT,
    FLAG,
    IDENTIFIER,
    NAME,
    NAME_LENGTH,
    REASON,
    WORD,
    WORDS,
    Detail,
    one_of,
    optional,
)


class Action(StrEnum):
    """Every kind of event."""

    REGISTRY_CHECKED = "registry.checked"
    ACCOUNT_OPENED = "account.opened"
    ACCOUNT_TAKEN = "account.taken"
    ACCOUNT_SUSPENDED = "account.suspended"
    ACCOUNT_LOCKED = "account.locked"
    ACCOUNT_UNLOCKED = "account.unlocked"
    ACCOUNT_MERGED = "account.merged"
    ACCOUNT_DELETED = "account.deleted"
    PERSON_SEARCHED = "person.searched"
    PERSON_OPENED = "person.opened"
    PERSON_UNMASKED = "person.unmasked"
    PERSON_LOOK_ALLOWED = "person.look_allowed"
    PERSON_SIGNED_OUT = "person.signed_out"
    PERSON_HELPED = "person.helped"
    CASE_OPENED = "case.opened"
    CASE_EVIDENCE_ADDED = "case.evidence_added"
    CASE_DECIDED = "case.decided"
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    LOGIN_CONFIRMED = "login.confirmed"
    PASSWORD_DISABLED = "password.disabled"
    DEVICE_REMEMBERED = "device.remembered"
    CODE_SENT = "code.sent"
    CODE_FAILED = "code.failed"
    SESSION_ENDED = "session.ended"
    PASSWORD_CHANGED = "password.changed"
    RECOVERY_STARTED = "recovery.started"
    RECOVERY_FINISHED = "recovery.finished"
    EMAIL_VERIFIED = "email.verified"
    EMAIL_CHANGED = "email.changed"
    PHONE_CHANGED = "phone.changed"
    PHONE_MOVED = "phone.moved"
    CONTACT_REPLACED = "contact.replaced"
    CONTACT_STOPPED = "contact.stopped"
    FACTOR_ADDED = "factor.added"
    FACTOR_RENAMED = "factor.renamed"
    FACTOR_REMOVED = "factor.removed"
    FACTOR_FAILED = "factor.failed"
    RECOVERY_CODE_USED = "factor.recovery_used"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    TOKEN_FAMILY_ENDED = "token.family_ended"
    GRANT_REVOKED = "grant.revoked"
    TOKEN_EXCHANGED = "token.exchanged"
    REQUEST_ALLOWED = "request.allowed"
    REQUEST_DENIED = "request.denied"
    CLIENT_REGISTERED = "client.registered"
    CLIENT_CHANGED = "client.changed"
    CLIENT_SUSPENDED = "client.suspended"
    CLIENT_RETIRED = "client.retired"
    CLIENT_SECRET_ADDED = "client.secret_added"
    CLIENT_SECRET_RETIRED = "client.secret_retired"
    CLIENT_DELETED = "client.deleted"
    KEY_MADE = "key.made"
    KEY_ROTATED = "key.rotated"
    KEY_RETIRED = "key.retired"
    ROOT_ROTATED = "root.rotated"
    IDENTITY_CONFIRMED = "identity.confirmed"
    UPSTREAM_LINKED = "upstream.linked"
    LEGACY_PROVED = "legacy.proved"
    LEGACY_LINKED = "legacy.linked"
    LEGACY_RELEASED = "legacy.released"
    LEGACY_SETTLED = "legacy.settled"
    LEGACY_IMPORTED = "legacy.imported"
    LEGACY_WRAPPED = "legacy.wrapped"
    LEGACY_TOLD = "legacy.told"
    LEGACY_ERASED = "legacy.erased"
    LIMIT_REACHED = "limit.reached"
    AUDIT_EXPORTED = "audit.exported"
    ADMIN_INVITED = "admin.invited"
    ADMIN_JOINED = "admin.joined"
    ADMIN_RESET = "admin.reset"
    ADMIN_SIGNED_IN = "admin.signed_in"
    ADMIN_SIGN_IN_FAILED = "admin.sign_in_failed"
    ADMIN_CONFIRMED = "admin.confirmed"
    ADMIN_SESSION_ENDED = "admin.session_ended"
    ADMIN_SUSPENDED = "admin.suspended"
    ADMIN_RESUMED = "admin.resumed"
    ADMIN_ROLES_CHANGED = "admin.roles_changed"
    ADMIN_PASSWORD_CHANGED = "admin.password_changed"
    ADMIN_FACTOR_ADDED = "admin.factor_added"
    ADMIN_FACTOR_REMOVED = "admin.factor_removed"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_REFUSED = "approval.refused"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    TEAM_CREATED = "team.created"
    TEAM_RENAMED = "team.renamed"
    TEAM_INVITED = "team.invited"
    TEAM_UNINVITED = "team.uninvited"
    TEAM_JOINED = "team.joined"
    TEAM_ROLE_CHANGED = "team.role_changed"
    TEAM_LEFT = "team.left"
    RELEASE_BEGUN = "release.begun"
    RELEASE_CHANGED = "release.changed"
    RELEASE_SUBMITTED = "release.submitted"
    RELEASE_WITHDRAWN = "release.withdrawn"
    RELEASE_RETURNED = "release.returned"
    RELEASE_APPROVED = "release.approved"
    RELEASE_LIVE = "release.live"
    PORTAL_RETIRED = "portal.retired"
    MESSAGE_RETRIED = "message.retried"


@dataclass(frozen=True, slots=True)
class Entry:
    """What the catalogue says of an action.

    `is_visible`: shown to the citizen under "aktivitas"; the others are for officers alone.
    """

    details: Mapping[str, Detail]
    is_visible: bool = False


def shown(**details: Detail) -> Entry:
    """Return the entry of an action that the citizen sees."""
    return Entry(details, is_visible=True)


def kept(**details: Detail) -> Entry:
    """Return the entry of an action that only officers see."""
    return Entry(details)


_APPROVAL: Final = {
    "request": IDENTIFIER,
    "kind": WORD,
    "subject": optional(NAME),
    "digest": IDENTIFIER,
}

#: What each event tells, by name and kind; to add an event, add its row.
CATALOGUE: Final[Mapping[Action, Entry]] = {
    Action.REGISTRY_CHECKED: kept(outcome=WORD, request=optional(IDENTIFIER)),
    Action.ACCOUNT_OPENED: shown(by=optional(NAME), ial=optional(COUNT)),
    Action.ACCOUNT_TAKEN: shown(),
    Action.ACCOUNT_SUSPENDED: kept(reason=WORD),
    Action.ACCOUNT_LOCKED: shown(reason=REASON),
    Action.ACCOUNT_UNLOCKED: shown(approved_by=NAME),
    Action.ACCOUNT_MERGED: shown(reason=REASON, approved_by=NAME, stays=FLAG),
    Action.ACCOUNT_DELETED: kept(),
    Action.PERSON_SEARCHED: kept(by=WORD, found=FLAG),
    Action.PERSON_OPENED: shown(),
    Action.PERSON_UNMASKED: shown(reason=REASON),
    Action.PERSON_LOOK_ALLOWED: kept(approved_by=NAME),
    Action.PERSON_SIGNED_OUT: shown(reason=REASON, sessions=COUNT),
    Action.PERSON_HELPED: shown(reason=REASON, channel=optional(WORD)),
    Action.CASE_OPENED: kept(kind=WORD),
    Action.CASE_EVIDENCE_ADDED: kept(),
    Action.CASE_DECIDED: kept(decision=WORD),
    Action.LOGIN_SUCCEEDED: shown(is_known=FLAG, amr=WORDS),
    Action.LOGIN_FAILED: shown(is_known=FLAG),
    Action.LOGIN_CONFIRMED: kept(amr=WORDS),
    Action.PASSWORD_DISABLED: shown(),
    Action.DEVICE_REMEMBERED: kept(),
    Action.CODE_SENT: kept(purpose=WORD, channel=WORD),
    Action.CODE_FAILED: kept(purpose=WORD, reason=WORD),
    Action.SESSION_ENDED: shown(reason=WORD),
    Action.PASSWORD_CHANGED: shown(recovered_by=optional(WORD)),
    Action.RECOVERY_STARTED: shown(channel=WORD),
    Action.RECOVERY_FINISHED: shown(channel=WORD),
    Action.EMAIL_VERIFIED: shown(),
    Action.EMAIL_CHANGED: shown(held=FLAG),
    Action.PHONE_CHANGED: shown(held=FLAG),
    Action.PHONE_MOVED: shown(),
    Action.CONTACT_REPLACED: shown(approved_by=NAME),
    Action.CONTACT_STOPPED: shown(),
    Action.FACTOR_ADDED: shown(factor=WORD),
    Action.FACTOR_RENAMED: kept(factor=WORD),
    Action.FACTOR_REMOVED: shown(factor=WORD, approved_by=optional(NAME)),
    Action.FACTOR_FAILED: kept(factor=WORD),
    Action.RECOVERY_CODE_USED: shown(left=COUNT),
    Action.CONSENT_GIVEN: shown(scopes=WORDS, refused=WORDS),
    Action.CONSENT_WITHDRAWN: shown(),
    Action.TOKEN_FAMILY_ENDED: shown(reason=WORD),
    Action.GRANT_REVOKED: kept(reason=WORD),
    Action.TOKEN_EXCHANGED: kept(audience=IDENTIFIER, issued_to=IDENTIFIER),
    Action.REQUEST_ALLOWED: shown(kind=WORD),
    Action.REQUEST_DENIED: shown(kind=WORD),
    Action.CLIENT_REGISTERED: kept(by=NAME, version=COUNT),
    Action.CLIENT_CHANGED: kept(by=NAME, version=COUNT),
    Action.CLIENT_SUSPENDED: kept(by=NAME, version=COUNT),
    Action.CLIENT_RETIRED: kept(by=NAME, version=COUNT),
    Action.CLIENT_SECRET_ADDED: kept(by=NAME, version=COUNT),
    Action.CLIENT_SECRET_RETIRED: kept(by=NAME, version=COUNT),
    Action.CLIENT_DELETED: kept(by=NAME, version=COUNT),
    Action.KEY_MADE: kept(kid=IDENTIFIER, alg=WORD),
    Action.KEY_ROTATED: kept(kid=IDENTIFIER, alg=WORD, emergency=FLAG, reason=optional(REASON)),
    Action.KEY_RETIRED: kept(kid=IDENTIFIER, alg=WORD, emergency=FLAG, reason=optional(REASON)),
    Action.ROOT_ROTATED: kept(accounts=COUNT),
    Action.IDENTITY_CONFIRMED: shown(),
    Action.UPSTREAM_LINKED: shown(),
    Action.LEGACY_PROVED: kept(source=IDENTIFIER, scheme=optional(IDENTIFIER)),
    Action.LEGACY_LINKED: shown(source=IDENTIFIER, scheme=optional(IDENTIFIER), way=optional(WORD)),
    Action.LEGACY_RELEASED: shown(),
    Action.LEGACY_SETTLED: kept(conflict=IDENTIFIER, decision=WORD),
    Action.LEGACY_IMPORTED: kept(run=IDENTIFIER, records=COUNT, added=COUNT, state=WORD),
    Action.LEGACY_WRAPPED: kept(rows=COUNT),
    Action.LEGACY_TOLD: kept(rows=COUNT),
    Action.LEGACY_ERASED: kept(rows=COUNT),
    Action.LIMIT_REACHED: kept(limit=WORD),
    Action.AUDIT_EXPORTED: kept(
        since=optional(COUNT),
        until=optional(COUNT),
        action=optional(WORD),
        actor=optional(WORD),
    ),
    Action.ADMIN_INVITED: kept(admin=IDENTIFIER, roles=WORDS),
    Action.ADMIN_JOINED: kept(factor=WORD, purpose=one_of("join", "reset")),
    Action.ADMIN_RESET: kept(admin=IDENTIFIER, roles=WORDS, reason=optional(REASON)),
    Action.ADMIN_SIGNED_IN: kept(factor=WORD),
    Action.ADMIN_SIGN_IN_FAILED: kept(step=WORD),
    Action.ADMIN_CONFIRMED: kept(factor=WORD),
    Action.ADMIN_SESSION_ENDED: kept(admin=IDENTIFIER, reason=WORD),
    Action.ADMIN_SUSPENDED: kept(admin=IDENTIFIER, roles=WORDS, reason=optional(REASON)),
    Action.ADMIN_RESUMED: kept(admin=IDENTIFIER, roles=WORDS, reason=optional(REASON)),
    Action.ADMIN_ROLES_CHANGED: kept(admin=IDENTIFIER, before=WORDS, roles=WORDS, approved_by=NAME),
    Action.ADMIN_PASSWORD_CHANGED: kept(),
    Action.ADMIN_FACTOR_ADDED: kept(factor=WORD),
    Action.ADMIN_FACTOR_REMOVED: kept(factor=WORD),
    Action.APPROVAL_ASKED: kept(**_APPROVAL),
    Action.APPROVAL_GIVEN: kept(**_APPROVAL),
    Action.APPROVAL_REFUSED: kept(**_APPROVAL),
    Action.APPROVAL_WITHDRAWN: kept(**_APPROVAL),
    Action.TEAM_CREATED: kept(),
    Action.TEAM_RENAMED: kept(),
    Action.TEAM_INVITED: kept(role=WORD),
    Action.TEAM_UNINVITED: kept(),
    Action.TEAM_JOINED: kept(role=WORD),
    Action.TEAM_ROLE_CHANGED: kept(role=WORD),
    Action.TEAM_LEFT: kept(),
    Action.RELEASE_BEGUN: kept(round=COUNT),
    Action.RELEASE_CHANGED: kept(round=COUNT),
    Action.RELEASE_SUBMITTED: kept(round=COUNT),
    Action.RELEASE_WITHDRAWN: kept(round=COUNT),
    Action.RELEASE_RETURNED: kept(round=COUNT),
    Action.RELEASE_APPROVED: kept(round=COUNT),
    Action.RELEASE_LIVE: kept(round=COUNT),
    Action.PORTAL_RETIRED: kept(),
    Action.MESSAGE_RETRIED: kept(kind=WORD, attempts=COUNT),
}

#: What the citizen sees of their own account.
VISIBLE: Final = frozenset(action for action, entry in CATALOGUE.items() if entry.is_visible)

#: Who may have done something: `operator` by the command line, `admin` in the console.
ACTORS: Final = ("citizen", "client", "admin", "operator", "system")


class Outcome(StrEnum):
    """Whether what was tried was done."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call came from: truncated address, request id, readable device."""

    network: str = ""
    request_id: str = ""
    device: str = ""


NOWHERE: Final = Origin()


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: kind as in an event, a name that is nothing personal, which admin."""

    kind: str
    name: str
    origin: Origin = NOWHERE
    id: UUID | None = None


OPERATOR: Final = Actor("operator", "command line")


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event. `details`: exactly those that `CATALOGUE` names, never personal.

    `actor`: one of `ACTORS`; `actor_id`: which admin.
    `account_id`, `client_id`: whom it befell; `object_id`: what else, as a key or a request.
    `id`: once it is kept.
    """

    action: Action
    at: int
    outcome: Outcome = Outcome.DONE
    actor: str = "citizen"
    actor_id: UUID | None = None
    account_id: UUID | None = None
    client_id: str | None = None
    origin: Origin = NOWHERE
    details: Mapping[str, object] = field(default_factory=dict)
    id: UUID | None = None
    object_id: str | None = None


class EventError(ValueError):
    """An event that its entry in the catalogue does not describe: a bug of whoever records it."""


def is_object_id(text: str) -> bool:
    """Return whether a text may name what an event is about."""
    return len(text) <= NAME_LENGTH and IDENTIFIER.fits(text)


def check_event(event: AuditEvent) -> None:
    """Hold an event against the catalogue; raises `EventError`, so that nothing of it is kept."""
    if event.actor not in ACTORS:
        raise EventError(f"{event.action}: no such actor: {event.actor}")
    if event.object_id is not None and not is_object_id(event.object_id):
        raise EventError(f"{event.action}: an object is told by a short identifier")
    wanted = CATALOGUE[event.action].details
    if unknown := sorted(event.details.keys() - wanted.keys()):
        raise EventError(f"{event.action}: details that the catalogue does not name: {unknown}")
    for name, detail in wanted.items():
        value = event.details.get(name)
        if detail.is_optional and value in (None, ""):
            continue
        if not detail.fits(value):
            # the value stays out of the message: it may be what must not be kept
            raise EventError(f"{event.action}: {name} is no {detail.name}")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An event as it is kept: plain values, so that bent rows and rows of any age can be checked.

    `mac`: over all of them, made when the row was written.
    `sequence`, `chain`: given by the sealer; `chain` covers `mac` and the chain of the row before.
    """

    id: UUID
    at: int
    action: str
    outcome: str
    actor: str
    actor_id: UUID | None
    account_id: UUID | None
    client_id: str | None
    object_id: str | None
    network: str
    request_id: str
    device: str
    details: Mapping[str, object]
    mac: bytes = b""
    sequence: int | None = None
    chain: bytes | None = None

    @property
    def event(self) -> AuditEvent:
        """The event that it tells; `ValueError` where a word is in no catalogue."""
        return AuditEvent(
            action=Action(self.action),
            at=self.at,
            outcome=Outcome(self.outcome),
            actor=self.actor,
            actor_id=self.actor_id,
            account_id=self.account_id,
            client_id=self.client_id,
            origin=Origin(self.network, self.request_id, self.device),
            details=self.details,
            id=self.id,
            object_id=self.object_id,
        )


@dataclass(frozen=True, slots=True)
class SignedHead:
    """The end of the chain at an instant. `signed`: a JWS that tells the same, and the chain value.

    Kept outside the database it finds a tail that was cut off or written anew.
    """

    sequence: int
    at: int
    signed: str
