"""What a portal's team wants in production, and how it gets there: submitted, reviewed, live.

A release is one proposed registration. It can be edited while nobody looks at it; what reviewers
approve is its digest, so that nothing else can go live.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Refused
from idp.domain.protocol.client import ClientStatus

#: Scopes whose data nobody gets on one officer's word.
GUARDED_SCOPES: Final = frozenset({"nik", "jkp", "legacy"})
WORDS_MAX: Final = 2000


class ReleaseState(StrEnum):
    """Where a release stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    LIVE = "live"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class Step(StrEnum):
    """What somebody does with a release."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    REQUEST_CHANGES = "request_changes"
    APPROVE = "approve"
    GO_LIVE = "go_live"
    SUSPEND = "suspend"
    RESUME = "resume"
    RETIRE = "retire"


class Side(StrEnum):
    """Who may take a step."""

    TEAM = "team"
    OFFICER = "officer"
    EITHER = "either"


#: The whole machine: what may follow what.
TRANSITIONS: Final[Mapping[tuple[ReleaseState, Step], ReleaseState]] = {
    (ReleaseState.DRAFT, Step.SUBMIT): ReleaseState.SUBMITTED,
    (ReleaseState.DRAFT, Step.RETIRE): ReleaseState.RETIRED,
    (ReleaseState.SUBMITTED, Step.WITHDRAW): ReleaseState.DRAFT,
    (ReleaseState.SUBMITTED, Step.REQUEST_CHANGES): ReleaseState.CHANGES_REQUESTED,
    (ReleaseState.SUBMITTED, Step.APPROVE): ReleaseState.APPROVED,
    (ReleaseState.CHANGES_REQUESTED, Step.SUBMIT): ReleaseState.SUBMITTED,
    (ReleaseState.CHANGES_REQUESTED, Step.RETIRE): ReleaseState.RETIRED,
    (ReleaseState.APPROVED, Step.WITHDRAW): ReleaseState.DRAFT,
    (ReleaseState.APPROVED, Step.REQUEST_CHANGES): ReleaseState.CHANGES_REQUESTED,
    (ReleaseState.APPROVED, Step.GO_LIVE): ReleaseState.LIVE,
    (ReleaseState.LIVE, Step.SUSPEND): ReleaseState.SUSPENDED,
    (ReleaseState.LIVE, Step.RETIRE): ReleaseState.RETIRED,
    (ReleaseState.SUSPENDED, Step.RESUME): ReleaseState.LIVE,
    (ReleaseState.SUSPENDED, Step.RETIRE): ReleaseState.RETIRED,
}

SIDES: Final[Mapping[Step, Side]] = {
    Step.SUBMIT: Side.TEAM,
    Step.WITHDRAW: Side.TEAM,
    Step.REQUEST_CHANGES: Side.OFFICER,
    Step.APPROVE: Side.OFFICER,
    Step.GO_LIVE: Side.TEAM,
    Step.SUSPEND: Side.OFFICER,
    Step.RESUME: Side.OFFICER,
    Step.RETIRE: Side.EITHER,
}

#: While a release stands here its team may change it.
EDITABLE: Final = frozenset({ReleaseState.DRAFT, ReleaseState.CHANGES_REQUESTED})
#: What was asked for and is not decided or carried out yet.
PENDING: Final = EDITABLE | {ReleaseState.SUBMITTED, ReleaseState.APPROVED}
#: What portals sign in with.
STANDING: Final = frozenset({ReleaseState.LIVE, ReleaseState.SUSPENDED})


@dataclass(frozen=True, slots=True)
class Approval:
    """One officer's yes. `digest`: of exactly what they saw."""

    reviewer: str
    digest: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Release:
    """A registration that a team proposes for production.

    `metadata`: as RFC 7591 names it. `words`: what the officer last asked to be changed. `round`:
    how often it was submitted.
    """

    id: UUID
    portal_id: UUID
    state: ReleaseState
    metadata: Mapping[str, Any]
    created_at: int
    changed_at: int
    words: str = ""
    submitted_by: UUID | None = None
    submitted_at: int | None = None
    round: int = 0
    version: int = 1
    approvals: tuple[Approval, ...] = ()

    @property
    def digest(self) -> bytes:
        """What an approval is bound to: portal, round and metadata."""
        told = [self.portal_id.hex, self.round, dict(self.metadata)]
        return sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).digest()

    @property
    def purposes(self) -> Mapping[str, Mapping[str, str]]:
        """Why each scope is needed, and by what law."""
        found: Mapping[str, Mapping[str, str]] = self.metadata.get("scope_purposes", {})
        return found

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that it asks for."""
        return frozenset(str(self.metadata.get("scope", "")).split())

    @property
    def approvals_needed(self) -> int:
        """How many different officers must say yes."""
        return reviewers_needed(self.scopes)

    @property
    def is_editable(self) -> bool:
        """Whether its team may change it."""
        return self.state in EDITABLE


def reviewers_needed(scopes: Iterable[str]) -> int:
    """Return how many officers must agree: two where guarded data is asked for."""
    return 2 if any(scope.partition(".")[0] in GUARDED_SCOPES for scope in scopes) else 1


def next_state(state: ReleaseState, step: Step, side: Side) -> ReleaseState:
    """Return where a step leads; refuses with `release.step`."""
    found = TRANSITIONS.get((state, step))
    if found is None or SIDES[step] not in {side, Side.EITHER}:
        raise Refused("release.step")
    return found


def standing_state(status: ClientStatus) -> ReleaseState:
    """Return where the release stands whose client has this status: officers stop the client."""
    if status is ClientStatus.ACTIVE:
        return ReleaseState.LIVE
    if status in {ClientStatus.RETIRED, ClientStatus.DELETED}:
        return ReleaseState.RETIRED
    return ReleaseState.SUSPENDED


def check_editable(release: Release) -> None:
    """Refuse with `release.closed` a change of what was submitted."""
    if not release.is_editable:
        raise Refused("release.closed")


def check_reviewer(release: Release, reviewer: str) -> None:
    """Refuse with `release.reviewed` a second yes of the same officer."""
    if any(approval.reviewer == reviewer for approval in good_approvals(release)):
        raise Refused("release.reviewed")


def good_approvals(release: Release) -> tuple[Approval, ...]:
    """Return the approvals of exactly what stands there, one a reviewer."""
    found = {a.reviewer: a for a in release.approvals if a.digest == release.digest}
    return tuple(found.values())


def is_approved(release: Release) -> bool:
    """Return whether enough different officers agreed to exactly this."""
    return len(good_approvals(release)) >= release.approvals_needed


def check_may_go_live(release: Release) -> None:
    """Refuse with `release.altered` where what stands there is not what was approved."""
    if not is_approved(release):
        raise Refused("release.altered")


#: What a team says of its portal; the rest is an officer's to decide, and stays as it is.
TEAM_MEMBERS: Final = frozenset(
    {
        "application_type",
        "backchannel_logout_session_required",
        "backchannel_logout_uri",
        "client_name",
        "client_uri",
        "contacts",
        "dpop_bound_access_tokens",
        "grant_types",
        "initiate_login_uri",
        "jwks",
        "jwks_uri",
        "legacy_source",
        "logo_uri",
        "optional_scopes",
        "policy_uri",
        "post_logout_redirect_uris",
        "redirect_uris",
        "require_pushed_authorization_requests",
        "response_types",
        "scope",
        "scope_purposes",
        "sector_identifier_uri",
        "token_endpoint_auth_method",
        "tos_uri",
    }
)


def proposed(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with what its team now says; members by language belong to their plain name."""
    kept = {name: value for name, value in base.items() if not _is_teams(name)}
    return kept | {name: value for name, value in given.items() if _is_teams(name)}


def _is_teams(name: str) -> bool:
    return name.partition("#")[0] in TEAM_MEMBERS


@dataclass(frozen=True, slots=True)
class Difference:
    """One member that would change. Values are as they stand in metadata, `None` for none."""

    member: str
    before: Any
    after: Any


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what a release changes, in the order of names; lists are compared as sets."""
    names = sorted({*before, *after})
    found = (Difference(name, before.get(name), after.get(name)) for name in names)
    return tuple(one for one in found if not _is_same(one.before, one.after))


def _is_same(before: Any, after: Any) -> bool:
    if isinstance(before, list) and isinstance(after, list):
        return sorted(map(str, before)) == sorted(map(str, after))
    return bool(before == after)


class Point(StrEnum):
    """What a release must have before anybody is asked to look at it."""

    TRIED = "tried"  # somebody signed in to the sandbox client
    ADDRESSES = "addresses"  # every address is https and none is of a sandbox
    POLICY = "policy"  # a privacy policy
    CONTACT = "contact"  # whom we reach
    PURPOSES = "purposes"  # every scope beyond openid says what it is for
    OWNERS = "owners"  # two people look after it, so that one may leave


#: Points without which nothing can be submitted; the others are advice.
BINDING: Final = frozenset(
    {Point.TRIED, Point.ADDRESSES, Point.POLICY, Point.CONTACT, Point.PURPOSES}
)

#: Where a portal's production addresses can't lie.
_LOCAL: Final = ("http://", "https://localhost", "https://127.", "https://[::1]")


def check_list(metadata: Mapping[str, Any], *, sign_ins: int, owners: int) -> dict[Point, bool]:
    """Return each point with whether it is met. `sign_ins`: to the sandbox client, so far."""
    addresses = [str(uri) for uri in metadata.get("redirect_uris", ())]
    needs = set(str(metadata.get("scope", "")).split()) - {"openid"}
    purposes = metadata.get("scope_purposes", {})
    uses_people = "authorization_code" in metadata.get("grant_types", ["authorization_code"])
    return {
        Point.TRIED: sign_ins > 0 or not uses_people,
        Point.ADDRESSES: not any(uri.lower().startswith(_LOCAL) for uri in addresses),
        Point.POLICY: bool(metadata.get("policy_uri")) or not uses_people,
        Point.CONTACT: bool(metadata.get("contacts")),
        Point.PURPOSES: all(_is_told(purposes.get(scope, {})) for scope in needs),
        Point.OWNERS: owners > 1,
    }


def _is_told(why: Mapping[str, str]) -> bool:
    purpose = any(text.strip() for name, text in why.items() if name.startswith("purpose"))
    return purpose and bool(why.get("legal_basis", "").strip())


def check_complete(points: Mapping[Point, bool]) -> None:
    """Refuse with `release.incomplete` while a binding point is not met."""
    missing: Collection[Point] = [p for p, met in points.items() if not met and p in BINDING]
    if missing:
        raise Refused("release.incomplete")
