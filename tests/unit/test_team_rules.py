"""Roles of a team as data, and that a team keeps an owner."""

from uuid import UUID

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.expiry import DAYS_BEFORE, days_left, days_to_tell
from idp.domain.identity.team import (
    RIGHTS,
    TEAM_NAME_MAX,
    Membership,
    Right,
    TeamRole,
    check_right,
    check_stays_owned,
    parse_team_name,
)

DAY = 86400


def a_member(number: int, role: TeamRole) -> Membership:
    return Membership(UUID(int=1), UUID(int=number), role, 0)


def test_rights_grow_with_the_role() -> None:
    viewer, developer, owner = (
        RIGHTS[role] for role in (TeamRole.VIEWER, TeamRole.DEVELOPER, TeamRole.OWNER)
    )

    assert viewer < developer < owner == frozenset(Right)
    assert set(RIGHTS) == set(TeamRole)


def test_a_viewer_sees_and_does_nothing() -> None:
    assert RIGHTS[TeamRole.VIEWER] == {Right.SEE}


def test_what_costs_a_portal_is_the_owner_s_alone() -> None:
    alone = RIGHTS[TeamRole.OWNER] - RIGHTS[TeamRole.DEVELOPER]

    assert alone == {Right.TAKE_LIVE, Right.RENEW_LIVE_SECRET, Right.RETIRE, Right.INVITE}


def test_strangers_do_not_learn_that_there_is_a_team() -> None:
    with pytest.raises(Refused, match=r"team\.unknown"):
        check_right(None, Right.SEE)
    with pytest.raises(Refused, match=r"team\.right"):
        check_right(a_member(1, TeamRole.VIEWER), Right.CHANGE)


@pytest.mark.parametrize("role", [None, TeamRole.DEVELOPER, TeamRole.VIEWER])
def test_the_last_owner_stays(role: TeamRole | None) -> None:
    members = [a_member(1, TeamRole.OWNER), a_member(2, TeamRole.DEVELOPER)]

    with pytest.raises(Refused, match=r"team\.last_owner"):
        check_stays_owned(members, UUID(int=1), role)
    check_stays_owned(members, UUID(int=1), TeamRole.OWNER)
    check_stays_owned(members, UUID(int=2), role)
    check_stays_owned([*members, a_member(3, TeamRole.OWNER)], UUID(int=1), role)


@pytest.mark.parametrize(
    "text", ["", "   ", "...", "Menang di https://evil.example", "www.evil.example", "a\x00b"]
)
def test_a_name_that_would_mislead_in_a_letter_is_refused(text: str) -> None:
    with pytest.raises(Refused, match=r"team\.name"):
        parse_team_name(text)


def test_a_name_is_kept_in_one_line_and_bounded() -> None:
    assert parse_team_name("  PT.  Maju\tJaya ") == "PT. Maju Jaya"
    with pytest.raises(Refused, match=r"team\.name_long"):
        parse_team_name("a" * (TEAM_NAME_MAX + 1))


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (31 * DAY, None),
        (30 * DAY, 30),
        (8 * DAY, 30),
        (7 * DAY, 7),
        (2 * DAY, 7),
        (DAY, 1),
        (1, 1),
        (0, None),
        (-DAY, None),
    ],
)
def test_a_team_hears_at_thirty_days_at_seven_and_at_one(left: int, told: int | None) -> None:
    assert days_to_tell(left, 0) == told
    assert DAYS_BEFORE == (30, 7, 1)


def test_a_begun_day_counts() -> None:
    assert [days_left(seconds, 0) for seconds in (1, DAY, DAY + 1)] == [1, 1, 2]
