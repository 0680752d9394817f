"""Portals of teams, their releases and what officers said of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from adapters.sql import tables
from adapters.sql.clients import read_client
from adapters.sql.upserts import replacing
from idp.domain.errors import Conflict
from idp.domain.identity.release import Approval, Release, ReleaseState
from idp.domain.identity.team import Team
from idp.domain.protocol.client import ClientStatus
from idp.ports.partners import EndedPortal, TeamPortal

_portal = tables.team_portal
_release = tables.portal_release
_approval = tables.release_approval
_team = tables.team

_INSERT: Final = sa.insert(_portal)
_FIND: Final = sa.select(_portal).where(_portal.c.id == sa.bindparam("which"))
_FIND_BY_CLIENT: Final = sa.select(_portal).where(
    sa.or_(
        _portal.c.sandbox_client_id == sa.bindparam("client"),
        _portal.c.live_client_id == sa.bindparam("client"),
    )
)
_LIST_OF: Final = (
    sa.select(_portal)
    .where(_portal.c.team_id.in_(sa.bindparam("teams", expanding=True)))
    .order_by(_portal.c.created_at, _portal.c.id)
)
#: A client's row outlives the client, with its name.
_ENDED_AT: Final = sa.func.coalesce(_portal.c.retired_at, tables.client.c.updated_at)
_LIST_ENDED: Final = (
    sa.select(
        tables.client,
        *(column.label(f"p_{column.name}") for column in _portal.c),
        _ENDED_AT.label("ended_at"),
    )
    .join(_portal, _portal.c.sandbox_client_id == tables.client.c.client_id)
    .where(
        _portal.c.team_id.in_(sa.bindparam("teams", expanding=True)),
        tables.client.c.status == ClientStatus.DELETED,
    )
    .order_by(_ENDED_AT.desc(), _portal.c.id.desc())
    .limit(sa.bindparam("most"))
)
_SET_LIVE: Final = (
    sa.update(_portal)
    .where(_portal.c.id == sa.bindparam("which"), _portal.c.live_client_id.is_(None))
    .values(live_client_id=sa.bindparam("client"))
)
_RETIRE: Final = (
    sa.update(_portal)
    .where(_portal.c.id == sa.bindparam("which"))
    .values(retired_at=sa.bindparam("now"))
)
_INSERT_RELEASE: Final = sa.insert(_release)
_FIND_RELEASE: Final = sa.select(_release).where(_release.c.id == sa.bindparam("which"))
_RELEASES: Final = (
    sa.select(_release)
    .where(_release.c.portal_id == sa.bindparam("portal"))
    .order_by(_release.c.created_at.desc(), _release.c.id.desc())
)
_WAITING: Final = _release.c.state == sa.literal("submitted", literal_execute=True)
_LIST_SUBMITTED: Final = (
    sa.select(
        _release,
        *(column.label(f"p_{column.name}") for column in _portal.c),
        *(column.label(f"t_{column.name}") for column in _team.c),
    )
    .join(_portal, _portal.c.id == _release.c.portal_id)
    .join(_team, _team.c.id == _portal.c.team_id)
    .where(
        _WAITING,
        sa.or_(
            _release.c.submitted_at > sa.bindparam("at"),
            sa.and_(
                _release.c.submitted_at == sa.bindparam("at"), _release.c.id > sa.bindparam("id")
            ),
        ),
    )
    .order_by(_release.c.submitted_at, _release.c.id)
    .limit(sa.bindparam("most"))
)
_COUNT_SUBMITTED: Final = sa.select(sa.func.count()).select_from(_release).where(_WAITING)
_UPDATE_RELEASE: Final = (
    sa.update(_release)
    .where(_release.c.id == sa.bindparam("which"), _release.c.version == sa.bindparam("was"))
    .values(
        state=sa.bindparam("new_state"),
        metadata=sa.bindparam("new_metadata"),
        words=sa.bindparam("new_words"),
        submitted_by=sa.bindparam("new_submitted_by"),
        submitted_at=sa.bindparam("new_submitted_at"),
        round=sa.bindparam("new_round"),
        version=sa.bindparam("new_version"),
        changed_at=sa.bindparam("new_changed_at"),
    )
)
_APPROVALS: Final = (
    sa.select(_approval)
    .where(_approval.c.release_id.in_(sa.bindparam("which", expanding=True)))
    .order_by(_approval.c.at, _approval.c.reviewer)
)
_PUT_APPROVAL: Final = replacing(_approval, "release_id", "reviewer")
_BEGINNING: Final = (-1, UUID(int=0))
_MEMBERS: Final = tuple(member.name for member in fields(TeamPortal))


@dataclass(frozen=True, slots=True)
class SqlTeamPortals:
    """Implements `idp.ports.partners.TeamPortals`."""

    connection: Connection

    def add(self, portal: TeamPortal) -> None:
        self.connection.execute(
            _INSERT,
            {
                "id": portal.id,
                "team_id": portal.team_id,
                "sandbox_client_id": portal.sandbox_client_id,
                "live_client_id": portal.live_client_id,
                "kind": portal.kind,
                "library": portal.library,
                "created_at": portal.created_at,
                "retired_at": portal.retired_at,
            },
        )

    def find(self, portal_id: UUID) -> TeamPortal | None:
        row = self.connection.execute(_FIND, {"which": portal_id}).first()
        return None if row is None else _read(row)

    def find_by_client(self, client_id: str) -> TeamPortal | None:
        row = self.connection.execute(_FIND_BY_CLIENT, {"client": client_id}).first()
        return None if row is None else _read(row)

    def list_of(self, team_ids: Iterable[UUID]) -> Sequence[TeamPortal]:
        rows = self.connection.execute(_LIST_OF, {"teams": tuple(team_ids)})
        return tuple(_read(row) for row in rows)

    def list_ended(self, team_ids: Iterable[UUID], *, limit: int) -> Sequence[EndedPortal]:
        rows = self.connection.execute(_LIST_ENDED, {"teams": tuple(team_ids), "most": limit})
        return tuple(
            EndedPortal(_read(row, "p_"), read_client(row, ()), row.ended_at) for row in rows
        )

    def set_live(self, portal_id: UUID, client_id: str) -> bool:
        given = {"which": portal_id, "client": client_id}
        return self.connection.execute(_SET_LIVE, given).rowcount == 1

    def retire(self, portal_id: UUID, now: int) -> None:
        self.connection.execute(_RETIRE, {"which": portal_id, "now": now})

    def add_release(self, release: Release) -> None:
        self.connection.execute(
            _INSERT_RELEASE,
            {
                "id": release.id,
                "portal_id": release.portal_id,
                "state": release.state,
                "metadata": dict(release.metadata),
                "words": release.words,
                "submitted_by": release.submitted_by,
                "submitted_at": release.submitted_at,
                "round": release.round,
                "version": release.version,
                "created_at": release.created_at,
                "changed_at": release.changed_at,
            },
        )

    def find_release(self, release_id: UUID) -> Release | None:
        rows = self.connection.execute(_FIND_RELEASE, {"which": release_id}).all()
        return next(iter(self._with_approvals(rows)), None)

    def releases(self, portal_id: UUID) -> Sequence[Release]:
        return self._with_approvals(self.connection.execute(_RELEASES, {"portal": portal_id}).all())

    def list_submitted(
        self, *, after: tuple[int, UUID] | None, limit: int
    ) -> Sequence[tuple[Release, TeamPortal, Team]]:
        at, release_id = after or _BEGINNING
        given = {"at": at, "id": release_id, "most": limit}
        rows = self.connection.execute(_LIST_SUBMITTED, given).all()
        releases = self._with_approvals(rows)
        return tuple(
            (
                release,
                _read(row, "p_"),
                Team(row.t_id, row.t_name, row.t_created_at),
            )
            for release, row in zip(releases, rows, strict=True)
        )

    def count_submitted(self) -> int:
        return int(self.connection.execute(_COUNT_SUBMITTED).scalar_one())

    def update_release(self, release: Release) -> Release:
        changed = replace(release, version=release.version + 1)
        done = self.connection.execute(
            _UPDATE_RELEASE,
            {
                "which": release.id,
                "was": release.version,
                "new_state": changed.state,
                "new_metadata": dict(changed.metadata),
                "new_words": changed.words,
                "new_submitted_by": changed.submitted_by,
                "new_submitted_at": changed.submitted_at,
                "new_round": changed.round,
                "new_version": changed.version,
                "new_changed_at": changed.changed_at,
            },
        )
        if done.rowcount != 1:
            raise Conflict("version")
        return changed

    def add_approval(self, release_id: UUID, approval: Approval) -> bool:
        given = {
            "release_id": release_id,
            "reviewer": approval.reviewer,
            "digest": approval.digest,
            "at": approval.at,
        }
        statement = _PUT_APPROVAL.on(self.connection)
        return self.connection.execute(statement, given).rowcount == 1

    def _with_approvals(self, rows: Sequence[Any]) -> tuple[Release, ...]:
        found: dict[UUID, list[Approval]] = {}
        if rows:
            which = tuple(row.id for row in rows)
            for row in self.connection.execute(_APPROVALS, {"which": which}):
                approval = Approval(row.reviewer, row.digest, row.at)
                found.setdefault(row.release_id, []).append(approval)
        return tuple(_read_release(row, tuple(found.get(row.id, ()))) for row in rows)


def _read(row: Any, prefix: str = "") -> TeamPortal:
    """Return the portal of a row. `prefix`: of its columns, where others stand beside them."""
    return TeamPortal(**{name: getattr(row, prefix + name) for name in _MEMBERS})


def _read_release(row: Any, approvals: tuple[Approval, ...]) -> Release:
    return Release(
        id=row.id,
        portal_id=row.portal_id,
        state=ReleaseState(row.state),
        metadata=row.metadata,
        words=row.words,
        submitted_by=row.submitted_by,
        submitted_at=row.submitted_at,
        round=row.round,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
        approvals=approvals,
    )
