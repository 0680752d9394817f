"""Portals of teams: a sandbox client at once, a release for production, and what becomes of it.

The client in production is another one than the sandbox's: a secret that lay on developers'
machines never opens citizens' data (docs/decisions/sandbox-clients.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from idp.domain.errors import Conflict, Refused
from idp.domain.identity.account import Account
from idp.domain.identity.audit import Action, Actor, AuditEvent
from idp.domain.identity.limits import DAY, Hit, Limit
from idp.domain.identity.release import (
    GUARDED_SCOPES,
    PENDING,
    STANDING,
    Point,
    Release,
    ReleaseState,
    Side,
    Step,
    check_complete,
    check_editable,
    check_list,
    check_may_go_live,
    next_state,
    proposed,
    standing_state,
)
from idp.domain.identity.team import (
    PORTALS_MAX,
    Membership,
    Right,
    Team,
    TeamRole,
    check_right,
)
from idp.domain.identity.visitor import Visitor
from idp.domain.protocol.client import Client, Environment
from idp.ports.clock import Clock
from idp.ports.entropy import Entropy
from idp.ports.partners import EndedPortal, TeamPortal
from idp.ports.store import Store, Transaction
from idp.services.client_registry import ClientRegistry, Registered
from idp.services.limits import LimitService
from idp.services.traffic import SIGN_IN, TrafficService

REGISTRATIONS_OF_TEAM: Final = Limit("portal.register", 20, DAY, "limit.tries")
#: How long the old secret goes on beside a new one.
OVERLAP_SECONDS: Final = 7 * DAY
#: Of portals that are no more, the list shows the last ones.
ENDED_SHOWN: Final = 25
#: Grants of a sandbox client: nothing by which it could meet a person elsewhere than in a browser.
SANDBOX_GRANTS: Final = frozenset({"authorization_code", "refresh_token", "client_credentials"})
#: What belongs to a client's place, not to what its team proposes.
PLACE_MEMBERS: Final = frozenset({"environment", "test_redirect_uri", "owner"})


@dataclass(frozen=True, slots=True)
class PortalView:
    """A portal as a member of its team sees it.

    `live`: the client in production. `pending`: the release that is not live yet. `standing`: the
    release that is.
    """

    portal: TeamPortal
    team: Team
    mine: Membership
    sandbox: Client
    live: Client | None
    pending: Release | None
    standing: Release | None

    @property
    def state(self) -> ReleaseState:
        """What to call it in one word: of what citizens meet, else of what is asked for."""
        if self.portal.retired_at is not None:
            return ReleaseState.RETIRED
        if self.live is not None:
            return standing_state(self.live.status)
        return self.pending.state if self.pending is not None else ReleaseState.DRAFT


@dataclass(frozen=True, slots=True)
class PartnerPortalService:
    """Every method asks first what the person may do with the portal.

    `tester_uri`: where our own sign-in tester takes answers. `has_synthetic_people`: whether
    nobody here is real, so that guarded scopes may be tried too.
    """

    store: Store
    clock: Clock
    entropy: Entropy
    limits: LimitService
    registry: ClientRegistry
    traffic: TrafficService
    tester_uri: str
    has_synthetic_people: bool

    def list_of(self, account_id: UUID) -> Sequence[PortalView]:
        """Return the portals of all teams of a person."""
        with self.store.read() as tx:
            mine = {team.id: (team, own) for team, own in tx.teams.list_of(account_id)}
            if not mine:
                return ()
            found = tx.team_portals.list_of(mine)
            views = [self._view(portal, *mine[portal.team_id], tx=tx) for portal in found]
        return tuple(view for view in views if view is not None)

    def list_ended(self, account_id: UUID) -> Sequence[tuple[EndedPortal, Team]]:
        """Return the portals of a person's teams that are no more, the newest end first."""
        with self.store.read() as tx:
            mine = {team.id: team for team, _ in tx.teams.list_of(account_id)}
            if not mine:
                return ()
            ended = tx.team_portals.list_ended(mine, limit=ENDED_SHOWN)
        return tuple((one, mine[one.portal.team_id]) for one in ended)

    def find(self, portal_id: UUID) -> TeamPortal | None:
        """Return a portal whoever asks: for pages that another proof leads to."""
        with self.store.read() as tx:
            return tx.team_portals.find(portal_id)

    def get(self, portal_id: UUID, account_id: UUID, right: Right = Right.SEE) -> PortalView:
        """Return a portal; refuses with `team.unknown` or `team.right`."""
        with self.store.read() as tx:
            return self._allowed(portal_id, account_id, right, tx=tx)

    def register(
        self,
        team_id: UUID,
        account: Account,
        metadata: Mapping[str, Any],
        visitor: Visitor,
        *,
        kind: str,
        library: str,
    ) -> tuple[TeamPortal, Registered]:
        """Make a sandbox client that works at once; the secret is told this once.

        Refuses with `team.unknown`, `team.right`, `portal.full`, `portal.scope`, `limit.tries`, and
        as `ClientRegistry.register` does.
        """
        client_id = self.registry.make_id()
        portal = TeamPortal(
            id=self.entropy.uuid7(self.clock.now_ms()),
            team_id=team_id,
            sandbox_client_id=client_id,
            kind=kind,
            library=library,
            created_at=self.clock.now(),
        )

        def admit(tx: Transaction) -> None:
            check_right(tx.teams.membership(team_id, account.id), Right.REGISTER)
            self.limits.admit([Hit(REGISTRATIONS_OF_TEAM, team_id.bytes)], visitor, tx=tx)
            alive = [p for p in tx.team_portals.list_of([team_id]) if p.retired_at is None]
            if len(alive) >= PORTALS_MAX:
                raise Refused("portal.full", maximum=PORTALS_MAX)
            tx.team_portals.add(portal)

        # asked before anything is fetched for it
        with self.store.read() as tx:
            check_right(tx.teams.membership(team_id, account.id), Right.REGISTER)
        given = {**self._for_sandbox(proposed({}, metadata)), "client_id": client_id}
        return portal, self.registry.register(given, _actor(account, visitor), admit=admit)

    def change(
        self, portal_id: UUID, account: Account, metadata: Mapping[str, Any], visitor: Visitor
    ) -> Registered:
        """Change the sandbox client; refuses as `register` does."""
        view = self.get(portal_id, account.id, Right.CHANGE)
        given = self._for_sandbox(proposed(view.sandbox.metadata, metadata))
        return self.registry.replace(view.sandbox.client_id, given, _actor(account, visitor))

    def renew_secret(
        self, portal_id: UUID, account: Account, visitor: Visitor, *, of_live: bool
    ) -> Registered:
        """Give a client a new secret, beside which the old one goes on for a week.

        Refuses with `team.unknown`, `team.right`, `portal.not_live`, `invalid_client_metadata`.
        """
        right = Right.RENEW_LIVE_SECRET if of_live else Right.RENEW_SECRET
        view = self.get(portal_id, account.id, right)
        client = view.live if of_live else view.sandbox
        if client is None:
            raise Refused("portal.not_live")
        return self.registry.rotate_secret(
            client.client_id, _actor(account, visitor), overlap_seconds=OVERLAP_SECONDS
        )

    def draft(self, portal_id: UUID, account_id: UUID) -> Release:
        """Return the release that is not live yet, or what one would begin with: version 0.

        Refuses with `team.unknown`, `team.right` or `release.step` for a portal that was given up.
        """
        return self._draft_of(self.get(portal_id, account_id, Right.CHANGE))

    def save_release(
        self,
        portal_id: UUID,
        account_id: UUID,
        metadata: Mapping[str, Any],
        visitor: Visitor,
        *,
        version: int,
    ) -> Release:
        """Change what is proposed, while nobody reviews it. `version`: what the form was made of.

        Refuses with `team.unknown`, `team.right`, `release.closed`, `release.conflict`, and as
        `ClientRegistry.register` does for what could not be registered.
        """
        known = self.draft(portal_id, account_id)
        check_editable(known)
        kept = self.registry.checked(proposed(known.metadata, metadata))
        try:
            with self.store.write() as tx:
                view = self._allowed(portal_id, account_id, Right.CHANGE, tx=tx)
                # two members who begin at once are one after the other from here on
                tx.teams.hold(view.team.id)
                view = self._allowed(portal_id, account_id, Right.CHANGE, tx=tx)
                release = self._draft_of(view)
                check_editable(release)
                if release.version != version:
                    raise Refused("release.conflict")
                changed = replace(release, metadata=kept, changed_at=self.clock.now())
                action = Action.RELEASE_CHANGED
                if view.pending is None:
                    action, saved = Action.RELEASE_BEGUN, replace(changed, version=1)
                    tx.team_portals.add_release(saved)
                else:
                    saved = tx.team_portals.update_release(changed)
                self._record(action, saved, account_id, visitor, tx=tx)
                return saved
        except Conflict as conflict:
            raise Refused("release.conflict") from conflict

    def _draft_of(self, view: PortalView) -> Release:
        if view.pending is not None:
            return view.pending
        if view.portal.retired_at is not None:
            raise Refused("release.step")
        now = self.clock.now()
        source = view.live if view.live is not None else view.sandbox
        return Release(
            id=self.entropy.uuid7(self.clock.now_ms()),
            portal_id=view.portal.id,
            state=ReleaseState.DRAFT,
            metadata={n: v for n, v in source.metadata.items() if n not in PLACE_MEMBERS},
            created_at=now,
            changed_at=now,
            version=0,
        )

    def points(self, view: PortalView, release: Release) -> Mapping[Point, bool]:
        """Return the checklist of a release."""
        self.traffic.flush()
        with self.store.read() as tx:
            return _points(view, release, tx=tx)

    def submit(self, portal_id: UUID, account_id: UUID, visitor: Visitor) -> Release:
        """Hand the release to officers, as it stands.

        Refuses with `team.unknown`, `team.right`, `release.step` or `release.incomplete`.
        """
        self.traffic.flush()
        return self._step(
            portal_id, account_id, Step.SUBMIT, Right.SUBMIT, Action.RELEASE_SUBMITTED, visitor
        )

    def withdraw(self, portal_id: UUID, account_id: UUID, visitor: Visitor) -> Release:
        """Take the release back, approved or not; refuses as `submit` does."""
        return self._step(
            portal_id, account_id, Step.WITHDRAW, Right.SUBMIT, Action.RELEASE_WITHDRAWN, visitor
        )

    def take_live(self, portal_id: UUID, account: Account, visitor: Visitor) -> Registered:
        """Put what was approved, and nothing else, before citizens; tell a new client's secret.

        Refuses with `team.unknown`, `team.right`, `release.step`, `release.altered`,
        `release.conflict` where another member was first.
        """
        view = self.get(portal_id, account.id, Right.TAKE_LIVE)
        release = _pending(view)
        next_state(release.state, Step.GO_LIVE, Side.TEAM)
        check_may_go_live(release)
        given = {
            **release.metadata,
            "environment": Environment.PRODUCTION,
            "owner": view.team.name,
        }
        actor = _actor(account, visitor)
        try:
            if view.live is not None:
                changed = self.registry.replace(view.live.client_id, given, actor)
                with self.store.write() as tx:
                    self._mark_live(portal_id, account.id, release, visitor, tx=tx)
                return changed
            client_id = self.registry.make_id()

            def admit(tx: Transaction) -> None:
                self._mark_live(portal_id, account.id, release, visitor, tx=tx)
                if not tx.team_portals.set_live(portal_id, client_id):
                    raise Refused("release.conflict")

            return self.registry.register({**given, "client_id": client_id}, actor, admit=admit)
        except Conflict as conflict:
            raise Refused("release.conflict") from conflict

    def retire(self, portal_id: UUID, account: Account, visitor: Visitor) -> None:
        """Give a portal up for good: its clients end with all that they hold.

        Refuses with `team.unknown` or `team.right`.
        """
        now = self.clock.now()
        with self.store.write() as tx:
            view = self._allowed(portal_id, account.id, Right.RETIRE, tx=tx)
            for release in (view.pending, view.standing):
                if release is not None:
                    ended = replace(release, state=ReleaseState.RETIRED, changed_at=now)
                    tx.team_portals.update_release(ended)
            tx.team_portals.retire(portal_id, now)
            tx.audit.record(
                AuditEvent(
                    Action.PORTAL_RETIRED,
                    now,
                    account_id=account.id,
                    client_id=(view.live or view.sandbox).client_id,
                    origin=visitor.origin,
                    object_id=portal_id.hex,
                )
            )
        for client_id in view.portal.client_ids:
            self._delete(client_id, account, visitor)

    def _delete(self, client_id: str, account: Account, visitor: Visitor) -> None:
        try:
            self.registry.delete(client_id, _actor(account, visitor))
        except Refused as refusal:
            # an officer, or another tab, was first
            if refusal.code != "client.unknown":
                raise

    def _step(
        self,
        portal_id: UUID,
        account_id: UUID,
        step: Step,
        right: Right,
        action: Action,
        visitor: Visitor,
    ) -> Release:
        now = self.clock.now()
        try:
            with self.store.write() as tx:
                view = self._allowed(portal_id, account_id, right, tx=tx)
                release = _pending(view)
                changed = replace(
                    release, state=next_state(release.state, step, Side.TEAM), changed_at=now
                )
                if step is Step.SUBMIT:
                    check_complete(_points(view, release, tx=tx))
                    # a new round: what was approved before counts no more
                    changed = replace(
                        changed,
                        submitted_by=account_id,
                        submitted_at=now,
                        round=release.round + 1,
                    )
                changed = tx.team_portals.update_release(changed)
                self._record(action, changed, account_id, visitor, tx=tx)
                return changed
        except Conflict as conflict:
            raise Refused("release.conflict") from conflict

    def _mark_live(
        self,
        portal_id: UUID,
        account_id: UUID,
        release: Release,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> None:
        now = self.clock.now()
        view = self._allowed(portal_id, account_id, Right.TAKE_LIVE, tx=tx)
        if view.pending != release:
            raise Refused("release.conflict")
        if view.standing is not None:
            former = replace(view.standing, state=ReleaseState.RETIRED, changed_at=now)
            tx.team_portals.update_release(former)
        state = next_state(release.state, Step.GO_LIVE, Side.TEAM)
        changed = tx.team_portals.update_release(replace(release, state=state, changed_at=now))
        self._record(Action.RELEASE_LIVE, changed, account_id, visitor, tx=tx)

    def _for_sandbox(self, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return metadata with what makes it a sandbox client's; refuses with `portal.scope`."""
        scopes = set(str(metadata.get("scope", "")).split())
        if not self.has_synthetic_people and any(
            scope.partition(".")[0] in GUARDED_SCOPES for scope in scopes
        ):
            raise Refused("portal.scope")
        if not set(metadata.get("grant_types", ())) <= SANDBOX_GRANTS:
            raise Refused("portal.scope")
        made = {**metadata, "environment": Environment.SANDBOX}
        if "authorization_code" in metadata.get("grant_types", ()):
            made["test_redirect_uri"] = self.tester_uri
        return made

    def _allowed(
        self, portal_id: UUID, account_id: UUID, right: Right, *, tx: Transaction
    ) -> PortalView:
        portal = tx.team_portals.find(portal_id)
        if portal is None:
            raise Refused("team.unknown")
        mine = check_right(tx.teams.membership(portal.team_id, account_id), right)
        team = tx.teams.find(portal.team_id)
        view = self._view(portal, team, mine, tx=tx) if team is not None else None
        if view is None:
            raise Refused("team.unknown")
        return view

    def _view(
        self, portal: TeamPortal, team: Team, mine: Membership, *, tx: Transaction
    ) -> PortalView | None:
        sandbox = tx.clients.find(portal.sandbox_client_id)
        live = tx.clients.find(portal.live_client_id) if portal.live_client_id else None
        if sandbox is None:
            return None
        releases = tx.team_portals.releases(portal.id)
        return PortalView(
            portal,
            team,
            mine,
            sandbox,
            live,
            pending=next((one for one in releases if one.state in PENDING), None),
            standing=next((one for one in releases if one.state in STANDING), None),
        )

    def _record(
        self,
        action: Action,
        release: Release,
        account_id: UUID,
        visitor: Visitor,
        *,
        tx: Transaction,
    ) -> None:
        tx.audit.record(
            AuditEvent(
                action,
                self.clock.now(),
                account_id=account_id,
                origin=visitor.origin,
                object_id=release.portal_id.hex,
                details={"round": release.round},
            )
        )


def _points(view: PortalView, release: Release, *, tx: Transaction) -> Mapping[Point, bool]:
    members = tx.teams.members(view.team.id)
    return check_list(
        release.metadata,
        sign_ins=tx.traffic.total(view.sandbox.client_id, SIGN_IN),
        owners=sum(member.role is TeamRole.OWNER for member, _ in members),
    )


def _pending(view: PortalView) -> Release:
    if view.pending is None:
        raise Refused("release.step")
    return view.pending


def _actor(account: Account, visitor: Visitor) -> Actor:
    return Actor("citizen", account.subject, visitor.origin)
