"""Officers' side of releases: what waits, what it changes, and one or two yeses or a no with words.

What is approved is a digest; `PartnerPortalService.take_live` carries out that release alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, AuditEvent
from idp.domain.identity.release import (
    WORDS_MAX,
    Approval,
    Difference,
    Point,
    Release,
    Side,
    Step,
    check_list,
    check_reviewer,
    differences,
    is_approved,
    next_state,
)
from idp.domain.identity.team import Team, TeamRole
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import Client
from idp.ports.clock import Clock
from idp.ports.partners import TeamPortal
from idp.ports.store import Store, Transaction
from idp.services.messages import LetterKind, MessageService
from idp.services.traffic import SIGN_IN, TrafficService

PAGE: Final = 25


@dataclass(frozen=True, slots=True)
class Officer:
    """Who reviews. `email`: as the console knows it, so that nobody reviews for their own team.

    `kind`: as in the audit; a program may send back, it never says yes.
    """

    id: UUID
    email: str
    kind: str = "admin"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line of the queue."""

    release: Release
    portal: TeamPortal
    team: Team


@dataclass(frozen=True, slots=True)
class Review:
    """All that an officer decides by. `live`: what citizens meet now; `sandbox`: what was tried."""

    release: Release
    portal: TeamPortal
    team: Team
    live: Client | None
    sandbox: Client | None
    changes: Sequence[Difference]
    points: Mapping[Point, bool]


@dataclass(frozen=True, slots=True)
class ReviewService:
    """Reads the queue and decides; an officer's own team is for others to review."""

    store: Store
    clock: Clock
    messages: MessageService
    traffic: TrafficService

    def list_waiting(self, *, after: tuple[int, UUID] | None = None) -> Sequence[Waiting]:
        """Return up to a page and one more of what waits, the oldest first."""
        with self.store.read() as tx:
            found = tx.team_portals.list_submitted(after=after, limit=PAGE + 1)
        return tuple(Waiting(*row) for row in found)

    def count_waiting(self) -> int:
        """Return how many wait."""
        with self.store.read() as tx:
            return tx.team_portals.count_submitted()

    def get(self, release_id: UUID) -> Review:
        """Return a release with what it changes; refuses with `release.unknown`."""
        self.traffic.flush()
        with self.store.read() as tx:
            return _review(release_id, tx=tx)

    def request_changes(
        self, release_id: UUID, officer: Officer, words: str, visitor: Visitor, *, version: int
    ) -> Release:
        """Send a release back with words; its team is told.

        `version`: of what the officer saw. Refuses with `release.unknown`, `release.words`,
        `release.own`, `release.step` or `release.conflict`.
        """
        told = words.strip()
        if not told or len(told) > WORDS_MAX:
            raise Refused("release.words", maximum=WORDS_MAX)
        try:
            with self.store.write() as tx:
                review = self._mine(release_id, officer, version, tx=tx)
                state = next_state(review.release.state, Step.REQUEST_CHANGES, Side.OFFICER)
                changed = tx.team_portals.update_release(
                    replace(review.release, state=state, words=told, changed_at=self.clock.now())
                )
                self._tell(LetterKind.RELEASE_RETURNED, review, tx=tx)
                self._record(Action.RELEASE_RETURNED, changed, officer, visitor, tx=tx)
                return changed
        except Conflict as conflict:
            raise Refused("release.conflict") from conflict

    def approve(
        self, release_id: UUID, officer: Officer, visitor: Visitor, *, version: int
    ) -> Release:
        """Say yes to exactly what the officer saw; with the last yes the team may take it live.

        Refuses with `release.unknown`, `release.own`, `release.reviewed`, `release.step` or
        `release.conflict`.
        """
        now = self.clock.now()
        try:
            with self.store.write() as tx:
                review = self._mine(release_id, officer, version, tx=tx)
                release = review.release
                approved = next_state(release.state, Step.APPROVE, Side.OFFICER)
                check_reviewer(release, str(officer.id))
                approval = Approval(str(officer.id), release.digest, now)
                having = replace(
                    release, approvals=(*release.approvals, approval), words="", changed_at=now
                )
                if is_approved(having):
                    having = replace(having, state=approved)
                # the row first: two officers at once are one after the other from here on
                having = tx.team_portals.update_release(having)
                tx.team_portals.add_approval(release.id, approval)
                if having.state is approved:
                    self._tell(LetterKind.RELEASE_APPROVED, review, tx=tx)
                self._record(Action.RELEASE_APPROVED, having, officer, visitor, tx=tx)
                return having
        except Conflict as conflict:
            raise Refused("release.conflict") from conflict

    def _mine(self, release_id: UUID, officer: Officer, version: int, *, tx: Transaction) -> Review:
        review = _review(release_id, tx=tx)
        if review.release.version != version:
            raise Refused("release.conflict")
        addresses = {_address(account) for _, account in tx.teams.members(review.team.id)}
        if officer.email.casefold() in addresses:
            raise Refused("release.own")
        return review

    def _tell(self, kind: LetterKind, review: Review, *, tx: Transaction) -> None:
        for member, account in tx.teams.members(review.team.id):
            if member.role is not TeamRole.VIEWER:
                self.messages.notify(
                    account,
                    kind,
                    tx=tx,
                    portal=_name(review.release.metadata),
                    portal_id=str(review.portal.id),
                )

    def _record(
        self,
        action: Action,
        release: Release,
        officer: Officer,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> None:
        tx.audit.record(
            AuditEvent(
                action,
                self.clock.now(),
                actor=officer.kind,
                actor_id=officer.id,
                origin=visitor.origin,
                object_id=release.portal_id.hex,
                details={"round": release.round},
            )
        )


def _review(release_id: UUID, *, tx: Transaction) -> Review:
    release = tx.team_portals.find_release(release_id)
    portal = tx.team_portals.find(release.portal_id) if release is not None else None
    team = tx.teams.find(portal.team_id) if portal is not None else None
    if release is None or portal is None or team is None:
        raise Refused("release.unknown")
    live = tx.clients.find(portal.live_client_id) if portal.live_client_id else None
    before: Mapping[str, Any] = live.metadata if live is not None else {}
    owners = [m for m, _ in tx.teams.members(team.id) if m.role is TeamRole.OWNER]
    points = check_list(
        release.metadata,
        sign_ins=tx.traffic.total(portal.sandbox_client_id, SIGN_IN),
        owners=len(owners),
    )
    changes = differences(_own(before), _own(release.metadata))
    sandbox = tx.clients.find(portal.sandbox_client_id)
    return Review(release, portal, team, live, sandbox, changes, points)


def _own(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata without what follows from where a client stands."""
    placed = {"environment", "test_redirect_uri", "owner"}
    return {name: value for name, value in metadata.items() if name not in placed}


def _address(account: Account) -> str:
    return account.email.normalised if account.email is not None else ""


def _name(metadata: Mapping[str, Any]) -> str:
    found = (str(v) for n, v in metadata.items() if n.partition("#")[0] == "client_name" and v)
    return next(found, "")
