"""How a portal gets to production: the machine, the reviewers, the checklist."""

from dataclasses import replace
from itertools import product
from uuid import UUID

import pytest

from idp.domain.errors import Refused
from idp.domain.identity.release import (
    BINDING,
    EDITABLE,
    PENDING,
    SIDES,
    STANDING,
    TRANSITIONS,
    Approval,
    Point,
    Release,
    ReleaseState,
    Side,
    Step,
    check_complete,
    check_list,
    check_may_go_live,
    check_reviewer,
    differences,
    is_approved,
    next_state,
    proposed,
    reviewers_needed,
)

WHY = {"purpose": "kabar lamaran", "legal_basis": "UU 27/2022"}
GOOD = {
    "redirect_uris": ["https://portal.example/cb"],
    "scope": "openid email",
    "scope_purposes": {"email": WHY},
    "policy_uri": "https://portal.example/privasi",
    "contacts": ["tim@portal.example"],
}


def a_release(**given: object) -> Release:
    made = Release(UUID(int=1), UUID(int=2), ReleaseState.SUBMITTED, GOOD, 0, 0, round=1)
    return replace(made, **given)


def approved_by(release: Release, *reviewers: str) -> Release:
    return replace(
        release, approvals=tuple(Approval(name, release.digest, 0) for name in reviewers)
    )


@pytest.mark.parametrize(("state", "step"), list(product(ReleaseState, Step)))
def test_a_step_leads_where_the_table_says_or_is_refused(state: ReleaseState, step: Step) -> None:
    wanted = TRANSITIONS.get((state, step))
    for side in (Side.TEAM, Side.OFFICER):
        if wanted is not None and SIDES[step] in {side, Side.EITHER}:
            assert next_state(state, step, side) is wanted
        else:
            with pytest.raises(Refused, match=r"release\.step"):
                next_state(state, step, side)


def test_the_way_to_production_leads_through_an_officer() -> None:
    def reached(allowed: set[Step]) -> set[ReleaseState]:
        found = {ReleaseState.DRAFT}
        while True:
            more = {to for (at, step), to in TRANSITIONS.items() if at in found and step in allowed}
            if more <= found:
                return found
            found |= more

    teams = {step for step, side in SIDES.items() if side is not Side.OFFICER}
    assert ReleaseState.LIVE not in reached(teams)
    assert ReleaseState.APPROVED not in reached(teams)
    assert reached(set(Step)) == set(ReleaseState)


def test_nothing_leads_out_of_retirement() -> None:
    assert not [to for (at, _), to in TRANSITIONS.items() if at is ReleaseState.RETIRED]


def test_every_state_is_pending_standing_or_over() -> None:
    assert PENDING | STANDING | {ReleaseState.RETIRED} == set(ReleaseState)
    assert not PENDING & STANDING
    assert EDITABLE < PENDING


@pytest.mark.parametrize(
    ("scopes", "needed"),
    [
        ("openid profile", 1),
        ("openid nik", 2),
        ("openid legacy", 2),
        ("openid jkp", 2),
        ("jkp.read", 2),
        ("openid nikmat", 1),
        ("", 1),
    ],
)
def test_guarded_scopes_need_two_officers(scopes: str, needed: int) -> None:
    assert reviewers_needed(scopes.split()) == needed


def test_two_yeses_of_one_officer_are_one() -> None:
    release = a_release(metadata={**GOOD, "scope": "openid nik"})

    assert not is_approved(approved_by(release, "a"))
    assert not is_approved(approved_by(release, "a", "a"))
    assert is_approved(approved_by(release, "a", "b"))
    with pytest.raises(Refused, match=r"release\.reviewed"):
        check_reviewer(approved_by(release, "a"), "a")


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {**GOOD, "redirect_uris": ["https://evil.example/cb"]}},
        {"metadata": {**GOOD, "scope": "openid nik"}},
        {"metadata": {**GOOD, "scope_purposes": {}}},
        {"round": 2},
        {"portal_id": UUID(int=3)},
    ],
)
def test_a_yes_counts_for_exactly_what_was_seen(change: dict[str, object]) -> None:
    release = approved_by(a_release(), "a")
    check_may_go_live(release)

    with pytest.raises(Refused, match=r"release\.altered"):
        check_may_go_live(replace(release, **change))


def test_the_checklist_of_a_good_release_is_met() -> None:
    points = check_list(GOOD, sign_ins=1, owners=2)

    assert all(points.values())
    check_complete(points)


@pytest.mark.parametrize(
    ("point", "change", "sign_ins"),
    [
        (Point.TRIED, {}, 0),
        (Point.ADDRESSES, {"redirect_uris": ["http://localhost:8001/cb"]}, 1),
        (Point.ADDRESSES, {"redirect_uris": ["https://localhost/cb"]}, 1),
        (Point.POLICY, {"policy_uri": ""}, 1),
        (Point.CONTACT, {"contacts": []}, 1),
        (Point.PURPOSES, {"scope_purposes": {}}, 1),
        (Point.PURPOSES, {"scope": "openid email phone"}, 1),
        (Point.PURPOSES, {"scope_purposes": {"email": {"purpose": "kabar"}}}, 1),
    ],
)
def test_a_binding_point_that_is_not_met_stops_the_submission(
    point: Point, change: dict[str, object], sign_ins: int
) -> None:
    points = check_list({**GOOD, **change}, sign_ins=sign_ins, owners=2)

    assert [name for name, met in points.items() if not met] == [point]
    with pytest.raises(Refused, match=r"release\.incomplete"):
        check_complete(points)


def test_a_single_owner_is_advised_not_stopped() -> None:
    points = check_list(GOOD, sign_ins=1, owners=1)

    assert Point.OWNERS not in BINDING
    assert not points[Point.OWNERS]
    check_complete(points)


def test_an_application_s_own_scheme_is_a_production_address() -> None:
    app = {**GOOD, "redirect_uris": ["id.go.contoh:/cb"]}

    assert check_list(app, sign_ins=1, owners=2)[Point.ADDRESSES]


def test_differences_are_told_by_member_and_lists_by_their_entries() -> None:
    before = {"client_name": "A", "redirect_uris": ["b", "a"], "scope": "openid"}
    after = {"client_name": "B", "redirect_uris": ["a", "b"], "policy_uri": "p"}

    found = {one.member: (one.before, one.after) for one in differences(before, after)}

    assert found == {
        "client_name": ("A", "B"),
        "policy_uri": (None, "p"),
        "scope": ("openid", None),
    }


def test_what_an_officer_decided_is_not_the_team_s_to_change() -> None:
    base = {"client_name": "A", "client_name#en": "A", "first_party": True, "acr_floor": 2}
    given = {"client_name": "B", "first_party": False, "profile": "fapi2", "serves": ["x"]}

    assert proposed(base, given) == {"client_name": "B", "first_party": True, "acr_floor": 2}
